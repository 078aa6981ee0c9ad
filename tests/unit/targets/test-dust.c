/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static char *dir, *disk;

static void init(void)
{
        dm_init();
        dir = unit_mkdtemp();
        disk = unit_file(dir, "disk", 1024);
}

static void fini(void)
{
        cr_expect_eq(dm_exit(), 0);
        g_free(disk);
        unit_rmdir(dir);
}

TestSuite(dust, .init = init, .fini = fini, .timeout = 60);

static struct mapped_device *run(unsigned offset, unsigned block)
{
        g_autofree char *text = g_strdup_printf("0 512 dust %s %u %u", disk, offset, block);

        return run_device("d", text);
}

static void expect_status(struct mapped_device *md, const char *rest)
{
        g_autofree char *expected = g_strdup_printf("%s %s", disk, rest);

        unit_expect_status(md, expected);
}

Test(dust, round_trips)
{
        g_autofree char *text = g_strdup_printf("0 8 dust %s 0 512\n8 1016 dust %s 8 4096", disk, disk);

        unit_round_trip(text);
}

Test(dust, refuses_bad_arguments)
{
        static const struct {
                const char *rest, *mentions;
        } bad[] = {
                {"0", "'block size' is missing"},
                {"0 100", "'block size' must be a number from 512 to 1073741824, got '100'"},
                {"0 256", "'block size' must be a number from 512 to 1073741824, got '256'"},
                {"0 768", "'block size' must be a power of two, got '768'"},
                {"0 8192", "'block size' is larger than the target, got '8192'"},
                {"0 512 1", "takes no more arguments, got '1'"},
                {"x 512", "'offset' must be a number of sectors, got 'x'"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("0 8 dust %s %s", disk, bad[i].rest);

                unit_table_fails(text, EINVAL, bad[i].mentions);
        }
}

Test(dust, keeps_a_list_of_bad_blocks)
{
        struct mapped_device *md = run(0, 512);

        unit_expect_message(md, "listbadblocks", "No blocks in badblocklist");
        unit_expect_message(md, "addbadblock 67", "");
        unit_expect_message(md, "ADDBADBLOCK 60", "");
        unit_expect_message(md, "addbadblock 1024 255", "");
        unit_message_fails(md, "addbadblock 60", "dust: block 60 is bad already");
        unit_expect_message(md, "queryblock 60", "dust_query_block: block 60 found in badblocklist");
        unit_expect_message(md, "queryblock 61",
                            "dust_query_block: block 61 not found in badblocklist");
        unit_expect_message(md, "countbadblocks", "countbadblocks: 3 badblock(s) found");
        unit_expect_message(md, "listbadblocks", "60\n67\n1024\n");
        unit_expect_message(md, "removebadblock 67", "");
        unit_message_fails(md, "removebadblock 67", "block 67 is not bad");
        unit_expect_message(md, "listbadblocks", "60\n1024\n");
        unit_expect_message(md, "clearbadblocks", "dust_clear_badblocks: badblocks cleared");
        unit_expect_message(md, "clearbadblocks", "dust_clear_badblocks: no badblocks found");
        unit_expect_message(md, "countbadblocks", "countbadblocks: 0 badblock(s) found");
        unit_destroy(md);
}

Test(dust, refuses_bad_messages)
{
        struct mapped_device *md = run(0, 512);

        unit_message_fails(md, "addbadblock", "addbadblock: 'block' is missing");
        unit_message_fails(md, "addbadblock x", "'block' must be a number, got 'x'");
        unit_message_fails(md, "addbadblock 1025", "'block' must be a number from 0 to 1024");
        unit_message_fails(md, "addbadblock 1 256", "'write fail count' must be a number from 0");
        unit_message_fails(md, "addbadblock 1 2 3", "takes no more arguments, got '3'");
        unit_message_fails(md, "queryblock 1 2", "takes no more arguments, got '2'");
        unit_message_fails(md, "enable 1", "there is no message 'enable' with arguments");
        unit_message_fails(md, "bogus", "there is no message 'bogus'");
        unit_expect_message(md, "countbadblocks", "countbadblocks: 0 badblock(s) found");
        unit_destroy(md);
}

Test(dust, status_tells_the_mode)
{
        struct mapped_device *md = run(0, 512);

        expect_status(md, "bypass verbose");
        unit_expect_message(md, "quiet", "");
        unit_expect_message(md, "enable", "");
        unit_expect_message(md, "enable", "");
        expect_status(md, "fail_read_on_bad_block quiet");
        unit_expect_message(md, "quiet", "");
        unit_expect_message(md, "disable", "");
        expect_status(md, "bypass verbose");
        unit_destroy(md);
}

Test(dust, reads_of_a_bad_block_fail_until_a_write_repairs_it)
{
        struct mapped_device *md = run(0, 512);
        char buf[16 * 512] = "x";

        unit_expect_message(md, "addbadblock 60", "");
        cr_expect_eq(do_io(md, DM_OP_READ, 60 * 512, 512, buf), 0, "it is not enabled");
        unit_expect_message(md, "enable", "");
        cr_expect_eq(do_io(md, DM_OP_READ, 60 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 60 * 512 + 511, 1, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 61 * 512, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 56 * 512, sizeof(buf), buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 60 * 512, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 60 * 512, 512, buf), 0);
        unit_expect_message(md, "countbadblocks", "countbadblocks: 0 badblock(s) found");
        unit_destroy(md);
}

Test(dust, a_write_fail_count_makes_so_many_writes_fail)
{
        struct mapped_device *md = run(0, 512);
        char buf[512] = "x";

        unit_expect_message(md, "addbadblock 5 2", "");
        unit_expect_message(md, "enable", "");
        cr_expect_eq(do_io(md, DM_OP_WRITE, 5 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 5 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 5 * 512, 512, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_WRITE, 5 * 512, 512, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 5 * 512, 512, buf), 0);
        unit_destroy(md);
}

Test(dust, counts_blocks_from_the_start_of_the_lower_device)
{
        struct mapped_device *md = run(64, 4096);
        char buf[4096] = "x";

        unit_expect_message(md, "addbadblock 9", "");
        unit_expect_message(md, "enable", "");
        cr_expect_eq(do_io(md, DM_OP_READ, 4096, 4096, buf), -EIO);
        cr_expect_eq(do_io(md, DM_OP_READ, 0, 4096, buf), 0);
        cr_expect_eq(do_io(md, DM_OP_READ, 2 * 4096, 4096, buf), 0);
        unit_destroy(md);
}
