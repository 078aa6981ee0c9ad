/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the workers share.  Nothing here is for others: see dm.h, dm-internal.h. */
#ifndef DM_WORKERS_INTERNAL_H
#define DM_WORKERS_INTERNAL_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/sync.h"

#define WORKERS_MAX 256u /* of a pool */

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
        struct dm_workers *next;       /* guarded: workers */
        void (*fn)(void *user, unsigned number);
        void *user;
        unsigned needed;
        _Atomic unsigned total, stuck, leaving; /* written: workers */
        _Atomic unsigned waiting;      /* of those, how many wait for a device */
        bool closing;                  /* guarded: workers */
        bool lacking;                  /* guarded: workers; a thread could not be had */
        unsigned last_number;          /* guarded: workers */
        struct worker *list;           /* guarded: workers */
        pthread_cond_t left;           /* a worker has */
};

/* ---- pool.c ---------------------------------------------------------------------------------------- */

extern struct dm_mutex dm_workers_lock;
extern struct dm_workers *dm_worker_pools; /* guarded: workers; all of them */

/* Starts workers until enough of them are free, or no thread is to be had: then the next tick tries again.
 * The lock is held. */
void dm_workers_fill_up(struct dm_workers *p);
/* W counts as one that cannot take requests, unless its inline work has ended.  The lock is held. */
void dm_worker_mark_stuck(struct worker *w);
/* It can again.  Its own thread. */
void dm_worker_unstick(struct worker *w);

/* ---- inline.c -------------------------------------------------------------------------------------- */

/* The calling thread is W, or with NULL not any more. */
void dm_worker_become(struct worker *w);
/* NULL: the calling thread is none. */
struct worker *dm_worker_self(void);
/* The backing that W works on is slow from now on, for a while. */
void dm_worker_note_slow(const struct worker *w);

/* ---- watcher.c ------------------------------------------------------------------------------------- */

extern _Atomic uint32_t dm_watcher_tick;
/* It sleeps until inline work begins; whoever clears this wakes it. */
extern _Atomic uint32_t dm_watcher_parked;

#endif
