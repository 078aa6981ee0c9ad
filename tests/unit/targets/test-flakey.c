/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define S ((uint64_t)DM_NS_PER_S)
#define START_NS (1000 * S)

static char *dir, *disk;

static void init(void)
{
        dm_clock_set_fake_ns(START_NS);
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 64);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        dm_clock_set_fake_ns(0);
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(flakey, .init = init, .fini = fini, .timeout = 60);

static struct mapped_device *run(const char *rest)
{
        g_autofree char *text = g_strdup_printf("0 64 flakey %s 0 %s", disk, rest);

        return run_device("f", text);
}

static void fill(struct mapped_device *md, char c)
{
        char buf[1024];

        memset(buf, c, sizeof(buf));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, sizeof(buf), buf), 0);
}

Test(flakey, round_trips_every_feature)
{
        static const char *const features[] = {
                "0 60 2 error_reads error_writes",
                "60 0 1 drop_writes",
                "4294967295 0 1 error_writes",
                "1 2 1 error_reads",
                "1 2 2 error_reads drop_writes",
                "1 2 5 corrupt_bio_byte 224 r 255 32",
                "1 2 7 corrupt_bio_byte 1 w 0 0 random_read_corrupt 1000000000",
                "1 2 2 random_write_corrupt 1",
                "1 2 9 corrupt_bio_byte 1 w 0 0 random_read_corrupt 1 random_write_corrupt 2",
                "1 2 6 error_reads corrupt_bio_byte 1 w 0 0",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
                g_autofree char *text = g_strdup_printf("0 8 flakey %s 8 %s", disk, features[i]);

                unit_round_trip(text);
        }
}

Test(flakey, without_features_both_directions_fail)
{
        g_autofree char *text = g_strdup_printf("0 8 flakey %s 0 1 2", disk);
        g_autofree char *zero = g_strdup_printf("0 8 flakey %s 0 1 2 0", disk);
        g_autofree char *full =
                g_strdup_printf("0 8 flakey %s 0 1 2 2 error_reads error_writes", disk);
        const char *texts[] = {text, zero};

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct dm_table *table = unit_table(texts[i]);
                g_autofree char *shown = unit_table_text(table, 0);

                cr_expect_str_eq(shown, full);
                dm_table_unref(table);
        }
}

Test(flakey, refuses_bad_arguments)
{
        static const struct {
                const char *rest, *mentions;
        } bad[] = {
                {"", "'offset' is missing"},
                {"0", "'up interval' is missing"},
                {"0 60", "'down interval' is missing"},
                {"0 x 0", "'up interval' must be a number from 0 to 4294967295, got 'x'"},
                {"0 0 0", "together must be 1 to 4294967295 seconds"},
                {"0 4294967295 1", "together must be 1 to 4294967295 seconds"},
                {"0 1 1 1 bogus", "there is no feature 'bogus'"},
                {"0 1 1 12", "'number of feature arguments' must be a number from 0 to 11"},
                {"0 1 1 2 drop_writes", "2 feature arguments announced, got 1"},
                {"0 1 1 0 drop_writes", "takes no more arguments, got 'drop_writes'"},
                {"0 1 1 2 drop_writes drop_writes", "'drop_writes' is given twice"},
                {"0 1 1 2 drop_writes error_writes",
                 "'drop_writes' and 'error_writes' exclude each other"},
                {"0 1 1 6 drop_writes corrupt_bio_byte 1 w 1 0", "exclude each other"},
                {"0 1 1 6 error_writes corrupt_bio_byte 1 w 1 0", "exclude each other"},
                {"0 1 1 6 error_reads corrupt_bio_byte 1 r 1 0", "exclude each other"},
                {"0 1 1 3 error_reads random_read_corrupt 5", "exclude each other"},
                {"0 1 1 5 corrupt_bio_byte 0 w 1 0", "'corrupt byte' must be a number from 1"},
                {"0 1 1 5 corrupt_bio_byte 1 x 1 0", "'corrupt direction' must be r or w, got 'x'"},
                {"0 1 1 5 corrupt_bio_byte 1 r 256 0", "'corrupt value' must be a number from 0"},
                {"0 1 1 3 corrupt_bio_byte 1 r", "'corrupt value' is missing"},
                {"0 1 1 2 corrupt_bio_byte 1 r 5 0", "2 feature arguments announced, but 'r'"},
                {"0 1 1 2 random_read_corrupt 1000000001", "must be a number from 0 to 1000000000"},
        };

        unit_table_fails("0 8 flakey", EINVAL, "line 1: flakey: 'device' is missing");
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("0 8 flakey %s %s", disk, bad[i].rest);

                unit_table_fails(text, EINVAL, bad[i].mentions);
        }
}

Test(flakey, is_up_and_down_in_turns)
{
        struct mapped_device *md = run("3 2");
        char buf[512];

        for (unsigned s = 0; s < 20; s++) {
                dm_clock_set_fake_ns(START_NS + s * S);
                cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), s % 5 < 3 ? 0 : -EIO, "at %u", s);
                dm_clock_set_fake_ns(START_NS + (s + 1) * S - 1);
                cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), s % 5 < 3 ? 0 : -EIO, "at %u", s);
        }
        unit_expect_status(md, "");
        unit_destroy(md);
}

Test(flakey, down_means_that_everything_fails)
{
        struct mapped_device *md = run("0 60");
        char buf[512] = "x";

        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), -EIO);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), -EIO);
        unit_destroy(md);
}

Test(flakey, drop_writes_says_yes_and_writes_nothing)
{
        struct mapped_device *md = run("1 60 1 drop_writes");
        char buf[512] = "new", in[512];

        fill(md, 'o');
        dm_clock_set_fake_ns(START_NS + 2 * S);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, in), 0);
        cr_expect_eq(in[0], 'o');
        unit_destroy(md);
}

Test(flakey, error_writes_and_error_reads_fail_one_direction)
{
        struct mapped_device *md = run("0 60 1 error_writes");
        char buf[512] = "x";

        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), -EIO);
        unit_destroy(md);
        md = run("0 60 1 error_reads");
        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        unit_destroy(md);
}

Test(flakey, corrupts_a_byte_of_reads)
{
        struct mapped_device *md = run("1 60 5 corrupt_bio_byte 600 r 65 0");
        char in[1024];

        fill(md, 'o');
        dm_clock_set_fake_ns(START_NS + S);
        cr_expect_eq(do_io(md, DM_OP_READ, 0, 1024, in), 0);
        cr_expect_eq(in[599], 'A');
        cr_expect_eq(in[598], 'o');
        cr_expect_eq(do_io(md, DM_OP_READ, 0, 512, in), 0); /* too short */
        for (unsigned i = 0; i < 512; i++)
                cr_expect_eq(in[i], 'o');
        unit_destroy(md);
}

Test(flakey, corrupts_a_byte_of_writes_but_not_the_writers_buffer)
{
        struct mapped_device *md = run("0 60 5 corrupt_bio_byte 10 w 66 0");
        char out[1024];
        g_autofree char *raw = NULL;

        memset(out, 'o', sizeof(out));
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, sizeof(out), out), 0);
        raw = unit_read_file(disk);
        cr_expect_eq(raw[9], 'B');
        cr_expect_eq(raw[8], 'o');
        cr_expect_eq(out[9], 'o');
        unit_destroy(md);
}

/* The kernel's bit of FUA. */
Test(flakey, corrupts_only_requests_with_the_flags)
{
        struct mapped_device *md = run("0 60 5 corrupt_bio_byte 1 w 66 131072");
        struct waited_io w;
        char out[512] = "o";
        g_autofree char *plain = NULL, *fua = NULL;

        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, sizeof(out), out), 0);
        plain = unit_read_file(disk);
        cr_expect_eq(plain[0], 'o');
        waited_init(&w, DM_OP_WRITE, 0, sizeof(out), out);
        w.io.flags = DM_IO_FUA;
        dm_submit(md, &w.io);
        gate_wait(&w.done, 1);
        fua = unit_read_file(disk);
        cr_expect_eq(fua[0], 'B');
        unit_destroy(md);
}

static unsigned count_differences(const char *a, char c)
{
        unsigned count = 0;

        for (unsigned i = 0; i < 1024; i++)
                count += a[i] != c;
        return count;
}

Test(flakey, corrupts_a_random_byte_with_a_probability)
{
        struct mapped_device *md = run("1 60 4 random_read_corrupt 500000000 "
                                       "random_write_corrupt 1000000000");
        char buf[1024];
        g_autofree char *raw = NULL;
        unsigned corrupted = 0;

        fill(md, 'o');
        dm_clock_set_fake_ns(START_NS + S);
        for (unsigned i = 0; i < 1000; i++) {
                cr_expect_eq(do_io(md, DM_OP_READ, 0, 1024, buf), 0);
                cr_assert_leq(count_differences(buf, 'o'), 1);
                corrupted += count_differences(buf, 'o');
        }
        cr_expect(corrupted > 350 && corrupted < 650, "%u of 1000", corrupted);
        memset(buf, 'w', sizeof(buf));
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, sizeof(buf), buf), 0);
        raw = unit_read_file(disk);
        cr_expect_eq(count_differences(raw, 'w'), 1);
        unit_destroy(md);
}
