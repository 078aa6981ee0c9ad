/* SPDX-License-Identifier: BSD-3-Clause */
/* The queues, one for each CPU: made before FUSE_INIT is answered, ended with the connection. */
#include "fusemap/ring/ring.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fusemap/priority.h"
#include "fusemap/ring/internal.h"

/* ---- threads ------------------------------------------------------------------------------------------------- */

/* Keeps the calling thread on the CPU of Q, which is that of the programs that ask by it. */
void ring_settle(const struct queue *q)
{
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET(q->number, &cpus);
        pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
        priority_take();
}

void ring_report(struct rings *rings, bool works)
{
        DM_LOCK_SCOPE(&rings->lock);
        if (works)
                rings->ready++;
        else
                rings->failed++;
        pthread_cond_broadcast(&rings->changed);
}

/* ---- lifetime ------------------------------------------------------------------------------------------------ */

/* How many CPUs there may ever be, as the kernel counts its queues: from a list like 0-3,8-11. */
static unsigned possible_cpus(void)
{
        g_autofree char *text = NULL;
        unsigned count = 0;

        if (!g_file_get_contents("/sys/devices/system/cpu/possible", &text, NULL, NULL))
                return 0;
        for (char *at = text; g_ascii_isdigit(*at); at += *at == ',') {
                unsigned long first = strtoul(at, &at, 10), last = first;

                if (*at == '-')
                        last = strtoul(at + 1, &at, 10);
                if (last < first || last >= CPU_SETSIZE)
                        return 0;
                count += (unsigned)(last - first) + 1;
        }
        return count;
}

static bool prepare_queue(struct rings *rings, unsigned number)
{
        struct queue *q = &rings->queues[number];

        q->rings = rings;
        q->number = number;
        q->wake_fd = eventfd(0, EFD_CLOEXEC);
        q->handed_end = &q->handed;
        q->todo_end = &q->todo;
        if (q->wake_fd < 0)
                return false;
        while (q->entries < rings->entries)
                if (!ring_add_chunk(q))
                        return false;
        return true;
}

static bool start_queue(struct rings *rings, unsigned number)
{
        struct queue *q = &rings->queues[number];

        q->started = prepare_queue(rings, number) && !pthread_create(&q->thread, NULL, ring_serve, q);
        return q->started;
}

static bool start_all(struct rings *rings)
{
        unsigned started = 0;

        while (started < rings->count && start_queue(rings, started))
                started++;

        DM_LOCK_SCOPE(&rings->lock);
        while (rings->ready + rings->failed < started)
                dm_cond_wait(&rings->changed, &rings->lock);
        return rings->ready == rings->count;
}

struct rings *ring_new(struct session *session, int fd, unsigned background)
{
        struct rings *rings = g_new0(struct rings, 1);

        rings->session = session;
        rings->fd = fd;
        rings->count = possible_cpus();
        rings->entries = background + RING_SPARE;
        rings->queues = g_new0(struct queue, rings->count);
        for (unsigned i = 0; i < rings->count; i++) {
                rings->queues[i].wake_fd = -1;
                dm_mutex_init(&rings->queues[i].lock);
                dm_cond_init(&rings->queues[i].work);
        }
        dm_mutex_init(&rings->lock);
        dm_cond_init(&rings->changed);
        if (rings->count && start_all(rings))
                return rings;
        ring_stop(rings);
        ring_join(rings);
        ring_free(rings);
        return NULL;
}

static void wake_all_threads(struct rings *rings)
{
        for (unsigned i = 0; i < rings->count; i++)
                if (rings->queues[i].wake_fd >= 0)
                        ring_wake(&rings->queues[i]);
}

void ring_begin(struct rings *rings)
{
        atomic_store(&rings->begun, true);
        wake_all_threads(rings);
}

void ring_stop(struct rings *rings)
{
        atomic_store(&rings->stopping, true);
        wake_all_threads(rings);
        for (unsigned i = 0; i < rings->count; i++) {
                DM_LOCK_SCOPE(&rings->queues[i].lock);
                pthread_cond_broadcast(&rings->queues[i].work);
        }
}

/* Nobody starts deputies any more when the queue's own thread has gone. */
static void join_queue(struct queue *q)
{
        if (q->started)
                pthread_join(q->thread, NULL);
        q->started = false;
        if (q->deputies)
                dm_workers_join(q->deputies, DM_WAKE_FOREVER);
        q->deputies = NULL;
}

void ring_join(struct rings *rings)
{
        for (unsigned i = 0; i < rings->count; i++)
                join_queue(&rings->queues[i]);
}

static void free_queue(struct queue *q)
{
        ring_free_chunks(q);
        if (q->wake_fd >= 0)
                close(q->wake_fd);
        pthread_cond_destroy(&q->work);
        dm_mutex_destroy(&q->lock);
}

void ring_free(struct rings *rings)
{
        if (!rings)
                return;
        for (unsigned i = 0; i < rings->count; i++)
                free_queue(&rings->queues[i]);
        pthread_cond_destroy(&rings->changed);
        dm_mutex_destroy(&rings->lock);
        g_free(rings->queues);
        g_free(rings);
}
