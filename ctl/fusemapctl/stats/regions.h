/* SPDX-License-Identifier: BSD-3-Clause */
/* The regions of a device's statistics: what the messages @stats_list and @stats_print tell of them.  Main
 * thread. */
#ifndef FUSEMAPCTL_STATS_REGIONS_H
#define FUSEMAPCTL_STATS_REGIONS_H

#include "../device.h"
#include "groups.h"

/* The counters of an area, in the order of a line of @stats_print.  Times in ns. */
enum counter {
        READS,
        READS_MERGED,
        READ_SECTORS,
        READ_TIME,
        WRITES,
        WRITES_MERGED,
        WRITE_SECTORS,
        WRITE_TIME,
        IN_PROGRESS,
        IO_TICKS,
        QUEUE_TICKS,
        READ_TICKS,
        WRITE_TICKS,
        COUNTER_COUNT
};

typedef struct region {
        uint64_t id;
        uint64_t start, length, step; /* sectors */
        uint64_t area_count;
        char *program, *user_data; /* "": none */
        bool precise;
        GArray *bounds; /* of the histogram: uint64_t, ns; empty without one */
        StatsGroup *group; /* NULL: in none */
        /* Once read, COUNTER_COUNT an area, and of the histogram bounds->len + 1; NULL: not read. */
        uint64_t *counters, *bins;
} Region;

typedef struct regions {
        GPtrArray *list;   /* of Region, by id */
        GPtrArray *groups; /* of StatsGroup, by id */
} Regions;

/* The regions that TEXT, a reply to @stats_list, tells of.  What can't be parsed is complained of on stderr
 * and left out; so is a group's description, and its region is in none. */
Regions *regions_parse(const char *text);
void regions_free(Regions *regions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Regions, regions_free)

/* NULL: there is none. */
Region *regions_find(const Regions *regions, uint64_t id);

/* Takes the counters of R's areas from FIRST on from TEXT, a reply to @stats_print; returns how many areas
 * there were, -1 when TEXT is no such reply or there is no memory. */
int64_t region_take_counters(Region *r, uint64_t first, const char *text);

/* Sends a message to the device: its reply, the caller's.  NULL: an error has been said. */
char *stats_send(struct ctl *ctl, const Device *device, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The device's regions that belong to PROGRAM (NULL: all).  NULL: an error has been said. */
Regions *regions_fetch(struct ctl *ctl, const Device *device, const char *program);

/* Reads R's counters, and with CLEAR sets them to 0.  False: an error has been said. */
bool region_fetch_counters(struct ctl *ctl, const Device *device, Region *r, bool clear);

#endif
