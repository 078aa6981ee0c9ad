/* SPDX-License-Identifier: BSD-3-Clause */
/* Bios that a target holds back until their time comes. */
#include "dm-internal.h"

struct dm_hold {
        struct dm_hold *next, **link; /* guarded: holds; the list of all */
        struct dm_target *ti;
        void (*leaving)(struct dm_bio *bio);
        struct dm_mutex lock;
        struct dm_held *first; /* guarded: lock */
        bool closed;           /* guarded: lock */
};

static struct dm_mutex holds = DM_MUTEX_INIT;
static struct dm_hold *all; /* guarded: holds */

struct dm_hold *dm_hold_new(struct dm_target *ti, void (*leaving)(struct dm_bio *bio))
{
        struct dm_hold *hold = g_new0(struct dm_hold, 1);

        hold->ti = ti;
        hold->leaving = leaving;
        dm_mutex_init(&hold->lock);

        DM_LOCK_SCOPE(&holds);
        hold->next = all;
        hold->link = &all;
        if (all)
                all->link = &hold->next;
        all = hold;
        return hold;
}

void dm_hold_free(struct dm_hold *hold)
{
        if (!hold)
                return;
        assert(!hold->first);
        {
                DM_LOCK_SCOPE(&holds);
                *hold->link = hold->next;
                if (hold->next)
                        hold->next->link = hold->link;
        }
        dm_mutex_destroy(&hold->lock);
        g_free(hold);
}

static void link_held(struct dm_hold *hold, struct dm_held *held)
{
        dm_assert_held(&hold->lock);
        held->prev = NULL;
        held->next = hold->first;
        if (hold->first)
                hold->first->prev = held;
        hold->first = held;
}

static void unlink_held(struct dm_hold *hold, struct dm_held *held)
{
        dm_assert_held(&hold->lock);
        if (held->prev)
                held->prev->next = held->next;
        else
                hold->first = held->next;
        if (held->next)
                held->next->prev = held->prev;
}

static void end_held(struct dm_held *held, int error)
{
        struct dm_bio *bio = held->bio;

        if (held->hold->leaving)
                held->hold->leaving(bio);
        dm_bio_complete(bio, error);
}

static void let_go(struct dm_held *held)
{
        struct dm_hold *hold = held->hold;
        struct dm_bio *bio = held->bio;

        if (dm_is_dead(hold->ti->table->md)) {
                end_held(held, -EIO);
                return;
        }
        if (hold->leaving)
                hold->leaving(bio);
        dm_bio_resubmit(bio);
}

/* Whoever takes the timer out owns the bio: here, or dm_hold_close(). */
static void its_time_has_come(struct dm_timer *timer)
{
        struct dm_held *held =
                (struct dm_held *)((char *)timer - offsetof(struct dm_held, timer));

        {
                DM_LOCK_SCOPE(&held->hold->lock);
                unlink_held(held->hold, held);
        }
        let_go(held);
}

static bool may_hold(struct dm_hold *hold, const struct dm_bio *bio)
{
        dm_assert_held(&hold->lock);
        /* a device that is shut, or one above it that is killed, is marked so before its held bios are
         * looked for: either this sees the mark, or that sees the bio */
        return !hold->closed && !dm_io_serves_the_dead(dm_bio_io(bio)) &&
               !(atomic_load(&hold->ti->table->md->word) & DM_WORD_SHUT);
}

bool dm_hold_bio(struct dm_hold *hold, struct dm_held *held, struct dm_bio *bio, uint64_t delay_ns)
{
        held->timer.when_ns = dm_clock_now_ns() + delay_ns;
        held->timer.fn = its_time_has_come;
        held->hold = hold;
        held->bio = bio;

        DM_LOCK_SCOPE(&hold->lock);
        if (!may_hold(hold, bio))
                return false;
        link_held(hold, held);
        /* from here on the bio may be gone, but not before the lock is let go */
        dm_timer_arm(&held->timer);
        return true;
}

/* Takes those out that match (NULL: all) and are not on their way already; puts them before TAKEN. */
static struct dm_held *take(struct dm_hold *hold, dm_io_match matches, const void *what,
                            struct dm_held *taken)
{
        struct dm_held *held, *next;

        dm_assert_held(&hold->lock);
        for (held = hold->first; held; held = next) {
                next = held->next;
                if ((matches && !matches(dm_bio_io(held->bio), what)) ||
                    !dm_timer_cancel(&held->timer))
                        continue;
                unlink_held(hold, held);
                held->next = taken;
                taken = held;
        }
        return taken;
}

void dm_hold_close(struct dm_hold *hold)
{
        struct dm_held *held, *next;
        bool before = dm_inline_forbid(true);

        {
                DM_LOCK_SCOPE(&hold->lock);
                hold->closed = true;
                held = take(hold, NULL, NULL, NULL);
        }
        for (; held; held = next) {
                next = held->next;
                let_go(held);
        }
        dm_inline_forbid(before);
}

void dm_hold_open(struct dm_hold *hold)
{
        DM_LOCK_SCOPE(&hold->lock);
        hold->closed = false;
}

bool dm_holds_cancel(dm_io_match matches, const void *what, int error)
{
        struct dm_held *held = NULL, *next;
        bool any;

        {
                DM_LOCK_SCOPE(&holds);
                for (struct dm_hold *hold = all; hold; hold = hold->next) {
                        DM_LOCK_SCOPE(&hold->lock);
                        held = take(hold, matches, what, held);
                }
        }
        any = held;
        for (; held; held = next) {
                next = held->next;
                end_held(held, error);
        }
        return any;
}
