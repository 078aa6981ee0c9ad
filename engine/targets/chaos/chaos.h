/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of chaos share. */
#ifndef DM_CHAOS_H
#define DM_CHAOS_H

#include <stdatomic.h>

#include "base/sync.h"
#include "dm-target.h"

#define CHAOS_CERTAIN 1000000000u /* a probability of 1 */
#define CHAOS_TRACE_MAX 1024u

enum chaos_kind {
        READ_ERROR,
        WRITE_ERROR,
        CORRUPT,
        DELAY,
        TORN,
        MISDIRECT,
        KINDS,
};

extern const char *const chaos_kind_names[KINDS];

struct chaos_places;

struct chaos_fault {
        uint64_t number; /* from 1 */
        enum chaos_kind kind;
        enum dm_op op;
        uint64_t offset, len; /* bytes of the mapped device */
        uint64_t detail;
};

struct chaos {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        _Atomic uint32_t chances[KINDS]; /* of CHAOS_CERTAIN */
        _Atomic uint64_t delay_ms, seed;
        struct dm_hold *hold;
        struct chaos_places *places;

        struct dm_mutex lock;
        uint64_t counts[KINDS];         /* guarded: lock */
        uint64_t last_number;           /* guarded: lock */
        struct chaos_fault trace[CHAOS_TRACE_MAX];  /* guarded: lock; a ring */
};

/* What a bio has with it. */
struct chaos_flaw {
        struct dm_held held;
        char *copy;          /* the data of a corrupted write: the submitter's are not ours */
        bool corrupts_read;
        uint64_t at;         /* within the bio */
        char change;         /* is exclusive-ored; not 0 */
};

/* ---- options.c: what a table line and messages set ------------------------------------------------- */

/* Sets what WORDS, COUNT of them, say in the syntax of the table line.  How many were used; 0 with *RET_WHY,
 * new text: none. */
int chaos_set_option(struct chaos *c, int count, char **words, char **ret_why);
/* All that are set, each with a space before it. */
void chaos_append_options(GString *out, struct chaos *c);

/* ---- places.c: how often requests came where ---------------------------------------------------------- */

/* For a target of LEN bytes. */
struct chaos_places *chaos_places_new(uint64_t len);
/* NULL is fine. */
void chaos_places_free(struct chaos_places *places);
/* Requests are counted from the start again. */
void chaos_places_restart(struct chaos_places *places);
/* Counts a request that begins INSIDE bytes into the target: how many of its direction began there before.
 * Any thread. */
uint32_t chaos_places_count(struct chaos_places *places, uint64_t inside, bool is_read);

/* ---- faults.c: what befalls a request ----------------------------------------------------------------- */

enum dm_map_result chaos_map(struct dm_target *ti, struct dm_bio *bio);
int chaos_end_io(struct dm_target *ti, struct dm_bio *bio, int error);

/* ---- trace.c: what has befallen requests --------------------------------------------------------------- */

/* Counts a fault of BIO, which is as it came, and keeps it in the trace.  Any thread. */
void chaos_note(struct chaos *c, enum chaos_kind kind, const struct dm_bio *bio, uint64_t detail);
/* The latest faults, a line each; new. */
char *chaos_show_trace(struct chaos *c);
void chaos_append_counts(GString *out, struct chaos *c);
void chaos_clear_trace(struct chaos *c);

#endif
