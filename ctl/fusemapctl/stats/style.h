/* SPDX-License-Identifier: BSD-3-Clause */
/* How sizes and times in reports of statistics are written. */
#ifndef FUSEMAPCTL_STATS_STYLE_H
#define FUSEMAPCTL_STATS_STYLE_H

#include <libdevmapper.h>

#include "../ctl.h"

struct stats_style {
        uint64_t unit; /* what a size is a multiple of, bytes */
        char unit_letter; /* with 'h' and 'H' a size has its unit behind it, with others it never has */
        bool time_suffix;
        bool selects; /* -S compares values, in whole units; otherwise they are only sorted */
        bool narrow; /* nothing is aligned */
};

/* What --units and its like ask for.  False: an error has been said. */
bool stats_style_init(struct stats_style *style, const struct options *o);

/* SECTORS as a text in MEM; NULL: no memory. */
const char *stats_style_size(const struct stats_style *style, struct dm_pool *mem, uint64_t sectors);

/* Reads TEXT, a number of sectors or with a unit's letter behind it, into *RET_SECTORS.  False: it is none,
 * or not 0 and less than a sector. */
bool stats_parse_size(const char *text, uint64_t *ret_sectors);

#endif
