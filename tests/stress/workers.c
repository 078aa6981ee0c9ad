/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker pool: when inline work is stuck, spare workers take over; when it comes loose, the surplus
 * leaves.  And the lanes: a lane whose threads all hang holds up no other. */
#include "support/engine.h"

#define NEEDED 2

static struct gate arrived = GATE_INIT, loose = GATE_INIT, served = GATE_INIT;
static _Atomic unsigned to_block = 6, started, left;
static _Atomic bool stop;
static unsigned slot;

/* Stuck work first, for some of them; then "requests" until the end. */
static void work(void *user, unsigned number)
{
        atomic_fetch_add(&started, 1);
        if (atomic_fetch_sub(&to_block, 1) - 1 < 6) {
                dm_inline_begin(slot);
                gate_pass(&arrived);
                gate_wait(&loose, 1);
                dm_inline_end();
        }
        while (!atomic_load(&stop) && !dm_worker_surplus()) {
                dm_inline_begin(slot + 1);
                dm_inline_end();
                gate_pass(&served);
                sched_yield();
        }
        atomic_fetch_add(&left, 1);
}

static void spares_take_over(void)
{
        struct dm_workers *pool;

        slot = dm_slow_slot();
        dm_slow_slot();
        pool = dm_workers_start(NEEDED, work, NULL);
        gate_wait(&arrived, 6); /* each stuck one was replaced */
        gate_wait(&served, 100);
        CHECK(dm_is_slow(slot));
        gate_pass(&loose);
        /* the last to get stuck may have come loose before it was noticed, and replaced */
        while (atomic_load(&left) + NEEDED < atomic_load(&started))
                sched_yield();
        atomic_store(&stop, true);
        CHECK(dm_workers_join(pool, DM_WAKE_FOREVER) == 0);
}

/* Inline work that goes on for long, but never sleeps. */
static void compute(void *user, unsigned number)
{
        uint64_t end = dm_clock_real_ns() + 200 * (uint64_t)DM_NS_PER_MS;

        dm_inline_begin(slot);
        while (dm_clock_real_ns() < end)
                ;
        CHECK(!dm_is_slow(slot));
        dm_inline_end();
        atomic_fetch_add(&left, 1);
}

/* On a busy machine a worker that has no CPU for a while is not stuck, nor is its backing slow. */
static void who_runs_is_not_stuck(void)
{
        struct dm_workers *pool;

        slot = dm_slow_slot();
        atomic_store(&left, 0);
        pool = dm_workers_start(NEEDED, compute, NULL);
        CHECK(dm_workers_join(pool, DM_WAKE_FOREVER) == 0);
        CHECK(atomic_load(&left) == NEEDED); /* no spare was started */
}

struct job {
        struct dm_work work;
        struct gate *wait_for, *tell;
};

static void run_job(struct dm_work *work, bool cancelled)
{
        struct job *job = (struct job *)work;

        if (!cancelled && job->wait_for)
                gate_wait(job->wait_for, 1);
        gate_pass(job->tell);
}

static bool matches_any(struct dm_work *work, void *user)
{
        return ((struct job *)work)->tell == user;
}

static void a_stuck_lane_holds_up_nobody(void)
{
        struct gate open = GATE_INIT, stuck_done = GATE_INIT, free_done = GATE_INIT;
        struct dm_lane *stuck = dm_lane_new("stuck"), *quick = dm_lane_new("quick");
        struct job stuck_jobs[64], quick_jobs[64];

        for (unsigned i = 0; i < 64; i++) {
                stuck_jobs[i] = (struct job){{.run = run_job}, &open, &stuck_done};
                quick_jobs[i] = (struct job){{.run = run_job}, NULL, &free_done};
                dm_lane_push(stuck, &stuck_jobs[i].work, NULL);
                dm_lane_push(quick, &quick_jobs[i].work, NULL);
        }
        gate_wait(&free_done, 64);
        /* what still waits in the queue can be taken out while the threads hang */
        dm_lanes_cancel(matches_any, &stuck_done);
        CHECK(gate_count(&stuck_done) >= 48);
        gate_pass(&open);
        gate_wait(&stuck_done, 64);
        dm_lane_unref(stuck);
        dm_lane_unref(quick);
        CHECK(dm_lanes_join(DM_WAKE_FOREVER) == 0);
}

int main(void)
{
        dm_init();
        spares_take_over();
        who_runs_is_not_stuck();
        a_stuck_lane_holds_up_nobody();
        CHECK(dm_exit() == 0);
        return 0;
}
