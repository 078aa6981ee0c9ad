/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hangs in a queue's thread would hold up every program on its CPU, and no other thread can take its
 * place.  So writes, which may wait, go to the queue's deputy, a thread that is replaced when it does not
 * come back.  What is left does not wait: reads of what is cached (all others go to a lane), and questions
 * that the engine answers itself.
 */
#include <linux/fuse.h>
#include <string.h>

#include "fusemap/ring/internal.h"

/* For write-back, whatever the backing. */
bool ring_is_for_deputy(const struct ring_entry *e)
{
        struct fuse_in_header in;

        memcpy(&in, e->header->in_out, sizeof(in));
        return in.opcode == FUSE_WRITE;
}

void ring_keep_for_deputy(struct ring_entry *e)
{
        e->next = NULL;
        *e->queue->handed_end = e;
        e->queue->handed_end = &e->next;
}

/* What the deputy NUMBER is to do next; NULL: nothing now, or it has been replaced. */
static struct ring_entry *next_todo(struct queue *q, uint64_t number)
{
        struct ring_entry *e;

        DM_LOCK_SCOPE(&q->lock);
        if (q->deputy != number)
                return NULL;
        e = q->todo;
        q->began = e ? dm_clock_real_ns() : 0;
        if (e) {
                q->todo = e->next;
                if (!q->todo)
                        q->todo_end = &q->todo;
        }
        return e;
}

/* False: the deputy NUMBER is to leave. */
static bool await_todo(struct queue *q, uint64_t number)
{
        DM_LOCK_SCOPE(&q->lock);
        while (!q->todo && q->deputy == number && !atomic_load(&q->rings->stopping))
                dm_cond_wait(&q->work, &q->lock);
        return q->deputy == number && (q->todo || !atomic_load(&q->rings->stopping));
}

struct deputy {
        struct queue *queue;
        uint64_t number;
};

static void *act(void *user)
{
        g_autofree struct deputy *self = user;
        struct queue *q = self->queue;
        struct ring_entry *e;

        ring_act_here(q);
        ring_settle(q);
        pthread_setname_np(pthread_self(), "deputy");
        do {
                while ((e = next_todo(q, self->number)))
                        ring_process(e);
                ring_announce(q);
        } while (await_todo(q, self->number));
        worker_drop_buffers();
        ring_leave(q->rings);
        return NULL;
}

/* Whoever was deputy before is so no more. */
static void start_deputy(struct queue *q)
{
        struct deputy *deputy = g_new0(struct deputy, 1);

        deputy->queue = q;
        {
                DM_LOCK_SCOPE(&q->lock);
                deputy->number = ++q->deputy;
                q->began = 0;
                q->has_deputy = true;
        }
        if (ring_start_thread(q->rings, act, deputy))
                return;
        g_free(deputy);
        DM_LOCK_SCOPE(&q->lock);
        q->has_deputy = false;
}

static void hand_over(struct queue *q)
{
        DM_LOCK_SCOPE(&q->lock);
        *q->todo_end = q->handed;
        q->todo_end = q->handed_end;
        if (!q->began)
                pthread_cond_signal(&q->work);
        q->handed = NULL;
        q->handed_end = &q->handed;
}

void ring_look_after_deputy(struct queue *q)
{
        bool wanted;

        if (q->handed)
                hand_over(q);
        else if (!q->watching)
                return;
        {
                DM_LOCK_SCOPE(&q->lock);
                q->watching = q->todo || q->began;
                wanted = q->todo && (!q->has_deputy ||
                                     (q->began && dm_clock_real_ns() > q->began + RING_STUCK_NS));
        }
        if (wanted)
                start_deputy(q);
}
