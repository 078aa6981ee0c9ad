/* SPDX-License-Identifier: BSD-3-Clause */
/* When a report that is repeated is due. */
#ifndef FUSEMAPCTL_REPEAT_H
#define FUSEMAPCTL_REPEAT_H

#include <stdint.h>

/* The first time after NOW_NS that is a multiple of INTERVAL_NS (not 0) after START_NS, which is not later
 * than NOW_NS: a report that takes its time does not shift those that follow, and what was missed is left
 * out. */
uint64_t repeat_next(uint64_t start_ns, uint64_t interval_ns, uint64_t now_ns);

/* Waits until WHEN_NS of dm_clock_real_ns(). */
void repeat_wait(uint64_t when_ns);

#endif
