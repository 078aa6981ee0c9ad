/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/resource.h>

#include "unit.h"

static char *dir;

static void init(void)
{
        dir = unit_mkdtemp();
}

static void fini(void)
{
        unit_rmdir(dir);
}

TestSuite(backing, .init = init, .fini = fini);

static struct dm_backing *must_open(const char *path, bool read_only)
{
        GError *error = NULL;
        struct dm_backing *b = dm_backing_open(path, read_only, &error);

        cr_assert_not_null(b, "%s", error ? error->message : "");
        return b;
}

static void open_fails(const char *path, int code)
{
        unsigned fds = unit_count_fds();
        GError *error = NULL;

        cr_assert_null(dm_backing_open(path, false, &error));
        cr_expect_eq(error->code, code, "%s", error->message);
        cr_expect_not_null(strstr(error->message, path), "%s", error->message);
        cr_expect_eq(unit_count_fds(), fds);
        g_error_free(error);
}

static int run(struct dm_backing *b, enum dm_op op, unsigned flags, uint64_t offset, void *buf,
               uint64_t len)
{
        struct dm_bio bio = {.op = op, .flags = flags, .offset = offset, .len = len, .buf = buf};

        return dm_backing_io(b, &bio);
}

static int try(struct dm_backing *b, enum dm_op op, unsigned flags, uint64_t offset, void *buf,
               uint64_t len)
{
        struct dm_bio bio = {.op = op, .flags = flags, .offset = offset, .len = len, .buf = buf};

        return dm_backing_try_io(b, &bio);
}

Test(backing, is_shared_by_whatever_path)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        g_autofree char *hard = g_build_filename(dir, "hard", NULL);
        g_autofree char *soft = g_build_filename(dir, "soft", NULL);
        unsigned fds = unit_count_fds();
        struct dm_backing *a, *b, *c, *d;

        cr_assert_eq(link(path, hard), 0);
        cr_assert_eq(symlink(path, soft), 0);
        a = must_open(path, false);
        b = must_open(hard, false);
        c = must_open(soft, false);
        cr_expect_eq(a, b);
        cr_expect_eq(a, c);
        cr_expect_eq(unit_count_fds(), fds + 1);
        d = must_open(path, true);
        cr_expect_neq(a, d, "another access mode");
        dm_backing_close(a);
        dm_backing_close(b);
        dm_backing_close(d);
        cr_expect_eq(dm_backing_size(c), 64 * DM_SECTOR_SIZE, "still open");
        dm_backing_close(c);
        cr_expect_eq(unit_count_fds(), fds);
}

Test(backing, of_another_kind_is_refused_at_once)
{
        g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
        g_autofree char *absent = g_build_filename(dir, "absent", NULL);

        cr_assert_eq(mkfifo(fifo, 0600), 0);
        open_fails(fifo, ENOTBLK);
        open_fails("/dev/null", ENOTBLK);
        open_fails(dir, ENOTBLK);
        open_fails(absent, ENOENT);
}

Test(backing, reports_its_present_size)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b = must_open(path, false);

        cr_expect_eq(dm_backing_size(b), 64 * DM_SECTOR_SIZE);
        cr_expect_eq(dm_backing_rdev(b), 0);
        cr_assert_eq(truncate(path, 1000), 0);
        cr_expect_eq(dm_backing_size(b), 1000);
        dm_backing_close(b);
}

Test(backing, reads_what_was_written)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b = must_open(path, false);
        char out[1000], in[1000];

        memset(out, 'x', sizeof(out));
        cr_expect_eq(run(b, DM_OP_WRITE, 0, 777, out, sizeof(out)), 0);
        cr_expect_eq(run(b, DM_OP_READ, 0, 777, in, sizeof(in)), 0);
        cr_expect_arr_eq(in, out, sizeof(in));
        memset(out, 'y', sizeof(out));
        cr_expect_eq(run(b, DM_OP_WRITE, DM_IO_FUA, 777, out, sizeof(out)), 0);
        cr_expect_eq(run(b, DM_OP_FLUSH, 0, 0, NULL, 0), 0);
        cr_expect_eq(run(b, DM_OP_READ, 0, 777, in, sizeof(in)), 0);
        cr_expect_arr_eq(in, out, sizeof(in));
        cr_expect_eq(dm_backing_sync(b), 0);
        dm_backing_close(b);
}

Test(backing, leaves_to_the_lane_what_may_block)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b = must_open(path, false);
        char buf[512] = "x";

        cr_expect_eq(try(b, DM_OP_FLUSH, 0, 0, NULL, 0), -EAGAIN);
        cr_expect_eq(try(b, DM_OP_WRITE, DM_IO_FUA, 0, buf, 512), -EAGAIN);
        cr_expect_eq(try(b, DM_OP_DISCARD, 0, 0, NULL, 512), -EAGAIN);
        cr_expect_eq(try(b, DM_OP_WRITE_ZEROES, 0, 0, NULL, 512), -EAGAIN);
        dm_backing_close(b);
}

/* A hot read is done at once, where the file system can say so; and then it is right. */
Test(backing, inline_reads_are_right_or_refused)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b = must_open(path, false);
        char out[4096], in[4096] = "";
        int r;

        memset(out, 'x', sizeof(out));
        cr_expect_eq(run(b, DM_OP_WRITE, 0, 0, out, sizeof(out)), 0);
        r = try(b, DM_OP_READ, 0, 0, in, sizeof(in));
        cr_expect(r == 0 || r == -EAGAIN);
        if (r == 0)
                cr_expect_arr_eq(in, out, sizeof(in));
        dm_backing_close(b);
}

Test(backing, that_shrank_gives_an_error_beyond_its_end)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b = must_open(path, false);
        char buf[1024];
        int r;

        cr_assert_eq(truncate(path, 512), 0);
        cr_expect_eq(run(b, DM_OP_READ, 0, 0, buf, 512), 0);
        cr_expect_eq(run(b, DM_OP_READ, 0, 0, buf, 1024), -EIO);
        cr_expect_eq(run(b, DM_OP_READ, 0, 512, buf, 512), -EIO);
        r = try(b, DM_OP_READ, 0, 512, buf, 512);
        cr_expect(r == -EIO || r == -EAGAIN);
        dm_backing_close(b);
}

static bool all_bytes(const char *buf, char c, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (buf[i] != c)
                        return false;
        return true;
}

static void check_zeroing(enum dm_op op)
{
        const uint64_t size = 3 << 20, from = 5000, len = (2 << 20) + 1234;
        g_autofree char *path = unit_file(dir, "disk", size / DM_SECTOR_SIZE);
        struct dm_backing *b = must_open(path, false);
        char *buf = g_malloc(size);
        int r;

        memset(buf, 'x', size);
        cr_assert_eq(run(b, DM_OP_WRITE, 0, 0, buf, size), 0);
        r = run(b, op, 0, from, NULL, len);
        cr_expect(r == 0 || (op == DM_OP_DISCARD && r == -EOPNOTSUPP), "%d", r);
        cr_assert_eq(run(b, DM_OP_READ, 0, 0, buf, size), 0);
        cr_expect(all_bytes(buf, 'x', from));
        cr_expect(all_bytes(buf + from, r ? 'x' : 0, len));
        cr_expect(all_bytes(buf + from + len, 'x', size - from - len));
        cr_expect_eq(dm_backing_size(b), size);
        dm_backing_close(b);
        g_free(buf);
}

Test(backing, discarded_bytes_read_as_zeroes)
{
        check_zeroing(DM_OP_DISCARD);
}

Test(backing, zeroed_bytes_read_as_zeroes)
{
        check_zeroing(DM_OP_WRITE_ZEROES);
}

Test(backing, opened_read_only_takes_no_writes)
{
        g_autofree char *path = unit_file(dir, "disk", 64);
        struct dm_backing *b;
        char buf[512] = "x";

        cr_assert_eq(chmod(path, 0400), 0);
        b = must_open(path, true);
        cr_expect_eq(run(b, DM_OP_READ, 0, 0, buf, sizeof(buf)), 0);
        cr_expect_eq(run(b, DM_OP_WRITE, 0, 0, buf, sizeof(buf)), -EBADF);
        cr_expect_eq(run(b, DM_OP_FLUSH, 0, 0, NULL, 0), 0);
        dm_backing_close(b);
}

Test(backing, tells_data_from_holes_or_calls_all_of_it_data)
{
        const uint64_t size = 1 << 20;
        g_autofree char *path = unit_file(dir, "disk", size / DM_SECTOR_SIZE);
        struct dm_backing *b = must_open(path, false);
        uint64_t data, hole;
        char buf[4096];

        memset(buf, 'x', sizeof(buf));
        cr_assert_eq(run(b, DM_OP_WRITE, 0, size / 2, buf, sizeof(buf)), 0);
        cr_expect_eq(dm_backing_seek(b, DM_SEEK_DATA, 0, &data), 0);
        cr_expect_leq(data, size / 2);
        cr_expect_eq(dm_backing_seek(b, DM_SEEK_HOLE, size / 2, &hole), 0);
        cr_expect_gt(hole, size / 2);
        cr_expect_leq(hole, size);
        cr_expect_eq(dm_backing_seek(b, DM_SEEK_DATA, size, &data), -ENXIO);
        cr_expect_eq(dm_backing_seek(b, DM_SEEK_HOLE, size, &data), -ENXIO);
        dm_backing_close(b);
}

#define LIMIT 64u

/* GLib ends the process when it can't have an eventfd. */
Test(backing, leaves_some_descriptors_for_others)
{
        struct rlimit limit = {LIMIT, LIMIT};
        struct dm_backing *backings[LIMIT] = {NULL};
        char *paths[LIMIT];
        GError *error = NULL;
        unsigned n = 0, before = unit_count_fds();

        for (unsigned i = 0; i < LIMIT; i++) {
                g_autofree char *name = g_strdup_printf("many%u", i);

                paths[i] = unit_file(dir, name, 1);
        }
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        while (n < LIMIT && (backings[n] = dm_backing_open(paths[n], false, &error)))
                n++;
        cr_assert_lt(n, LIMIT);
        cr_expect_eq(error->code, EMFILE);
        cr_expect_not_null(strstr(error->message, paths[n]));
        g_error_free(error);
        dm_backing_close(must_open(paths[0], false)); /* it is shared: that takes none */
        for (unsigned i = 0; i < 8; i++)
                cr_expect_geq(dup(0), 0);
        cr_expect_gt(n, (LIMIT - before) / 2);
        while (n)
                dm_backing_close(backings[--n]);
        for (unsigned i = 0; i < LIMIT; i++)
                g_free(paths[i]);
}
