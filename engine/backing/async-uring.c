/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With liburing.  Submitters push to a list without a lock; when the ring's thread sleeps, one wakes it by an
 * eventfd, which the ring itself reads.  The thread alone touches the ring, so the kernel needs no locks
 * for it, and whole batches go in and come out with one system call.
 */
#include "backing/async.h"

#include <liburing.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dm-internal.h"

#define ENTRIES 256u
#define PART_MAX (1u << 30) /* bytes of one read or write */

struct dm_ring {
        struct io_uring uring; /* the thread's own */
        int wake_fd;
        uint64_t wake_value;
        _Atomic(struct dm_async *) submitted; /* the latest first */
        _Atomic bool asleep; /* the thread is, or is about to: who submits wakes it */
        _Atomic unsigned under_way;
        _Atomic bool stopping;
        pthread_t thread;
        sem_t started;
        bool works; /* valid once started */
};

static void wake_thread(struct dm_ring *ring)
{
        const uint64_t one = 1;
        ssize_t n;

        do
                n = write(ring->wake_fd, &one, sizeof(one));
        while (n < 0 && errno == EINTR);
}

bool dm_ring_is_idle(struct dm_ring *ring)
{
        return !atomic_load_explicit(&ring->under_way, memory_order_relaxed);
}

void dm_ring_submit(struct dm_ring *ring, struct dm_async *async)
{
        struct dm_async *before = atomic_load_explicit(&ring->submitted, memory_order_relaxed);

        atomic_fetch_add_explicit(&ring->under_way, 1, memory_order_relaxed);
        do
                async->next = before;
        while (!atomic_compare_exchange_weak(&ring->submitted, &before, async));
        if (atomic_load(&ring->asleep) && atomic_exchange(&ring->asleep, false))
                wake_thread(ring);
}

/* ---- the ring's thread -------------------------------------------------------------------------- */

static struct io_uring_sqe *next_sqe(struct dm_ring *ring)
{
        struct io_uring_sqe *sqe;

        while (!(sqe = io_uring_get_sqe(&ring->uring)))
                io_uring_submit(&ring->uring);
        return sqe;
}

static void start_part(struct dm_ring *ring, struct dm_async *a)
{
        struct io_uring_sqe *sqe = next_sqe(ring);
        unsigned len = (unsigned)MIN(a->len, PART_MAX);

        if (a->write)
                io_uring_prep_write(sqe, a->fd, a->buf, len, a->offset);
        else
                io_uring_prep_read(sqe, a->fd, a->buf, len, a->offset);
        io_uring_sqe_set_data(sqe, a);
}

static void watch_wakeups(struct dm_ring *ring)
{
        struct io_uring_sqe *sqe = next_sqe(ring);

        io_uring_prep_read(sqe, ring->wake_fd, &ring->wake_value,
                           sizeof(ring->wake_value), 0);
        io_uring_sqe_set_data(sqe, NULL);
}

/* Starts what was submitted, in the order of submission. */
static void start_submitted(struct dm_ring *ring)
{
        struct dm_async *latest = atomic_exchange(&ring->submitted, NULL), *first = NULL, *next;

        for (; latest; latest = next) {
                next = latest->next;
                latest->next = first;
                first = latest;
        }
        for (; first; first = next) {
                next = first->next;
                start_part(ring, first);
        }
}

static void all_done(struct dm_ring *ring, struct dm_async *a, int error)
{
        atomic_fetch_sub_explicit(&ring->under_way, 1, memory_order_relaxed);
        a->done(a, error);
}

static void part_done(struct dm_ring *ring, struct dm_async *a, int result)
{
        if (result == -EINTR || result == -EAGAIN) {
                start_part(ring, a);
        } else if (result <= 0) {
                all_done(ring, a, result < 0 ? result : -EIO);
        } else if ((uint64_t)result >= a->len) {
                all_done(ring, a, 0);
        } else {
                a->buf += result;
                a->offset += (uint64_t)result;
                a->len -= (uint64_t)result;
                start_part(ring, a);
        }
}

static void handle(struct dm_ring *ring, struct io_uring_cqe *cqe)
{
        struct dm_async *a = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&ring->uring, cqe);
        if (a)
                part_done(ring, a, result);
        else
                watch_wakeups(ring);
}

/* Waits for something to handle, with all started that was submitted. */
static void wait(struct dm_ring *ring)
{
        atomic_store(&ring->asleep, true);
        start_submitted(ring); /* who submits from now on, wakes */
        io_uring_submit_and_wait(&ring->uring, 1);
        atomic_store(&ring->asleep, false);
}

/* The device is not to wait until all that it has done is answered. */
static void handle_all(struct dm_ring *ring)
{
        struct io_uring_cqe *cqe;

        while (!io_uring_peek_cqe(&ring->uring, &cqe)) {
                handle(ring, cqe);
                if (atomic_load_explicit(&ring->submitted, memory_order_relaxed)) {
                        start_submitted(ring);
                        io_uring_submit(&ring->uring);
                }
        }
}

static bool make_uring(struct dm_ring *ring)
{
        /* the second set is for kernels before 6.1 */
        static const unsigned flags[] = {
                IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                0,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
                if (!io_uring_queue_init(ENTRIES, &ring->uring, flags[i]))
                        return true;
        return false;
}

static void *run_ring(void *user)
{
        struct dm_ring *ring = user;

        pthread_setname_np(pthread_self(), "ring");
        /* a completion may send on what a slow backing would hold up */
        dm_inline_never();
        /* here, for the one that makes a ring is the one that may submit to it */
        ring->works = make_uring(ring);
        sem_post(&ring->started);
        if (!ring->works)
                return NULL;
        watch_wakeups(ring);
        while (!atomic_load(&ring->stopping)) {
                wait(ring);
                handle_all(ring);
        }
        return NULL;
}

/* ---- lifetime -------------------------------------------------------------------------------------- */

static bool start(struct dm_ring *ring)
{
        if (pthread_create(&ring->thread, NULL, run_ring, ring))
                return false;
        while (sem_wait(&ring->started) < 0)
                ;
        if (!ring->works)
                pthread_join(ring->thread, NULL);
        return ring->works;
}

static void unmake(struct dm_ring *ring)
{
        if (ring->wake_fd >= 0)
                close(ring->wake_fd);
        sem_destroy(&ring->started);
        g_free(ring);
}

struct dm_ring *dm_ring_new(void)
{
        struct dm_ring *ring = g_new0(struct dm_ring, 1);

        sem_init(&ring->started, 0, 0);
        ring->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (ring->wake_fd >= 0 && start(ring))
                return ring;
        unmake(ring);
        return NULL;
}

void dm_ring_free(struct dm_ring *ring)
{
        if (!ring)
                return;
        atomic_store(&ring->stopping, true);
        wake_thread(ring);
        pthread_join(ring->thread, NULL);
        io_uring_queue_exit(&ring->uring);
        unmake(ring);
}
