/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timers, in a pairing heap: arming and cancelling allocate nothing, for the nodes lie in the
 * timers themselves.  A node's children form a list; each is no earlier than its parent.
 */
#include "timer.h"

#include "dm-internal.h"

static struct dm_mutex timers = DM_MUTEX_INIT;
static struct dm_timer *root;   /* guarded: timers; the earliest */
static uint64_t last_number;    /* guarded: timers */
static bool stopping, running;  /* guarded: timers; running: a timer's fn is */
static pthread_cond_t changed;  /* an earlier timer, another time, the end */
static pthread_cond_t settled = PTHREAD_COND_INITIALIZER; /* nothing that is due is left */
static pthread_t thread;

/* ---- the heap --------------------------------------------------------------------------------- */

static bool is_before(const struct dm_timer *a, const struct dm_timer *b)
{
        return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->number < b->number;
}

/* One heap of two, whose roots have no siblings; either may be NULL. */
static struct dm_timer *meld(struct dm_timer *a, struct dm_timer *b)
{
        struct dm_timer *top, *below;

        if (!a || !b)
                return a ? a : b;
        top = is_before(a, b) ? a : b;
        below = top == a ? b : a;
        below->prev = top;
        below->next = top->child;
        if (top->child)
                top->child->prev = below;
        top->child = below;
        return top;
}

static struct dm_timer *detach_first(struct dm_timer **list)
{
        struct dm_timer *first = *list;

        if (first) {
                *list = first->next;
                first->next = first->prev = NULL;
        }
        return first;
}

/* One heap of a list of siblings: melds them in pairs, then the pairs from the last to the first. */
static struct dm_timer *meld_all(struct dm_timer *list)
{
        struct dm_timer *pairs = NULL, *all = NULL, *first, *pair;

        while ((first = detach_first(&list))) {
                pair = meld(first, detach_first(&list));
                pair->next = pairs;
                pairs = pair;
        }
        while ((pair = detach_first(&pairs)))
                all = meld(all, pair);
        return all;
}

static void take_out(struct dm_timer *timer)
{
        struct dm_timer *below = meld_all(timer->child);

        dm_assert_held(&timers);
        if (timer == root) {
                root = below;
        } else {
                if (timer->prev->child == timer)
                        timer->prev->child = timer->next;
                else
                        timer->prev->next = timer->next;
                if (timer->next)
                        timer->next->prev = timer->prev;
                root = meld(root, below);
        }
        timer->child = timer->next = timer->prev = NULL;
        timer->armed = false;
}

/* ---- arming ----------------------------------------------------------------------------------- */

void dm_timer_arm(struct dm_timer *timer)
{
        DM_LOCK_SCOPE(&timers);
        assert(!timer->armed);
        timer->number = ++last_number;
        timer->child = timer->next = timer->prev = NULL;
        timer->armed = true;
        root = meld(root, timer);
        if (root == timer)
                pthread_cond_signal(&changed);
}

bool dm_timer_cancel(struct dm_timer *timer)
{
        DM_LOCK_SCOPE(&timers);
        if (!timer->armed)
                return false;
        take_out(timer);
        return true;
}

/* ---- the thread ------------------------------------------------------------------------------- */

static bool is_due(void)
{
        dm_assert_held(&timers);
        return root && root->when_ns <= dm_clock_now_ns();
}

static void run_first(void)
{
        struct dm_timer *timer = root;

        take_out(timer);
        running = true;
        dm_mutex_unlock(&timers);
        timer->fn(timer);
        dm_mutex_lock(&timers);
        running = false;
}

static void wait_for_change(void)
{
        pthread_cond_broadcast(&settled);
        if (root && !dm_clock_is_fake())
                dm_cond_wait_until(&changed, &timers, root->when_ns);
        else
                dm_cond_wait(&changed, &timers);
}

static void *run_timers(void *unused)
{
        pthread_setname_np(pthread_self(), "timers");
        /* a backing that hangs must not hold up everybody's timers */
        dm_inline_never();

        DM_LOCK_SCOPE(&timers);
        while (!stopping) {
                if (is_due())
                        run_first();
                else
                        wait_for_change();
        }
        return NULL;
}

static void init_changed(void)
{
        dm_cond_init(&changed);
}

void dm_timers_start(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, init_changed);
        stopping = false; /* there is no thread */
        if (pthread_create(&thread, NULL, run_timers, NULL))
                g_error("cannot start the timers' thread");
}

void dm_timers_stop(void)
{
        {
                DM_LOCK_SCOPE(&timers);
                stopping = true;
                pthread_cond_signal(&changed);
        }
        pthread_join(thread, NULL);
}

void dm_timers_run_to(uint64_t now_ns)
{
        DM_LOCK_SCOPE(&timers);
        dm_clock_set_fake_ns(now_ns);
        pthread_cond_signal(&changed);
        while (running || is_due())
                dm_cond_wait(&settled, &timers);
}
