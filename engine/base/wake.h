/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One process-wide event counter to wait on.
 *
 * A put that drops the last reference must not touch the device after its decrement: whoever waits
 * for that moment may have freed it already.  So what is woken stands outside every device.
 * A waiter reads the counter, looks at its condition, and sleeps unless the counter has moved:
 *
 *      for (;;) {
 *              uint32_t seen = dm_wake_prepare();
 *              if (condition())
 *                      break;
 *              dm_wake_wait(seen, DM_WAKE_FOREVER);
 *      }
 */
#ifndef DM_BASE_WAKE_H
#define DM_BASE_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#define DM_WAKE_FOREVER UINT64_MAX

/* The counter's present value.  Any thread. */
uint32_t dm_wake_prepare(void);

/* Sleeps until the counter differs from SEEN, or DEADLINE_NS of CLOCK_MONOTONIC has passed; false
 * in the second case.  May return early.  Any thread that may block. */
bool dm_wake_wait(uint32_t seen, uint64_t deadline_ns);

/* Moves the counter and wakes every waiter.  Any context: no lock, no allocation. */
void dm_wake_all(void);

#endif
