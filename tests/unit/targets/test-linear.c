/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static char *dir, *disk;

static void init(void)
{
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 2048);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(linear, .init = init, .fini = fini, .timeout = 60);

Test(linear, round_trips)
{
        g_autofree char *text =
                g_strdup_printf("0 8 linear %s 24\n8 16 linear %s 0", disk, disk);

        unit_round_trip(text);
}

Test(linear, refuses_bad_arguments)
{
        static const char *const bad[] = {"x", "-1", "8x", "0x10", "1.5", "+16"};
        g_autofree char *alone = g_strdup_printf("0 64 linear %s", disk);
        g_autofree char *more = g_strdup_printf("0 64 linear %s 0 0", disk);

        unit_table_fails("0 64 linear", EINVAL, "line 1: linear: 'device' is missing");
        unit_table_fails(alone, EINVAL, "line 1: linear: 'offset' is missing");
        unit_table_fails(more, EINVAL, "linear: takes no more arguments, got '0'");
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("0 64 linear %s %s", disk, bad[i]);
                g_autofree char *why = g_strdup_printf(
                        "line 1: linear: 'offset' must be a number of sectors, got '%s'", bad[i]);

                unit_table_fails(text, EINVAL, why);
        }
}

Test(linear, status_is_empty)
{
        g_autofree char *text = g_strdup_printf("0 8 linear %s 24", disk), *status = NULL;
        struct dm_table *table = unit_table(text);

        status = unit_table_text(table, DM_TEXT_STATUS);
        cr_expect_str_eq(status, "0 8 linear");
        dm_table_unref(table);
}

Test(linear, measures_its_place)
{
        g_autofree char *text = g_strdup_printf("0 8 linear %s 24\n8 8 zero", disk);
        g_autofree char *measured = NULL;
        g_autofree char *expected = g_strdup_printf("0 8 linear target_name=linear,target_version=1.4.0,"
                                                    "device_name=%s,start=24;\n8 8 zero", disk);
        struct dm_table *table = unit_table(text);

        measured = unit_table_text(table, DM_TEXT_MEASURE);
        cr_expect_str_eq(measured, expected);
        dm_table_unref(table);
}

/* Random I/O at any byte, over segments that lie backwards on the disk, against a copy in memory. */
Test(linear, maps_every_byte_to_its_place)
{
        enum { SEGMENTS = 16, SEGMENT = 128 * 512, SIZE = SEGMENTS * SEGMENT };
        GString *text = g_string_new(NULL);
        GRand *rand = g_rand_new_with_seed(3);
        char *model = g_malloc0(SIZE), *buf = g_malloc(SIZE);
        struct mapped_device *md;
        g_autofree char *file = NULL;
        gsize length;

        for (unsigned i = 0; i < SEGMENTS; i++)
                g_string_append_printf(text, "%u 128 linear %s %u\n", i * 128, disk,
                                       (SEGMENTS - 1 - i) * 128);
        md = run_device("l", text->str);
        for (unsigned i = 0; i < 300; i++) {
                unsigned offset = (unsigned)g_rand_int_range(rand, 0, SIZE - 1);
                unsigned len = (unsigned)g_rand_int_range(
                        rand, 1, (int)MIN(SIZE - offset, 3 * SEGMENT) + 1);

                if (g_rand_boolean(rand)) {
                        memset(buf, g_rand_int_range(rand, 0, 256), len);
                        memcpy(model + offset, buf, len);
                        cr_assert_eq(do_io(md, DM_OP_WRITE, offset, len, buf), 0);
                } else {
                        cr_assert_eq(do_io(md, DM_OP_READ, offset, len, buf), 0);
                        cr_assert_eq(memcmp(buf, model + offset, len), 0);
                }
        }
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        unit_destroy(md);

        cr_assert(g_file_get_contents(disk, &file, &length, NULL));
        cr_assert_eq(length, SIZE);
        for (unsigned i = 0; i < SEGMENTS; i++)
                cr_expect_eq(memcmp(file + (SEGMENTS - 1 - i) * SEGMENT, model + i * SEGMENT,
                                    SEGMENT),
                             0);
        g_string_free(text, TRUE);
        g_rand_free(rand);
        g_free(model);
        g_free(buf);
}

Test(linear, on_a_mapped_device_reaches_it_within_the_process)
{
        g_autofree char *text = g_strdup_printf("0 64 linear %s 0", disk);
        struct mapped_device *low = run_device("low", text);
        struct mapped_device *top = run_device("top", "0 8 linear low 8");
        char out[512], in[512] = "";

        memset(out, 'x', sizeof(out));
        cr_expect_eq(do_io(top, DM_OP_WRITE, 100, sizeof(out), out), 0);
        cr_expect_eq(do_io(low, DM_OP_READ, 8 * 512 + 100, sizeof(in), in), 0);
        cr_expect_arr_eq(in, out, sizeof(in));
        cr_expect_eq(do_io(top, DM_OP_FLUSH, 0, 0, NULL), 0);
        unit_destroy(top);
        unit_destroy(low);
}
