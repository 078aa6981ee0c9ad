/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers: what has to happen later holds no thread while it waits.  One thread runs them all, on the
 * clock of base/clock.h.
 */
#ifndef DM_TIMER_H
#define DM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed, it is a timer that is not armed.  It has to stay in place while it is armed. */
struct dm_timer {
        uint64_t when_ns; /* of dm_clock_now_ns() */
        /* Called once, in the timers' thread, with no lock held; the timer is not armed any more and may
         * be freed or armed again.  It must not block. */
        void (*fn)(struct dm_timer *timer);

        /* The engine's own; guarded: timers */
        uint64_t number; /* in the order of arming: breaks ties */
        struct dm_timer *child, *next;
        struct dm_timer *prev; /* the sibling before it, or of a first child the parent */
        bool armed;
};

/* Arms TIMER, which is not armed and has its when_ns and fn.  A time that has passed is fine.  Timers of
 * the same time run in the order of arming.  Any thread; takes the timers lock. */
void dm_timer_arm(struct dm_timer *timer);

/* Takes TIMER back.  True: it was armed, fn will not run.  False: fn has run, or is about to.  Any
 * thread; takes the timers lock. */
bool dm_timer_cancel(struct dm_timer *timer);

/* Starts and ends the thread; ending does not wait for armed timers.  Control context. */
void dm_timers_start(void);
void dm_timers_stop(void);

/* Tests only: moves the fake clock to NOW_NS, and returns when every timer that is due has run.  Not
 * from a timer's fn. */
void dm_timers_run_to(uint64_t now_ns);

#endif
