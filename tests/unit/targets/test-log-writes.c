/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define SECTOR 512u
#define LOG_SECTORS 64u

static char *dir, *disk, *log_disk;

static void init(void)
{
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 256);
        log_disk = unit_file(dir, "log", LOG_SECTORS);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        g_free(disk);
        g_free(log_disk);
        unit_rmdir(dir);
}

TestSuite(log_writes, .init = init, .fini = fini, .timeout = 60);

static struct mapped_device *run(void)
{
        g_autofree char *text = g_strdup_printf("0 256 log-writes %s %s", disk, log_disk);

        return run_device("l", text);
}

static uint64_t number_at(const char *raw, uint64_t offset)
{
        uint64_t value;

        memcpy(&value, raw + offset, sizeof(value));
        return GUINT64_FROM_LE(value);
}

/* The log as text, an entry a line: "SECTOR SECTORS FLAGS [MARK]" and the first letter of each sector
 * of data; '.' stands for a byte of 0. */
static char *read_log(void)
{
        g_autofree char *raw = unit_read_file(log_disk);
        GString *out = g_string_new(NULL);
        uint64_t entries = number_at(raw, 16), at = 1;

        if (entries) {
                cr_expect_eq(number_at(raw, 0), 0x6a736677736872u);
                cr_expect_eq(number_at(raw, 8), 1);
                cr_expect_eq(number_at(raw, 24), SECTOR, "the rest of the super block is zero");
        }
        for (uint64_t i = 0; i < entries; i++) {
                const char *entry = raw + at++ * SECTOR;
                uint64_t sectors = number_at(entry, 8), flags = number_at(entry, 16);

                g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                                       " %" G_GUINT64_FORMAT, number_at(entry, 0), sectors, flags);
                if (flags & 8)
                        g_string_append_printf(out, " %.*s", (int)number_at(entry, 24), entry + 32);
                else
                        cr_expect_eq(number_at(entry, 24), 0);
                if (!(flags & 4) && sectors)
                        g_string_append_c(out, ' ');
                for (uint64_t s = 0; !(flags & 4) && s < sectors; s++, at++)
                        g_string_append_c(out, raw[at * SECTOR] ? raw[at * SECTOR] : '.');
                g_string_append_c(out, '\n');
        }
        return g_string_free(out, FALSE);
}

static void expect_log(const char *expected)
{
        g_autofree char *log = read_log();

        cr_expect_str_eq(log, expected);
}

Test(log_writes, round_trips)
{
        g_autofree char *text = g_strdup_printf("0 8 log-writes %s %s", disk, log_disk);
        g_autofree char *more = g_strdup_printf("0 8 log-writes %s %s 0", disk, log_disk);
        struct dm_table *table;

        unit_round_trip(text);
        table = unit_table(more); /* as in the kernel */
        dm_table_unref(table);
}

Test(log_writes, refuses_bad_arguments)
{
        g_autofree char *one = g_strdup_printf("0 8 log-writes %s", disk);
        g_autofree char *absent = g_strdup_printf("0 8 log-writes %s /nonexistent", disk);

        unit_table_fails("0 8 log-writes", EINVAL, "line 1: log-writes: 'device' is missing");
        unit_table_fails(one, EINVAL, "'device' is missing");
        unit_table_fails(absent, ENOENT, "log-writes: /nonexistent");
}

Test(log_writes, a_table_that_never_ran_leaves_the_log_alone)
{
        g_autofree char *text = g_strdup_printf("0 8 log-writes %s %s", disk, log_disk);
        g_autofree char *raw = NULL;
        struct mapped_device *md = new_device("l");

        load(md, text);
        load(md, text);
        dm_clear(md);
        unit_destroy(md);
        raw = unit_read_file(log_disk);
        for (unsigned i = 0; i < LOG_SECTORS * SECTOR; i++)
                cr_assert_eq(raw[i], 0);
}

Test(log_writes, logs_writes_at_the_flush_and_marks_at_once)
{
        struct mapped_device *md = run();

        unit_write(md, 'a', 0, 8);
        unit_write(md, 'b', 16, 8);
        unit_expect_status(md, "0 0");
        unit_expect_message(md, "mark first", "");
        unit_expect_status(md, "1 1");
        unit_flush(md);
        unit_write(md, 'c', 8, 1);
        unit_expect_message(md, "MARK second", "");
        unit_destroy(md);
        expect_log("0 0 8 first\n"
                   "0 8 0 aaaaaaaa\n"
                   "16 8 0 bbbbbbbb\n"
                   "0 0 1\n"
                   "0 0 8 second\n"
                   "8 1 0 c\n"
                   "0 0 8 dm-log-writes-end\n");
}

Test(log_writes, the_data_go_to_the_device)
{
        struct mapped_device *md = run();
        g_autofree char *raw = NULL;
        char buf[SECTOR];

        unit_write(md, 'a', 3, 2);
        cr_expect_eq(do_io(md, DM_OP_READ, 3 * SECTOR, SECTOR, buf), 0);
        cr_expect_eq(buf[0], 'a');
        unit_destroy(md);
        raw = unit_read_file(disk);
        cr_expect_eq(raw[4 * SECTOR], 'a');
        cr_expect_eq(raw[5 * SECTOR], 0);
}

Test(log_writes, fua_is_logged_at_once_and_does_not_wait_for_a_flush)
{
        struct mapped_device *md = run();

        unit_write(md, 'a', 0, 1);
        unit_write_fua(md, 'f', 7, 2);
        unit_expect_message(md, "mark m", "");
        expect_log("7 2 2 ff\n0 0 8 m\n");
        unit_flush(md);
        unit_destroy(md);
        expect_log("7 2 2 ff\n0 0 8 m\n0 1 0 a\n0 0 1\n0 0 8 dm-log-writes-end\n");
}

Test(log_writes, discards_and_zeroes_are_logged_in_their_order)
{
        struct mapped_device *md = run();

        unit_write(md, 'a', 0, 2);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 16 * SECTOR, 8 * SECTOR, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_WRITE_ZEROES, 32 * SECTOR, 3 * SECTOR, NULL), 0);
        unit_write(md, 'b', 1, 1);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 40 * SECTOR + 1, SECTOR, NULL), 0); /* no whole one */
        unit_destroy(md);
        expect_log("0 2 0 aa\n16 8 4\n32 3 0 ...\n1 1 0 b\n0 0 8 dm-log-writes-end\n");
}

Test(log_writes, a_write_of_a_part_of_a_sector_is_logged_as_whole_sectors)
{
        struct mapped_device *md = run();
        char buf[600];
        g_autofree char *raw = NULL;

        unit_write(md, 'a', 0, 3);
        memset(buf, 'p', sizeof(buf));
        cr_expect_eq(do_io(md, DM_OP_WRITE, SECTOR - 1, sizeof(buf), buf), 0);
        cr_expect_eq(do_io(md, DM_OP_WRITE_ZEROES, 2 * SECTOR, 3, NULL), 0);
        unit_destroy(md);
        expect_log("0 3 0 aaa\n0 3 0 app\n2 1 0 .\n0 0 8 dm-log-writes-end\n");
        raw = unit_read_file(log_disk);
        cr_expect_eq(raw[7 * SECTOR - 2], 'a');
        cr_expect_eq(raw[7 * SECTOR - 1], 'p');
}

Test(log_writes, a_full_log_ends_logging_but_not_the_device)
{
        struct mapped_device *md = run();

        unit_write(md, 'a', 0, 32);
        unit_flush(md);
        unit_write(md, 'b', 0, 64);
        unit_flush(md);
        unit_write(md, 'c', 100, 1);
        unit_flush(md);
        cr_expect_eq(dm_suspend(md, 0, NULL), true);
        unit_expect_status(md, "2 99 logging_disabled");
        cr_expect_eq(dm_resume(md, 0, NULL), true);
        unit_destroy(md);
}

Test(log_writes, an_error_of_the_log_ends_logging_but_not_the_device)
{
        struct mapped_device *bad = run_device("bad", "0 64 error");
        g_autofree char *text = g_strdup_printf("0 256 log-writes %s bad", disk);
        struct mapped_device *md = run_device("l", text);

        unit_write_fua(md, 'a', 0, 1);
        unit_expect_message(md, "mark m", "");
        unit_expect_status(md, "1 2 logging_disabled");
        unit_write(md, 'b', 0, 1);
        unit_flush(md);
        unit_destroy(md);
        unit_destroy(bad);
}

Test(log_writes, refuses_bad_messages)
{
        struct mapped_device *md = run();

        unit_message_fails(md, "mark", "mark: takes one argument, got 0");
        unit_message_fails(md, "mark two three", "mark: takes one argument, got 2");
        unit_message_fails(md, "bogus x", "there is no message 'bogus'");
        unit_destroy(md);
}

Test(log_writes, a_long_mark_is_cut_off)
{
        g_autofree char *mark = g_strnfill(600, 'm'), *text = g_strdup_printf("mark %s", mark);
        g_autofree char *cut = g_strnfill(479, 'm');
        g_autofree char *expected = g_strdup_printf("0 0 8 %s\n0 0 8 dm-log-writes-end\n", cut);
        struct mapped_device *md = run();

        unit_expect_message(md, text, "");
        unit_destroy(md);
        expect_log(expected);
}

Test(log_writes, marks_are_taken_while_suspended)
{
        struct mapped_device *md = run();

        unit_write(md, 'a', 0, 1);
        cr_expect(dm_suspend(md, 0, NULL));
        unit_expect_message(md, "mark asleep", "");
        expect_log("0 0 8 asleep\n");
        cr_expect(dm_resume(md, 0, NULL));
        unit_destroy(md);
        expect_log("0 0 8 asleep\n0 1 0 a\n0 0 8 dm-log-writes-end\n");
}

/* The log device may be a mapped device; killing what is above does not wait for it. */
Test(log_writes, a_killed_device_does_not_wait_for_its_log)
{
        g_autofree char *below = g_strdup_printf("0 64 linear %s 0", log_disk);
        g_autofree char *text = g_strdup_printf("0 256 log-writes %s low", disk);
        struct mapped_device *low = run_device("low", below);
        struct mapped_device *md = run_device("l", text);

        cr_expect(dm_suspend(low, 0, NULL));
        unit_write_fua(md, 'a', 0, 1);
        dm_destroy_immediate(md);
        dm_destroy_immediate(low);
}

static void *write_many(void *arg)
{
        struct mapped_device *md = arg;
        char buf[SECTOR];
        struct waited_io w;

        memset(buf, 'w', sizeof(buf));
        for (unsigned i = 0; i < 100; i++) {
                waited_init(&w, i % 4 == 3 ? DM_OP_FLUSH : DM_OP_WRITE, 0, i % 4 == 3 ? 0 : SECTOR,
                            i % 4 == 3 ? NULL : buf);
                dm_submit(md, &w.io);
                gate_wait(&w.done, 1);
        }
        return NULL;
}

Test(log_writes, many_writers_lose_no_entry)
{
        g_autofree char *large = unit_file(dir, "large", 4096);
        g_autofree char *text = g_strdup_printf("0 256 log-writes %s %s", disk, large);
        struct mapped_device *md = run_device("l", text);
        g_autofree char *raw = NULL;
        pthread_t threads[4];

        for (unsigned i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, write_many, md);
        for (unsigned i = 0; i < 10; i++)
                unit_expect_message(md, "mark m", "");
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        unit_destroy(md);
        raw = unit_read_file(large);
        cr_expect_eq(number_at(raw, 16), 4 * 100 + 10 + 1);
}
