/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads: what is in the cache comes from there, the rest from the lower device. */
#include "powercut.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* A read of which a part is in the cache: what is not, is read by parts. */
struct split_read {
        struct dm_bio *bio;
        _Atomic int error;
        _Atomic unsigned pending;
        struct dm_io parts[];
};

struct range {
        uint64_t from, to; /* bytes of the target */
};

static uint64_t sector_end(uint64_t at)
{
        return (at | (DM_SECTOR_SIZE - 1)) + 1;
}

/* Copies what is cached of BIO, which begins at byte AT of the target; the rest goes to GAPS. */
static bool read_cached(struct powercut *p, struct dm_bio *bio, uint64_t at, GArray *gaps)
{
        uint64_t begin = at, end = at + bio->len;
        bool any = false;

        dm_assert_held(&p->lock);
        for (uint64_t to; at < end; at = to) {
                uint64_t sector = at >> DM_SECTOR_SHIFT;
                struct dm_version *version = dm_versions_newest(&p->versions, sector);
                struct range *last = gaps->len ? &g_array_index(gaps, struct range, gaps->len - 1)
                                               : NULL;

                to = MIN(sector_end(at), end);
                if (version) {
                        const char *data = dm_version_data(version, sector);

                        any = true;
                        if (data)
                                memcpy(bio->buf + (at - begin), data + at % DM_SECTOR_SIZE, to - at);
                        else
                                memset(bio->buf + (at - begin), 0, to - at);
                } else if (last && last->to == at) {
                        last->to = to;
                } else {
                        struct range gap = {at, to};

                        g_array_append_val(gaps, gap);
                }
        }
        return any;
}

static void part_was_read(struct dm_io *io, int error)
{
        struct split_read *read = io->user;

        if (error)
                atomic_store(&read->error, error);
        if (atomic_fetch_sub(&read->pending, 1) != 1)
                return;
        error = atomic_load(&read->error);
        {
                struct dm_bio *bio = read->bio;

                g_free(read);
                dm_bio_complete(bio, error);
        }
}

static void read_gaps(struct powercut *p, struct dm_bio *bio, uint64_t begin, GArray *gaps)
{
        unsigned count = gaps->len;
        struct split_read *read =
                g_malloc0(sizeof(*read) + count * sizeof(struct dm_io));

        read->bio = bio;
        atomic_init(&read->pending, count);
        for (unsigned i = 0; i < count; i++) {
                const struct range *gap = &g_array_index(gaps, struct range, i);

                read->parts[i] = (struct dm_io){
                        .op = DM_OP_READ,
                        .offset = p->offset + gap->from,
                        .len = gap->to - gap->from,
                        .buf = bio->buf + (gap->from - begin),
                        .end = part_was_read,
                        .user = read,
                };
        }
        for (unsigned i = 0; i < count; i++)
                dm_dev_submit(p->ti, p->dev, &read->parts[i]);
}

enum dm_map_result powercut_read(struct powercut *p, struct dm_bio *bio)
{
        g_autoptr(GArray) gaps = g_array_new(FALSE, FALSE, sizeof(struct range));
        uint64_t at = dm_target_offset(p->ti, bio->offset);
        bool any;

        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->off) {
                        bio->error = -EIO;
                        return DM_MAP_DONE;
                }
                any = read_cached(p, bio, at, gaps);
        }
        if (!any) {
                bio->dev = p->dev;
                bio->offset = p->offset + at;
                return DM_MAP_REMAPPED;
        }
        if (!gaps->len) {
                bio->error = 0;
                return DM_MAP_DONE;
        }
        read_gaps(p, bio, at, gaps);
        return DM_MAP_QUEUED;
}
