/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <fcntl.h>

#include "support/engine.h"

#define SECTORS(n) ((n) * 512u)

static void stop(void)
{
        dm_destroy_all_immediate();
        cr_assert_eq(dm_exit(), 0);
}

TestSuite(io, .init = dm_init, .fini = stop, .timeout = 60);

Test(io, beyond_the_end_is_an_error)
{
        struct mapped_device *md = run_device("a", "0 8 zero");
        char buf[SECTORS(9)];

        cr_assert_eq(do_io(md, DM_OP_READ, 0, SECTORS(8), buf), 0);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, SECTORS(9), buf), -EIO);
        cr_assert_eq(do_io(md, DM_OP_READ, SECTORS(8), 1, buf), -EIO);
        cr_assert_eq(do_io(md, DM_OP_WRITE, UINT64_MAX, 2, buf), -EIO);
        cr_assert_eq(do_io(md, DM_OP_READ, SECTORS(8), 0, buf), 0);
        dm_put(md);
}

Test(io, a_read_only_table_refuses_writes)
{
        struct mapped_device *md = new_device("a");
        char buf[512] = "";

        cr_assert(dm_load(md, "0 8 zero", DM_LOAD_READ_ONLY, NULL));
        cr_assert(dm_resume(md, 0, NULL));
        cr_assert(dm_read_only(md));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), -EPERM);
        cr_assert_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), -EPERM);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, 512, buf), 0);
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        dm_put(md);
}

Test(io, a_request_over_several_targets_is_split_and_one_error_is_its_error)
{
        g_autofree char *file = temp_file(SECTORS(64));
        g_autofree char *table = g_strdup_printf("0 8 linear %s 8\n"
                                                 "8 8 linear %s 0\n"
                                                 "16 8 error\n"
                                                 "24 8 zero",
                                                 file, file);
        struct mapped_device *md = run_device("a", table);
        g_autofree char *out = g_malloc(SECTORS(32)), *in = g_malloc(SECTORS(32));
        g_autofree char *raw = NULL;

        memset(out, 'x', SECTORS(8));
        memset(out + SECTORS(8), 'y', SECTORS(8));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, SECTORS(16), out), 0);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, SECTORS(16), in), 0);
        cr_assert_arr_eq(in, out, SECTORS(16));
        cr_assert(g_file_get_contents(file, &raw, NULL, NULL));
        cr_assert_eq(raw[0], 'y', "the second target maps to the start");
        cr_assert_eq(raw[SECTORS(8)], 'x');
        cr_assert_eq(do_io(md, DM_OP_READ, 0, SECTORS(32), in), -EIO);
        cr_assert_eq(do_io(md, DM_OP_READ, SECTORS(24), SECTORS(8), in), 0);
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        dm_put(md);
        unlink(file);
}

Test(io, any_byte_can_be_written)
{
        g_autofree char *file = temp_file(SECTORS(8));
        g_autofree char *table = g_strdup_printf("0 2 linear %s 4\n2 2 linear %s 0", file, file);
        struct mapped_device *md = run_device("a", table);
        char buf[SECTORS(4)], word[] = "across the seam";

        cr_assert_eq(do_io(md, DM_OP_WRITE, SECTORS(2) - 7, sizeof(word), word), 0);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, sizeof(buf), buf), 0);
        cr_assert_str_eq(buf + SECTORS(2) - 7, word);
        cr_assert_eq(buf[SECTORS(2) - 8], 0);
        dm_put(md);
        unlink(file);
}

Test(io, everything_but_a_flush_fails_on_error)
{
        struct mapped_device *md = run_device("a", "0 8 error");
        char buf[512] = "";

        cr_assert_eq(do_io(md, DM_OP_READ, 0, 512, buf), -EIO);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, 512, buf), -EIO);
        cr_assert_eq(do_io(md, DM_OP_DISCARD, 0, 512, NULL), -EIO);
        cr_assert_eq(do_io(md, DM_OP_WRITE_ZEROES, 0, 512, NULL), -EIO);
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        dm_put(md);
}

Test(io, discard_and_write_zeroes_reach_the_file)
{
        g_autofree char *file = temp_file(SECTORS(64));
        g_autofree char *table = g_strdup_printf("0 64 linear %s 0", file);
        struct mapped_device *md = run_device("a", table);
        g_autofree char *buf = g_malloc(SECTORS(64));
        static const char zeroes[SECTORS(16)];

        memset(buf, 'x', SECTORS(64));
        cr_assert_eq(do_io(md, DM_OP_WRITE, 0, SECTORS(64), buf), 0);
        cr_assert_eq(do_io(md, DM_OP_DISCARD, SECTORS(16), SECTORS(16), NULL), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE_ZEROES, SECTORS(40), SECTORS(16), NULL), 0);
        cr_assert_eq(do_io(md, DM_OP_READ, 0, SECTORS(64), buf), 0);
        cr_assert_arr_eq(buf + SECTORS(16), zeroes, SECTORS(16));
        cr_assert_arr_eq(buf + SECTORS(40), zeroes, SECTORS(16));
        cr_assert_eq(buf[SECTORS(15)], 'x');
        cr_assert_eq(buf[SECTORS(32)], 'x');
        dm_put(md);
        unlink(file);
}

Test(io, fua_and_flush_reach_a_file)
{
        g_autofree char *file = temp_file(SECTORS(8));
        g_autofree char *table = g_strdup_printf("0 8 linear %s 0", file);
        struct mapped_device *md = run_device("a", table);
        struct waited_io w;
        char buf[512] = "fua";

        waited_init(&w, DM_OP_WRITE, 0, 512, buf);
        w.io.flags = DM_IO_FUA;
        dm_submit(md, &w.io);
        gate_wait(&w.done, 1);
        cr_assert_eq(w.error, 0);
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        dm_put(md);
        unlink(file);
}

Test(io, seek_finds_the_holes_of_a_file_through_a_stack)
{
        g_autofree char *file = temp_file(1 << 20);
        g_autofree char *table = g_strdup_printf("0 1024 linear %s 1024\n1024 1024 linear %s 0", file,
                                                 file);
        struct mapped_device *lower = run_device("lower", table);
        struct mapped_device *md = run_device("upper", "0 2048 linear lower 0");
        g_autofree char *buf = g_malloc0(65536);
        uint64_t at;

        /* the first half of the device is the second of the file */
        cr_assert_eq(do_io(md, DM_OP_WRITE, 131072, 65536, buf), 0);
        cr_assert_eq(do_io(md, DM_OP_WRITE, 786432, 65536, buf), 0);
        cr_assert_eq(do_io(md, DM_OP_FLUSH, 0, 0, NULL), 0);
        cr_assert_eq(dm_seek(md, DM_SEEK_DATA, 0, &at), 0);
        cr_assert_eq(at, 131072);
        cr_assert_eq(dm_seek(md, DM_SEEK_HOLE, 131072, &at), 0);
        cr_assert_eq(at, 131072 + 65536);
        cr_assert_eq(dm_seek(md, DM_SEEK_DATA, at, &at), 0);
        cr_assert_eq(at, 786432);
        cr_assert_eq(dm_seek(md, DM_SEEK_DATA, 786432 + 65536, &at), -ENXIO);
        cr_assert_eq(dm_seek(md, DM_SEEK_HOLE, 1 << 20, &at), -ENXIO);
        dm_put(md);
        dm_put(lower);
        unlink(file);
}

Test(io, a_backing_that_shrank_is_an_error_not_garbage)
{
        g_autofree char *file = temp_file(SECTORS(64));
        g_autofree char *table = g_strdup_printf("0 64 linear %s 0", file);
        struct mapped_device *md = run_device("a", table);
        char buf[512];

        cr_assert_eq(truncate(file, SECTORS(8)), 0);
        cr_assert_eq(do_io(md, DM_OP_READ, SECTORS(32), 512, buf), -EIO);
        dm_put(md);
        unlink(file);
}

Test(io, deps_come_in_order_of_first_use)
{
        g_autofree char *a = temp_file(4096), *b = temp_file(4096);
        g_autofree char *table = g_strdup_printf("0 2 linear %s 0\n2 2 linear %s 0\n4 2 linear %s 4",
                                                 b, a, b);
        struct mapped_device *md = run_device("m", table);
        g_autoptr(GArray) deps = dm_table_deps(md, 0);

        cr_assert_eq(deps->len, 2);
        cr_assert_str_eq(g_array_index(deps, struct dm_dep, 0).path, b);
        cr_assert_str_eq(g_array_index(deps, struct dm_dep, 1).path, a);
        dm_put(md);
        unlink(a);
        unlink(b);
}

#define LANE_THREADS 16 /* at most, of one lane */

struct blocker {
        struct dm_work work;
        struct gate *arrived, *release, *gone;
};

static void block(struct dm_work *work, bool cancelled)
{
        struct blocker *b = (struct blocker *)work;
        struct gate *gone = b->gone;

        if (!cancelled) {
                gate_pass(b->arrived);
                gate_wait(b->release, 1);
        }
        gate_pass(gone);
}

/* What serves a killed device ends with it, where a target of a device that lives holds it back, and is not
 * queued behind a hang. */
Test(io, what_a_dead_device_waits_for_ends_with_it)
{
        struct gate arrived = GATE_INIT, release = GATE_INIT, gone = GATE_INIT;
        struct blocker blockers[LANE_THREADS];
        g_autofree char *file = temp_file(SECTORS(8));
        g_autofree char *table = g_strdup_printf("0 8 delay %s 0 1000", file);
        struct dm_backing *backing = dm_backing_open(file, false, NULL);
        struct mapped_device *lower, *upper;
        struct waited_io read;
        char buf[512];

        for (unsigned i = 0; i < LANE_THREADS; i++) {
                blockers[i] = (struct blocker){{.run = block}, &arrived, &release, &gone};
                cr_assert(dm_lane_push(dm_backing_lane(backing), &blockers[i].work, NULL));
        }
        gate_wait(&arrived, LANE_THREADS);
        dm_clock_set_fake_ns(DM_NS_PER_S);
        lower = run_device("lower", table);
        upper = run_device("upper", "0 8 linear lower 0");
        waited_init(&read, DM_OP_READ, 0, sizeof(buf), buf);
        dm_submit(upper, &read.io);
        dm_destroy_immediate(upper);
        cr_expect_eq(gate_count(&read.done), 1);
        dm_timers_run_to(3 * (uint64_t)DM_NS_PER_S);
        cr_expect_eq(read.error, -EIO);
        gate_pass(&release);
        gate_wait(&gone, LANE_THREADS);
        gate_wait(&read.done, 1);
        dm_put(lower);
        dm_clock_set_fake_ns(0);
        dm_backing_close(backing);
        unlink(file);
}

/* Each chunk of a striped device is a piece; they are not all under way at once. */
Test(io, a_long_discard_is_done_bit_by_bit)
{
        const uint64_t chunks = 100000;
        g_autofree char *zero = g_strdup_printf("0 %" G_GUINT64_FORMAT " zero", chunks);
        g_autofree char *striped = g_strdup_printf("0 %" G_GUINT64_FORMAT " striped 1 1 lower 0", chunks);
        struct mapped_device *lower = run_device("lower", zero), *upper = run_device("upper", striped);
        struct waited_io discard;
        struct dm_info info;

        cr_assert(dm_suspend(lower, 0, NULL));
        waited_init(&discard, DM_OP_DISCARD, 0, SECTORS(chunks), NULL);
        dm_submit(upper, &discard.io);
        dm_get_info(lower, &info);
        cr_expect_leq(info.references, 5000u);
        dm_info_clear(&info);
        while (gate_count(&discard.done) == 0) {
                cr_assert(dm_resume(lower, 0, NULL));
                sched_yield();
        }
        cr_expect_eq(discard.error, 0);
        dm_put(upper);
        dm_put(lower);
}

/* Bytes that the calling thread has handed to write(2) and its like: proc(5), "wchar". */
static uint64_t written_here(void)
{
        g_autofree char *text = NULL;
        const char *line;

        if (!g_file_get_contents("/proc/thread-self/io", &text, NULL, NULL))
                cr_skip_test("this kernel does not count a thread's I/O");
        line = strstr(text, "wchar: ");
        cr_assert_not_null(line);
        return g_ascii_strtoull(line + strlen("wchar: "), NULL, 10);
}

/* It may hang in the backing, and the control plane with it. */
static void ends_elsewhere(const char *target, bool resume)
{
        g_autofree char *file = temp_file(SECTORS(8));
        g_autofree char *table = g_strdup_printf(target, file);
        struct mapped_device *md = run_device("a", table);
        struct waited_io w;
        char buf[512] = "";
        uint64_t before;

        waited_init(&w, DM_OP_WRITE, 0, sizeof(buf), buf);
        if (resume)
                cr_assert(dm_suspend(md, 0, NULL));
        before = written_here();
        dm_submit(md, &w.io);
        cr_assert_eq(gate_count(&w.done), 0);
        if (resume)
                cr_assert(dm_resume(md, 0, NULL));
        else
                cr_assert(dm_suspend(md, 0, NULL));
        gate_wait(&w.done, 1);
        cr_expect_eq(w.error, 0);
        cr_expect_lt(written_here() - before, sizeof(buf));
        dm_destroy_immediate(md);
        unlink(file);
}

Test(io, what_a_resume_lets_run_is_not_done_in_its_thread)
{
        ends_elsewhere("0 8 linear %s 0", true);
}

Test(io, what_a_suspend_lets_go_is_not_done_in_its_thread)
{
        ends_elsewhere("0 8 delay %s 0 3600000", false);
}

/* Each level of a stack would multiply what there is to look at. */
Test(io, seek_in_a_stack_of_stripes_ends)
{
        const uint64_t sectors = 1ull << 26;
        g_autofree char *file = temp_file(SECTORS(sectors));
        struct mapped_device *devices[4];
        uint64_t at, end;

        for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
                g_autofree char *name = g_strdup_printf("%u", i);
                g_autofree char *lower = i ? g_strdup_printf("%u", i - 1) : g_strdup(file);
                g_autofree char *table =
                        g_strdup_printf("0 %" G_GUINT64_FORMAT " striped 2 8 %s 0 %s %" G_GUINT64_FORMAT,
                                        sectors, lower, lower, sectors / 2);

                devices[i] = run_device(name, table);
        }
        cr_expect_eq(dm_seek(devices[3], DM_SEEK_DATA, 0, &at), 0);
        cr_expect_lt(at, SECTORS(sectors), "some place is called data, for want of time");
        cr_expect_eq(dm_seek(devices[3], DM_SEEK_HOLE, at, &end), 0);
        for (unsigned i = G_N_ELEMENTS(devices); i-- > 0;)
                cr_assert(dm_destroy(devices[i], 0, NULL));
        unlink(file);
}
