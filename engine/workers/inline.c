/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What does not block where it stands, and which backings it did for all that: a worker notes when it begins
 * and ends such work, for the watcher, which remembers a backing as slow.
 */
#include "dm-internal.h"
#include "workers/internal.h"

#define SLOW_NS (1 * (uint64_t)DM_NS_PER_S)
#define SLOW_SLOTS 4096u

static __thread struct worker *self;
static __thread bool never_inline;

/* Until when a backing counts as slow; 0: it does not.  By slot, so that nothing here points at a
 * backing that may be gone; two that share a slot share the caution. */
static _Atomic uint64_t slow_until[SLOW_SLOTS];

void dm_worker_become(struct worker *w)
{
        self = w;
}

struct worker *dm_worker_self(void)
{
        return self;
}

/* ---- slow backings ----------------------------------------------------------------------------------- */

unsigned dm_slow_slot(void)
{
        static _Atomic unsigned last;

        return atomic_fetch_add(&last, 1) % SLOW_SLOTS;
}

bool dm_is_slow(unsigned slow)
{
        uint64_t until = atomic_load_explicit(&slow_until[slow], memory_order_relaxed);

        if (never_inline)
                return true;
        if (!until)
                return false;
        if (dm_clock_real_ns() < until)
                return true;
        atomic_compare_exchange_strong(&slow_until[slow], &until, 0);
        return false;
}

bool dm_inline_forbid(bool forbidden)
{
        bool before = never_inline;

        never_inline = forbidden;
        return before;
}

void dm_inline_never(void)
{
        dm_inline_forbid(true);
}

void dm_worker_note_slow(const struct worker *w)
{
        atomic_store(&slow_until[atomic_load(&w->slow)], dm_clock_real_ns() + SLOW_NS);
}

/* ---- inline work ------------------------------------------------------------------------------------- */

void dm_inline_begin(unsigned slow)
{
        if (!self)
                return;
        atomic_store_explicit(&self->slow, slow, memory_order_relaxed);
        atomic_store(&self->busy, atomic_load_explicit(&dm_watcher_tick, memory_order_relaxed) + 1);
        if (atomic_load(&dm_watcher_parked)) {
                atomic_store(&dm_watcher_parked, 0);
                dm_wake_all();
        }
}

void dm_inline_end(void)
{
        if (!self)
                return;
        atomic_store(&self->busy, 0);
        if (atomic_load(&self->stuck)) /* not before `busy' is seen: see dm_worker_mark_stuck() */
                dm_worker_unstick(self);
}

bool dm_inline_begin_waiting(unsigned slow)
{
        struct dm_workers *p;

        if (!self || never_inline)
                return false;
        p = self->pool;
        if (atomic_fetch_add(&p->waiting, 1) + 1 >= p->needed) {
                atomic_fetch_sub(&p->waiting, 1);
                return false;
        }
        dm_inline_begin(slow);
        dm_workers_call();
        return true;
}

void dm_inline_end_waiting(void)
{
        dm_inline_end();
        atomic_fetch_sub(&self->pool->waiting, 1);
}
