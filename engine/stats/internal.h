/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics of a device's I/O, by regions that are cut into areas: the messages @stats_* as the kernel's
 * document has them (Documentation/admin-guide/device-mapper/statistics.rst).
 *
 * A device without regions pays for one load an I/O.  With regions, each I/O takes the device's statistics
 * lock twice.  What began before a region was made does not count in it: regions and I/O carry the number
 * of the epoch in which they began.
 */
#ifndef DM_STATS_INTERNAL_H
#define DM_STATS_INTERNAL_H

#include "dm-internal.h"

enum direction {
        DIR_READ,
        DIR_WRITE,
        DIR_COUNT,
};

struct area {
        uint64_t ios[DIR_COUNT], merges[DIR_COUNT], sectors[DIR_COUNT], ticks_ns[DIR_COUNT];
        uint64_t in_flight[DIR_COUNT];
        uint64_t busy_ns, weighted_ns, busy_dir_ns[DIR_COUNT];
        uint64_t stamp_ns; /* up to when the four above are counted */
};

struct region {
        unsigned id;
        uint64_t epoch;
        uint64_t start, end, step; /* sectors */
        bool precise;
        char *program, *aux;
        char *histogram_text;
        uint64_t *bounds; /* of the histogram: n of them, for n + 1 counters */
        size_t bound_count;
        size_t area_count;
        struct area *areas;
        uint64_t *counts; /* (bound_count + 1) an area; NULL without a histogram */
};

struct dm_stats {
        struct dm_mutex lock;
        GPtrArray *regions; /* guarded: lock; by id */
        uint64_t epoch;     /* guarded: lock */
        /* guarded: lock; where the I/O that began last ends: one that goes on there counts as merged */
        uint64_t last_end;
        enum direction last_direction;
};

/* MD's statistics, made at the first call.  Control context. */
struct dm_stats *dm_stats_of(struct mapped_device *md);
/* Frees a struct region that is in no list. */
void dm_region_free(void *region);
/* Brings the busy times of AREA up to NOW; the caller holds the lock. */
void dm_area_round_up(struct area *area, uint64_t now);

/* The message @stats_create. */
bool dm_stats_create(struct mapped_device *md, int argc, char **argv, char **ret_reply, GError **error);

#endif
