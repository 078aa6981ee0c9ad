/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
}

TestSuite(zero, .init = dm_init, .fini = fini, .timeout = 60);

Test(zero, round_trips)
{
        unit_round_trip("0 64 zero");
}

Test(zero, takes_no_arguments)
{
        unit_table_fails("0 64 zero 1", EINVAL, "line 1: zero: takes no more arguments, got '1'");
}

Test(zero, reads_zeroes_whatever_was_written)
{
        struct mapped_device *md = run_device("z", "0 64 zero");
        char buf[1000], zeroes[1000] = "";

        memset(buf, 'x', sizeof(buf));
        cr_expect_eq(do_io(md, DM_OP_WRITE, 5, sizeof(buf), buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 5, sizeof(buf), buf), 0);
        cr_expect_arr_eq(buf, zeroes, sizeof(buf));
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_WRITE_ZEROES, 0, 512, NULL), 0);
        unit_destroy(md);
}

Test(zero, is_one_hole)
{
        struct mapped_device *md = run_device("z", "0 64 zero");
        uint64_t found;

        cr_expect_eq(dm_seek(md, DM_SEEK_DATA, 0, &found), -ENXIO);
        cr_expect_eq(dm_seek(md, DM_SEEK_HOLE, 100, &found), 0);
        cr_expect_eq(found, 100);
        unit_destroy(md);
}
