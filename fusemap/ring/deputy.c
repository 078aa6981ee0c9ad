/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hangs in a queue's thread would hold up every program on its CPU, and no other thread can take its
 * place.  So writes, which may wait, go to the queue's deputy: a pool of one worker, for which there is a
 * spare when it is stuck.  What is left does not wait: reads of what is cached (all others go to a lane),
 * and questions that the engine answers itself.
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

/* NULL: nothing now. */
static struct ring_entry *next_todo(struct queue *q)
{
        struct ring_entry *e;

        DM_LOCK_SCOPE(&q->lock);
        e = q->todo;
        if (e)
                q->todo = e->next;
        if (!q->todo)
                q->todo_end = &q->todo;
        return e;
}

/* False: there is nothing to do, nor will there be. */
static bool await_todo(struct queue *q)
{
        DM_LOCK_SCOPE(&q->lock);
        q->idle++;
        while (!q->todo && !atomic_load(&q->rings->stopping))
                dm_cond_wait(&q->work, &q->lock);
        q->idle--;
        return q->todo;
}

/* False: another one has taken this one's place. */
static bool do_all(struct queue *q)
{
        struct ring_entry *e;

        while ((e = next_todo(q))) {
                ring_process(e);
                if (dm_worker_surplus())
                        return false;
        }
        return true;
}

static void act(void *queue, unsigned number)
{
        struct queue *q = queue;
        bool needed;

        ring_act_here(q);
        ring_settle(q);
        pthread_setname_np(pthread_self(), "deputy");
        ring_wake(q); /* one that is stuck may have answered others before, and not said so */
        do {
                needed = do_all(q);
                ring_announce(q);
        } while (needed && await_todo(q));
        worker_drop_buffers();
}

void ring_hand_over(struct queue *q)
{
        if (!q->handed)
                return;
        {
                DM_LOCK_SCOPE(&q->lock);
                *q->todo_end = q->handed;
                q->todo_end = q->handed_end;
                if (q->idle)
                        pthread_cond_signal(&q->work);
        }
        q->handed = NULL;
        q->handed_end = &q->handed;
        if (!q->deputies)
                q->deputies = dm_workers_start(1, act, q);
}
