/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the target powercut share.  read.c and write.c serve bios from the cache, batch.c
 * writes it out, cut.c loses it.  Sectors are those of the target unless said otherwise.
 */
#ifndef DM_POWERCUT_H
#define DM_POWERCUT_H

#include "base/sync.h"
#include "dm-target.h"
#include "versions.h"

#define IO_MAX (1u << 20) /* bytes; of a bio, and of a survivors' write */
#define GENERATIONS 256u

struct request; /* batch.c */

/* Why a bio waits for a batch. */
enum want {
        WANT_FLUSH,   /* all up to `number' to be durable, and the lower device flushed */
        WANT_DURABLE, /* its own write to be durable */
        WANT_ROOM,    /* the cache to be within its limit */
};

struct batch {
        struct request *requests; /* guarded: lock */
        bool flushes, fua;
        GArray *chosen;      /* struct dm_chosen; NULL between batches, which needs the lock */
        unsigned next;       /* guarded: lock; the first that no write has yet */
        unsigned in_flight;  /* guarded: lock; writes, and one for who planned it */
        int error;           /* guarded: lock */
        struct dm_io flush;
};

struct powercut {
        struct dm_target *ti;
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        uint64_t cache_mb;

        struct dm_mutex lock;
        struct dm_versions versions; /* guarded: lock, with the sectors of the target as its sectors */
        bool off;                    /* guarded: lock */
        bool write_through;          /* guarded: lock; presuspended: nothing stays in the cache */
        struct request *first, **last; /* guarded: lock; what the next batch serves */
        bool busy;                   /* guarded: lock; somebody owns the batch */
        uint32_t generation[GENERATIONS]; /* guarded: lock; of sectors: counts when one leaves */
        uint64_t durable, lost, cuts, seed; /* guarded: lock; for the status */

        struct batch batch;
};

/* How many bytes the cache may have. */
static inline uint64_t powercut_limit(const struct powercut *p)
{
        return p->cache_mb << 20;
}

/* ---- read.c, write.c: as a target's map, without p->lock -------------------------------------- */

enum dm_map_result powercut_read(struct powercut *p, struct dm_bio *bio);
enum dm_map_result powercut_write(struct powercut *p, struct dm_bio *bio); /* discards too */

/* ---- batch.c ---------------------------------------------------------------------------------- */

/* Queues BIO (NULL: nobody's) until it has what it wants; with p->lock.  A batch completes it: to be
 * followed by powercut_write_out().  WRITE: of WANT_DURABLE. */
void powercut_queue(struct powercut *p, struct dm_bio *bio, enum want want, struct dm_write *write);
/* Serves what waits, unless somebody does. */
void powercut_write_out(struct powercut *p);

/* From now on nothing changes in the cache but by a batch that is under way; what waits fails.  False: it
 * is off already. */
bool powercut_switch_off(struct powercut *p);
/* Waits, perhaps for long, until no batch is under way while the power is off.  False: the device was
 * destroyed meanwhile, and one may still be. */
bool powercut_await_batch(struct powercut *p);
/* The same as switching off, and nobody waits any more for a lower device that perhaps hangs. */
void powercut_let_go(struct powercut *p);

/* ---- runs.c: stretches of CHOSEN (struct dm_chosen, by sector), which stays as it is ---------- */

const struct dm_chosen *powercut_chosen_at(GArray *chosen, unsigned i);
/* How many of CHOSEN from FIRST follow each other and are of one kind; MAX at most. */
unsigned powercut_run_length(GArray *chosen, unsigned first, unsigned max);
enum dm_op powercut_op_of_kind(enum dm_write_kind kind);
/* The data of COUNT of CHOSEN from FIRST, the caller's to g_free(); NULL for zeroes.  Without p->lock:
 * versions that are chosen stay. */
char *powercut_gather(GArray *chosen, unsigned first, unsigned count);

/* ---- cut.c ------------------------------------------------------------------------------------ */

/* As a target's message. */
bool powercut_message(struct dm_target *ti, int argc, char **argv, char **ret_reply, GError **error);

#endif
