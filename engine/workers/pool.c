/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of workers: threads that take requests themselves and do what does not block where it stands.  For
 * one that is stuck after all there is a spare. */
#include "dm-internal.h"
#include "workers/internal.h"

#include <unistd.h>

struct dm_mutex dm_workers_lock = DM_MUTEX_INIT;
struct dm_workers *dm_worker_pools;

/* ---- a worker -------------------------------------------------------------------------------------- */

static void leave(struct worker *w)
{
        struct dm_workers *p = w->pool;
        struct worker **link;

        DM_LOCK_SCOPE(&dm_workers_lock);
        for (link = &p->list; *link != w; link = &(*link)->next)
                ;
        *link = w->next;
        if (atomic_load(&w->stuck))
                atomic_fetch_sub(&p->stuck, 1);
        if (w->leaving)
                atomic_fetch_sub(&p->leaving, 1);
        atomic_fetch_sub(&p->total, 1);
        g_free(w);
        pthread_cond_broadcast(&p->left);
}

static void enter(struct worker *w)
{
        DM_LOCK_SCOPE(&dm_workers_lock);
        w->thread = gettid();
}

static void *worker_thread(void *arg)
{
        struct worker *w = arg;

        dm_worker_become(w);
        enter(w);
        pthread_setname_np(pthread_self(), "worker");
        w->pool->fn(w->pool->user, w->number);
        dm_worker_become(NULL);
        leave(w);
        return NULL;
}

void dm_worker_mark_stuck(struct worker *w)
{
        dm_assert_held(&dm_workers_lock);
        if (atomic_load(&w->stuck))
                return;
        atomic_store(&w->stuck, true);
        /* it may have ended its work just now, and have looked at `stuck' before */
        if (!atomic_load(&w->busy)) {
                atomic_store(&w->stuck, false);
                return;
        }
        atomic_fetch_add(&w->pool->stuck, 1);
}

void dm_worker_unstick(struct worker *w)
{
        DM_LOCK_SCOPE(&dm_workers_lock);
        if (atomic_load(&w->stuck)) {
                atomic_store(&w->stuck, false);
                atomic_fetch_sub(&w->pool->stuck, 1);
        }
}

/* ---- a pool ---------------------------------------------------------------------------------------- */

/* How many wait for requests, or will soon. */
static unsigned free_workers(struct dm_workers *p)
{
        return atomic_load(&p->total) - atomic_load(&p->stuck) - atomic_load(&p->leaving);
}

static bool spawn(struct dm_workers *p)
{
        struct worker *w = g_new0(struct worker, 1);
        pthread_t thread;

        dm_assert_held(&dm_workers_lock);
        w->pool = p;
        w->number = p->last_number++;
        w->next = p->list;
        if (pthread_create(&thread, NULL, worker_thread, w)) {
                g_free(w);
                return false;
        }
        pthread_detach(thread);
        p->list = w;
        atomic_fetch_add(&p->total, 1);
        return true;
}

void dm_workers_fill_up(struct dm_workers *p)
{
        dm_assert_held(&dm_workers_lock);
        p->lacking = false;
        while (!p->closing && !p->lacking && free_workers(p) < p->needed &&
               atomic_load(&p->total) < WORKERS_MAX)
                p->lacking = !spawn(p);
}

struct dm_workers *dm_workers_start(unsigned needed, void (*fn)(void *user, unsigned number),
                                    void *user)
{
        struct dm_workers *p = g_new0(struct dm_workers, 1);

        p->fn = fn;
        p->user = user;
        p->needed = needed;
        dm_cond_init(&p->left);

        {
                DM_LOCK_SCOPE(&dm_workers_lock);
                p->next = dm_worker_pools;
                dm_worker_pools = p;
                dm_workers_fill_up(p);
        }
        dm_wake_all(); /* the watcher, if one is lacking */
        return p;
}

bool dm_worker_surplus(void)
{
        struct worker *w = dm_worker_self();

        if (!w || free_workers(w->pool) <= w->pool->needed)
                return false;

        DM_LOCK_SCOPE(&dm_workers_lock);
        if (free_workers(w->pool) <= w->pool->needed)
                return false;
        w->leaving = true;
        atomic_fetch_add(&w->pool->leaving, 1);
        return true;
}

static void forget(struct dm_workers *p)
{
        struct dm_workers **link;

        dm_assert_held(&dm_workers_lock);
        for (link = &dm_worker_pools; *link != p; link = &(*link)->next)
                ;
        *link = p->next;
}

unsigned dm_workers_join(struct dm_workers *p, uint64_t deadline_ns)
{
        unsigned left;
        bool in_time = true;

        {
                DM_LOCK_SCOPE(&dm_workers_lock);
                p->closing = true;
                while ((left = atomic_load(&p->total)) && in_time) {
                        if (deadline_ns == DM_WAKE_FOREVER)
                                dm_cond_wait(&p->left, &dm_workers_lock);
                        else
                                in_time = dm_cond_wait_until(&p->left, &dm_workers_lock, deadline_ns);
                }
                if (!left)
                        forget(p);
        }
        if (!left) {
                pthread_cond_destroy(&p->left);
                g_free(p);
        }
        return left;
}
