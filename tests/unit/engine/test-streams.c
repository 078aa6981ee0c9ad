/* SPDX-License-Identifier: BSD-3-Clause */
/* What streams hand to the disk is counted: this program has a sync_file_range() of its own. */
#include <fcntl.h>

#include "backing/streams.h"
#include "unit.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define ZONE (32 * MIB)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static uint64_t written_out, first, end; /* guarded: lock; bytes, and where */
static unsigned waiting;                 /* guarded: lock; calls that hang */
static bool hangs;                       /* guarded: lock */

int sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
        cr_assert_geq(fcntl(fd, F_GETFD), 0);
        cr_assert_eq(flags, SYNC_FILE_RANGE_WRITE, "nobody waits for the disk");
        pthread_mutex_lock(&lock);
        waiting++;
        pthread_cond_broadcast(&moved);
        while (hangs)
                pthread_cond_wait(&moved, &lock);
        waiting--;
        first = written_out ? MIN(first, (uint64_t)offset) : (uint64_t)offset;
        end = MAX(end, (uint64_t)(offset + len));
        written_out += (uint64_t)len;
        pthread_cond_broadcast(&moved);
        pthread_mutex_unlock(&lock);
        return 0;
}

static void await_bytes(uint64_t bytes)
{
        pthread_mutex_lock(&lock);
        while (written_out < bytes)
                pthread_cond_wait(&moved, &lock);
        pthread_mutex_unlock(&lock);
}

static void set_hanging(bool on)
{
        pthread_mutex_lock(&lock);
        hangs = on;
        pthread_cond_broadcast(&moved);
        pthread_mutex_unlock(&lock);
}

static void await_hanging(void)
{
        pthread_mutex_lock(&lock);
        while (!waiting)
                pthread_cond_wait(&moved, &lock);
        pthread_mutex_unlock(&lock);
}

/* ---- the streams of a file ---------------------------------------------------------------------------- */

static char *dir, *path;
static int fd;
static struct dm_lane *lane;
static struct dm_streams *streams;
static unsigned fds;

static void init(void)
{
        dir = unit_mkdtemp();
        path = unit_file(dir, "disk", 8);
        fd = open(path, O_RDWR | O_CLOEXEC);
        fds = unit_count_fds();
        lane = dm_lane_new("disk");
        streams = dm_streams_new(fd, lane);
}

/* Whatever is under way ends, and leaves nothing open. */
static void fini(void)
{
        if (streams)
                dm_streams_end(streams);
        dm_lane_unref(lane);
        cr_expect_eq(dm_lanes_join(DM_WAKE_FOREVER), 0);
        cr_expect_eq(unit_count_fds(), fds);
        close(fd);
        g_free(path);
        unit_rmdir(dir);
}

TestSuite(streams, .init = init, .fini = fini, .timeout = 60);

static void write_stream(uint64_t offset, uint64_t bytes, uint64_t step)
{
        for (uint64_t done = 0; done < bytes; done += step)
                dm_streams_wrote(streams, offset + done, step);
}

/* Writes the zone at OFFSET, and waits for its write-out, which comes after those of others. */
static void write_out_zone(uint64_t offset)
{
        uint64_t before;

        pthread_mutex_lock(&lock);
        before = written_out;
        pthread_mutex_unlock(&lock);
        write_stream(offset, ZONE, MIB);
        await_bytes(before + ZONE);
}

Test(streams, are_written_out_zone_by_zone)
{
        dm_streams_flush(streams);
        write_out_zone(3 * ZONE);
        cr_expect_eq(first, 3 * ZONE);
        cr_expect_eq(end, 4 * ZONE);
}

Test(streams, are_noticed_in_any_order)
{
        dm_streams_flush(streams);
        for (unsigned i = 0; i < 128; i++)
                dm_streams_wrote(streams, ((i * 37) % 128) * 256 * KIB, 256 * KIB);
        await_bytes(ZONE);
        cr_expect_eq(end, ZONE);
}

Test(streams, need_not_fit_a_zone)
{
        dm_streams_flush(streams);
        /* one more such write would end in the next zone */
        write_stream(900 * KIB, 32 * 1000 * KIB, 1000 * KIB);
        await_bytes(ZONE);
        cr_expect_eq(end, ZONE);
}

Test(streams, of_several_programs_are_noticed)
{
        const uint64_t half = 16 * ZONE; /* as a striped device over the halves of 1 GiB writes */

        dm_streams_flush(streams);
        set_hanging(true);
        for (uint64_t at = 0; at < ZONE; at += MIB) {
                dm_streams_wrote(streams, at, MIB);
                dm_streams_wrote(streams, half + at, MIB);
        }
        set_hanging(false);
        await_bytes(2 * ZONE);
        cr_expect_eq(first, 0);
        cr_expect_eq(end, half + ZONE);
}

Test(streams, nobody_flushes_are_left_to_the_page_cache)
{
        write_stream(0, 2 * ZONE, MIB);
        dm_streams_flush(streams);
        write_out_zone(5 * ZONE);
        cr_expect_eq(first, 5 * ZONE);
        cr_expect_eq(written_out, ZONE);
}

Test(streams, are_long_and_of_large_writes)
{
        dm_streams_flush(streams);
        write_stream(0, ZONE - MIB, MIB);
        write_stream(ZONE, ZONE, 32 * KIB);
        for (unsigned i = 0; i < 64; i++)
                dm_streams_wrote(streams, (6 + i * 3) * ZONE, MIB);
        write_out_zone(5 * ZONE);
        cr_expect_eq(first, 5 * ZONE);
        cr_expect_eq(written_out, ZONE);
}

Test(streams, written_over_and_over_are_written_out_once_a_flush)
{
        dm_streams_flush(streams);
        write_out_zone(0);
        write_stream(0, ZONE, MIB);
        write_stream(0, ZONE, MIB);
        write_out_zone(ZONE);
        cr_expect_eq(written_out, 2 * ZONE);
        dm_streams_flush(streams);
        write_out_zone(0);
        cr_expect_eq(written_out, 3 * ZONE);
}

/* Whoever removes a device may unmount the file system under it then. */
Test(streams, have_closed_the_file_when_they_end)
{
        dm_streams_flush(streams);
        write_stream(0, ZONE, MIB);
        dm_streams_end(streams);
        streams = NULL;
        cr_expect_eq(unit_count_fds(), fds);
}

Test(streams, that_hang_hold_up_neither_writes_nor_the_end)
{
        set_hanging(true);
        dm_streams_flush(streams);
        write_stream(0, ZONE, MIB);
        await_hanging();
        write_stream(ZONE, 4 * ZONE, MIB);
        dm_streams_end(streams);
        streams = NULL;
        cr_expect_eq(written_out, 0, "it hangs still");
        set_hanging(false);
}

/* ---- of a backing --------------------------------------------------------------------------------------- */

/* A device whose beginning is the second zone of a file, and that has been flushed. */
static struct mapped_device *run_flushed_device(void)
{
        g_autofree char *disk = unit_file(dir, "large", 4 * ZONE / DM_SECTOR_SIZE);
        g_autofree char *table = g_strdup_printf("0 %llu linear %s %llu", 2 * ZONE / DM_SECTOR_SIZE, disk,
                                                 ZONE / DM_SECTOR_SIZE);
        struct mapped_device *md;

        dm_init();
        md = run_device("d", table);
        unit_flush(md);
        return md;
}

static void write_first_zone(struct mapped_device *md)
{
        for (uint64_t at = 0; at < ZONE; at += MIB)
                unit_write(md, 'x', at / DM_SECTOR_SIZE, MIB / DM_SECTOR_SIZE);
}

Test(streams, of_a_device_are_those_of_its_backing)
{
        struct mapped_device *md = run_flushed_device();

        write_first_zone(md);
        await_bytes(ZONE);
        cr_expect_eq(first, ZONE);
        cr_expect_eq(end, 2 * ZONE);
        unit_destroy(md);
        cr_expect_eq(dm_exit(), 0);
}

Test(streams, that_hang_hold_up_neither_removal_nor_the_exit)
{
        struct mapped_device *md = run_flushed_device();

        set_hanging(true);
        write_first_zone(md);
        await_hanging();
        unit_destroy(md);
        cr_expect_eq(dm_exit(), 1, "the thread that hangs");
        set_hanging(false);
}
