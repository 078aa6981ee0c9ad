/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's statistics, and what an I/O counts in them. */
#include "stats/internal.h"

/* io->stats_epoch: the epoch, and in the lowest bit whether the I/O is merged. */
#define MERGED 1ull
#define EPOCH(io) ((io)->stats_epoch >> 1)

/* ---- lifetime ----------------------------------------------------------------------------------- */

void dm_region_free(void *data)
{
        struct region *r = data;

        g_free(r->program);
        g_free(r->aux);
        g_free(r->histogram_text);
        g_free(r->bounds);
        g_free(r->areas);
        g_free(r->counts);
        g_free(r);
}

static struct dm_stats *stats_new(void)
{
        struct dm_stats *stats = g_new0(struct dm_stats, 1);

        dm_mutex_init(&stats->lock);
        stats->regions = g_ptr_array_new_with_free_func(dm_region_free);
        stats->last_end = UINT64_MAX;
        return stats;
}

void dm_stats_free(struct dm_stats *stats)
{
        if (!stats)
                return;
        g_ptr_array_unref(stats->regions);
        dm_mutex_destroy(&stats->lock);
        g_free(stats);
}

/* Of two that make them at a time, one does. */
struct dm_stats *dm_stats_of(struct mapped_device *md)
{
        struct dm_stats *stats = atomic_load(&md->stats), *mine;

        if (stats)
                return stats;
        mine = stats_new();
        if (atomic_compare_exchange_strong(&md->stats, &stats, mine))
                return mine;
        dm_stats_free(mine);
        return stats;
}

/* ---- counting ------------------------------------------------------------------------------------- */

static enum direction direction_of(enum dm_op op)
{
        return op == DM_OP_READ ? DIR_READ : DIR_WRITE;
}

void dm_area_round_up(struct area *a, uint64_t now)
{
        uint64_t passed = now > a->stamp_ns ? now - a->stamp_ns : 0;
        uint64_t in_flight = a->in_flight[DIR_READ] + a->in_flight[DIR_WRITE];

        a->stamp_ns = now;
        if (!in_flight)
                return;
        a->busy_ns += passed;
        a->weighted_ns += passed * in_flight;
        for (unsigned d = 0; d < DIR_COUNT; d++)
                if (a->in_flight[d])
                        a->busy_dir_ns[d] += passed;
}

static void count_in_histogram(struct region *r, size_t area, uint64_t passed_ns)
{
        uint64_t value = r->precise ? passed_ns : passed_ns / DM_NS_PER_MS;
        size_t slot = 0;

        if (!r->counts)
                return;
        while (slot < r->bound_count && value >= r->bounds[slot])
                slot++;
        r->counts[area * (r->bound_count + 1) + slot]++;
}

/* What of an I/O lies in one area. */
static void count_area(struct region *r, size_t area, const struct dm_io *io, uint64_t sectors,
                       uint64_t now, bool ended)
{
        enum direction d = direction_of(io->op);
        struct area *a = &r->areas[area];

        dm_area_round_up(a, now);
        if (!ended) {
                a->in_flight[d]++;
                return;
        }
        a->in_flight[d]--;
        a->ios[d]++;
        a->merges[d] += io->stats_epoch & MERGED;
        a->sectors[d] += sectors;
        a->ticks_ns[d] += now - io->begun_ns;
        count_in_histogram(r, area, now - io->begun_ns);
}

static void count_region(struct region *r, const struct dm_io *io, uint64_t now, bool ended)
{
        /* a byte of a sector counts as the sector */
        uint64_t begin = io->offset >> DM_SECTOR_SHIFT;
        uint64_t end = (io->offset + io->len + DM_SECTOR_SIZE - 1) >> DM_SECTOR_SHIFT, part;

        begin = MAX(begin, r->start);
        end = MIN(end, r->end);
        for (; begin < end; begin += part) {
                uint64_t inside = begin - r->start;

                part = MIN(end - begin, r->step - inside % r->step);
                count_area(r, inside / r->step, io, part, now, ended);
        }
}

/* The kernel calls an I/O merged that begins where the one before it ended. */
static bool is_merged(struct dm_stats *stats, const struct dm_io *io)
{
        enum direction d = direction_of(io->op);
        bool merged = stats->last_end == io->offset && stats->last_direction == d;

        stats->last_end = io->offset + io->len;
        stats->last_direction = d;
        return merged;
}

void dm_stats_begin(struct dm_stats *stats, struct dm_io *io)
{
        if (!io->len)
                return;
        io->begun_ns = dm_clock_now_ns();

        DM_LOCK_SCOPE(&stats->lock);
        io->stats_epoch = stats->epoch << 1 | (is_merged(stats, io) ? MERGED : 0);
        for (unsigned i = 0; i < stats->regions->len; i++)
                count_region(stats->regions->pdata[i], io, io->begun_ns, false);
}

void dm_stats_end(struct dm_stats *stats, const struct dm_io *io)
{
        uint64_t now = MAX(dm_clock_now_ns(), io->begun_ns);

        DM_LOCK_SCOPE(&stats->lock);
        for (unsigned i = 0; i < stats->regions->len; i++) {
                struct region *r = stats->regions->pdata[i];

                if (r->epoch <= EPOCH(io))
                        count_region(r, io, now, true);
        }
}
