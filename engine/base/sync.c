/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/sync.h"

#include <errno.h>
#include <time.h>

void dm_cond_init(pthread_cond_t *cond)
{
        pthread_condattr_t attr;

        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
}

bool dm_cond_wait_until(pthread_cond_t *cond, struct dm_mutex *m, uint64_t deadline_ns)
{
        struct timespec until = {
                .tv_sec = (time_t)(deadline_ns / 1000000000u),
                .tv_nsec = (long)(deadline_ns % 1000000000u),
        };
        int r;

#ifndef NDEBUG
        m->held = false;
#endif
        r = pthread_cond_timedwait(cond, &m->mutex, &until);
#ifndef NDEBUG
        m->owner = pthread_self();
        m->held = true;
#endif
        return r != ETIMEDOUT;
}
