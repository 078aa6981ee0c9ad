/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker pool: threads that take requests themselves and do what does not block where it stands;
 * and the watcher, which notices when such work is stuck after all, starts a spare worker for it, and
 * remembers the backing as slow.
 */
#include "dm-internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_NS (10 * (uint64_t)DM_NS_PER_MS)
#define STUCK_TICKS 2u
#define SLOW_NS (1 * (uint64_t)DM_NS_PER_S)
#define SLOW_SLOTS 4096u
#define WORKERS_MAX 256u

struct worker {
        struct worker *next;
        struct dm_workers *pool;
        unsigned number;
        pid_t thread;           /* guarded: workers; 0 at first */
        _Atomic uint32_t busy;  /* tick + 1 when its inline work began; 0: none */
        _Atomic uint32_t slow;  /* the slow slot of the backing it works on */
        bool leaving;           /* guarded: workers; counted in its pool's `leaving' */
        _Atomic bool stuck;     /* set by the watcher; guarded: workers, but for a quick look */
};

struct dm_workers {
        void (*fn)(void *user, unsigned number);
        void *user;
        unsigned needed;
        _Atomic unsigned total, stuck, leaving; /* written: workers */
        bool closing;                  /* guarded: workers */
        bool lacking;                  /* guarded: workers; a thread could not be had */
        unsigned last_number;          /* guarded: workers */
        struct worker *list;           /* guarded: workers */
};

static struct dm_mutex workers = DM_MUTEX_INIT;
static struct dm_workers *pool; /* guarded: workers; one a process */
static pthread_cond_t changed;  /* a worker left; the watcher is to stop */
static __thread struct worker *self;
static __thread bool never_inline;

static _Atomic uint32_t tick;
static _Atomic uint32_t parked; /* a futex: the watcher sleeps until inline work begins */
static bool watching, stop_watching; /* guarded: workers */

/* Until when a backing counts as slow; 0: it does not.  By slot, so that nothing here points at a
 * backing that may be gone; two that share a slot share the caution. */
static _Atomic uint64_t slow_until[SLOW_SLOTS];

/* ---- inline work ---------------------------------------------------------------------------------- */

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

void dm_inline_begin(unsigned slow)
{
        if (!self)
                return;
        atomic_store_explicit(&self->slow, slow, memory_order_relaxed);
        atomic_store(&self->busy, atomic_load_explicit(&tick, memory_order_relaxed) + 1);
        if (atomic_load(&parked)) {
                atomic_store(&parked, 0);
                dm_wake_all();
        }
}

static void unstick(struct worker *w)
{
        DM_LOCK_SCOPE(&workers);
        if (atomic_load(&w->stuck)) {
                atomic_store(&w->stuck, false);
                atomic_fetch_sub(&w->pool->stuck, 1);
        }
}

void dm_inline_end(void)
{
        if (!self)
                return;
        atomic_store(&self->busy, 0);
        if (atomic_load(&self->stuck)) /* not before `busy' is seen: see mark_stuck() */
                unstick(self);
}

/* Workers that wait for a device. */
static _Atomic unsigned waiting;

bool dm_inline_begin_waiting(unsigned slow)
{
        if (!self || never_inline)
                return false;
        if (atomic_fetch_add(&waiting, 1) + 1 >= self->pool->needed) {
                atomic_fetch_sub(&waiting, 1);
                return false;
        }
        dm_inline_begin(slow);
        dm_workers_call();
        return true;
}

void dm_inline_end_waiting(void)
{
        dm_inline_end();
        atomic_fetch_sub(&waiting, 1);
}

/* ---- workers --------------------------------------------------------------------------------------- */

static void leave(struct worker *w)
{
        struct dm_workers *p = w->pool;
        struct worker **link;

        DM_LOCK_SCOPE(&workers);
        for (link = &p->list; *link != w; link = &(*link)->next)
                ;
        *link = w->next;
        if (atomic_load(&w->stuck))
                atomic_fetch_sub(&p->stuck, 1);
        if (w->leaving)
                atomic_fetch_sub(&p->leaving, 1);
        atomic_fetch_sub(&p->total, 1);
        g_free(w);
        pthread_cond_broadcast(&changed);
}

static void enter(struct worker *w)
{
        DM_LOCK_SCOPE(&workers);
        w->thread = gettid();
}

static void *worker_thread(void *arg)
{
        self = arg;
        enter(self);
        pthread_setname_np(pthread_self(), "worker");
        self->pool->fn(self->pool->user, self->number);
        leave(g_steal_pointer(&self));
        return NULL;
}

/* How many wait for requests, or will soon. */
static unsigned free_workers(struct dm_workers *p)
{
        return atomic_load(&p->total) - atomic_load(&p->stuck) - atomic_load(&p->leaving);
}

static bool spawn(struct dm_workers *p)
{
        struct worker *w = g_new0(struct worker, 1);
        pthread_t thread;

        dm_assert_held(&workers);
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

/* Starts workers until enough of them are free, or no thread is to be had: then the next tick tries again. */
static void fill_up(struct dm_workers *p)
{
        dm_assert_held(&workers);
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

        {
                DM_LOCK_SCOPE(&workers);
                assert(!pool);
                pool = p;
                fill_up(p);
        }
        dm_wake_all(); /* the watcher, if one is lacking */
        return p;
}

bool dm_worker_surplus(void)
{
        if (!self || free_workers(self->pool) <= self->pool->needed)
                return false;

        DM_LOCK_SCOPE(&workers);
        if (free_workers(self->pool) <= self->pool->needed)
                return false;
        self->leaving = true;
        atomic_fetch_add(&self->pool->leaving, 1);
        return true;
}

unsigned dm_workers_join(struct dm_workers *p, uint64_t deadline_ns)
{
        unsigned left;
        bool in_time = true;

        {
                DM_LOCK_SCOPE(&workers);
                p->closing = true;
                while (atomic_load(&p->total) > atomic_load(&p->stuck) && in_time) {
                        if (deadline_ns == DM_WAKE_FOREVER)
                                dm_cond_wait(&changed, &workers);
                        else
                                in_time = dm_cond_wait_until(&changed, &workers, deadline_ns);
                }
                left = atomic_load(&p->total);
                if (!left)
                        pool = NULL;
        }
        if (!left)
                g_free(p);
        return left;
}

/* ---- the watcher ------------------------------------------------------------------------------------ */

static void mark_stuck(struct worker *w)
{
        dm_assert_held(&workers);
        if (atomic_load(&w->stuck))
                return;
        atomic_store(&w->stuck, true);
        /* it may have ended its work just now, and have looked at `stuck' before */
        if (!atomic_load(&w->busy)) {
                atomic_store(&w->stuck, false);
                return;
        }
        atomic_fetch_add(&w->pool->stuck, 1);
        pthread_cond_broadcast(&changed);
}

/* Workers whose inline work takes long, of one look; the watcher's own. */
static struct suspect {
        pid_t thread;
        uint32_t busy;
} suspects[WORKERS_MAX];
static unsigned suspect_count;

static void note_slow(const struct worker *w)
{
        atomic_store(&slow_until[atomic_load(&w->slow)], dm_clock_real_ns() + SLOW_NS);
}

/* Looks at every worker's inline work; true if there is any, or if a worker is lacking. */
static bool look(uint32_t now)
{
        bool active = false;

        dm_assert_held(&workers);
        suspect_count = 0;
        if (!pool)
                return false;
        for (struct worker *w = pool->list; w; w = w->next) {
                uint32_t busy = atomic_load(&w->busy);

                if (!busy)
                        continue;
                active = true;
                if (now - (busy - 1) < STUCK_TICKS)
                        continue;
                if (atomic_load(&w->stuck))
                        note_slow(w);
                else if (suspect_count < WORKERS_MAX)
                        suspects[suspect_count++] = (struct suspect){w->thread, busy};
        }
        fill_up(pool);
        return active || pool->lacking;
}

/* Whether THREAD of this process sleeps: one that runs, or would if it had a CPU, is not stuck.  True
 * when nobody knows. */
static bool sleeps(pid_t thread)
{
        char path[64], text[512];
        const char *state;
        ssize_t n = -1;
        int fd;

        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
                n = read(fd, text, sizeof(text) - 1);
                close(fd);
        }
        if (n <= 0)
                return true;
        text[n] = '\0';
        state = strrchr(text, ')'); /* of "(name) S ..." */
        return !state || strncmp(state, ") R", 3) != 0;
}

/* S was asleep in inline work: if that goes on, it is stuck. */
static void convict(const struct suspect *s)
{
        DM_LOCK_SCOPE(&workers);
        for (struct worker *w = pool ? pool->list : NULL; w; w = w->next) {
                if (w->thread == s->thread && atomic_load(&w->busy) == s->busy) {
                        note_slow(w);
                        mark_stuck(w);
                        fill_up(w->pool);
                        return;
                }
        }
}

static void examine_suspects(void)
{
        for (unsigned i = 0; i < suspect_count; i++)
                if (sleeps(suspects[i].thread))
                        convict(&suspects[i]);
}

/* Sleeps until a worker begins inline work; they look at `parked' after they have set `busy', and the
 * caller looks at `busy' once more after setting `parked'. */
static void park(void)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();
                bool stop, active;

                {
                        DM_LOCK_SCOPE(&workers);
                        stop = stop_watching;
                        active = look(atomic_load(&tick));
                }
                if (stop || active || !atomic_load(&parked))
                        break;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
        atomic_store(&parked, 0);
}

static void *watch(void *unused)
{
        bool active = false;

        pthread_setname_np(pthread_self(), "watcher");
        for (;;) {
                uint64_t next;

                if (!active) {
                        atomic_store(&parked, 1);
                        park();
                }
                next = dm_clock_real_ns() + TICK_NS;
                {
                        DM_LOCK_SCOPE(&workers);
                        while (!stop_watching && dm_cond_wait_until(&changed, &workers, next))
                                ;
                        if (stop_watching) {
                                watching = false;
                                pthread_cond_broadcast(&changed);
                                return NULL;
                        }
                        active = look(atomic_fetch_add(&tick, 1) + 1);
                }
                examine_suspects();
        }
}

static void init_changed(void)
{
        dm_cond_init(&changed);
}

void dm_watcher_start(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_t thread;

        pthread_once(&once, init_changed);
        {
                DM_LOCK_SCOPE(&workers);
                stop_watching = false;
                watching = true;
        }
        if (pthread_create(&thread, NULL, watch, NULL))
                g_error("cannot start the watcher's thread");
        pthread_detach(thread);
}

void dm_watcher_stop(void)
{
        DM_LOCK_SCOPE(&workers);
        stop_watching = true;
        pthread_cond_broadcast(&changed);
        dm_wake_all();
        while (watching)
                dm_cond_wait(&changed, &workers);
}
