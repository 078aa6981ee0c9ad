/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#define DISKS 4u
#define DISK_SECTORS 1024u

static char *dir, *disks[DISKS];

static void init(void)
{
        static const char *const names[DISKS] = {"d0", "d1", "d2", "d3"};

        dm_init();
        dir = unit_mkdtemp();
        for (unsigned i = 0; i < DISKS; i++)
                disks[i] = unit_file(dir, names[i], DISK_SECTORS);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        for (unsigned i = 0; i < DISKS; i++)
                g_free(disks[i]);
        unit_rmdir(dir);
}

TestSuite(striped, .init = init, .fini = fini, .timeout = 60);

/* A line of COUNT stripes; stripe i begins at sector 8 * i of disk i. */
static char *line(unsigned length, unsigned count, unsigned chunk)
{
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "0 %u striped %u %u", length, count, chunk);
        for (unsigned i = 0; i < count; i++)
                g_string_append_printf(text, " %s %u", disks[i], 8 * i);
        return g_string_free(text, FALSE);
}

Test(striped, round_trips)
{
        g_autofree char *two = line(1024, 2, 8), *three = line(144, 3, 24), *one = line(64, 1, 8);

        unit_round_trip(one);
        unit_round_trip(two);
        unit_round_trip(three);
}

Test(striped, status_shows_the_devices_and_who_is_alive)
{
        g_autofree char *text = line(1024, 2, 8), *status = NULL;
        g_autofree char *expected =
                g_strdup_printf("0 1024 striped 2 %s %s 1 AA", disks[0], disks[1]);
        struct dm_table *table = unit_table(text);

        status = unit_table_text(table, DM_TEXT_STATUS);
        cr_expect_str_eq(status, expected);
        dm_table_unref(table);
}

Test(striped, measures_where_each_stripe_lies)
{
        g_autofree char *text = line(1024, 2, 8), *measured = NULL;
        g_autofree char *expected = g_strdup_printf(
                "0 1024 striped target_name=striped,target_version=1.6.0,stripes=2,chunk_size=8,"
                "stripe_0_device_name=%s,stripe_0_physical_start=0,stripe_0_status=A,"
                "stripe_1_device_name=%s,stripe_1_physical_start=8,stripe_1_status=A;",
                disks[0], disks[1]);
        struct dm_table *table = unit_table(text);

        measured = unit_table_text(table, DM_TEXT_MEASURE);
        cr_expect_str_eq(measured, expected);
        dm_table_unref(table);
}

static void fails(const char *head, unsigned devices, const char *mentions)
{
        GString *text = g_string_new(head);

        for (unsigned i = 0; i < devices; i++)
                g_string_append_printf(text, " %s 0", disks[i]);
        unit_table_fails(text->str, EINVAL, mentions);
        g_string_free(text, TRUE);
}

Test(striped, refuses_bad_arguments)
{
        g_autofree char *odd = g_strdup_printf("0 64 striped 2 8 %s 0 %s 1x", disks[0], disks[1]);
        g_autofree char *absent = g_strdup_printf("0 64 striped 2 8 %s 0 /nonexistent 0", disks[0]);

        fails("0 64 striped", 0, "line 1: striped: 'stripes' is missing");
        fails("0 64 striped 2", 0, "'chunk size' is missing");
        fails("0 64 striped 0 8", 0, "'stripes' must be a number from 1 to 4294967295, got '0'");
        fails("0 64 striped 2x 8", 2, "'stripes' must be a number from 1 to 4294967295, got '2x'");
        fails("0 64 striped 2 0", 2, "'chunk size' must be a number from 1 to 4294967295, got '0'");
        fails("0 64 striped 2 8", 1, "2 stripes need 4 arguments '<device> <offset>', got 2");
        fails("0 64 striped 2 8", 3, "2 stripes need 4 arguments '<device> <offset>', got 6");
        fails("0 64 striped 4294967295 8", 2, "is no multiple of 4294967295 stripes");
        unit_table_fails(odd, EINVAL, "'offset' must be a number of sectors, got '1x'");
        unit_table_fails(absent, ENOENT, "line 1: striped: /nonexistent: No such file");
}

Test(striped, needs_a_length_of_whole_rows)
{
        static const char *const heads[] = {"0 100 striped 2 8", "0 104 striped 2 8",
                                            "0 65 striped 2 8", "0 64 striped 2 7"};
        g_autofree char *small = line(64, 2, 4);

        for (size_t i = 0; i < G_N_ELEMENTS(heads); i++)
                fails(heads[i], 2, "sectors is no multiple of 2 stripes of");
        dm_table_unref(unit_table(small));
}

/* Where byte OFFSET has to be, worked out slowly. */
static void place(uint64_t offset, unsigned count, unsigned chunk, unsigned *ret_disk,
                  uint64_t *ret_offset)
{
        uint64_t bytes = chunk * 512u, number = offset / bytes;

        *ret_disk = (unsigned)(number % count);
        *ret_offset = *ret_disk * 8 * 512 + number / count * bytes + offset % bytes;
}

/* Random I/O at any byte, against a copy in memory; at the end each byte is looked for on disk. */
static void check_mapping(unsigned length, unsigned count, unsigned chunk)
{
        g_autofree char *text = line(length, count, chunk);
        struct mapped_device *md = run_device("s", text);
        unsigned size = length * 512;
        char *model = g_malloc0(size), *buf = g_malloc(size), *file[DISKS] = {NULL};
        GRand *rand = g_rand_new_with_seed(count * 1000 + chunk);

        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, size, model), 0);
        for (unsigned i = 0; i < 300; i++) {
                unsigned offset = (unsigned)g_rand_int_range(rand, 0, (int)size - 1);
                unsigned len = (unsigned)g_rand_int_range(rand, 1, (int)(size - offset) + 1);

                switch (g_rand_int_range(rand, 0, 4)) {
                case 0:
                        cr_assert_eq(do_io(md, DM_OP_READ, offset, len, buf), 0);
                        cr_assert_eq(memcmp(buf, model + offset, len), 0);
                        break;
                case 1:
                        len = MIN(len, size / 8);
                        memset(model + offset, 0, len);
                        cr_assert_eq(do_io(md, DM_OP_WRITE_ZEROES, offset, len, NULL), 0);
                        break;
                default:
                        for (unsigned at = 0; at < len; at++)
                                buf[at] = (char)g_rand_int_range(rand, 0, 256);
                        memcpy(model + offset, buf, len);
                        cr_assert_eq(do_io(md, DM_OP_WRITE, offset, len, buf), 0);
                }
        }
        unit_destroy(md);

        for (unsigned i = 0; i < count; i++)
                cr_assert(g_file_get_contents(disks[i], &file[i], NULL, NULL));
        for (uint64_t offset = 0; offset < size; offset++) {
                unsigned disk;
                uint64_t at;

                place(offset, count, chunk, &disk, &at);
                cr_assert_eq(file[disk][at], model[offset], "byte %" G_GUINT64_FORMAT, offset);
        }
        for (unsigned i = 0; i < count; i++)
                g_free(file[i]);
        g_rand_free(rand);
        g_free(model);
        g_free(buf);
}

Test(striped, maps_with_powers_of_two)
{
        check_mapping(1024, 2, 8);
        check_mapping(256, 4, 1);
        check_mapping(64, 1, 8);
}

Test(striped, maps_with_other_numbers)
{
        check_mapping(144, 3, 24);
        check_mapping(16 * 3 * 8, 3, 16);
        check_mapping(7 * 4 * 6, 4, 7);
}

Test(striped, checks_that_each_stripe_fits)
{
        g_autofree char *fits = line(2 * (DISK_SECTORS - 8), 2, 8);
        g_autofree char *not = line(2 * DISK_SECTORS, 2, 8);
        g_autofree char *why = g_strdup_printf(
                "%s: device is too small: striped needs 1032 sectors, it has 1024", disks[1]);
        struct dm_table *table = unit_table(fits);
        GError *error = NULL;

        cr_expect(dm_table_check_sizes(table, &error));
        dm_table_unref(table);
        table = unit_table(not);
        cr_expect_not(dm_table_check_sizes(table, &error));
        cr_expect_str_eq(error->message, why);
        g_error_free(error);
        dm_table_unref(table);
}

static bool never(void *user)
{
        return false;
}

Test(striped, marks_a_stripe_that_gave_an_error_and_tells)
{
        struct mapped_device *bad = run_device("bad", "0 64 error");
        g_autofree char *text = g_strdup_printf("0 64 striped 2 8 %s 0 bad 0", disks[0]);
        g_autofree char *expected = g_strdup_printf("2 %s bad 1 AD", disks[0]);
        struct mapped_device *md = run_device("s", text);
        char buf[512];
        uint32_t number;
        GArray *status;

        cr_expect_eq(do_io(md, DM_OP_READ, 0, sizeof(buf), buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 8 * 512, sizeof(buf), buf), -EIO);
        status = dm_table_text(md, DM_TEXT_STATUS);
        cr_expect_str_eq(g_array_index(status, struct dm_target_text, 0).text, expected);
        g_array_unref(status);
        cr_assert(dm_get(md));
        cr_expect(dm_wait_event(md, 0, never, NULL, &number));
        cr_expect_eq(number, 1);
        unit_destroy(md);
        unit_destroy(bad);
}
