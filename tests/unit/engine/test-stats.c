/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "support/engine.h"

#define MS ((uint64_t)DM_NS_PER_MS)
#define START (1000 * MS)

static void begin(void)
{
        dm_clock_set_fake_ns(START);
        dm_init();
}

static void stop(void)
{
        dm_clock_set_fake_ns(0);
        dm_destroy_all_immediate();
        cr_assert_eq(dm_exit(), 0);
}

TestSuite(stats, .init = begin, .fini = stop, .timeout = 60);

/* Sends TEXT; its reply, or NULL when it fails. */
static char *send_message(struct mapped_device *md, const char *text)
{
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        char *reply = NULL;

        if (!dm_message(md, 0, (int)g_strv_length(words), words, &reply, NULL))
                return NULL;
        return reply ? reply : g_strdup("");
}

static void expect(struct mapped_device *md, const char *text, const char *wanted)
{
        g_autofree char *reply = send_message(md, text);

        cr_assert_str_eq(reply ? reply : "(failed)", wanted, "%s: got '%s'", text,
                         reply ? reply : "(failed)");
}

Test(stats, regions_get_the_lowest_free_number_and_are_listed)
{
        struct mapped_device *md = run_device("a", "0 1000 zero");

        expect(md, "@stats_list", "");
        expect(md, "@stats_create - 100", "0");
        expect(md, "@stats_create 10+90 /3 me", "1");
        expect(md, "@stats_create - /1 2 precise_timestamps histogram:1,5,9 me mine", "2");
        expect(md, "@stats_delete 1", "");
        expect(md, "@stats_list", "0: 0+1000 100 - -\n"
                                  "2: 0+1000 1000 me mine precise_timestamps histogram:1,5,9\n");
        expect(md, "@stats_list me",
               "2: 0+1000 1000 me mine precise_timestamps histogram:1,5,9\n");
        expect(md, "@stats_set_aux 2 yours", "");
        expect(md, "@stats_create 0+1 1", "1");
        expect(md, "@stats_list me",
               "2: 0+1000 1000 me yours precise_timestamps histogram:1,5,9\n");
        dm_put(md);
}

Test(stats, io_counts_in_every_area_that_it_touches)
{
        struct mapped_device *md = run_device("a", "0 1000 zero");
        static char buf[64 * 512];

        expect(md, "@stats_create 0+25 10", "0");
        cr_assert_eq(do_io(md, DM_OP_READ, 8 * 512, 4 * 512, buf), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 20 * 512, 32 * 512, buf), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 100, 1, buf), 0);
        expect(md, "@stats_print 0", "0+10 1 0 2 0 1 0 1 0 0 0 0 0 0\n"
                                     "10+10 1 0 2 0 0 0 0 0 0 0 0 0 0\n"
                                     "20+10 0 0 0 0 1 0 5 0 0 0 0 0 0\n");
        expect(md, "@stats_print 0 1 1", "10+10 1 0 2 0 0 0 0 0 0 0 0 0 0\n");
        expect(md, "@stats_print_clear 0 0 1", "0+10 1 0 2 0 1 0 1 0 0 0 0 0 0\n");
        expect(md, "@stats_print 0 0 2", "0+10 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
                                         "10+10 1 0 2 0 0 0 0 0 0 0 0 0 0\n");
        expect(md, "@stats_clear 0", "");
        expect(md, "@stats_print 0 1 1", "10+10 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
        dm_put(md);
}

/* A stack whose bottom is suspended: a read of the top takes until it is resumed. */
Test(stats, io_that_goes_on_where_the_last_ended_is_merged)
{
        struct mapped_device *md = run_device("a", "0 100 zero");
        char data[512];

        expect(md, "@stats_create - /1", "0");
        cr_assert_eq(do_io(md, DM_OP_READ, 0, 512, data), 0);
        expect(md, "@stats_print_clear 0", "0+100 1 0 1 0 0 0 0 0 0 0 0 0 0\n");
        cr_assert_eq(do_io(md, DM_OP_READ, 512, 512, data), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 2 * 512, 512, data), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 3 * 512, 512, data), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 3 * 512, 512, data), 0);
        expect(md, "@stats_print 0", "0+100 1 1 1 0 3 1 3 0 0 0 0 0 0\n");
        dm_put(md);
}

Test(stats, times_and_the_histogram_follow_the_clock)
{
        struct mapped_device *bottom = run_device("bottom", "0 8 zero");
        struct mapped_device *top = run_device("top", "0 8 linear bottom 0");
        struct waited_io read;
        char buf[512];

        expect(top, "@stats_create - /1 1 histogram:5,10", "0");
        expect(top, "@stats_create - /1 2 precise_timestamps histogram:7000001", "1");
        cr_assert(dm_suspend(bottom, 0, NULL));
        waited_init(&read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read.io);
        dm_clock_set_fake_ns(START + 3 * MS);
        expect(top, "@stats_print 0", "0+8 0 0 0 0 0 0 0 0 1 3 3 3 0 0:0:0\n");
        dm_clock_set_fake_ns(START + 7 * MS);
        cr_assert(dm_resume(bottom, 0, NULL));
        gate_wait(&read.done, 1);
        dm_clock_set_fake_ns(START + 20 * MS);
        expect(top, "@stats_print 0", "0+8 1 0 1 7 0 0 0 0 0 7 7 7 0 0:1:0\n");
        expect(top, "@stats_print 1",
               "0+8 1 0 1 7000000 0 0 0 0 0 7000000 7000000 7000000 0 1:0\n");
        dm_put(top);
        dm_put(bottom);
}

Test(stats, io_from_before_a_region_does_not_count_in_it)
{
        struct mapped_device *bottom = run_device("bottom", "0 8 zero");
        struct mapped_device *top = run_device("top", "0 8 linear bottom 0");
        struct waited_io read;
        char buf[512];

        expect(top, "@stats_create - /1", "0");
        cr_assert(dm_suspend(bottom, 0, NULL));
        waited_init(&read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read.io);
        expect(top, "@stats_create - /1", "1");
        cr_assert(dm_resume(bottom, 0, NULL));
        gate_wait(&read.done, 1);
        expect(top, "@stats_print 0", "0+8 1 0 1 0 0 0 0 0 0 0 0 0 0\n");
        expect(top, "@stats_print 1", "0+8 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
        dm_put(top);
        dm_put(bottom);
}

Test(stats, what_is_no_message_of_theirs_is_refused)
{
        static const char *const bad[] = {
                "@stats_create",         "@stats_create -",        "@stats_create 0 1",
                "@stats_create 0+0 1",   "@stats_create 0+9 0",    "@stats_create 0+9 /0",
                "@stats_create +9 1",    "@stats_create 1x+9 1",   "@stats_create - 1 1",
                "@stats_create - 1 1 x", "@stats_create - 1 a b c", "@stats_create - 1 1 histogram:",
                "@stats_create - 1 1 histogram:5,5", "@stats_create - 1 1 histogram:0,5",
                "@stats_create 0+9000000000000000000 1", "@stats_create 0+9000000000000000 1",
                "@stats_delete",         "@stats_delete 0",        "@stats_print 0",
                "@stats_print",          "@stats_clear x",         "@stats_set_aux 0 a",
                "@stats_list a b",       "@stats_nonsense",        "@cancel_deferred_remove now",
        };
        struct mapped_device *md = run_device("a", "0 1000 zero");

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *reply = send_message(md, bad[i]);

                cr_assert_null(reply, "%s: got '%s'", bad[i], reply);
        }
        expect(md, "@stats_list", "");
        dm_put(md);
}

Test(stats, a_deferred_removal_is_withdrawn)
{
        struct mapped_device *md = run_device("a", "0 8 zero"), *found;
        struct dm_info info;

        cr_assert_eq(dm_open(md), 0);
        cr_assert(dm_get(md));
        cr_assert(dm_destroy(md, DM_DESTROY_DEFERRED, NULL));
        expect(md, "@cancel_deferred_remove", "");
        dm_get_info(md, &info);
        dm_info_clear(&info);
        cr_assert(info.visible && !info.deferred_remove);
        dm_close(md);
        found = dm_get_by_name("a");
        cr_assert_eq(found, md, "the last close does not remove it any more");
        dm_put(found);
        dm_put(md);
}
