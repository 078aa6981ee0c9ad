/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t fake_ns;

uint64_t dm_clock_real_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * DM_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t dm_clock_now_ns(void)
{
        uint64_t fake = atomic_load_explicit(&fake_ns, memory_order_relaxed);

        return fake ? fake : dm_clock_real_ns();
}

void dm_clock_set_fake_ns(uint64_t now_ns)
{
        atomic_store(&fake_ns, now_ns);
}

bool dm_clock_is_fake(void)
{
        return atomic_load_explicit(&fake_ns, memory_order_relaxed) != 0;
}
