/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the rings share.  Nothing here is for others: see ring.h. */
#ifndef FUSEMAP_RING_INTERNAL_H
#define FUSEMAP_RING_INTERNAL_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>

#include "fusemap/fs.h"
#include "fusemap/ring/abi.h"
#include "fusemap/ring/ring.h"

#define RING_CHUNK 32u /* entries are made by so many */
#define RING_SPARE 256u /* so many are kept free: what comes at once before the thread's next turn */

struct ring_entry {
        struct queue *queue;
        struct ring_header *header; /* the kernel's to write, unless a request is here */
        char *payload;
        struct iovec buffers[2]; /* header and payload, for the registration */
        uint64_t unique;         /* of the request that is here */
        struct ring_entry *next; /* of those to be done, or that others have answered */
};

/* Memory and entries; memory is used as requests come, the latest free entry first. */
struct chunk {
        struct chunk *next;
        char *memory;
        struct ring_entry entries[RING_CHUNK];
};

struct queue {
        struct rings *rings;
        unsigned number; /* of its CPU */
        pthread_t thread;
        bool started;
        struct io_uring uring; /* the thread's own */
        struct chunk *chunks;  /* the thread's own, as all to the next blank line */
        bool registered;
        unsigned entries, taken;
        bool over;             /* the connection is */
        uint64_t deadline;     /* when to leave at last; 0: not set */
        struct ring_entry *handed, **handed_end; /* for the deputy, of this batch */
        struct dm_workers *deputies; /* NULL: there was no work for one yet */

        int wake_fd;
        uint64_t wake_value;
        _Atomic(struct ring_entry *) answered; /* by others; the latest first */

        struct dm_mutex lock;
        pthread_cond_t work;               /* there is something to do, or to leave for */
        struct ring_entry *todo, **todo_end; /* guarded: lock; in order */
        unsigned idle;                     /* guarded: lock; deputies that wait for work */
};

struct rings {
        struct session *session;
        int fd;
        unsigned count, entries; /* of queues; of a queue at first */
        _Atomic bool begun, stopping, complained;
        struct dm_mutex lock;
        pthread_cond_t changed;
        unsigned ready, failed; /* guarded: lock; queues that have an io_uring, and that have none */
        struct queue *queues;
};

/* ---- entry.c: memory, requests and answers -------------------------------------------------------- */

/* The calling thread serves Q, and alone touches its io_uring. */
void ring_serve_here(struct queue *q);
/* The calling thread is Q's deputy; what it answers is announced to Q's thread by ring_announce(). */
void ring_act_here(struct queue *q);
void ring_announce(struct queue *q);
/* Makes Q's thread look.  Any thread. */
void ring_wake(struct queue *q);

/* A chunk of entries for Q, not registered; false: no memory.  Before the thread runs, or in it. */
bool ring_add_chunk(struct queue *q);
/* All of Q's, when nobody uses them. */
void ring_free_chunks(struct queue *q);
/* This and the next two: the queue's thread. */
void ring_register_chunk(struct chunk *chunk);
struct io_uring_sqe *ring_next_sqe(struct queue *q);
void ring_commit_answered(struct queue *q);
/* Does the request of E, which is not the caller's any more.  The queue's thread, or its deputy. */
void ring_process(struct ring_entry *e);
/* Answers E with ERROR (-errno).  Any thread. */
void ring_answer_error(struct ring_entry *e, int error);

/* ---- deputy.c: who does what may wait ---------------------------------------------------------------- */

/* All of it: the queue's thread. */
bool ring_is_for_deputy(const struct ring_entry *e);
/* E is for the deputy, who hears of it by ring_hand_over(). */
void ring_keep_for_deputy(struct ring_entry *e);
/* Hands over what was kept for the deputy. */
void ring_hand_over(struct queue *q);

/* ---- queue.c: a queue's thread ------------------------------------------------------------------------- */

void *ring_serve(void *queue);

/* ---- ring.c: all queues -------------------------------------------------------------------------------- */

/* Keeps the calling thread on the CPU of Q. */
void ring_settle(const struct queue *q);
/* A queue's thread has its io_uring, or cannot have one. */
void ring_report(struct rings *rings, bool works);

#endif
