/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts.  The kernel tells of a request's first signal only: after one that was not fatal somebody
 * has to look whether a fatal one follows, as long as the request lasts.
 */
#include <pthread.h>
#include <time.h>

#include "fs.h"

#define PAUSE_NS (50 * DM_NS_PER_MS)
/* Another worker may have the request, and not have begun it yet: it is not given up at once. */
#define PATIENCE 20u

struct watched {
        uint64_t unique;
        unsigned patience;
};

static struct dm_mutex watch_lock = DM_MUTEX_INIT;
static GArray *watched; /* guarded: watch_lock; struct watched, NULL: nobody watches */

/* Asks about each that is in COPY; those that are to be asked about again are left. */
static void ask(GArray *copy)
{
        for (unsigned i = copy->len; i-- > 0;) {
                struct watched *w = &g_array_index(copy, struct watched, i);
                enum request_interrupted result = request_interrupt(w->unique);

                if (result == REQUEST_GOES_ON)
                        w->patience = 0;
                else if (result == REQUEST_CANCELLED || w->patience-- == 0)
                        g_array_remove_index_fast(copy, i);
        }
}

/* What is watched becomes the caller's; NULL: nothing was, and nobody watches any more. */
static GArray *take_watched(void)
{
        GArray *taken;

        DM_LOCK_SCOPE(&watch_lock);
        taken = watched;
        watched = taken->len ? g_array_new(FALSE, FALSE, sizeof(struct watched)) : NULL;
        if (!watched)
                g_clear_pointer(&taken, g_array_unref);
        return taken;
}

static void give_back(GArray *copy)
{
        DM_LOCK_SCOPE(&watch_lock);
        g_array_append_vals(watched, copy->data, copy->len);
}

static void *watch(void *unused)
{
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        GArray *copy;

        while ((copy = take_watched())) {
                ask(copy);
                give_back(copy);
                g_array_unref(copy);
                nanosleep(&pause, NULL);
        }
        return NULL;
}

static void add(uint64_t unique)
{
        struct watched w = {unique, PATIENCE};
        pthread_t thread;

        DM_LOCK_SCOPE(&watch_lock);
        if (!watched) {
                if (pthread_create(&thread, NULL, watch, NULL))
                        return;
                pthread_detach(thread);
                watched = g_array_new(FALSE, FALSE, sizeof(struct watched));
        }
        g_array_append_val(watched, w);
}

void interrupt_request(uint64_t unique)
{
        if (request_interrupt(unique) != REQUEST_CANCELLED)
                add(unique);
}
