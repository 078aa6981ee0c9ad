/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define START_NS ((uint64_t)DM_NS_PER_S)
#define MS ((uint64_t)DM_NS_PER_MS)

static char *dir, *disk, *other, *third;

static void init(void)
{
        dm_clock_set_fake_ns(START_NS);
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 64);
        other = unit_file(dir, "other", 64);
        third = unit_file(dir, "third", 64);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        dm_clock_set_fake_ns(0);
        g_free(disk);
        g_free(other);
        g_free(third);
        unit_rmdir(dir);
}

TestSuite(delay, .init = init, .fini = fini, .timeout = 60);

static bool has_ended(struct waited_io *w)
{
        return gate_count(&w->done) != 0;
}

Test(delay, round_trips_with_one_two_and_three_places)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 8 20\n"
                                                "8 8 delay %s 0 0 %s 16 4294967295\n"
                                                "16 8 delay %s 0 1 %s 0 2 %s 0 3",
                                                disk, disk, other, disk, other, third);

        unit_round_trip(text);
}

Test(delay, refuses_bad_arguments)
{
        g_autofree char *two = g_strdup_printf("0 8 delay %s 0", disk);
        g_autofree char *odd = g_strdup_printf("0 8 delay %s 0 x", disk);
        g_autofree char *five = g_strdup_printf("0 8 delay %s 0 1 %s 0", disk, other);
        g_autofree char *large = g_strdup_printf("0 8 delay %s 0 4294967296", disk);
        g_autofree char *write = g_strdup_printf("0 8 delay %s 0 1 %s 1y 0", disk, other);

        unit_table_fails("0 8 delay", EINVAL, "line 1: delay: takes 3, 6 or 9 arguments, got 0");
        unit_table_fails(two, EINVAL, "takes 3, 6 or 9 arguments, got 2");
        unit_table_fails(five, EINVAL, "takes 3, 6 or 9 arguments, got 5");
        unit_table_fails(odd, EINVAL, "'delay' must be a number from 0 to 4294967295, got 'x'");
        unit_table_fails(large, EINVAL, "'delay' must be a number from 0 to 4294967295");
        unit_table_fails(write, EINVAL, "'offset' must be a number of sectors, got '1y'");
        unit_table_fails("0 8 delay /nonexistent 0 1", ENOENT, "/nonexistent");
}

Test(delay, each_class_has_its_own_delay_and_its_own_device)
{
        g_autofree char *text =
                g_strdup_printf("0 8 delay %s 0 30 %s 8 20 %s 0 10", disk, other, third);
        g_autofree char *raw = NULL;
        struct mapped_device *md = run_device("d", text);
        struct waited_io read, write, flush;
        char in[512] = "old", out[512] = "new";

        waited_init(&read, DM_OP_READ, 0, 512, in);
        waited_init(&write, DM_OP_WRITE, 0, 512, out);
        waited_init(&flush, DM_OP_FLUSH, 0, 0, NULL);
        dm_submit(md, &read.io);
        dm_submit(md, &write.io);
        dm_submit(md, &flush.io);
        unit_expect_status(md, "1 1 1");

        dm_timers_run_to(START_NS + 10 * MS - 1);
        unit_expect_status(md, "1 1 1");
        dm_timers_run_to(START_NS + 10 * MS);
        gate_wait(&flush.done, 1);
        unit_expect_status(md, "1 1 0");
        dm_timers_run_to(START_NS + 20 * MS);
        gate_wait(&write.done, 1);
        cr_expect_not(has_ended(&read));
        dm_timers_run_to(START_NS + 30 * MS);
        gate_wait(&read.done, 1);
        unit_expect_status(md, "0 0 0");

        cr_expect_eq(read.error, 0);
        cr_expect_eq(write.error, 0);
        cr_expect_eq(flush.error, 0);
        cr_expect_str_eq(in, "", "the read goes to the first device");
        cr_assert(g_file_get_contents(other, &raw, NULL, NULL));
        cr_expect_str_eq(raw + 8 * 512, "new", "the write goes to the second device");
        unit_destroy(md);
}

Test(delay, no_delay_means_at_once)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 0 0 %s 0 5", disk, disk);
        struct mapped_device *md = run_device("d", text);
        struct waited_io write, discard;
        char buf[512] = "x";

        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), 0);
        waited_init(&write, DM_OP_WRITE, 0, 512, buf);
        waited_init(&discard, DM_OP_DISCARD, 512, 512, NULL);
        dm_submit(md, &write.io);
        dm_submit(md, &discard.io);
        unit_expect_status(md, "0 2 0");
        dm_timers_run_to(START_NS + 5 * MS);
        gate_wait(&write.done, 1);
        gate_wait(&discard.done, 1);
        unit_destroy(md);
}

Test(delay, suspending_lets_everything_go_and_resuming_delays_again)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 0 1000", disk);
        struct mapped_device *md = run_device("d", text);
        struct waited_io w;
        char buf[512] = "x";

        waited_init(&w, DM_OP_WRITE, 0, 512, buf);
        dm_submit(md, &w.io);
        cr_assert(dm_suspend(md, 0, NULL)); /* it waits for the write */
        cr_expect(has_ended(&w));
        cr_expect_eq(w.error, 0);
        cr_assert(dm_resume(md, 0, NULL));
        waited_init(&w, DM_OP_READ, 0, 512, buf);
        dm_submit(md, &w.io);
        unit_expect_status(md, "1 0 0");
        dm_timers_run_to(START_NS + 1000 * MS);
        gate_wait(&w.done, 1);
        unit_destroy(md);
}

/* DESTROY, of a device with a write that waits, ends it at once with ERROR. */
static void destroyed(void (*destroy)(struct mapped_device *md), int error)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 0 1000", disk);
        struct mapped_device *md = run_device("d", text);
        struct waited_io w;
        char buf[512] = "x";

        waited_init(&w, DM_OP_WRITE, 0, 512, buf);
        dm_submit(md, &w.io);
        destroy(md);
        cr_expect(has_ended(&w));
        cr_expect_eq(w.error, error);
}

Test(delay, a_killed_device_ends_its_delayed_io_at_once)
{
        destroyed(dm_destroy_immediate, -EIO);
}

Test(delay, a_request_that_waits_can_be_cancelled)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 0 1000", disk);
        struct mapped_device *md = run_device("d", text);
        struct mapped_device *top = run_device("top", "0 8 linear d 0");
        struct waited_io one, two;
        char buf[512] = "x";
        g_autofree char *raw = NULL;

        waited_init(&one, DM_OP_WRITE, 0, 512, buf);
        waited_init(&two, DM_OP_WRITE, 512, 512, buf);
        dm_submit(top, &one.io);
        dm_submit(top, &two.io);
        unit_expect_status(md, "0 2 0");
        cr_expect(dm_cancel(&one.io));
        cr_expect(has_ended(&one));
        cr_expect_eq(one.error, -EINTR);
        cr_expect_not(dm_cancel(&one.io));
        unit_expect_status(md, "0 1 0");
        dm_timers_run_to(START_NS + 1000 * MS);
        gate_wait(&two.done, 1);
        cr_expect_eq(two.error, 0);
        unit_destroy(top);
        unit_destroy(md);
        raw = unit_read_file(disk);
        cr_expect_eq(raw[0], 0, "what was cancelled was not written");
        cr_expect_eq(raw[512], 'x');
}

Test(delay, killing_what_is_above_ends_what_waits_below)
{
        g_autofree char *text = g_strdup_printf("0 8 delay %s 0 1000", disk);
        struct mapped_device *md = run_device("d", text);
        struct mapped_device *top = run_device("top", "0 8 linear d 0");
        struct waited_io above, below;
        char buf[512] = "x";

        waited_init(&above, DM_OP_WRITE, 0, 512, buf);
        waited_init(&below, DM_OP_WRITE, 512, 512, buf);
        dm_submit(top, &above.io);
        dm_submit(md, &below.io);
        dm_destroy_immediate(top);
        cr_expect(has_ended(&above));
        cr_expect_eq(above.error, -EIO);
        cr_expect_not(has_ended(&below));
        dm_timers_run_to(START_NS + 1000 * MS);
        gate_wait(&below.done, 1);
        cr_expect_eq(below.error, 0);
        unit_await_burials(); /* top has MD open */
        unit_destroy(md);
}

Test(delay, a_removal_does_not_wait_for_the_delay)
{
        destroyed(unit_destroy, 0);
}

static unsigned count_threads(void)
{
        GDir *d = g_dir_open("/proc/self/task", 0, NULL);
        unsigned count = 0;

        while (g_dir_read_name(d))
                count++;
        g_dir_close(d);
        return count;
}

static struct gate all_done = GATE_INIT;

static void count_end(struct dm_io *io, int error)
{
        if (!error)
                gate_pass(&all_done);
}

Test(delay, a_hundred_thousand_delayed_ios_hold_no_thread)
{
        enum { MANY = 100000 };
        g_autofree char *text = g_strdup_printf("0 64 delay %s 0 50", disk);
        struct mapped_device *md = run_device("d", text);
        struct dm_io *ios = g_new0(struct dm_io, MANY);
        unsigned threads = count_threads();
        char buf[512] = "x";

        for (unsigned i = 0; i < MANY; i++) {
                ios[i] = (struct dm_io){.op = DM_OP_WRITE, .offset = i % 64 * 512, .len = 512,
                                        .buf = buf, .end = count_end};
                dm_submit(md, &ios[i]);
        }
        cr_expect_eq(count_threads(), threads);
        unit_expect_status(md, "0 100000 0");
        cr_expect_eq(gate_count(&all_done), 0);
        dm_timers_run_to(START_NS + 50 * MS);
        gate_wait(&all_done, MANY);
        unit_destroy(md);
        g_free(ios);
}
