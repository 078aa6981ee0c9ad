/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static char *dir, *disks[3];

static void init(void)
{
        static const char *const names[] = {"d0", "d1", "d2"};

        dm_init();
        dir = unit_mkdtemp();
        for (unsigned i = 0; i < 3; i++) {
                g_autofree char *content = g_strnfill(64 * 512, (char)('0' + i));

                disks[i] = g_build_filename(dir, names[i], NULL);
                cr_assert(g_file_set_contents(disks[i], content, 64 * 512, NULL));
        }
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        for (unsigned i = 0; i < 3; i++)
                g_free(disks[i]);
        unit_rmdir(dir);
}

TestSuite(switch, .init = init, .fini = fini, .timeout = 60);

static struct mapped_device *run(unsigned region)
{
        g_autofree char *text = g_strdup_printf("0 64 switch 3 %u 0 %s 0 %s 0 %s 0", region,
                                                disks[0], disks[1], disks[2]);

        return run_device("s", text);
}

/* Which disk each of the regions is on. */
static void expect_paths(struct mapped_device *md, unsigned region, const char *expected)
{
        char buf[64 * 512];

        cr_assert_eq(do_io(md, DM_OP_READ, 0, sizeof(buf), buf), 0);
        for (unsigned i = 0; expected[i]; i++) {
                cr_expect_eq(buf[i * region * 512], expected[i], "region %u is on %c, not %c", i,
                             buf[i * region * 512], expected[i]);
                cr_expect_eq(buf[MIN((i + 1) * region, 64) * 512 - 1], expected[i]);
        }
}

Test(switch, round_trips)
{
        g_autofree char *text =
                g_strdup_printf("0 56 switch 2 128 0 %s 0 %s 8\n56 7 switch 1 3 0 %s 0", disks[0],
                                disks[1], disks[2]);

        unit_round_trip(text);
}

Test(switch, refuses_bad_arguments)
{
        g_autofree char *one = g_strdup_printf("0 64 switch 2 8 0 %s 0", disks[0]);
        g_autofree char *zero = g_strdup_printf("0 64 switch 1 0 0 %s 0", disks[0]);
        g_autofree char *option = g_strdup_printf("0 64 switch 1 8 1 %s 0", disks[0]);
        g_autofree char *odd = g_strdup_printf("0 64 switch 1 8 0 %s 1.5", disks[0]);

        unit_table_fails("0 64 switch 0 8 0", EINVAL, "'paths' must be a number from 1");
        unit_table_fails(one, EINVAL, "2 paths need 4 arguments '<device> <offset>', got 2");
        unit_table_fails(zero, EINVAL, "'region size' must be a number from 1");
        unit_table_fails(option, EINVAL, "'number of optional arguments' must be a number from 0");
        unit_table_fails(odd, EINVAL, "'offset' must be a number of sectors, got '1.5'");
}

Test(switch, regions_go_round_at_first_and_then_as_told)
{
        struct mapped_device *md = run(8);

        expect_paths(md, 8, "01201201");
        unit_expect_message(md, "set_region_mappings 0:1 1:2 2:0 3:1", "");
        expect_paths(md, 8, "12011201");
        unit_expect_message(md, "Set_Region_Mappings 4:2 :2 :1", "");
        expect_paths(md, 8, "12012211");
        unit_expect_message(md, "set_region_mappings :0", "");
        expect_paths(md, 8, "10012211");
        unit_expect_message(md, "set_region_mappings", "");
        unit_destroy(md);
}

Test(switch, repeats_mappings)
{
        struct mapped_device *md = run(8);

        unit_expect_message(md, "set_region_mappings 0:1 1:0 R2,6", "");
        expect_paths(md, 8, "10101010");
        unit_expect_message(md, "set_region_mappings 2:2 r1,3 :0 R1,0", "");
        expect_paths(md, 8, "10222200");
        unit_destroy(md);
}

Test(switch, numbers_are_hexadecimal)
{
        struct mapped_device *md = run(2);

        unit_expect_message(md, "set_region_mappings 0:0 R1,1f A:1 1f:2 1E:1", "");
        expect_paths(md, 2, "00000000001000000000000000000012");
        unit_destroy(md);
}

Test(switch, a_bad_message_changes_nothing)
{
        struct mapped_device *md = run(8);
        static const char *const bad[] = {
                "0:3",   "8:0", "0",    "x:0",  "0:",     "0:1x",  ":",
                "R2,1",  "R0,1", "R,1", "R1,",  "R1",     "R1,8",  "0x1:0",
                "7:0 :0", "",   "0:-1", "ffffffffffffffffff:0", "0:100000001", "R1,ffffffffffffffff",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("set_region_mappings 0:2 %s", bad[i]);

                unit_message_fails(md, text, "switch: ");
                expect_paths(md, 8, "01201201");
        }
        unit_message_fails(md, "nothing", "there is no message 'nothing'");
        unit_destroy(md);
}

Test(switch, writes_follow_the_regions)
{
        struct mapped_device *md = run(24);
        char buf[16 * 512];
        g_autofree char *first = NULL, *second = NULL;

        memset(buf, 'w', sizeof(buf));
        cr_expect_eq(do_io(md, DM_OP_WRITE, 20 * 512, sizeof(buf), buf), 0);
        first = unit_read_file(disks[0]);
        second = unit_read_file(disks[1]);
        cr_expect_eq(first[24 * 512 - 1], 'w');
        cr_expect_eq(first[24 * 512], '0');
        cr_expect_eq(second[24 * 512 - 1], '1');
        cr_expect_eq(second[24 * 512], 'w');
        cr_expect_eq(second[36 * 512], '1');
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        unit_destroy(md);
}
