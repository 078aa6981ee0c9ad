/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Versions of sectors: what was written to a device whose cache may still lose it.  Each sector has its
 * versions, the newest first, as long as none of them is durable.  Nothing here locks: the owner does.
 */
#ifndef DM_VERSIONS_H
#define DM_VERSIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum dm_write_kind {
        DM_WRITE_DATA,
        DM_WRITE_ZEROES,
        DM_WRITE_DISCARD, /* reads as zeroes too */
};

struct dm_version {
        struct dm_version *older;
        struct dm_write *write;
};

/* One write of COUNT sectors, freed with the last of its versions. */
struct dm_write {
        struct dm_write *previous, *next; /* in the order of their numbers */
        uint64_t number;                  /* in the order of insertion, from 1 */
        uint64_t sector;
        uint32_t count, live;
        enum dm_write_kind kind;
        char *data; /* of DM_WRITE_DATA; otherwise NULL */
        struct dm_version versions[];
};

struct dm_versions {
        GHashTable *pages;               /* of sectors; struct page *, by number */
        struct dm_write *oldest, *newest;
        uint64_t last_number;
        uint64_t bytes;   /* of all writes */
        uint64_t sectors; /* that have a version */
        uint32_t round;   /* of selection */
};

/* A sector and one of its versions. */
struct dm_chosen {
        uint64_t sector;
        struct dm_version *version;
};

void dm_versions_init(struct dm_versions *vs);
void dm_versions_clear(struct dm_versions *vs); /* forgets everything */
void dm_versions_done(struct dm_versions *vs);  /* the same, for good; zeroed memory is fine */

/* A write whose data are to be filled in; NULL without memory. */
struct dm_write *dm_write_new(uint64_t sector, uint32_t count, enum dm_write_kind kind);
/* Makes WRITE the newest version of its sectors; it belongs to VS from now on. */
void dm_versions_insert(struct dm_versions *vs, struct dm_write *write);

/* The newest version of SECTOR; NULL: it has none. */
struct dm_version *dm_versions_newest(const struct dm_versions *vs, uint64_t sector);
/* The DM_SECTOR_SIZE bytes of VERSION, which is one of SECTOR; NULL: zeroes. */
const char *dm_version_data(const struct dm_version *version, uint64_t sector);

/* How far back writes have to go, so that no more than LIMIT bytes stay: the number of the last one. */
uint64_t dm_versions_excess(const struct dm_versions *vs, uint64_t limit);

/* What has to be written so that everything up to write number UP_TO is durable, and the writes in ALSO
 * (struct dm_write *, sorted here) by themselves: a new array of struct dm_chosen, by sector, that the
 * caller unrefs. */
GArray *dm_versions_select(struct dm_versions *vs, uint64_t up_to, GPtrArray *also);

/* VERSION of SECTOR is durable: it and all older ones go.  True: the sector has none any more. */
bool dm_versions_settle(struct dm_versions *vs, uint64_t sector, struct dm_version *version);

enum dm_keep {
        DM_KEEP_NONE,
        DM_KEEP_ALL,
        DM_KEEP_RANDOM,
};

/* What is left when power goes: of each sector the newest version that survives, if any; a new array as
 * above.  Each write survives or not in units of UNIT_SECTORS, aligned; which is drawn from SEED, the
 * place of the unit, and how many writes to it came before.  *RET_LOST: sectors whose newest version does
 * not survive. */
GArray *dm_versions_survivors(struct dm_versions *vs, enum dm_keep keep, uint64_t seed,
                              uint64_t unit_sectors, uint64_t *ret_lost);

#endif
