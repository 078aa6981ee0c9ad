/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms of latency: their bounds and counts as text. */
#ifndef FUSEMAPCTL_STATS_HISTOGRAM_H
#define FUSEMAPCTL_STATS_HISTOGRAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The bounds that TEXT lists, "10ms,1s,500us", in ns; numbers without a unit are ns.  NULL: an error has been
 * said.  Their order is not looked at: see histogram_is_ascending(). */
GArray *histogram_parse(const char *text);
/* Whether each bound is larger than or equal to the one before, and the first is not 0. */
bool histogram_is_ascending(const GArray *bounds);
/* Whether a bound is no whole number of ms. */
bool histogram_is_precise(const GArray *bounds);

/* What a text shows of a histogram. */
enum {
        HISTOGRAM_COUNTS = 1,   /* how many I/O are in each bin */
        HISTOGRAM_PERCENT = 2,  /* the same of hundred */
        HISTOGRAM_LOWER = 4,    /* each bin's lower bound */
        HISTOGRAM_RANGES = 8,   /* both its bounds */
        HISTOGRAM_SUFFIX = 16,  /* with the bounds' units; without, they are ns */
        HISTOGRAM_NARROW = 32,  /* no blanks to align anything */
};

/* BOUNDS, and of BINS one more (NULL without counts), as text, the caller's; "" without bounds.  SHOW has
 * something of the first four. */
char *histogram_text(const GArray *bounds, const uint64_t *bins, unsigned show);

#endif
