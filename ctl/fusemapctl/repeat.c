/* SPDX-License-Identifier: BSD-3-Clause */
#include "repeat.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

uint64_t repeat_next(uint64_t start_ns, uint64_t interval_ns, uint64_t now_ns)
{
        return start_ns + ((now_ns - start_ns) / interval_ns + 1) * interval_ns;
}

void repeat_wait(uint64_t when_ns)
{
        const struct timespec when = {
                .tv_sec = (time_t)(when_ns / DM_NS_PER_S),
                .tv_nsec = (long)(when_ns % DM_NS_PER_S),
        };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
                ;
}
