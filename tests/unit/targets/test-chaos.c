/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define SECTOR 512u
#define SECTORS 1024u

static char *dir, *disk;

static void init(void)
{
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", SECTORS);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        dm_clock_set_fake_ns(0);
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(chaos, .init = init, .fini = fini, .timeout = 120);

static struct mapped_device *run(const char *options)
{
        g_autofree char *text = g_strdup_printf("0 %u chaos %s 0 %s", SECTORS, disk, options);

        return run_device("c", text);
}

Test(chaos, round_trips)
{
        g_autofree char *text = g_strdup_printf(
                "0 8 chaos %s 8\n"
                "8 8 chaos %s 0 read_error 1 write_error 0.5 corrupt 0.000000001 "
                "delay 20 0.25 torn 0.01 misdirect 0.999999999 seed 18446744073709551615\n"
                "16 8 chaos %s 0 delay 0 1",
                disk, disk, disk);

        unit_round_trip(text);
}

Test(chaos, takes_little_for_a_huge_target)
{
        g_autofree char *text = g_strdup_printf("0 18014398509481983 chaos %s 0", disk);

        unit_round_trip(text);
}

Test(chaos, refuses_bad_arguments)
{
        static const struct {
                const char *rest, *mentions;
        } bad[] = {
                {"", "'offset' is missing"},
                {"0 bogus 1", "there is no option 'bogus'"},
                {"0 read_error", "the probability of 'read_error' must be 0 to 1"},
                {"0 read_error 1.1", "got '1.1'"},
                {"0 read_error 2", "got '2'"},
                {"0 read_error 0.0000000001", "got '0.0000000001'"},
                {"0 read_error .5", "got '.5'"},
                {"0 read_error 0.", "got '0.'"},
                {"0 read_error 0,5", "got '0,5'"},
                {"0 read_error -0.5", "got '-0.5'"},
                {"0 read_error 1e-3", "got '1e-3'"},
                {"0 delay 5", "the probability of 'delay' must be"},
                {"0 delay x 1", "'delay' must be a number of milliseconds from 0 to 86400000"},
                {"0 delay 86400001 1", "'delay' must be a number of milliseconds"},
                {"0 seed", "'seed' must be a number, got ''"},
                {"0 seed -1", "'seed' must be a number, got '-1'"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("0 8 chaos %s %s", disk, bad[i].rest);

                unit_table_fails(text, EINVAL, bad[i].mentions);
        }
}

static bool read_fails(struct mapped_device *md, unsigned sector)
{
        char buf[SECTOR];
        int r = do_io(md, DM_OP_READ, sector * SECTOR, SECTOR, buf);

        cr_assert(r == 0 || r == -EIO);
        return r != 0;
}

static bool write_fails(struct mapped_device *md, unsigned sector)
{
        char buf[SECTOR] = "w";
        int r = do_io(md, DM_OP_WRITE, sector * SECTOR, SECTOR, buf);

        cr_assert(r == 0 || r == -EIO);
        return r != 0;
}

Test(chaos, errors_come_with_their_probability)
{
        struct mapped_device *md = run("read_error 0.1 write_error 0.5 seed 3");
        unsigned reads = 0, writes = 0;
        g_autofree char *expected = NULL;

        for (unsigned i = 0; i < 5000; i++) {
                reads += read_fails(md, i % SECTORS);
                writes += write_fails(md, i % SECTORS);
        }
        cr_expect(reads > 400 && reads < 600, "%u", reads);
        cr_expect(writes > 2300 && writes < 2700, "%u", writes);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        expected = g_strdup_printf("read_error %u write_error %u corrupt 0 delay 0 torn 0 "
                                   "misdirect 0", reads, writes);
        unit_expect_status(md, expected);
        unit_destroy(md);
}

struct reader {
        struct mapped_device *md;
        unsigned part;
        char *failed; /* a letter a read */
};

static void *read_part(void *arg)
{
        struct reader *r = arg;

        for (unsigned i = 0; i < 1000; i++)
                r->failed[r->part * 1000 + i] =
                        read_fails(r->md, r->part * 256 + i % 256 / 8 * 8) ? 'x' : '.';
        return NULL;
}

static char *read_in_parallel(struct mapped_device *md)
{
        char *failed = g_malloc0(4001);
        struct reader readers[4];
        pthread_t threads[4];

        for (unsigned i = 0; i < 4; i++) {
                readers[i] = (struct reader){md, i, failed};
                pthread_create(&threads[i], NULL, read_part, &readers[i]);
        }
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        return failed;
}

Test(chaos, the_same_seed_gives_the_same_faults_however_threads_run)
{
        struct mapped_device *md = run("read_error 0.3 seed 5");
        g_autofree char *one = read_in_parallel(md), *two = NULL, *again = NULL, *other = NULL;

        two = read_in_parallel(md);
        unit_expect_message(md, "seed 5", "");
        again = read_in_parallel(md);
        unit_expect_message(md, "seed 6", "");
        other = read_in_parallel(md);
        cr_expect_str_eq(one, again);
        cr_expect_str_neq(one, two, "each visit is drawn anew");
        cr_expect_str_neq(one, other);
        unit_destroy(md);
}

Test(chaos, messages_change_the_probabilities)
{
        struct mapped_device *md = run("seed 9");

        cr_expect_not(read_fails(md, 0));
        unit_expect_message(md, "read_error 1", "");
        cr_expect(read_fails(md, 0));
        cr_expect_not(write_fails(md, 0));
        unit_expect_message(md, "read_error 0", "");
        unit_expect_message(md, "write_error 1.0", "");
        cr_expect_not(read_fails(md, 0));
        cr_expect(write_fails(md, 0));
        unit_message_fails(md, "write_error 2", "got '2'");
        unit_message_fails(md, "write_error", "got ''");
        unit_message_fails(md, "write_error 1 1", "takes no more arguments, got '1'");
        unit_message_fails(md, "trace 1", "takes no more arguments");
        unit_message_fails(md, "bogus", "there is no option 'bogus'");
        unit_expect_status(md, "read_error 1 write_error 1 corrupt 0 delay 0 torn 0 misdirect 0");
        unit_expect_message(md, "trace", "1 read_error read 0 512\n2 write_error write 0 512\n");
        unit_expect_message(md, "reset", "");
        unit_expect_message(md, "trace", "");
        unit_expect_status(md, "read_error 0 write_error 0 corrupt 0 delay 0 torn 0 misdirect 0");
        unit_destroy(md);
}

static unsigned count_differences(const char *a, const char *b, unsigned len, unsigned *ret_at)
{
        unsigned count = 0;

        for (unsigned i = 0; i < len; i++) {
                if (a[i] != b[i]) {
                        *ret_at = i;
                        count++;
                }
        }
        return count;
}

Test(chaos, corrupts_one_byte)
{
        struct mapped_device *md = run("seed 1");
        char out[4096], in[4096];
        g_autofree char *raw = NULL, *expected = NULL;
        unsigned read_at = 0, write_at = 0;

        memset(out, 'o', sizeof(out));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 8192, sizeof(out), out), 0);
        unit_expect_message(md, "corrupt 1", "");
        cr_assert_eq(do_io(md, DM_OP_READ, 8192, sizeof(in), in), 0);
        cr_expect_eq(count_differences(in, out, sizeof(in), &read_at), 1);
        raw = unit_read_file(disk);
        cr_expect_arr_eq(raw + 8192, out, sizeof(out), "a read leaves the disk alone");
        cr_assert_eq(do_io(md, DM_OP_WRITE, 8192, sizeof(out), out), 0);
        g_free(raw);
        raw = unit_read_file(disk);
        cr_expect_eq(count_differences(raw + 8192, out, sizeof(out), &write_at), 1);
        for (unsigned i = 0; i < sizeof(out); i++)
                cr_assert_eq(out[i], 'o', "the writer's buffer is its own");
        expected = g_strdup_printf("1 corrupt read 8192 4096 byte %u\n"
                                   "2 corrupt write 8192 4096 byte %u\n",
                                   8192 + read_at, 8192 + write_at);
        unit_expect_message(md, "trace", expected);
        unit_destroy(md);
}

Test(chaos, a_torn_write_has_its_first_sectors)
{
        struct mapped_device *md = run("torn 1 seed 2");
        char out[8 * SECTOR];
        unsigned kept = 0;
        g_autofree char *raw = NULL, *expected = NULL;

        memset(out, 't', sizeof(out));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 100, sizeof(out), out), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 100 * SECTOR, SECTOR, out), 0); /* is never torn */
        raw = unit_read_file(disk);
        while (raw[100 + kept] == 't')
                kept++;
        cr_expect_eq((100 + kept) % SECTOR, 0);
        cr_expect(kept > 0 && kept < sizeof(out));
        for (unsigned i = kept; i < sizeof(out); i++)
                cr_assert_eq(raw[100 + i], 0);
        cr_expect_eq(raw[101 * SECTOR - 1], 't');
        expected = g_strdup_printf("1 torn write 100 4096 kept %u\n", kept);
        unit_expect_message(md, "trace", expected);
        unit_destroy(md);
}

Test(chaos, a_misdirected_write_lands_elsewhere)
{
        struct mapped_device *md = run("misdirect 1 seed 4");
        char out[SECTOR], in[SECTOR];
        g_autofree char *raw = NULL, *trace = NULL;
        unsigned sector, from, to;

        memset(out, 'm', sizeof(out));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 64 * SECTOR, SECTOR, out), 0);
        trace = unit_message(md, "trace");
        cr_assert_eq(sscanf(trace, "1 misdirect write %u 512 to %u\n", &from, &to), 2);
        cr_expect_eq(from, 64 * SECTOR);
        raw = unit_read_file(disk);
        for (sector = 0; sector < SECTORS; sector++)
                cr_expect_eq(raw[sector * SECTOR], sector * SECTOR == to ? 'm' : 0);
        cr_expect_neq(to, from);
        cr_assert_eq(do_io(md, DM_OP_READ, to, SECTOR, in), 0);
        cr_expect_eq(in[0], 0, "so does a read");
        /* what covers all of the target has nowhere to go */
        g_free(raw);
        raw = g_malloc0(SECTORS * SECTOR);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, SECTORS * SECTOR, raw), 0);
        unit_expect_status(md, "read_error 0 write_error 0 corrupt 0 delay 0 torn 0 misdirect 2");
        unit_destroy(md);
}

Test(chaos, misdirection_stays_within_the_target)
{
        g_autofree char *text = g_strdup_printf("0 8 linear %s 0\n8 8 chaos %s 8 misdirect 1\n"
                                                "16 8 linear %s 16", disk, disk, disk);
        struct mapped_device *md = run_device("c", text);
        g_autofree char *raw = NULL;
        char out[3 * SECTOR];

        memset(out, 'm', sizeof(out));
        for (unsigned i = 0; i < 500; i++)
                cr_assert_eq(do_io(md, DM_OP_WRITE, (8 + i % 6) * SECTOR, (1 + i % 3) * SECTOR, out),
                             0);
        raw = unit_read_file(disk);
        for (unsigned sector = 0; sector < 24; sector++)
                cr_expect_eq(raw[sector * SECTOR] == 'm', sector >= 8 && sector < 16);
        unit_destroy(md);
}

Test(chaos, delays_some_requests)
{
        struct mapped_device *md;
        struct waited_io w;
        char buf[SECTOR] = "d";

        dm_clock_set_fake_ns(DM_NS_PER_S);
        md = run("delay 20 1");
        waited_init(&w, DM_OP_WRITE, 0, SECTOR, buf);
        dm_submit(md, &w.io);
        dm_timers_run_to(DM_NS_PER_S + 20 * DM_NS_PER_MS - 1);
        cr_expect_eq(gate_count(&w.done), 0);
        dm_timers_run_to(DM_NS_PER_S + 20 * DM_NS_PER_MS);
        gate_wait(&w.done, 1);
        cr_expect_eq(w.error, 0);
        unit_expect_message(md, "trace", "1 delay write 0 512 ms 20\n");
        unit_expect_message(md, "delay 1000 1", "");
        waited_init(&w, DM_OP_READ, 0, SECTOR, buf);
        dm_submit(md, &w.io);
        dm_destroy_immediate(md);
        cr_expect_eq(gate_count(&w.done), 1);
        cr_expect_eq(w.error, -EIO);
}

Test(chaos, the_trace_keeps_the_last_faults)
{
        struct mapped_device *md = run("read_error 1");
        g_autofree char *trace = NULL;
        g_auto(GStrv) lines = NULL;

        for (unsigned i = 0; i < 3000; i++)
                read_fails(md, i % SECTORS);
        trace = unit_message(md, "trace");
        lines = g_strsplit(trace, "\n", -1);
        cr_expect_eq(g_strv_length(lines), 1025);
        cr_expect(g_str_has_prefix(lines[0], "1977 read_error read "));
        cr_expect(g_str_has_prefix(lines[1023], "3000 read_error read "));
        unit_destroy(md);
}
