/* SPDX-License-Identifier: BSD-3-Clause */
/* What a report of statistics has a row for: areas, regions, and groups of regions; and what follows from
 * their counters.  Main thread. */
#ifndef FUSEMAPCTL_STATS_OBJECTS_H
#define FUSEMAPCTL_STATS_OBJECTS_H

#include "regions.h"

enum object_type {
        OBJECT_AREA = 1,
        OBJECT_REGION = 2,
        OBJECT_GROUP = 4,
        /* a choice of objects, not a type: without regions of one area, which are as their area */
        OBJECT_SKIP_SINGLE = 8,
};

typedef struct stats_object {
        enum object_type type;
        const Region *region;    /* of a group, its first */
        const StatsGroup *group; /* which it is or is in; NULL: none */
        uint64_t area;           /* of an area; 0 */
        uint64_t length;         /* sectors: of the region, or together of those in the group */
        uint64_t interval_ns;    /* that the counters are of */
        uint64_t counters[COUNTER_COUNT]; /* summed up; 0 when they have not been read */
        uint64_t *bins; /* the same of the histogram, region->bounds->len + 1 */
} StatsObject;

/* Calls DONE for each object among REGIONS that TYPES asks for: areas, then regions, then groups.  Ends at
 * the first that it returns false for, and returns that. */
typedef bool stats_object_fn(const StatsObject *object, void *user);
bool stats_objects_walk(const Regions *regions, unsigned types, uint64_t interval_ns,
                        stats_object_fn *done, void *user);

/* Metrics, as iostat(1) has them.  What there was no I/O for is 0. */
double object_per_sec(const StatsObject *object, enum counter counter);
double object_throughput(const StatsObject *object);       /* I/O per second */
double object_request_sectors(const StatsObject *object);  /* on average */
double object_queue_size(const StatsObject *object);       /* I/O in flight, on average */
double object_wait_ns(const StatsObject *object, bool reads, bool writes); /* how long an I/O took */
double object_service_ns(const StatsObject *object);       /* busy time an I/O */
double object_utilization(const StatsObject *object);      /* busy time, of 1 */

#endif
