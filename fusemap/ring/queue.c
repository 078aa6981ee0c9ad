/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue's thread, which alone touches its io_uring.
 *
 * I/O that is under way keeps its entry.  There are more entries than the kernel sends requests in the
 * background, and more are made before the others use them up: else a suspended device would shut out
 * the programs of a CPU.
 */
#include <errno.h>
#include <string.h>

#include "fusemap/log.h"
#include "fusemap/ring/internal.h"

#define SUBMISSIONS 64u /* at once */
#define COMPLETIONS 1024u
#define GRACE_NS (200 * (uint64_t)DM_NS_PER_MS)
#define LOOK_NS (20 * (long long)DM_NS_PER_MS) /* how often it looks for the end of that */

static void complain(struct rings *rings, const char *what, int error)
{
        if (!atomic_exchange(&rings->complained, true))
                log_line("FUSE over io_uring: %s: %s", what, g_strerror(error));
}

static void watch_wakeups(struct queue *q)
{
        struct io_uring_sqe *sqe = ring_next_sqe(q);

        io_uring_prep_read(sqe, q->wake_fd, &q->wake_value, sizeof(q->wake_value), 0);
        io_uring_sqe_set_data(sqe, NULL);
}

/* An entry that is registered late gets new requests only, not those that wait: they come when another one is
 * answered.  So many are always free. */
static void take_request(struct ring_entry *e)
{
        struct queue *q = e->queue;

        e->unique = e->header->commit_id;
        if (++q->taken + RING_SPARE > q->entries && ring_add_chunk(q))
                ring_register_chunk(q->chunks);
        if (atomic_load(&q->rings->stopping)) {
                ring_answer_error(e, -ENOTCONN);
                return;
        }
        if (ring_is_for_deputy(e))
                ring_keep_for_deputy(e);
        else
                ring_process(e);
}

static void on_wakeup(struct queue *q)
{
        watch_wakeups(q);
        if (!q->registered && atomic_load(&q->rings->begun)) {
                q->registered = true;
                for (struct chunk *chunk = q->chunks; chunk; chunk = chunk->next)
                        ring_register_chunk(chunk);
        }
}

static void on_entry(struct ring_entry *e, int result)
{
        struct queue *q = e->queue;

        if (result == 0) {
                take_request(e);
                return;
        }
        if (result != -ENOTCONN && result != -ECONNABORTED && result != -ECANCELED &&
            !session_ended(q->rings->session))
                complain(q->rings, "an entry was refused", -result);
        else
                q->over = true;
}

static void handle(struct queue *q, struct io_uring_cqe *cqe)
{
        struct ring_entry *e = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&q->uring, cqe);
        if (e)
                on_entry(e, result);
        else
                on_wakeup(q);
}

static bool make_uring(struct queue *q)
{
        static const unsigned flags[] = {
                IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                0,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
                struct io_uring_params params = {
                        .flags = flags[i] | IORING_SETUP_SQE128 | IORING_SETUP_CQSIZE,
                        .cq_entries = COMPLETIONS,
                };

                if (io_uring_queue_init_params(SUBMISSIONS, &q->uring, &params))
                        continue;
                if (!io_uring_register_files(&q->uring, &q->rings->fd, 1))
                        return true;
                io_uring_queue_exit(&q->uring);
        }
        return false;
}

static void wait_for_entries(struct queue *q)
{
        struct __kernel_timespec soon = {.tv_nsec = LOOK_NS};
        struct io_uring_cqe *cqe;

        if (atomic_load(&q->rings->stopping))
                io_uring_submit_and_wait_timeout(&q->uring, &cqe, 1, &soon, NULL);
        else
                io_uring_submit_and_wait(&q->uring, 1);
}

/* Whoever ends the connection has answered what can be answered, and programs, and threads that wait for
 * locked pages, are to see it: all is handed in that comes soon. */
static bool goes_on(struct queue *q)
{
        uint64_t now;

        if (q->over || !atomic_load(&q->rings->stopping))
                return !q->over;
        now = dm_clock_real_ns();
        if (!q->deadline)
                q->deadline = now + GRACE_NS;
        return q->taken && now < q->deadline;
}

static void serve_queue(struct queue *q)
{
        struct io_uring_cqe *cqe;

        watch_wakeups(q);
        while (goes_on(q)) {
                wait_for_entries(q);
                while (!q->over && !io_uring_peek_cqe(&q->uring, &cqe))
                        handle(q, cqe);
                ring_hand_over(q);
                ring_commit_answered(q);
        }
        io_uring_submit(&q->uring);
}

void *ring_serve(void *user)
{
        struct queue *q = user;
        struct rings *rings = q->rings;
        bool works;

        ring_serve_here(q);
        pthread_setname_np(pthread_self(), "queue");
        ring_settle(q);
        /* here, for the one that makes a ring is the one that may submit to it */
        works = make_uring(q);
        ring_report(rings, works);
        if (works) {
                io_uring_register_ring_fd(&q->uring);
                serve_queue(q);
                io_uring_queue_exit(&q->uring);
        }
        worker_drop_buffers();
        return NULL;
}
