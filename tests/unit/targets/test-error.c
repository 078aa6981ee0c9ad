/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static char *dir, *disk;

static void init(void)
{
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 64);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(error, .init = init, .fini = fini, .timeout = 60);

Test(error, round_trips_with_and_without_a_device)
{
        g_autofree char *text = g_strdup_printf("0 8 error\n8 8 error %s 24", disk);

        unit_round_trip(text);
}

Test(error, refuses_bad_arguments)
{
        g_autofree char *alone = g_strdup_printf("0 8 error %s", disk);
        g_autofree char *odd = g_strdup_printf("0 8 error %s 5x", disk);
        g_autofree char *more = g_strdup_printf("0 8 error %s 0 9", disk);

        unit_table_fails("0 64 error 1 2", ENOENT, "line 1: error: 1: No such file");
        unit_table_fails(alone, EINVAL, "line 1: error: 'offset' is missing");
        unit_table_fails(odd, EINVAL, "'offset' must be a number of sectors, got '5x'");
        unit_table_fails(more, EINVAL, "error: takes no more arguments, got '9'");
}

Test(error, fails_everything_but_a_flush)
{
        struct mapped_device *md = run_device("e", "0 64 error");
        char buf[512] = "";

        cr_expect_eq(do_io(md, DM_OP_READ, 0, sizeof(buf), buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 0, sizeof(buf), buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE_ZEROES, 0, 512, NULL), -EIO);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        unit_destroy(md);
}

Test(error, fails_only_its_own_range)
{
        g_autofree char *text = g_strdup_printf(
                "0 8 linear %s 0\n8 8 error %s 8\n16 8 linear %s 16", disk, disk, disk);
        struct mapped_device *md = run_device("e", text);
        char buf[24 * 512] = "";

        cr_expect_eq(do_io(md, DM_OP_READ, 0, 8 * 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 8 * 512 - 1, 2, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 16 * 512 - 1, 1, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 16 * 512, 8 * 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 0, sizeof(buf), buf), -EIO);
        unit_destroy(md);
}
