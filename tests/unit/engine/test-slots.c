/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "support/engine.h"

static void stop(void)
{
        dm_destroy_all_immediate();
        cr_assert_eq(dm_exit(), 0);
}

TestSuite(slots, .init = dm_init, .fini = stop, .timeout = 60);

static struct dm_info info_of(struct mapped_device *md)
{
        struct dm_info info;

        dm_get_info(md, &info);
        dm_info_clear(&info);
        return info;
}

Test(slots, a_new_device_has_no_table_and_no_file)
{
        struct mapped_device *md = new_device("a");
        struct dm_info info = info_of(md);
        char buf[512];

        cr_assert_not(info.live || info.inactive || info.suspended || info.visible);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, 512, buf), -EIO);
        cr_assert(dm_resume(md, 0, NULL), "a resume without a table does nothing");
        dm_put(md);
}

Test(slots, load_fills_the_inactive_slot_and_resume_makes_it_live)
{
        struct mapped_device *md = new_device("a");
        struct dm_info info;

        load(md, "0 8 zero");
        info = info_of(md);
        cr_assert(info.inactive && !info.live && info.visible);
        cr_assert_eq(dm_size(md), 0);
        cr_assert(dm_resume(md, 0, NULL));
        info = info_of(md);
        cr_assert(!info.inactive && info.live);
        cr_assert_eq(dm_size(md), 4096);
        dm_put(md);
}

Test(slots, a_load_that_fails_changes_nothing)
{
        struct mapped_device *md = run_device("a", "0 8 zero");
        GError *error = NULL;
        g_autoptr(GArray) text = NULL;

        load(md, "0 16 zero");
        cr_assert_not(dm_load(md, "0 32 nonsense", 0, &error));
        cr_assert_not_null(strstr(error->message, "nonsense"), "%s", error->message);
        g_error_free(error);
        text = dm_table_text(md, DM_TEXT_INACTIVE);
        cr_assert_eq(text->len, 1);
        cr_assert_eq(g_array_index(text, struct dm_target_text, 0).length, 16);
        dm_put(md);
}

Test(slots, clear_empties_the_inactive_slot_only)
{
        struct mapped_device *md = run_device("a", "0 8 zero");
        struct dm_info info;

        load(md, "0 16 zero");
        dm_clear(md);
        info = info_of(md);
        cr_assert(info.live && !info.inactive);
        dm_put(md);
}

Test(slots, suspend_shows_and_resume_swaps)
{
        struct mapped_device *md = run_device("a", "0 8 zero");

        cr_assert(dm_suspend(md, 0, NULL));
        cr_assert(info_of(md).suspended);
        cr_assert(dm_suspend(md, 0, NULL), "twice is once");
        load(md, "0 16 zero");
        cr_assert_eq(dm_size(md), 4096);
        cr_assert(dm_resume(md, 0, NULL));
        cr_assert_not(info_of(md).suspended);
        cr_assert_eq(dm_size(md), 8192);
        dm_put(md);
}

Test(slots, a_table_that_does_not_fit_leaves_the_device_suspended_on_its_old_one)
{
        g_autofree char *file = temp_file(4096);
        g_autofree char *fits = g_strdup_printf("0 8 linear %s 0", file);
        g_autofree char *too_long = g_strdup_printf("0 16 linear %s 0", file);
        struct mapped_device *first = new_device("first"), *md = run_device("a", fits);
        GError *error = NULL;

        cr_assert_not(dm_load(first, too_long, 0, NULL), "the first table is checked at once");
        load(md, too_long);
        cr_assert_not(dm_resume(md, 0, &error));
        cr_assert_eq(error->code, EINVAL);
        cr_assert_not_null(strstr(error->message, file), "%s", error->message);
        g_error_free(error);
        cr_assert(info_of(md).suspended);
        cr_assert_not(info_of(md).inactive);
        cr_assert_eq(dm_size(md), 4096);
        cr_assert(dm_resume(md, 0, NULL));
        dm_put(md);
        dm_put(first);
        unlink(file);
}

Test(slots, a_device_being_removed_takes_no_table)
{
        struct mapped_device *md = run_device("a", "0 8 zero");
        GError *error = NULL;

        cr_assert_eq(dm_open(md), 0);
        cr_assert(dm_get(md));
        dm_destroy_immediate(md);
        cr_assert_not(dm_load(md, "0 8 zero", 0, &error));
        cr_assert_eq(error->code, ENXIO);
        g_clear_error(&error);
        cr_assert_not(dm_resume(md, 0, &error));
        g_clear_error(&error);
        dm_put(md);
        dm_close(md);
}

static struct mapped_device *doomed;

static void remove_doomed(struct dm_target *ti)
{
        struct mapped_device *md = doomed;

        (void)ti;
        doomed = NULL;
        if (md)
                dm_destroy_immediate(md);
}

/* Whoever removes it has called the live table's targets, which may have begun I/O that they must outlive. */
Test(slots, a_device_removed_while_it_is_resumed_keeps_its_table)
{
        static struct dm_target_type type;
        struct mapped_device *md = run_device("a", "0 8 zero");
        struct dm_target *ti = dm_table_find(atomic_load(&md->live), 0);
        GError *error = NULL;

        type = *ti->type;
        type.presuspend = remove_doomed;
        ti->type = &type;
        load(md, "0 16 zero");
        cr_assert(dm_get(md));
        doomed = md;
        cr_assert_not(dm_resume(md, 0, &error));
        cr_expect_eq(error->code, ENXIO, "%s", error->message);
        cr_expect_eq(dm_size(md), 4096, "the old one's");
        g_error_free(error);
        dm_put(md);
}

Test(slots, a_message_without_a_table_does_nothing)
{
        struct mapped_device *md = new_device("a");
        char *reply, word[] = "hello", *argv[] = {word, NULL};
        GError *error = NULL;

        cr_assert(dm_message(md, 0, 1, argv, &reply, NULL));
        cr_assert_null(reply);
        load(md, "0 8 zero");
        cr_assert(dm_resume(md, 0, NULL));
        cr_assert_not(dm_message(md, 0, 1, argv, &reply, &error));
        cr_assert_eq(error->code, EINVAL);
        g_clear_error(&error);
        cr_assert_not(dm_message(md, 99, 1, argv, &reply, &error));
        g_clear_error(&error);
        dm_put(md);
}

/* A read of the top of a stack whose bottom is suspended, in *RET_READ. */
static struct mapped_device *stalled_stack(struct mapped_device **ret_bottom, struct waited_io *read,
                                           char *buf)
{
        struct mapped_device *bottom = run_device("bottom", "0 8 zero"), *top;

        dm_put(run_device("middle", "0 8 linear bottom 0"));
        top = run_device("top", "0 8 linear middle 0");
        cr_assert(dm_suspend(bottom, 0, NULL));
        waited_init(read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read->io);
        cr_assert_eq(gate_count(&read->done), 0);
        *ret_bottom = bottom;
        return top;
}

Test(slots, io_parked_below_is_cancelled_from_above)
{
        struct mapped_device *bottom, *top;
        struct waited_io read;
        char buf[512];

        top = stalled_stack(&bottom, &read, buf);
        cr_assert(dm_cancel(&read.io));
        gate_wait(&read.done, 1);
        cr_assert_eq(read.error, -EINTR);
        cr_assert_not(dm_cancel(&read.io), "it is over");
        dm_put(top);
        dm_put(bottom);
}

Test(slots, io_parked_below_ends_when_the_device_above_is_killed)
{
        struct mapped_device *bottom, *top;
        struct waited_io read;
        char buf[512];

        top = stalled_stack(&bottom, &read, buf);
        dm_destroy_immediate(top);
        gate_wait(&read.done, 1);
        cr_assert_eq(read.error, -EIO);
        cr_assert(info_of(bottom).suspended);
        dm_put(bottom);
}

static void expect_params(struct mapped_device *md, const char *wanted)
{
        g_autoptr(GArray) text = dm_table_text(md, 0);

        cr_assert_str_eq(g_array_index(text, struct dm_target_text, 0).text, wanted);
}

Test(slots, a_table_follows_the_new_name_of_a_device_under_it)
{
        struct mapped_device *low = run_device("0", "0 8 zero");
        struct mapped_device *by_name = run_device("n", "0 8 linear 0 0");
        struct mapped_device *by_path = run_device("p", "0 8 linear /dev/mapper/0 0");
        struct mapped_device *by_number = run_device("m", "0 8 linear 253:0 0");

        expect_params(by_path, "/dev/mapper/0 0");
        cr_assert(dm_rename(low, "lo w", NULL));
        expect_params(by_name, "lo\\ w 0");
        expect_params(by_path, "/dev/mapper/lo\\ w 0");
        expect_params(by_number, "253:0 0");
        cr_assert(dm_load(by_path, "0 8 linear /dev/mapper/lo\\ w 0", 0, NULL), "it can be fed back");
        dm_put(low);
        dm_put(by_name);
        dm_put(by_path);
        dm_put(by_number);
}
