/* SPDX-License-Identifier: BSD-3-Clause */
#include "backing/streams.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/wake.h"

#define WRITE_MIN (64u << 10) /* smaller ones are no stream */
#define ZONE_SHIFT 25u        /* 32 MiB: shorter ones may be gone before the disk need hear of them */
#define ZONE ((uint64_t)1 << ZONE_SHIFT)
#define STEP ((uint64_t)1 << 20)
#define SLOTS_SHIFT 3u /* so many zones are being written at a time, or they forget each other */
#define REMEMBERED 64u /* zones written out since the last flush */
#define END_WAIT_NS (500 * (uint64_t)DM_NS_PER_MS)

struct dm_streams {
        int fd;
        struct dm_lane *lane;
        _Atomic unsigned refs; /* the backing's, and that of a write-out */
        _Atomic bool ended;
        /* 32 bits each: a zone's number, and the bytes written in it */
        _Atomic uint64_t slots[1u << SLOTS_SHIFT];
        _Atomic uint32_t flushes;
        /* 32 bits each: a zone's number, and how many flushes were before its write-out */
        _Atomic uint64_t written_out[REMEMBERED];

        _Atomic uint64_t next; /* the zone to be written out, or the latest of some: its number + 1, or 0 */
        _Atomic bool busy;     /* there is a write-out: one at a time, which owns the rest */
        struct dm_work work;
        int work_fd; /* its own, for a backing that hangs is closed all the same */
        uint64_t zone; /* its number + 1 */
};

struct dm_streams *dm_streams_new(int fd, struct dm_lane *lane)
{
        struct dm_streams *s = g_new0(struct dm_streams, 1);

        s->fd = fd;
        s->lane = lane;
        atomic_init(&s->refs, 1);
        return s;
}

static void unref(struct dm_streams *s)
{
        if (atomic_fetch_sub(&s->refs, 1) == 1)
                g_free(s);
}

/* ---- writing out --------------------------------------------------------------------------------------- */

static struct dm_streams *streams_of_work(struct dm_work *work)
{
        return (struct dm_streams *)(void *)((char *)work - offsetof(struct dm_streams, work));
}

/* It waits while the disk takes no more. */
static void write_out_zone(struct dm_streams *s)
{
        uint64_t at = (s->zone - 1) << ZONE_SHIFT, end = at + ZONE;

        for (; at < end && !atomic_load(&s->ended); at += STEP)
                if (sync_file_range(s->work_fd, (off_t)at, STEP, SYNC_FILE_RANGE_WRITE) < 0)
                        return;
}

static bool take_next(struct dm_streams *s)
{
        s->zone = atomic_exchange(&s->next, 0);
        return s->zone;
}

/* In a thread of the lane. */
static void write_out(struct dm_work *work, bool cancelled)
{
        struct dm_streams *s = streams_of_work(work);

        if (!cancelled)
                do
                        write_out_zone(s);
                while (take_next(s));
        close(s->work_fd);
        atomic_store(&s->busy, false);
        dm_wake_all();
        unref(s);
}

static void begin_write_out(struct dm_streams *s)
{
        if (take_next(s))
                s->work_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
        if (!s->zone || s->work_fd < 0) {
                atomic_store(&s->busy, false);
                return;
        }
        s->work.run = write_out;
        atomic_fetch_add(&s->refs, 1);
        dm_lane_push(s->lane, &s->work, NULL);
}

/* While the disk has enough to do with others, a zone may be left to the next flush. */
static void want_written_out(struct dm_streams *s, uint32_t zone)
{
        atomic_store(&s->next, zone + UINT64_C(1));
        if (!atomic_exchange(&s->busy, true))
                begin_write_out(s);
}

void dm_streams_end(struct dm_streams *s)
{
        uint64_t deadline = dm_clock_real_ns() + END_WAIT_NS;
        bool in_time = true;

        atomic_store(&s->ended, true);
        while (in_time) {
                uint32_t seen = dm_wake_prepare();

                if (!atomic_load(&s->busy))
                        break;
                in_time = dm_wake_wait(seen, deadline);
        }
        unref(s);
}

/* ---- counting ------------------------------------------------------------------------------------------ */

static _Atomic uint64_t *slot_of(struct dm_streams *s, uint32_t zone)
{
        /* spread, for the streams of a striped device are a power of two apart */
        return &s->slots[(zone * UINT32_C(0x9e3779b1)) >> (32 - SLOTS_SHIFT)];
}

/* Whether the zone is written now, but for what is less than one more such write. */
static bool completes(struct dm_streams *s, uint32_t zone, uint64_t len)
{
        _Atomic uint64_t *slot = slot_of(s, zone);
        uint64_t before = atomic_load_explicit(slot, memory_order_relaxed), written;
        bool complete;

        do {
                written = (before >> 32 == zone ? (uint32_t)before : 0) + len;
                complete = written + len > ZONE;
        } while (!atomic_compare_exchange_weak_explicit(slot, &before,
                                                        ((uint64_t)zone << 32) | (complete ? 0 : written),
                                                        memory_order_relaxed, memory_order_relaxed));
        return complete;
}

/* Whether it was before, since the last flush. */
static bool was_written_out(struct dm_streams *s, uint32_t zone, uint32_t flushes)
{
        uint64_t now = ((uint64_t)zone << 32) | flushes;

        return atomic_exchange_explicit(&s->written_out[zone % REMEMBERED], now, memory_order_relaxed) == now;
}

void dm_streams_wrote(struct dm_streams *s, uint64_t offset, uint64_t len)
{
        uint32_t zone = (uint32_t)(offset >> ZONE_SHIFT), flushes;

        if (len < WRITE_MIN)
                return;
        flushes = atomic_load_explicit(&s->flushes, memory_order_relaxed);
        if (flushes && completes(s, zone, len) && !was_written_out(s, zone, flushes))
                want_written_out(s, zone);
}

void dm_streams_flush(struct dm_streams *s)
{
        atomic_fetch_add_explicit(&s->flushes, 1, memory_order_relaxed);
}
