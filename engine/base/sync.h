/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mutexes that know their owner, and THE lock order of fusemap.
 *
 * A thread that holds a lock may take only locks that stand below it here.  No lock marked (io) is
 * held across a system call, a target callback or a reply.
 *
 *   1. ctl and fusemap control state  (ctl/server.c, fusemap/teardown.c)
 *   2. control     engine/device: one a device; serialises load, suspend, resume, messages to targets
 *   3. topology    engine/dev.c: one; serialises "who is stacked on whom" while a table is made
 *   4. backings    engine/backing/open.c: one; the list of shared backings
 *   5. graveyard   engine/reaper.c: one; destroyed devices that are still referenced (io)
 *   6. names       engine/names.c: one; names, uuids, ids, minors, open counts      (io)
 *   7. state       engine/device: one a device; table pointers, parked I/O          (io)
 *   8. holds       engine/hold.c: one; the list of holds                            (io)
 *   9. targets     engine/targets, engine/hold.c: a target's own; never two at once (io)
 *  10. timers      engine/timer.c: one; armed timers                                (io)
 *  11. lanes       engine/lane.c: one; queued blocking work of all lanes            (io)
 *  12. workers     engine/workers/pool.c: one; the pools and their workers           (io)
 *  13. events      engine/event.c: one; the list of subscribers
 *  14. fusemap     unused requests, handles, descriptors, interrupts, notify queue; each a
 *                 leaf (io)
 *
 * "control" is one a device and never nested: whoever needs two devices takes the second through
 * its reference or open count only.  "events" is held while subscribers are called, so that an
 * unsubscribe can promise that no call is under way; a subscriber takes leaf locks only.
 */
#ifndef DM_BASE_SYNC_H
#define DM_BASE_SYNC_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct dm_mutex {
        pthread_mutex_t mutex;
#ifndef NDEBUG
        pthread_t owner; /* valid only while held; read by its own thread alone */
        _Atomic bool held;
#endif
};

#ifndef NDEBUG
#define DM_MUTEX_INIT {.mutex = PTHREAD_MUTEX_INITIALIZER, .held = false}
#else
#define DM_MUTEX_INIT {.mutex = PTHREAD_MUTEX_INITIALIZER}
#endif

static inline void dm_mutex_init(struct dm_mutex *m)
{
        *m = (struct dm_mutex)DM_MUTEX_INIT;
        pthread_mutex_init(&m->mutex, NULL);
}

static inline void dm_mutex_destroy(struct dm_mutex *m)
{
        pthread_mutex_destroy(&m->mutex);
}

static inline void dm_mutex_lock(struct dm_mutex *m)
{
        pthread_mutex_lock(&m->mutex);
#ifndef NDEBUG
        m->owner = pthread_self();
        m->held = true;
#endif
}

static inline void dm_mutex_unlock(struct dm_mutex *m)
{
#ifndef NDEBUG
        assert(m->held && pthread_equal(m->owner, pthread_self()));
        m->held = false;
#endif
        pthread_mutex_unlock(&m->mutex);
}

/* The caller must hold M: checked in debug builds. */
static inline void dm_assert_held(struct dm_mutex *m)
{
#ifndef NDEBUG
        assert(m->held && pthread_equal(m->owner, pthread_self()));
#else
        (void)m;
#endif
}

/*
 * For what goes from one thread to another through the kernel, which orders it and TSan does not see: who
 * gives AT away passes it, who gets it receives it, before he looks.
 */
#if defined(__SANITIZE_THREAD__)
void __tsan_release(void *at);
void __tsan_acquire(void *at);
#define DM_PASS(at) __tsan_release((void *)(uintptr_t)(at))
#define DM_RECEIVE(at) __tsan_acquire((void *)(uintptr_t)(at))
#else
#define DM_PASS(at) ((void)(at))
#define DM_RECEIVE(at) ((void)(at))
#endif

/* Waits on COND, which releases M meanwhile, as pthread_cond_wait() does. */
static inline void dm_cond_wait(pthread_cond_t *cond, struct dm_mutex *m)
{
#ifndef NDEBUG
        m->held = false;
#endif
        pthread_cond_wait(cond, &m->mutex);
#ifndef NDEBUG
        m->owner = pthread_self();
        m->held = true;
#endif
}

/* The same until DEADLINE_NS of CLOCK_MONOTONIC (COND was made by dm_cond_init()).
 * Returns false when the deadline has passed. */
bool dm_cond_wait_until(pthread_cond_t *cond, struct dm_mutex *m, uint64_t deadline_ns);

/* A condition variable on CLOCK_MONOTONIC. */
void dm_cond_init(pthread_cond_t *cond);

static inline void dm_mutex_guard_unlock(struct dm_mutex **m)
{
        dm_mutex_unlock(*m);
}

/* Holds M until the end of the enclosing scope. */
#define DM_GUARD_NAME_(line) dm_guard_##line
#define DM_GUARD_NAME(line) DM_GUARD_NAME_(line)
#define DM_LOCK_SCOPE(m)                                                                           \
        struct dm_mutex *DM_GUARD_NAME(__LINE__)                                                   \
                __attribute__((cleanup(dm_mutex_guard_unlock), unused)) = (dm_mutex_lock(m), (m))

#endif
