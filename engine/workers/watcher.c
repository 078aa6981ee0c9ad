/* SPDX-License-Identifier: BSD-3-Clause */
/* The watcher: a thread that notices when a worker's inline work is stuck, has a spare started for it, and
 * has the backing remembered as slow. */
#include "dm-internal.h"
#include "workers/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_NS (10 * (uint64_t)DM_NS_PER_MS)
#define STUCK_TICKS 2u

_Atomic uint32_t dm_watcher_tick, dm_watcher_parked;

static bool watching, stop_watching; /* guarded: workers */
static pthread_cond_t changed;       /* one of these */

/* Workers whose inline work takes long, of one look; the watcher's own.  The next look finds those for whom
 * there is no room. */
static struct suspect {
        pid_t thread;
        uint32_t busy;
} suspects[WORKERS_MAX];
static unsigned suspect_count;

/* ---- looking ---------------------------------------------------------------------------------------- */

/* True if the worker has inline work. */
static bool look_at_worker(const struct worker *w, uint32_t now)
{
        uint32_t busy = atomic_load(&w->busy);

        if (!busy)
                return false;
        if (now - (busy - 1) < STUCK_TICKS)
                return true;
        if (atomic_load(&w->stuck))
                dm_worker_note_slow(w);
        else if (suspect_count < WORKERS_MAX)
                suspects[suspect_count++] = (struct suspect){w->thread, busy};
        return true;
}

/* Looks at every worker; true if one has inline work, or is lacking. */
static bool look(uint32_t now)
{
        bool active = false;

        dm_assert_held(&dm_workers_lock);
        suspect_count = 0;
        for (struct dm_workers *p = dm_worker_pools; p; p = p->next) {
                for (struct worker *w = p->list; w; w = w->next)
                        active |= look_at_worker(w, now);
                dm_workers_fill_up(p);
                active |= p->lacking;
        }
        return active;
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

static struct worker *find(const struct suspect *s)
{
        dm_assert_held(&dm_workers_lock);
        for (struct dm_workers *p = dm_worker_pools; p; p = p->next)
                for (struct worker *w = p->list; w; w = w->next)
                        if (w->thread == s->thread && atomic_load(&w->busy) == s->busy)
                                return w;
        return NULL;
}

/* S was asleep in inline work: if that goes on, it is stuck. */
static void convict(const struct suspect *s)
{
        struct worker *w;

        DM_LOCK_SCOPE(&dm_workers_lock);
        w = find(s);
        if (!w)
                return;
        dm_worker_note_slow(w);
        dm_worker_mark_stuck(w);
        dm_workers_fill_up(w->pool);
}

static void examine_suspects(void)
{
        for (unsigned i = 0; i < suspect_count; i++)
                if (sleeps(suspects[i].thread))
                        convict(&suspects[i]);
}

/* ---- the thread ------------------------------------------------------------------------------------- */

/* Sleeps until a worker begins inline work; they look at `dm_watcher_parked' after they have set `busy', and
 * the caller looks at `busy' once more after setting it. */
static void park(void)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();
                bool stop, active;

                {
                        DM_LOCK_SCOPE(&dm_workers_lock);
                        stop = stop_watching;
                        active = look(atomic_load(&dm_watcher_tick));
                }
                if (stop || active || !atomic_load(&dm_watcher_parked))
                        break;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
        atomic_store(&dm_watcher_parked, 0);
}

static void *watch(void *unused)
{
        bool active = false;

        pthread_setname_np(pthread_self(), "watcher");
        for (;;) {
                uint64_t next;

                if (!active) {
                        atomic_store(&dm_watcher_parked, 1);
                        park();
                }
                next = dm_clock_real_ns() + TICK_NS;
                {
                        DM_LOCK_SCOPE(&dm_workers_lock);
                        while (!stop_watching && dm_cond_wait_until(&changed, &dm_workers_lock, next))
                                ;
                        if (stop_watching) {
                                watching = false;
                                pthread_cond_broadcast(&changed);
                                return NULL;
                        }
                        active = look(atomic_fetch_add(&dm_watcher_tick, 1) + 1);
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
                DM_LOCK_SCOPE(&dm_workers_lock);
                stop_watching = false;
                watching = true;
        }
        if (pthread_create(&thread, NULL, watch, NULL))
                g_error("cannot start the watcher's thread");
        pthread_detach(thread);
}

void dm_watcher_stop(void)
{
        DM_LOCK_SCOPE(&dm_workers_lock);
        stop_watching = true;
        pthread_cond_broadcast(&changed);
        dm_wake_all();
        while (watching)
                dm_cond_wait(&changed, &dm_workers_lock);
}
