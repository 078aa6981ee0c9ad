/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/wake.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint32_t counter;

uint32_t dm_wake_prepare(void)
{
        return atomic_load(&counter);
}

bool dm_wake_wait(uint32_t seen, uint64_t deadline_ns)
{
        struct timespec until = {
                .tv_sec = (time_t)(deadline_ns / 1000000000u),
                .tv_nsec = (long)(deadline_ns % 1000000000u),
        };
        long r;

        /* FUTEX_WAIT_BITSET: the deadline is absolute, on CLOCK_MONOTONIC */
        r = syscall(SYS_futex, &counter, FUTEX_WAIT_BITSET_PRIVATE, seen,
                    deadline_ns == DM_WAKE_FOREVER ? NULL : &until, NULL,
                    FUTEX_BITSET_MATCH_ANY);
        return !(r < 0 && errno == ETIMEDOUT);
}

void dm_wake_all(void)
{
        atomic_fetch_add(&counter, 1);
        syscall(SYS_futex, &counter, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
