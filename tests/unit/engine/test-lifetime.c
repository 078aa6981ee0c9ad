/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "support/engine.h"

static void stop(void)
{
        dm_destroy_all_immediate();
        cr_assert_eq(dm_exit(), 0);
}

TestSuite(lifetime, .init = dm_init, .fini = stop, .timeout = 60);

static int code_of(GError *error)
{
        int code = error ? error->code : 0;

        g_clear_error(&error);
        return code;
}

static int create_code(const char *name, const char *uuid, uint32_t minor)
{
        struct dm_create_params params = {.name = name, .uuid = uuid, .minor = minor};
        struct mapped_device *md;
        GError *error = NULL;

        if (!dm_create(&params, &md, &error))
                return code_of(error);
        dm_put(md);
        return 0;
}

Test(lifetime, names_are_checked)
{
        g_autofree char *longest = g_strnfill(DM_NAME_MAX, 'x');
        g_autofree char *longer = g_strnfill(DM_NAME_MAX + 1, 'x');
        g_autofree char *uuid = g_strnfill(DM_UUID_MAX + 1, 'u');

        cr_assert_eq(create_code("", NULL, DM_MINOR_ANY), EINVAL);
        cr_assert_eq(create_code(".", NULL, DM_MINOR_ANY), EINVAL);
        cr_assert_eq(create_code("..", NULL, DM_MINOR_ANY), EINVAL);
        cr_assert_eq(create_code("a/b", NULL, DM_MINOR_ANY), EINVAL);
        cr_assert_eq(create_code(longer, NULL, DM_MINOR_ANY), EINVAL);
        cr_assert_eq(create_code(longest, NULL, DM_MINOR_ANY), 0);
        cr_assert_eq(create_code("u", uuid, DM_MINOR_ANY), EINVAL);
        cr_assert_null(dm_get_by_name("u"), "a create that failed left something");
}

Test(lifetime, names_uuids_and_minors_are_unique)
{
        cr_assert_eq(create_code("a", "U", 5), 0);
        cr_assert_eq(create_code("a", NULL, DM_MINOR_ANY), EBUSY);
        cr_assert_eq(create_code("b", "U", DM_MINOR_ANY), EBUSY);
        cr_assert_eq(create_code("b", NULL, 5), ENXIO);
        cr_assert_eq(create_code("b", "V", DM_MINOR_ANY), 0);
}

Test(lifetime, lookup_finds_by_name_uuid_minor_and_id)
{
        struct dm_create_params params = {.name = "a", .uuid = "U", .minor = 7};
        struct mapped_device *md;

        cr_assert(dm_create(&params, &md, NULL));
        cr_assert_eq(dm_get_by_name("a"), md);
        cr_assert_eq(dm_get_by_uuid("U"), md);
        cr_assert_eq(dm_get_by_minor(7), md);
        cr_assert_eq(dm_get_by_id(dm_id(md)), md);
        cr_assert_null(dm_get_by_name("U"));
        for (int i = 0; i < 4; i++)
                dm_put(md);
        dm_put(md);
}

Test(lifetime, an_open_device_is_not_removed)
{
        struct mapped_device *md = new_device("a");
        GError *error = NULL;

        cr_assert_eq(dm_open(md), 0);
        cr_assert_not(dm_destroy(md, 0, &error));
        cr_assert_eq(code_of(error), EBUSY);
        cr_assert(dm_get(md), "the failed removal changed the device");
        dm_put(md);
        dm_close(md);
        cr_assert(dm_destroy(md, 0, NULL));
        cr_assert_null(dm_get_by_name("a"));
}

Test(lifetime, a_deferred_removal_happens_at_the_last_close)
{
        struct mapped_device *md = run_device("a", "0 8 zero");
        struct dm_info info;

        cr_assert_eq(dm_open(md), 0);
        cr_assert_eq(dm_open(md), 0);
        cr_assert(dm_destroy(md, DM_DESTROY_DEFERRED, NULL));
        dm_get_info(md, &info);
        cr_assert(info.deferred_remove);
        cr_assert_not(info.visible);
        dm_info_clear(&info);
        dm_close(md);
        md = dm_get_by_name("a");
        cr_assert_not_null(md);
        dm_put(md);
        dm_close(md);
        cr_assert_null(dm_get_by_name("a"));
}

Test(lifetime, a_name_is_free_again_when_its_device_is_gone)
{
        struct mapped_device *old = run_device("a", "0 8 zero"), *new;
        char buf[512];

        cr_assert_eq(dm_open(old), 0);
        dm_destroy_immediate(old);
        new = run_device("a", "0 16 zero");
        cr_assert_eq(do_io(old, DM_OP_READ, 0, 512, buf), -EIO);
        cr_assert_eq(do_io(new, DM_OP_READ, 0, 512, buf), 0);
        cr_assert_neq(dm_id(old), dm_id(new));
        cr_assert(dm_is_dead(old));
        cr_assert_not(dm_get(old));
        dm_close(old);
        dm_put(new);
}

Test(lifetime, rename_moves_the_name_and_counts_as_an_event)
{
        struct mapped_device *md = new_device("a");
        GError *error = NULL;
        struct dm_info info;

        cr_assert(dm_rename(md, "b", NULL));
        cr_assert_null(dm_get_by_name("a"));
        cr_assert_not(dm_rename(md, "b", &error));
        cr_assert_eq(code_of(error), EBUSY);
        dm_get_info(md, &info);
        cr_assert_str_eq(info.name, "b");
        cr_assert_eq(info.event_nr, 1);
        dm_info_clear(&info);
        dm_put(md);
}

Test(lifetime, a_uuid_is_set_once)
{
        struct mapped_device *md = new_device("a"), *found;
        GError *error = NULL;

        cr_assert(dm_set_uuid(md, "U", NULL));
        cr_assert_not(dm_set_uuid(md, "V", &error));
        cr_assert_eq(code_of(error), EINVAL);
        found = dm_get_by_uuid("U");
        cr_assert_eq(found, md);
        dm_put(found);
        dm_put(md);
}

Test(lifetime, the_list_is_sorted_by_name)
{
        g_autoptr(GPtrArray) list = NULL;
        const char *expected[] = {"a", "b", "c"};

        dm_put(new_device("b"));
        dm_put(new_device("c"));
        dm_put(new_device("a"));
        list = dm_list();
        cr_assert_eq(list->len, 3);
        for (int i = 0; i < 3; i++) {
                struct dm_info info;

                dm_get_info(list->pdata[i], &info);
                cr_assert_str_eq(info.name, expected[i]);
                dm_info_clear(&info);
        }
}

struct waiter {
        struct mapped_device *md;
        uint32_t number;
        bool changed;
        _Atomic bool cancel;
};

static bool is_cancelled(void *user)
{
        return atomic_load((_Atomic bool *)user);
}

static void *wait_for_event(void *arg)
{
        struct waiter *w = arg;

        w->changed = dm_wait_event(w->md, 0, is_cancelled, &w->cancel, &w->number);
        return NULL;
}

Test(lifetime, waiting_for_an_event_ends_by_event_removal_or_cancel)
{
        struct mapped_device *md = new_device("a");
        struct waiter w = {.md = md};
        pthread_t thread;

        cr_assert(dm_get(md));
        pthread_create(&thread, NULL, wait_for_event, &w);
        atomic_store(&w.cancel, true);
        dm_wake_all();
        pthread_join(thread, NULL);
        cr_assert_not(w.changed);

        w.cancel = false;
        cr_assert(dm_get(md));
        pthread_create(&thread, NULL, wait_for_event, &w);
        cr_assert(dm_rename(md, "b", NULL));
        pthread_join(thread, NULL);
        cr_assert(w.changed);
        cr_assert_eq(w.number, 1);

        cr_assert(dm_get(md));
        w.md = md;
        pthread_create(&thread, NULL, wait_for_event, &w); /* number 1 differs from 0: at once */
        pthread_join(thread, NULL);
        cr_assert(dm_destroy(md, 0, NULL), "a waiter holds no reference");
}

static void count_events(const struct dm_event *event, void *user)
{
        g_string_append_c(user, (char)('A' + event->type));
}

Test(lifetime, what_changes_is_published)
{
        g_autoptr(GString) seen = g_string_new(NULL);
        unsigned subscription = dm_subscribe(count_events, seen);
        struct mapped_device *md = run_device("a", "0 8 zero");
        const char expected[] = {'A' + DM_EVENT_CREATED,   'A' + DM_EVENT_APPEARED,
                                 'A' + DM_EVENT_TABLE,     'A' + DM_EVENT_RESUMED,
                                 'A' + DM_EVENT_SUSPENDED, 'A' + DM_EVENT_RESUMED,
                                 'A' + DM_EVENT_RENAMED,   'A' + DM_EVENT_HIDDEN,
                                 '\0'};

        cr_assert(dm_suspend(md, 0, NULL));
        cr_assert(dm_resume(md, 0, NULL));
        cr_assert(dm_rename(md, "b", NULL));
        cr_assert(dm_destroy(md, 0, NULL));
        dm_unsubscribe(subscription);
        dm_put(new_device("c"));
        cr_assert_str_eq(seen->str, expected);
}

static void on_target_event(const struct dm_event *event, void *gate)
{
        if (event->type == DM_EVENT_TARGET && !strcmp(event->name, "striped"))
                gate_pass(gate);
}

Test(lifetime, subscribers_hear_of_targets_events)
{
        struct mapped_device *bad = run_device("bad", "0 16 error");
        struct mapped_device *md = run_device("striped", "0 16 striped 1 16 bad 0");
        struct gate heard = GATE_INIT;
        unsigned subscription = dm_subscribe(on_target_event, &heard);
        char buf[512];

        cr_assert_eq(do_io(md, DM_OP_READ, 0, 512, buf), -EIO);
        gate_wait(&heard, 1);
        dm_unsubscribe(subscription);
        dm_put(md);
        dm_put(bad);
}
