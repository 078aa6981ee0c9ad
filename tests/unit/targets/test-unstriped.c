/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static char *dir, *disks[3];

static void init(void)
{
        static const char *const names[] = {"d0", "d1", "d2"};

        dm_init();
        dir = unit_mkdtemp();
        for (unsigned i = 0; i < 3; i++)
                disks[i] = unit_file(dir, names[i], 256);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        for (unsigned i = 0; i < 3; i++)
                g_free(disks[i]);
        unit_rmdir(dir);
}

TestSuite(unstriped, .init = init, .fini = fini, .timeout = 60);

Test(unstriped, round_trips)
{
        g_autofree char *text = g_strdup_printf("0 64 unstriped 3 8 2 %s 16\n"
                                                "64 21 unstriped 4 7 4 %s 0\n"
                                                "85 8 unstriped 1 8 5 %s 0",
                                                disks[0], disks[0], disks[0]);

        unit_round_trip(text);
}

Test(unstriped, refuses_bad_arguments)
{
        static const struct {
                const char *head, *tail, *mentions;
        } bad[] = {
                {"0 64 unstriped 0 8 0", "0", "'stripes' must be a number from 1 to 4294967295"},
                {"0 64 unstriped 3 0 0", "0", "'chunk size' must be a number from 1"},
                {"0 64 unstriped 3 8 4", "0", "'stripe' must be a number from 0 to 3, got '4'"},
                {"0 100 unstriped 3 8 0", "0", "100 sectors is no multiple of 8 sectors"},
                {"0 64 unstriped 3 8 0", "", "'offset' is missing"},
                {"0 64 unstriped 3 8 0", "0 1", "takes no more arguments, got '1'"},
                {"0 17179869180 unstriped 4294967295 4294967295 0", "0", "beyond any device"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text =
                        g_strdup_printf("%s %s %s", bad[i].head, disks[0], bad[i].tail);

                unit_table_fails(text, EINVAL, bad[i].mentions);
        }
}

/* Each unstriped device is the disk that the striped one has its stripe on. */
Test(unstriped, undoes_striped)
{
        g_autofree char *text = g_strdup_printf("0 768 striped 3 8 %s 0 %s 0 %s 0", disks[0],
                                                disks[1], disks[2]);
        struct mapped_device *striped = run_device("st", text);
        char *all = g_malloc(768 * 512), *part = g_malloc(256 * 512);

        for (unsigned i = 0; i < 768 * 512; i++)
                all[i] = (char)(i * 7 + i / 512);
        cr_assert_eq(do_io(striped, DM_OP_WRITE, 0, 768 * 512, all), 0);
        for (unsigned i = 0; i < 3; i++) {
                g_autofree char *line = g_strdup_printf("0 256 unstriped 3 8 %u st 0", i);
                struct mapped_device *md = run_device("u", line);
                g_autofree char *raw = unit_read_file(disks[i]);

                cr_expect_eq(do_io(md, DM_OP_READ, 0, 256 * 512, part), 0);
                cr_expect_arr_eq(part, raw, 256 * 512);
                memset(part, (int)i, 16 * 512);
                cr_expect_eq(do_io(md, DM_OP_WRITE, 4 * 512 + 1, 16 * 512, part), 0);
                g_free(raw);
                raw = unit_read_file(disks[i]);
                cr_expect_arr_eq(raw + 4 * 512 + 1, part, 16 * 512);
                unit_destroy(md);
        }
        unit_destroy(striped);
        g_free(all);
        g_free(part);
}

Test(unstriped, does_not_make_a_file_longer)
{
        g_autofree char *text = g_strdup_printf("0 256 unstriped 3 8 3 %s 0", disks[0]);
        struct mapped_device *md = run_device("u", text);
        char buf[512] = "x";
        struct stat st;

        cr_expect_eq(do_io(md, DM_OP_WRITE, 255 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 255 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), 0);
        cr_assert_eq(stat(disks[0], &st), 0);
        cr_expect_eq(st.st_size, 256 * 512);
        unit_destroy(md);
}
