/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "support/engine.h"

#define START_NS 1000000u

static void start(void)
{
        dm_clock_set_fake_ns(START_NS);
        dm_init();
}

static void stop(void)
{
        cr_assert_eq(dm_exit(), 0);
        dm_clock_set_fake_ns(0);
}

TestSuite(timer, .init = start, .fini = stop, .timeout = 60);

struct entry {
        struct dm_timer timer;
        unsigned *count, at; /* it was the AT'th to run, 0: it has not */
};

static void run(struct dm_timer *timer)
{
        struct entry *e = (struct entry *)timer;

        e->at = ++*e->count;
}

Test(timer, runs_when_its_time_has_come_and_not_before)
{
        unsigned count = 0;
        struct entry e = {.timer = {.when_ns = START_NS + 100, .fn = run}, .count = &count};

        dm_timer_arm(&e.timer);
        dm_timers_run_to(START_NS + 99);
        cr_assert_eq(count, 0);
        dm_timers_run_to(START_NS + 100);
        cr_assert_eq(count, 1);
        dm_timers_run_to(START_NS + 1000);
        cr_assert_eq(count, 1);
        cr_assert_not(dm_timer_cancel(&e.timer));
}

Test(timer, what_is_cancelled_does_not_run)
{
        unsigned count = 0;
        struct entry e = {.timer = {.when_ns = START_NS + 100, .fn = run}, .count = &count};

        dm_timer_arm(&e.timer);
        cr_assert(dm_timer_cancel(&e.timer));
        cr_assert_not(dm_timer_cancel(&e.timer));
        dm_timers_run_to(START_NS + 1000);
        cr_assert_eq(count, 0);

        dm_timer_arm(&e.timer);
        dm_timers_run_to(START_NS + 1000);
        cr_assert_eq(count, 1);
}

Test(timer, equal_times_run_in_the_order_of_arming)
{
        unsigned count = 0;
        struct entry e[50];

        for (unsigned i = 0; i < G_N_ELEMENTS(e); i++) {
                e[i] = (struct entry){.timer = {.when_ns = START_NS + 5, .fn = run},
                                      .count = &count};
                dm_timer_arm(&e[i].timer);
        }
        dm_timers_run_to(START_NS + 5);
        for (unsigned i = 0; i < G_N_ELEMENTS(e); i++)
                cr_assert_eq(e[i].at, i + 1);
}

static int compare(const void *a, const void *b)
{
        const struct entry *const *x = a, *const *y = b;

        return ((*x)->at > (*y)->at) - ((*x)->at < (*y)->at);
}

/* Random times, a random third cancelled, in several steps of the clock: against a sort. */
Test(timer, many_run_in_the_order_of_their_times)
{
        enum { MANY = 20000, SPAN = 5000 };
        struct entry *e = g_new0(struct entry, MANY), **ran = g_new0(struct entry *, MANY);
        GRand *rand = g_rand_new_with_seed(7);
        unsigned count = 0, expected = 0, n = 0;

        for (unsigned i = 0; i < MANY; i++) {
                e[i] = (struct entry){
                        .timer = {.when_ns = START_NS + (unsigned)g_rand_int_range(rand, 1, SPAN),
                                  .fn = run},
                        .count = &count};
                dm_timer_arm(&e[i].timer);
        }
        for (unsigned i = 0; i < MANY; i += 3)
                cr_assert(dm_timer_cancel(&e[i].timer));
        for (unsigned now = 0; now <= SPAN; now += SPAN / 10) {
                dm_timers_run_to(START_NS + now);
                expected = 0;
                for (unsigned i = 0; i < MANY; i++)
                        expected += i % 3 && e[i].timer.when_ns <= START_NS + now;
                cr_assert_eq(count, expected);
        }
        for (unsigned i = 0; i < MANY; i++) {
                cr_assert_eq(e[i].at == 0, i % 3 == 0);
                if (e[i].at)
                        ran[n++] = &e[i];
        }
        qsort(ran, n, sizeof(*ran), compare);
        for (unsigned i = 1; i < n; i++)
                cr_assert(ran[i - 1]->timer.when_ns < ran[i]->timer.when_ns ||
                          (ran[i - 1]->timer.when_ns == ran[i]->timer.when_ns &&
                           ran[i - 1] < ran[i]));
        g_rand_free(rand);
        g_free(ran);
        g_free(e);
}

static void arm_next(struct dm_timer *timer)
{
        struct entry *e = (struct entry *)timer;

        if (++*e->count == 10)
                return;
        timer->when_ns += 10;
        dm_timer_arm(timer);
}

Test(timer, may_be_armed_again_by_itself)
{
        unsigned count = 0;
        struct entry e = {.timer = {.when_ns = START_NS + 10, .fn = arm_next}, .count = &count};

        dm_timer_arm(&e.timer);
        dm_timers_run_to(START_NS + 50);
        cr_assert_eq(count, 5);
        dm_timers_run_to(START_NS + 1000);
        cr_assert_eq(count, 10);
}

struct gated {
        struct dm_timer timer;
        struct gate gate;
};

static void pass(struct dm_timer *timer)
{
        gate_pass(&((struct gated *)timer)->gate);
}

Test(timer, runs_on_the_real_clock)
{
        struct gated late = {.gate = GATE_INIT}, soon = {.gate = GATE_INIT};
        uint64_t now;

        dm_timers_run_to(START_NS);
        dm_clock_set_fake_ns(0);
        now = dm_clock_now_ns();
        late.timer = (struct dm_timer){.when_ns = now + 3600 * (uint64_t)DM_NS_PER_S, .fn = pass};
        soon.timer = (struct dm_timer){.when_ns = now + DM_NS_PER_MS, .fn = pass};
        dm_timer_arm(&late.timer);
        dm_timer_arm(&soon.timer);
        gate_wait(&soon.gate, 1);
        cr_assert_geq(dm_clock_now_ns(), soon.timer.when_ns);
        cr_assert(dm_timer_cancel(&late.timer));
}
