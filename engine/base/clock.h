/* SPDX-License-Identifier: BSD-3-Clause */
/* Time as a dependency: the engine reads the clock here only, and tests may replace it. */
#ifndef DM_BASE_CLOCK_H
#define DM_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define DM_NS_PER_MS 1000000u
#define DM_NS_PER_S 1000000000u

/* Nanoseconds of CLOCK_MONOTONIC, or of the tests' clock.  Any thread. */
uint64_t dm_clock_now_ns(void);

/* Nanoseconds of CLOCK_MONOTONIC, whatever the tests' clock says: for deadlines of the system's own
 * waits.  Any thread. */
uint64_t dm_clock_real_ns(void);

/* Tests only: from now on the clock stands at NOW_NS; 0 gives the real one back.  Any
 * thread. */
void dm_clock_set_fake_ns(uint64_t now_ns);

/* Whether the clock stands: then no deadline comes by waiting.  Any thread. */
bool dm_clock_is_fake(void);

#endif
