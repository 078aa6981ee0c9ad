/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups of regions.  A group is described in the aux data of its first region, before what the user put
 * there: DMS_GROUP=ALIAS:MEMBERS#DATA.  So it lasts as long as the region, and others see it.
 */
#ifndef FUSEMAPCTL_STATS_GROUPS_H
#define FUSEMAPCTL_STATS_GROUPS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of region ids: ranges in ascending order that do not touch. */
struct id_range {
        uint64_t first, last;
};

/* The ids that TEXT lists, "0,2-4"; NULL: it is no list. */
GArray *ids_parse(const char *text);
/* The same the other way round; the caller's. */
char *ids_text(const GArray *ids);
bool ids_have(const GArray *ids, uint64_t id);
/* Takes one out. */
void ids_remove(GArray *ids, uint64_t id);

typedef struct stats_group {
        uint64_t id;  /* that of its first region */
        char *alias;  /* "": none */
        GArray *members; /* of struct id_range; regions of other programs, too, and such as are gone */
} StatsGroup;

StatsGroup *stats_group_new(uint64_t id, const char *alias, GArray *members);
void stats_group_free(StatsGroup *group);

/* Takes AUX, the aux data of region ID, apart: the user's part goes to *RET_DATA ("": none), the group that
 * it describes to *RET_GROUP, NULL when there is none; both the caller's.  A description that is not whole is
 * complained of on stderr, and taken for the user's. */
void stats_aux_parse(uint64_t id, const char *aux, char **ret_data, StatsGroup **ret_group);
/* The aux data for a region with DATA that describes GROUP (NULL: none); the caller's. */
char *stats_aux_text(const StatsGroup *group, const char *data);

#endif
