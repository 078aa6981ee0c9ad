/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lanes: queues of work that may block.  Each backing has one, with threads of its own that come on
 * demand and leave when idle, so that a backing which hangs keeps only its own threads.
 */
#include "dm-internal.h"

#define LANE_THREADS_MAX 16u
#define LANE_IDLE_NS (2 * (uint64_t)DM_NS_PER_S)

struct dm_lane {
        struct dm_lane *next, **link;     /* the list of all */
        struct dm_work *first, **last;    /* queued */
        unsigned queued, threads, idle;
        bool unreferenced;
        pthread_cond_t work;
        char name[16]; /* of its threads */
};

static struct dm_mutex lanes = DM_MUTEX_INIT;
static struct dm_lane *all;                                 /* guarded: lanes, with all it holds */
static unsigned threads_total;                              /* guarded: lanes */

struct dm_lane *dm_lane_new(const char *name)
{
        struct dm_lane *lane = g_new0(struct dm_lane, 1);

        lane->last = &lane->first;
        dm_cond_init(&lane->work);
        g_strlcpy(lane->name, name, sizeof(lane->name));

        DM_LOCK_SCOPE(&lanes);
        lane->next = all;
        lane->link = &all;
        if (all)
                all->link = &lane->next;
        all = lane;
        return lane;
}

static void lane_free(struct dm_lane *lane)
{
        dm_assert_held(&lanes);
        assert(!lane->first);
        *lane->link = lane->next;
        if (lane->next)
                lane->next->link = lane->link;
        pthread_cond_destroy(&lane->work);
        g_free(lane);
}

void dm_lane_unref(struct dm_lane *lane)
{
        DM_LOCK_SCOPE(&lanes);
        lane->unreferenced = true;
        if (lane->threads)
                pthread_cond_broadcast(&lane->work);
        else
                lane_free(lane);
}

static struct dm_work *pop(struct dm_lane *lane)
{
        struct dm_work *work = lane->first;

        lane->first = work->next;
        if (!lane->first)
                lane->last = &lane->first;
        lane->queued--;
        return work;
}

/* Waits for work; NULL: this thread is not needed. */
static struct dm_work *wait_for_work(struct dm_lane *lane)
{
        uint64_t deadline = dm_clock_real_ns() + LANE_IDLE_NS;
        bool in_time = true;

        dm_assert_held(&lanes);
        lane->idle++;
        while (!lane->first && !lane->unreferenced && in_time)
                in_time = dm_cond_wait_until(&lane->work, &lanes, deadline);
        lane->idle--;
        return lane->first ? pop(lane) : NULL;
}

/* One thread of LANE less; LANE may be gone after that. */
static void thread_gone(struct dm_lane *lane)
{
        dm_assert_held(&lanes);
        if (--lane->threads == 0 && lane->unreferenced)
                lane_free(lane);
        if (--threads_total == 0)
                dm_wake_all();
}

static void *lane_thread(void *arg)
{
        struct dm_lane *lane = arg;
        struct dm_work *work;

        pthread_setname_np(pthread_self(), lane->name);
        /* what a completion sends on goes to the lane of its own backing, lest two hang together */
        dm_inline_never();
        dm_mutex_lock(&lanes);
        while ((work = wait_for_work(lane))) {
                dm_mutex_unlock(&lanes);
                work->run(work, false);
                dm_mutex_lock(&lanes);
        }
        thread_gone(lane);
        dm_mutex_unlock(&lanes);
        return NULL;
}

static bool spawn(struct dm_lane *lane)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, lane_thread, lane))
                return false;
        pthread_detach(thread);
        return true;
}

/* Moves what matches from LANE's queue to *END; returns the new end. */
static struct dm_work **take(struct dm_lane *lane, bool (*matches)(struct dm_work *, void *),
                             void *user, struct dm_work **end)
{
        struct dm_work **link = &lane->first, *work;

        dm_assert_held(&lanes);
        while ((work = *link)) {
                if (matches && !matches(work, user)) {
                        link = &work->next;
                        continue;
                }
                *link = work->next;
                lane->queued--;
                work->next = NULL;
                *end = work;
                end = &work->next;
        }
        lane->last = link;
        return end;
}

static void cancel_all(struct dm_work *taken)
{
        struct dm_work *next;

        for (; taken; taken = next) {
                next = taken->next;
                taken->run(taken, true);
        }
}

/* There is no thread to be had: with one left in the lane the work waits for it, else it fails. */
static void do_without(struct dm_lane *lane)
{
        struct dm_work *stranded = NULL;

        {
                DM_LOCK_SCOPE(&lanes);
                if (lane->threads == 1)
                        take(lane, NULL, NULL, &stranded);
                thread_gone(lane);
        }
        cancel_all(stranded);
}

bool dm_lane_push(struct dm_lane *lane, struct dm_work *work, bool (*refuse)(struct dm_work *work))
{
        bool needs_thread;

        work->next = NULL;
        {
                DM_LOCK_SCOPE(&lanes);
                if (refuse && refuse(work))
                        return false;
                *lane->last = work;
                lane->last = &work->next;
                lane->queued++;
                needs_thread = lane->queued > lane->idle && lane->threads < LANE_THREADS_MAX;
                if (needs_thread) {
                        lane->threads++;
                        threads_total++;
                } else if (lane->idle) {
                        pthread_cond_signal(&lane->work);
                }
        }
        /* WORK may be over from here on; LANE stays, for the new thread counts already */
        if (needs_thread && !spawn(lane))
                do_without(lane);
        return true;
}

void dm_lanes_cancel(bool (*matches)(struct dm_work *work, void *user), void *user)
{
        struct dm_work *taken = NULL, **end = &taken;

        {
                DM_LOCK_SCOPE(&lanes);
                for (struct dm_lane *lane = all; lane; lane = lane->next)
                        end = take(lane, matches, user, end);
        }
        cancel_all(taken);
}

static unsigned threads_left(void)
{
        DM_LOCK_SCOPE(&lanes);
        return threads_total;
}

unsigned dm_lanes_join(uint64_t deadline_ns)
{
        bool in_time = true;

        for (;;) {
                uint32_t seen = dm_wake_prepare();
                unsigned left = threads_left();

                if (!left || !in_time)
                        return left;
                in_time = dm_wake_wait(seen, deadline_ns);
        }
}
