/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the target log-writes share.  entry.c has what is logged and the form it has in the log,
 * writer.c writes it, part.c is for writes of parts of sectors.
 */
#ifndef DM_LOG_WRITES_H
#define DM_LOG_WRITES_H

#include <stdatomic.h>

#include "base/sync.h"
#include "dm-target.h"

#define LOG_FLUSH (1u << 0)
#define LOG_FUA (1u << 1)
#define LOG_DISCARD (1u << 2)
#define LOG_MARK (1u << 3)

struct super_sector {
        uint64_t magic, version, entries;
        uint32_t sector_size;
        char zeroes[DM_SECTOR_SIZE - 28];
} __attribute__((packed));

struct entry_sector {
        uint64_t sector, sectors, flags, mark_len;
        char mark[DM_SECTOR_SIZE - 32];
} __attribute__((packed));

G_STATIC_ASSERT(sizeof(struct super_sector) == DM_SECTOR_SIZE);
G_STATIC_ASSERT(sizeof(struct entry_sector) == DM_SECTOR_SIZE);

/* What is to be logged, in the form it has in the log. */
struct entry {
        struct entry *next;
        uint64_t flags, sectors;
        uint64_t number;  /* in the order of queueing */
        bool zeroes;      /* its data are not in `image' */
        uint64_t len;     /* of the image: the entry's sector and the data */
        struct entry_sector image[];
};

struct queue {
        struct entry *first, **last;
};

enum step {
        STEP_IMAGE,
        STEP_ZEROES,
        STEP_SUPER,
        STEP_DONE,
};

struct log {
        struct dm_target *ti;
        struct dm_dev *dev, *log_dev;
        _Atomic bool used; /* the device ran on this table: there may be a log */

        struct dm_mutex lock;
        bool enabled;             /* guarded: lock; no error yet, and room */
        struct queue unflushed;   /* guarded: lock; until the next flush */
        struct queue ready;       /* guarded: lock; to be logged */
        uint64_t queued, logged;  /* guarded: lock; the last entry's number */
        uint64_t entries;         /* guarded: lock; what the super block says */
        uint64_t next_sector, end_sector; /* guarded: lock; of the log device */
        bool writing;             /* guarded: lock; somebody owns what follows */

        struct entry *entry; /* being logged */
        uint64_t at;         /* its sector in the log */
        enum step step;      /* under way */
        struct super_sector super;
        struct dm_io io;
};

/* ---- entry.c ----------------------------------------------------------------------------------- */

void lw_queue_init(struct queue *q);
void lw_queue_push(struct queue *q, struct entry *entry);
/* The first one, the caller's; NULL: there is none. */
struct entry *lw_queue_pop(struct queue *q);
/* Moves all of FROM behind what is in TO. */
void lw_queue_move(struct queue *to, struct queue *from);
void lw_queue_free(struct queue *q);

/* An entry with room for DATA_LEN bytes behind its sector; NULL without memory. */
struct entry *lw_entry_new(uint64_t sector, uint64_t sectors, uint64_t flags, uint64_t data_len);
/* A mark, TEXT as far as it fits; NULL without memory. */
struct entry *lw_mark_new(const char *text);
char *lw_entry_data(struct entry *entry);
/* The super block of a log of so many ENTRIES. */
void lw_fill_super(struct super_sector *super, uint64_t entries);

/* ---- writer.c ------------------------------------------------------------------------------------ */

/* The next of the log's entries, which it takes over.  With the lock held: lw_write() is to follow. */
void lw_make_ready(struct log *log, struct entry *entry);
void lw_make_all_ready(struct log *log, struct queue *q);
/* Writes what is ready, unless somebody is at it.  Does not wait. */
void lw_write(struct log *log);
/* A write has ended: ENTRY, which is taken over, is ready if it is durable, else at the next flush.  NULL:
 * there was no memory, and nothing is logged any more. */
void lw_add_entry(struct log *log, struct entry *entry);
/* Nothing is logged any more. */
void lw_give_up(struct log *log);
/* Ends the log: with what no flush has covered, and a mark.  Waits for the log device. */
void lw_end(struct log *log);

/* ---- part.c ---------------------------------------------------------------------------------------- */

/* Writes BIO, which is not of whole sectors, and logs it. */
enum dm_map_result lw_write_part(struct log *log, struct dm_bio *bio);

#endif
