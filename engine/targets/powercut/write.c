/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes: into the cache, and on from there as far as they have to go before they are done. */
#include "powercut.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Puts WRITE into the cache.  0 or -errno: the bio is done; 1: it waits for a batch. */
static int insert(struct powercut *p, struct dm_bio *bio, struct dm_write *write)
{
        dm_assert_held(&p->lock);
        if (p->off) {
                g_free(write);
                return -EIO;
        }
        dm_versions_insert(&p->versions, write);
        if (p->write_through || bio->flags & DM_IO_FUA)
                powercut_queue(p, bio, WANT_DURABLE, write);
        else if (p->versions.bytes > powercut_limit(p))
                powercut_queue(p, bio, WANT_ROOM, NULL);
        else
                return 0;
        return 1;
}

/* A write that begins or ends within a sector: what is missing of the sector comes from the cache, or is
 * read from below first. */
struct part_write {
        struct powercut *p;
        struct dm_bio *bio;
        struct dm_write *write;
        uint64_t from, to;        /* bytes of the target */
        uint64_t cuts;            /* when it came: it does not outlive the next one */
        struct edge {
                bool is_there;    /* the sector is not written as a whole */
                bool was_read;
                uint64_t sector;
                uint32_t generation; /* when the read began */
                char data[DM_SECTOR_SIZE];
                struct dm_io io;
        } edges[2];
        _Atomic unsigned pending;
        _Atomic int error;
};

/* Fills the bytes of EDGE's sector that the write does not have from DATA; NULL: zeroes. */
static void fill_edge(struct part_write *part, const struct edge *edge, const char *data)
{
        char *sector = part->write->data +
                       (edge->sector - part->write->sector) * DM_SECTOR_SIZE;
        uint64_t start = edge->sector << DM_SECTOR_SHIFT;

        for (uint64_t i = 0; i < DM_SECTOR_SIZE; i++)
                if (start + i < part->from || start + i >= part->to)
                        sector[i] = data ? data[i] : 0;
}

/* False: the sector has to be read (again). */
static bool complete_edge(struct part_write *part, struct edge *edge)
{
        struct powercut *p = part->p;
        struct dm_version *version;

        dm_assert_held(&p->lock);
        if (!edge->is_there)
                return true;
        version = dm_versions_newest(&p->versions, edge->sector);
        if (version)
                fill_edge(part, edge, dm_version_data(version, edge->sector));
        else if (edge->was_read &&
                 edge->generation == p->generation[edge->sector % GENERATIONS])
                fill_edge(part, edge, edge->data);
        else
                return false;
        return true;
}

static void edge_was_read(struct dm_io *io, int error);

static void read_edges(struct part_write *part)
{
        struct powercut *p = part->p;
        bool wanted[2];

        {
                DM_LOCK_SCOPE(&p->lock);
                for (unsigned i = 0; i < 2; i++) {
                        struct edge *edge = &part->edges[i];

                        wanted[i] = edge->is_there;
                        edge->generation = p->generation[edge->sector % GENERATIONS];
                        edge->io = (struct dm_io){
                                .op = DM_OP_READ,
                                .offset = p->offset + (edge->sector << DM_SECTOR_SHIFT),
                                .len = DM_SECTOR_SIZE,
                                .buf = edge->data,
                                .end = edge_was_read,
                                .user = part,
                        };
                }
        }
        atomic_store(&part->pending, (unsigned)wanted[0] + wanted[1]);
        for (unsigned i = 0; i < 2; i++)
                if (wanted[i])
                        dm_dev_submit(p->ti, p->dev, &part->edges[i].io);
}

/* 0 or -errno: the bio is done; 1: it waits; 2: the edges have to be read. */
static int insert_part(struct part_write *part)
{
        DM_LOCK_SCOPE(&part->p->lock);
        if (part->cuts != part->p->cuts) {
                g_free(part->write);
                return -EIO;
        }
        if (!complete_edge(part, &part->edges[0]) || !complete_edge(part, &part->edges[1]))
                return 2;
        return insert(part->p, part->bio, part->write);
}

static void edge_was_read(struct dm_io *io, int error)
{
        struct part_write *part = io->user;
        struct powercut *p = part->p;
        struct dm_bio *bio = part->bio;
        int r;

        if (error)
                atomic_store(&part->error, error);
        if (atomic_fetch_sub(&part->pending, 1) != 1)
                return;
        part->edges[0].was_read = part->edges[1].was_read = true;
        r = atomic_load(&part->error);
        if (r)
                g_free(part->write);
        else
                r = insert_part(part);
        if (r == 2) {
                read_edges(part);
                return;
        }
        g_free(part);
        if (r <= 0)
                dm_bio_complete(bio, r);
        else
                powercut_write_out(p);
}

static struct part_write *part_new(struct powercut *p, struct dm_bio *bio, struct dm_write *write,
                                   uint64_t from)
{
        struct part_write *part = g_new0(struct part_write, 1);
        uint64_t first = write->sector, last = first + write->count - 1;

        part->p = p;
        part->bio = bio;
        part->write = write;
        part->from = from;
        part->to = from + bio->len;
        part->edges[0].sector = first;
        part->edges[0].is_there = part->from % DM_SECTOR_SIZE != 0 ||
                                  (first == last && part->to % DM_SECTOR_SIZE != 0);
        part->edges[1].sector = last;
        part->edges[1].is_there = first != last && part->to % DM_SECTOR_SIZE != 0;
        return part;
}

/* A write without memory for it fails as a whole. */
static struct dm_write *write_of_bio(const struct dm_bio *bio, uint64_t at, bool is_part)
{
        uint64_t first = at >> DM_SECTOR_SHIFT;
        uint64_t end = (at + bio->len + DM_SECTOR_SIZE - 1) >> DM_SECTOR_SHIFT;
        enum dm_write_kind kind = bio->op == DM_OP_WRITE || is_part ? DM_WRITE_DATA
                                  : bio->op == DM_OP_WRITE_ZEROES   ? DM_WRITE_ZEROES
                                                                    : DM_WRITE_DISCARD;
        struct dm_write *write = dm_write_new(first, (uint32_t)(end - first), kind);

        if (!write || kind != DM_WRITE_DATA)
                return write;
        if (bio->op == DM_OP_WRITE)
                memcpy(write->data + at % DM_SECTOR_SIZE, bio->buf, bio->len);
        else
                memset(write->data + at % DM_SECTOR_SIZE, 0, bio->len);
        return write;
}

static enum dm_map_result done(struct dm_bio *bio, int error)
{
        bio->error = error;
        return DM_MAP_DONE;
}

enum dm_map_result powercut_write(struct powercut *p, struct dm_bio *bio)
{
        uint64_t at = dm_target_offset(p->ti, bio->offset);
        bool is_part = (at | bio->len) % DM_SECTOR_SIZE != 0;
        struct dm_write *write;
        struct part_write *part;
        int r;

        if (!bio->len)
                return done(bio, 0);
        write = write_of_bio(bio, at, is_part);
        if (!write)
                return done(bio, -ENOMEM);
        if (is_part) {
                part = part_new(p, bio, write, at);
                {
                        DM_LOCK_SCOPE(&p->lock);
                        part->cuts = p->cuts;
                }
                r = insert_part(part);
                if (r == 2) {
                        read_edges(part);
                        return DM_MAP_QUEUED;
                }
                g_free(part);
        } else {
                DM_LOCK_SCOPE(&p->lock);
                r = insert(p, bio, write);
        }
        if (r <= 0)
                return done(bio, r);
        powercut_write_out(p);
        return DM_MAP_QUEUED;
}
