/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing out, in batches, one at a time: a batch serves all requests that wait when it begins.  So two
 * writes to the same sector never race to the lower device.
 */
#include "powercut.h"

#include <errno.h>

#include "base/wake.h"

#define RUN_SECTORS_MAX 512u /* of a batch's write */
#define RUNS_MAX 8u          /* at the same time */

struct request {
        struct request *next;
        struct dm_bio *bio; /* NULL: presuspend's */
        enum want want;
        uint64_t number;        /* WANT_FLUSH */
        struct dm_write *write; /* WANT_DURABLE */
};

/* ---- what to write --------------------------------------------------------------------- */

static bool is_off(struct powercut *p)
{
        DM_LOCK_SCOPE(&p->lock);
        return p->off;
}

static void run_batches(struct powercut *p);

/* Those that no batch serves yet. */
static struct request *take_waiting(struct powercut *p)
{
        dm_assert_held(&p->lock);
        p->last = &p->first;
        return g_steal_pointer(&p->first);
}

/* Takes all that wait and plans their batch; false when nobody waits, and then nobody owns it. */
static bool plan_batch(struct powercut *p)
{
        struct batch *b = &p->batch;
        g_autoptr(GPtrArray) also = g_ptr_array_new();
        uint64_t up_to = 0;
        bool wants_room = false;

        DM_LOCK_SCOPE(&p->lock);
        if (!p->first) {
                p->busy = false;
                return false;
        }
        *b = (struct batch){.requests = take_waiting(p), .in_flight = 1};
        for (struct request *r = b->requests; r; r = r->next) {
                b->flushes |= r->want == WANT_FLUSH;
                b->fua |= r->want == WANT_DURABLE;
                wants_room |= r->want == WANT_ROOM;
                if (r->want == WANT_FLUSH)
                        up_to = MAX(up_to, r->number);
                if (r->want == WANT_DURABLE)
                        g_ptr_array_add(also, r->write);
        }
        if (wants_room)
                up_to = MAX(up_to, dm_versions_excess(&p->versions, powercut_limit(p)));
        b->chosen = dm_versions_select(&p->versions, up_to, also);
        return true;
}

/* ---- writing --------------------------------------------------------------------------- */

/* A stretch of sectors of one kind, on its way to the lower device. */
struct run {
        struct dm_io io;
        struct powercut *p;
        unsigned first, count; /* in the batch's `chosen' */
        char *buf;
};

static void run_ended(struct dm_io *io, int error);

/* Claims the next run of the batch; NULL when there is none, or enough are on their way. */
static struct run *next_run(struct powercut *p)
{
        struct batch *b = &p->batch;
        struct run *run;

        DM_LOCK_SCOPE(&p->lock);
        if (!b->chosen || b->error || b->next == b->chosen->len || b->in_flight > RUNS_MAX)
                return NULL;
        run = g_new0(struct run, 1);
        run->p = p;
        run->first = b->next;
        run->count = powercut_run_length(b->chosen, b->next, RUN_SECTORS_MAX);
        b->next += run->count;
        b->in_flight++;
        return run;
}

static void submit_run(struct run *run)
{
        struct powercut *p = run->p;
        const struct dm_chosen *from = powercut_chosen_at(p->batch.chosen, run->first);

        run->buf = powercut_gather(p->batch.chosen, run->first, run->count);
        run->io = (struct dm_io){
                .op = powercut_op_of_kind(from->version->write->kind),
                .flags = p->batch.fua && !p->batch.flushes ? DM_IO_FUA : 0,
                .offset = p->offset + (from->sector << DM_SECTOR_SHIFT),
                .len = (uint64_t)run->count << DM_SECTOR_SHIFT,
                .buf = run->buf,
                .end = run_ended,
                .user = run,
        };
        dm_dev_submit(p->ti, p->dev, &run->io);
}

static void settle(struct powercut *p, GArray *chosen, unsigned first, unsigned count)
{
        dm_assert_held(&p->lock);
        for (unsigned i = first; i < first + count; i++) {
                const struct dm_chosen *c = powercut_chosen_at(chosen, i);

                if (dm_versions_settle(&p->versions, c->sector, c->version))
                        p->generation[c->sector % GENERATIONS]++;
        }
        p->durable += count;
}

static void complete_requests(struct request *r, int error)
{
        for (struct request *next; r; r = next) {
                struct dm_bio *bio = r->bio;

                next = r->next;
                g_free(r);
                if (bio)
                        dm_bio_complete(bio, error);
        }
}

static void complete_batch(struct powercut *p, int error)
{
        struct request *requests;
        GArray *chosen;

        {
                /* another run's end may still look whether there is more to do */
                DM_LOCK_SCOPE(&p->lock);
                chosen = g_steal_pointer(&p->batch.chosen);
                requests = g_steal_pointer(&p->batch.requests);
        }
        g_array_unref(chosen);
        complete_requests(requests, error);
}

static void flush_ended(struct dm_io *io, int error)
{
        struct powercut *p = io->user;

        complete_batch(p, error);
        run_batches(p);
}

/* Everything is on the lower device.  True: a flush is under way. */
static bool flush_batch(struct powercut *p)
{
        struct batch *b = &p->batch;

        if (!b->flushes || b->error)
                return false;
        b->flush = (struct dm_io){.op = DM_OP_FLUSH, .end = flush_ended, .user = p};
        dm_dev_submit(p->ti, p->dev, &b->flush);
        return true;
}

static void submit_runs(struct powercut *p)
{
        for (struct run *run; (run = next_run(p));)
                submit_run(run);
}

/* RUN has ended, or with NULL the planning.  True when nothing of the batch is left to end; otherwise the
 * batch may be over, and be another one, as soon as this returns. */
static bool was_last(struct powercut *p, const struct run *run, int error)
{
        struct batch *b = &p->batch;

        DM_LOCK_SCOPE(&p->lock);
        if (error)
                b->error = error;
        else if (run)
                settle(p, b->chosen, run->first, run->count);
        b->in_flight--;
        return !b->in_flight && (b->error || b->next == b->chosen->len);
}

/* True: the batch is over.  False: its flush is under way. */
static bool finish_batch(struct powercut *p)
{
        if (flush_batch(p))
                return false;
        complete_batch(p, p->batch.error);
        return true;
}

static void run_ended(struct dm_io *io, int error)
{
        struct run *run = io->user;
        struct powercut *p = run->p;
        bool is_last;

        if (error == -EOPNOTSUPP && io->op == DM_OP_DISCARD) {
                io->op = DM_OP_WRITE_ZEROES;
                dm_dev_submit(p->ti, p->dev, io);
                return;
        }
        is_last = was_last(p, run, error);
        g_free(run->buf);
        g_free(run);
        if (!is_last)
                submit_runs(p);
        else if (finish_batch(p))
                run_batches(p);
}

/* The caller owns the batch. */
static void run_batches(struct powercut *p)
{
        while (plan_batch(p)) {
                submit_runs(p);
                if (!was_last(p, NULL, 0) || !finish_batch(p))
                        return;
        }
        if (is_off(p))
                dm_wake_all(); /* the cut waits */
}

void powercut_queue(struct powercut *p, struct dm_bio *bio, enum want want, struct dm_write *write)
{
        struct request *r = g_new(struct request, 1);

        dm_assert_held(&p->lock);
        *r = (struct request){
                .bio = bio, .want = want, .number = p->versions.last_number, .write = write};
        *p->last = r;
        p->last = &r->next;
}

void powercut_write_out(struct powercut *p)
{
        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->busy || !p->first)
                        return;
                p->busy = true;
        }
        run_batches(p);
}

/* ---- the power goes -------------------------------------------------------------------------------- */

bool powercut_switch_off(struct powercut *p)
{
        struct request *waiting;

        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->off)
                        return false;
                p->off = true;
                waiting = take_waiting(p);
        }
        complete_requests(waiting, -EIO);
        return true;
}

void powercut_let_go(struct powercut *p)
{
        struct request *waiting, *served;

        {
                DM_LOCK_SCOPE(&p->lock);
                p->off = true;
                waiting = take_waiting(p);
                served = g_steal_pointer(&p->batch.requests);
        }
        complete_requests(waiting, -EIO);
        complete_requests(served, -EIO);
}

static bool is_busy(struct powercut *p)
{
        DM_LOCK_SCOPE(&p->lock);
        return p->busy;
}

bool powercut_await_batch(struct powercut *p)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (!is_busy(p))
                        return true;
                if (dm_target_is_dead(p->ti))
                        return false;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}
