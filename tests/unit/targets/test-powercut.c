/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define SECTOR 512u
#define SECTORS 8192u /* 4 MiB */

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
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(powercut, .init = init, .fini = fini, .timeout = 120);

static struct mapped_device *run(const char *options)
{
        g_autofree char *text = g_strdup_printf("0 %u powercut %s 0%s", SECTORS, disk, options);

        return run_device("p", text);
}

/* The first byte of each of COUNT sectors of what RAW holds from SECTOR on; '.' for 0. */
static char *letters(const char *raw, unsigned sector, unsigned count)
{
        char *out = g_malloc0(count + 1);

        for (unsigned i = 0; i < count; i++) {
                const char *at = raw + (uint64_t)(sector + i) * SECTOR;

                out[i] = *at ? *at : '.';
                for (unsigned b = 1; b < SECTOR; b++)
                        cr_assert_eq(at[b], *at, "sector %u is torn", sector + i);
        }
        return out;
}

static void expect_disk(unsigned sector, const char *expected)
{
        g_autofree char *raw = unit_read_file(disk);
        g_autofree char *seen = letters(raw, sector, (unsigned)strlen(expected));

        cr_expect_str_eq(seen, expected);
}

static void expect_device(struct mapped_device *md, unsigned sector, const char *expected)
{
        unsigned count = (unsigned)strlen(expected);
        g_autofree char *buf = g_malloc(count * SECTOR), *seen = NULL;

        cr_assert_eq(do_io(md, DM_OP_READ, sector * SECTOR, count * SECTOR, buf), 0);
        seen = letters(buf, 0, count);
        cr_expect_str_eq(seen, expected);
}

Test(powercut, round_trips)
{
        g_autofree char *text = g_strdup_printf("0 8 powercut %s 8 cache_mb 1\n"
                                                "8 8 powercut %s 0 cache_mb 1048576",
                                                disk, disk);
        g_autofree char *plain = g_strdup_printf("0 8 powercut %s 8", disk), *shown = NULL;
        g_autofree char *full = g_strdup_printf("0 8 powercut %s 8 cache_mb 64", disk);
        struct dm_table *table = unit_table(plain);

        unit_round_trip(text);
        shown = unit_table_text(table, 0);
        cr_expect_str_eq(shown, full);
        dm_table_unref(table);
}

Test(powercut, refuses_bad_arguments)
{
        static const struct {
                const char *rest, *mentions;
        } bad[] = {
                {"", "'offset' is missing"},
                {"0 cache 5", "there is no option 'cache'"},
                {"0 cache_mb", "'cache_mb' is missing"},
                {"0 cache_mb 0", "'cache_mb' must be a number from 1 to 1048576, got '0'"},
                {"0 cache_mb 1 2", "takes no more arguments, got '2'"},
        };

        unit_table_fails("0 8 powercut", EINVAL, "line 1: powercut: 'device' is missing");
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("0 8 powercut %s %s", disk, bad[i].rest);

                unit_table_fails(text, EINVAL, bad[i].mentions);
        }
}

Test(powercut, refuses_bad_messages)
{
        struct mapped_device *md = run("");

        unit_message_fails(md, "bogus", "there is no message 'bogus'");
        unit_message_fails(md, "power-on", "the power is on");
        unit_message_fails(md, "cut keep", "'keep' needs a value");
        unit_message_fails(md, "cut keep some", "'keep' must be none, all or random, got 'some'");
        unit_message_fails(md, "cut seed x", "'seed' must be a number, got 'x'");
        unit_message_fails(md, "cut tear 100", "'tear' must be a multiple of 512 up to 1048576");
        unit_message_fails(md, "cut tear 0", "'tear' must be a multiple of 512");
        unit_message_fails(md, "cut 5", "there is no option '5'");
        unit_expect_status(md, "on durable 0 volatile 0 lost 0 cuts 0 seed 0");
        unit_expect_message(md, "cut keep all seed 7", "seed 7 survived 0 lost 0");
        unit_message_fails(md, "cut", "the power is off");
        unit_message_fails(md, "power-on 1", "takes no arguments, got '1'");
        unit_expect_message(md, "power-on", "");
        unit_destroy(md);
}

Test(powercut, writes_are_read_back_but_not_on_the_disk_until_a_flush)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 2, 3);
        unit_write(md, 'b', 3, 1);
        expect_device(md, 0, "..aba...");
        expect_disk(0, "........");
        unit_expect_status(md, "on durable 0 volatile 3 lost 0 cuts 0 seed 0");
        unit_flush(md);
        expect_device(md, 0, "..aba...");
        expect_disk(0, "..aba...");
        unit_expect_status(md, "on durable 3 volatile 0 lost 0 cuts 0 seed 0");
        unit_destroy(md);
}

Test(powercut, fua_makes_itself_durable_and_nothing_else)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 0, 4);
        unit_write_fua(md, 'f', 1, 2);
        expect_disk(0, ".ff.");
        expect_device(md, 0, "affa");
        unit_expect_message(md, "cut keep none seed 1", "seed 1 survived 0 lost 2");
        unit_expect_message(md, "power-on", "");
        expect_device(md, 0, ".ff.");
        unit_destroy(md);
}

Test(powercut, a_cut_that_keeps_nothing_loses_what_was_not_flushed)
{
        struct mapped_device *md = run("");
        char buf[SECTOR] = "x";

        unit_write(md, 'a', 0, 4);
        unit_flush(md);
        unit_write(md, 'b', 0, 2);
        unit_expect_message(md, "cut keep none seed 3", "seed 3 survived 0 lost 2");
        cr_expect_eq(do_io(md, DM_OP_READ, 0, SECTOR, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, SECTOR, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 7, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 0, SECTOR, NULL), -EIO);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), -EIO);
        unit_expect_status(md, "off durable 4 volatile 0 lost 2 cuts 1 seed 3");
        unit_expect_message(md, "power-on", "");
        expect_device(md, 0, "aaaa");
        unit_destroy(md);
}

Test(powercut, a_cut_that_keeps_everything_loses_nothing)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 0, 4);
        unit_write(md, 'b', 1, 1);
        cr_expect_eq(do_io(md, DM_OP_WRITE_ZEROES, 3 * SECTOR, SECTOR, NULL), 0);
        unit_expect_message(md, "cut keep all seed 3", "seed 3 survived 4 lost 0");
        expect_disk(0, "aba.");
        unit_destroy(md);
}

/* What a random cut leaves of A..., then B over its second half, flushed never. */
static char *leftover(unsigned seed, unsigned tear)
{
        g_autofree char *message =
                g_strdup_printf("cut seed %u keep random tear %u", seed, tear), *reply = NULL;
        g_autofree char *raw = NULL;
        struct mapped_device *md;

        unlink(disk);
        g_free(disk);
        disk = unit_file(dir, "disk", SECTORS);
        md = run("");
        unit_write(md, 'a', 0, 64);
        unit_write(md, 'b', 32, 32);
        reply = unit_message(md, message);
        cr_expect(g_str_has_prefix(reply, "seed "), "%s", reply);
        unit_destroy(md);
        raw = unit_read_file(disk);
        return letters(raw, 0, 64);
}

Test(powercut, a_random_cut_is_the_same_for_the_same_seed)
{
        g_autofree char *one = leftover(1, 512), *again = leftover(1, 512), *two = leftover(2, 512);
        unsigned old = 0, a = 0, b = 0;

        cr_expect_str_eq(one, again);
        cr_expect_str_neq(one, two);
        for (unsigned i = 0; i < 64; i++) {
                old += one[i] == '.';
                a += one[i] == 'a';
                b += one[i] == 'b';
                cr_expect(i >= 32 || one[i] != 'b');
        }
        cr_expect(old > 8 && a > 8 && b > 4, "%s", one);
}

Test(powercut, tear_keeps_units_whole)
{
        g_autofree char *left = leftover(5, 4096), *whole = leftover(6, 32 * 512);

        for (unsigned i = 0; i < 64; i++) {
                cr_expect_eq(left[i], left[i / 8 * 8], "%s", left);
                cr_expect_eq(whole[i], whole[i / 32 * 32], "%s", whole);
        }
}

/* An older version of a sector may be the one that survives. */
Test(powercut, any_version_may_survive)
{
        bool seen[4] = {false};

        for (unsigned seed = 0; seed < 64; seed++) {
                g_autofree char *message = g_strdup_printf("cut seed %u", seed), *reply = NULL;
                g_autofree char *raw = NULL;
                struct mapped_device *md = run("");

                unit_write(md, '0', 9, 1);
                unit_flush(md);
                for (char c = '1'; c <= '3'; c++)
                        unit_write(md, c, 9, 1);
                reply = unit_message(md, message);
                unit_destroy(md);
                raw = unit_read_file(disk);
                cr_assert(raw[9 * SECTOR] >= '0' && raw[9 * SECTOR] <= '3');
                seen[raw[9 * SECTOR] - '0'] = true;
        }
        for (unsigned i = 0; i < 4; i++)
                cr_expect(seen[i], "version %u never survived", i);
}

struct writer {
        struct mapped_device *md;
        unsigned part;
};

static void *write_part(void *arg)
{
        struct writer *w = arg;

        for (unsigned i = 0; i < 100; i++)
                unit_write(w->md, (char)('a' + i % 26), w->part * 64 + i % 50, 1 + i % 8);
        return NULL;
}

static char *write_in_parallel_and_cut(void)
{
        struct writer writers[4];
        pthread_t threads[4];
        struct mapped_device *md;

        unlink(disk);
        g_free(disk);
        disk = unit_file(dir, "disk", SECTORS);
        md = run("");
        for (unsigned i = 0; i < 4; i++) {
                writers[i] = (struct writer){md, i};
                pthread_create(&threads[i], NULL, write_part, &writers[i]);
        }
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        g_free(unit_message(md, "cut seed 11"));
        unit_destroy(md);
        return unit_read_file(disk);
}

Test(powercut, a_cut_does_not_depend_on_how_threads_ran)
{
        g_autofree char *one = write_in_parallel_and_cut(), *two = write_in_parallel_and_cut();

        cr_expect_arr_eq(one, two, SECTORS * SECTOR);
}

Test(powercut, the_cache_is_bounded_and_spills_the_oldest)
{
        struct mapped_device *md = run(" cache_mb 1");

        for (unsigned i = 0; i < 4; i++)
                unit_write(md, (char)('a' + i), i * 1024, 1024);
        expect_disk(0, "aa");
        expect_disk(1024, "bb");
        expect_disk(2 * 1024, ".");
        unit_expect_status(md, "on durable 2048 volatile 2048 lost 0 cuts 0 seed 0");
        expect_device(md, 3 * 1024, "dd");
        unit_expect_message(md, "cut keep none seed 1", "seed 1 survived 0 lost 2048");
        unit_expect_message(md, "power-on", "");
        expect_device(md, 0, "aa");
        expect_device(md, 2 * 1024, "..");
        unit_destroy(md);
}

Test(powercut, rewriting_a_sector_for_ever_takes_no_more_than_the_cache)
{
        struct mapped_device *md = run(" cache_mb 1");

        for (unsigned i = 0; i < 5000; i++)
                unit_write(md, (char)('a' + i % 26), 5, 1);
        expect_device(md, 5, "h"); /* 4999 % 26 */
        unit_destroy(md);
        expect_disk(5, "h");
}

Test(powercut, suspending_writes_the_cache_out)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 0, 4);
        cr_assert(dm_suspend(md, DM_SUSPEND_NOFLUSH, NULL));
        expect_disk(0, "aaaa");
        unit_expect_message(md, "cut keep none seed 2", "seed 2 survived 0 lost 0");
        unit_expect_message(md, "power-on", "");
        cr_assert(dm_resume(md, 0, NULL));
        unit_write(md, 'b', 0, 4);
        expect_disk(0, "aaaa");
        unit_destroy(md);
        expect_disk(0, "bbbb");
}

Test(powercut, a_killed_device_loses_its_cache)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 0, 4);
        dm_destroy_immediate(md);
        expect_disk(0, "....");
}

Test(powercut, discards_read_as_zeroes_and_may_be_lost)
{
        struct mapped_device *md = run("");

        unit_write(md, 'a', 0, 8);
        unit_flush(md);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 2 * SECTOR, 4 * SECTOR, NULL), 0);
        expect_device(md, 0, "aa....aa");
        expect_disk(0, "aaaaaaaa");
        unit_expect_message(md, "cut keep none seed 2", "seed 2 survived 0 lost 4");
        unit_expect_message(md, "power-on", "");
        expect_device(md, 0, "aaaaaaaa");
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 2 * SECTOR, 4 * SECTOR, NULL), 0);
        unit_flush(md);
        expect_disk(0, "aa....aa");
        unit_destroy(md);
}

Test(powercut, an_error_of_the_lower_device_comes_with_the_flush)
{
        g_autofree char *below = g_strdup_printf("0 8 linear %s 0\n8 8 error", disk);
        struct mapped_device *low = run_device("low", below);
        struct mapped_device *md = run_device("p", "0 16 powercut low 0");

        unit_write(md, 'a', 4, 8);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), -EIO);
        expect_device(md, 4, "aaaaaaaa");
        unit_destroy(md);
        unit_destroy(low);
}

/* Random reads and writes of any bytes, flushes, zeroes and spills, against a copy in memory. */
Test(powercut, any_byte_can_be_written_and_read)
{
        enum { SIZE = 64 * 1024 };
        struct mapped_device *md = run(" cache_mb 1");
        char *model = g_malloc0(SIZE), *buf = g_malloc(SIZE);
        g_autofree char *raw = NULL;
        GRand *rand = g_rand_new_with_seed(3);

        for (unsigned i = 0; i < 3000; i++) {
                unsigned offset = (unsigned)g_rand_int_range(rand, 0, SIZE - 1);
                unsigned len = (unsigned)g_rand_int_range(rand, 1, MIN(SIZE - (int)offset, 3000) + 1);

                switch (g_rand_int_range(rand, 0, 8)) {
                case 0:
                        unit_flush(md);
                        break;
                case 1:
                        memset(model + offset, 0, len);
                        cr_assert_eq(do_io(md, DM_OP_WRITE_ZEROES, offset, len, NULL), 0);
                        break;
                case 2:
                        memset(model + offset, 0, len);
                        cr_assert_eq(do_io(md, DM_OP_DISCARD, offset, len, NULL), 0);
                        break;
                case 3:
                case 4:
                        cr_assert_eq(do_io(md, DM_OP_READ, offset, len, buf), 0);
                        cr_assert_arr_eq(buf, model + offset, len);
                        break;
                default:
                        for (unsigned at = 0; at < len; at++)
                                model[offset + at] = buf[at] = (char)g_rand_int_range(rand, 0, 256);
                        cr_assert_eq(do_io(md, DM_OP_WRITE, offset, len, buf), 0);
                }
        }
        unit_destroy(md);
        raw = unit_read_file(disk);
        cr_expect_arr_eq(raw, model, SIZE);
        g_rand_free(rand);
        g_free(model);
        g_free(buf);
}

static void *write_bytes(void *arg)
{
        struct writer *w = arg;
        char c = (char)('a' + w->part);

        for (unsigned i = 0; i < 300; i++) {
                uint64_t offset = (i % 100) * SECTOR + w->part * 100;

                cr_assert_eq(do_io(w->md, DM_OP_WRITE, offset, 1, &c), 0);
                if (i % 16 == 0)
                        unit_flush(w->md);
        }
        return NULL;
}

Test(powercut, parts_of_one_sector_do_not_undo_each_other)
{
        struct mapped_device *md = run("");
        struct writer writers[4];
        g_autofree char *raw = NULL;
        pthread_t threads[4];

        for (unsigned i = 0; i < 4; i++) {
                writers[i] = (struct writer){md, i};
                pthread_create(&threads[i], NULL, write_bytes, &writers[i]);
        }
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        unit_destroy(md);
        raw = unit_read_file(disk);
        for (unsigned s = 0; s < 100; s++)
                for (unsigned i = 0; i < 4; i++)
                        cr_assert_eq(raw[s * SECTOR + i * 100], (char)('a' + i));
}
