/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for requests.  A FIFO stands for /dev/fuse: each worker has a descriptor of its own of it, the
 * poller one more, and a byte is a request.
 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "fusemap/polling.h"
#include "unit.h"

#define WORKERS 2
#define REQUEST 'r'
#define HOLD 'h' /* is answered when the gate is open */

struct answer {
        char request;
        bool polled; /* for */
};

struct worker {
        struct queue *queue;
        int own;
        pthread_t thread;
};

struct queue {
        char *dir, *path;
        struct polling *polling;
        int requests;   /* where they are written */
        int spare;      /* a reader there always is */
        int polled;     /* -1: none */
        int answers[2]; /* of struct answer */
        struct worker workers[WORKERS];
        struct gate gate;
        _Atomic unsigned passes; /* what opens the gate */
};

static int open_queue(const struct queue *q, int flags)
{
        int fd = open(q->path, flags | O_CLOEXEC);

        cr_assert_geq(fd, 0);
        return fd;
}

static struct queue *make_queue(unsigned us)
{
        struct queue *q = g_new0(struct queue, 1);

        q->gate = (struct gate)GATE_INIT;
        q->dir = unit_mkdtemp();
        q->path = g_build_filename(q->dir, "queue", NULL);
        cr_assert_eq(mkfifo(q->path, 0600), 0);
        cr_assert_eq(pipe2(q->answers, O_CLOEXEC), 0);
        q->spare = open_queue(q, O_RDONLY | O_NONBLOCK); /* which waits for no writer */
        q->requests = open_queue(q, O_WRONLY);
        q->polled = us ? open_queue(q, O_RDONLY) : -1;
        q->polling = polling_new(q->polled, us);
        return q;
}

static void *work(void *user)
{
        struct worker *w = user;
        struct queue *q = w->queue;
        struct answer answer;
        int fd = w->own;

        while (polling_read(q->polling, &fd, &answer.request, 1) == 1) {
                answer.polled = fd != w->own;
                if (answer.request == HOLD)
                        gate_wait(&q->gate, atomic_load(&q->passes));
                cr_assert_eq(write(q->answers[1], &answer, sizeof(answer)), sizeof(answer));
                fd = w->own;
        }
        polling_end(q->polling);
        close(w->own);
        return NULL;
}

static void ask(struct queue *q, char request)
{
        cr_assert_eq(write(q->requests, &request, 1), 1);
}

/* Workers that are asked to hold do so until open_gate(). */
static void hold(struct queue *q, unsigned workers)
{
        atomic_fetch_add(&q->passes, 1);
        for (unsigned i = 0; i < workers; i++)
                ask(q, HOLD);
}

static void open_gate(struct queue *q)
{
        gate_pass(&q->gate);
}

static struct answer get_answer(struct queue *q)
{
        struct answer answer;

        cr_assert_eq(read(q->answers[0], &answer, sizeof(answer)), sizeof(answer));
        return answer;
}

static struct answer ask_and_wait(struct queue *q)
{
        ask(q, REQUEST);
        return get_answer(q);
}

/* One at a time, until a worker polls for the next. */
static void ask_until_polled(struct queue *q)
{
        while (!ask_and_wait(q).polled)
                ;
}

static void start_workers(struct queue *q)
{
        for (unsigned i = 0; i < WORKERS; i++) {
                struct worker *w = &q->workers[i];

                w->queue = q;
                w->own = open_queue(q, O_RDONLY); /* here, for it waits when nobody writes any more */
                cr_assert_eq(pthread_create(&w->thread, NULL, work, w), 0);
        }
}

/* The requests end, and so do all the workers. */
static void end_workers(struct queue *q)
{
        close(q->requests);
        for (unsigned i = 0; i < WORKERS; i++)
                pthread_join(q->workers[i].thread, NULL);
}

static void free_queue(struct queue *q)
{
        polling_free(q->polling);
        if (q->polled >= 0)
                close(q->polled);
        close(q->spare);
        close(q->answers[0]);
        close(q->answers[1]);
        g_free(q->path);
        unit_rmdir(q->dir);
        g_free(q);
}

Test(polling, programs_that_wait_are_polled_for)
{
        struct queue *q = make_queue(POLLING_US);

        start_workers(q);
        ask_until_polled(q);
        end_workers(q);
        free_queue(q);
}

/* The other rests, and nobody calls it. */
Test(polling, a_poller_that_is_stuck_is_missed)
{
        struct queue *q = make_queue(POLLING_US);

        start_workers(q);
        for (unsigned round = 0; round < 200; round++) {
                ask_until_polled(q);
                hold(q, 1);
                cr_assert_eq(ask_and_wait(q).request, REQUEST);
                open_gate(q);
                cr_assert_eq(get_answer(q).request, HOLD);
        }
        end_workers(q);
        free_queue(q);
}

Test(polling, requests_that_are_there_are_not_polled_for)
{
        struct queue *q = make_queue(POLLING_US);
        unsigned polled = 0;

        start_workers(q);
        ask_until_polled(q);
        hold(q, WORKERS);
        for (unsigned i = 0; i < 1000; i++)
                ask(q, REQUEST);
        open_gate(q);
        for (unsigned i = 0; i < 1000 + WORKERS; i++)
                polled += get_answer(q).polled;
        cr_expect_lt(polled, 100);
        end_workers(q);
        free_queue(q);
}

Test(polling, without_a_descriptor_nobody_polls)
{
        struct queue *q = make_queue(0);

        start_workers(q);
        for (unsigned i = 0; i < 1000; i++)
                cr_assert_not(ask_and_wait(q).polled);
        end_workers(q);
        free_queue(q);
}
