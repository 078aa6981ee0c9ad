/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that are not needed, because another keeps up with the requests alone. */
#include "dm-internal.h"

static _Atomic unsigned resting;
static _Atomic uint32_t calls;

/* Whoever clears *WHILE_TRUE and then calls either is seen here or sees that somebody rests. */
bool dm_worker_rest(const _Atomic bool *while_true, uint64_t deadline_ns)
{
        uint32_t call = atomic_load(&calls);
        bool in_time = true;

        atomic_fetch_add(&resting, 1);
        while (in_time) {
                uint32_t seen = dm_wake_prepare();

                if (!atomic_load(while_true) || atomic_load(&calls) != call)
                        break;
                in_time = dm_wake_wait(seen, deadline_ns);
        }
        atomic_fetch_sub(&resting, 1);
        return in_time;
}

void dm_workers_call(void)
{
        if (!atomic_load(&resting))
                return;
        atomic_fetch_add(&calls, 1);
        dm_wake_all();
}
