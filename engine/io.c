/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The I/O path behind the gate: splitting over the live table, mapping, and completion.  A dm_io is what a
 * submitter hands in; a piece of it inside one target is a dm_bio.
 */
#include "backing/async.h"
#include "dm-internal.h"
#include "piece-memory.h"

struct piece {
        struct dm_bio bio; /* first: targets hand back a pointer to it */
        struct dm_io *io;
        struct dm_io lower;  /* when the bio goes to another mapped device */
        union {
                struct dm_work work;   /* when it waits in a backing's lane */
                struct dm_async async; /* when it is with the ring */
        };
        _Atomic bool ended;
        max_align_t data[]; /* the target's */
};

static void issue(struct piece *piece);

/* ---- completion ------------------------------------------------------------------------------------ */

/* Ends an io that was let in: tells the submitter, then drops the reference, then nothing. */
static void finish(struct dm_io *io)
{
        struct mapped_device *md = io->md;
        uint64_t old;

        if (io->stats_epoch)
                dm_stats_end(atomic_load(&md->stats), io);
        io->end(io, atomic_load_explicit(&io->error, memory_order_relaxed));
        /* IO may be freed memory now */
        old = atomic_fetch_sub(&md->word, DM_WORD_IO + DM_IO_REFERENCE);
        /* and so may MD */
        if ((old & DM_WORD_WAITED) &&
            ((old & DM_WORD_REFS) == DM_WORD_REF || (old & DM_WORD_IOS) == DM_WORD_IO))
                dm_wake_all();
}

static bool map_more(struct dm_io *io);

/* Whether the caller was the last; when nobody else is left, nobody can come any more. */
static bool drop_one(struct dm_io *io)
{
        return atomic_load_explicit(&io->pending, memory_order_acquire) == 1 ||
               atomic_fetch_sub_explicit(&io->pending, 1, memory_order_acq_rel) == 1;
}

/* The last one of some pieces begins the next ones, in a loop: they may end at once. */
static void drop_pending(struct dm_io *io)
{
        while (drop_one(io)) {
                if (!map_more(io)) {
                        finish(io);
                        return;
                }
        }
}

/* The first error of an io's pieces is the io's. */
static void note_error(struct dm_io *io, int error)
{
        int none = 0;

        if (error)
                atomic_compare_exchange_strong(&io->error, &none, error);
}

static size_t piece_size(const struct dm_target *ti)
{
        return sizeof(struct piece) + (ti ? ti->type->bio_data_size : 0);
}

static void end_piece(struct piece *piece, int error)
{
        struct dm_target *ti = piece->bio.target;
        struct dm_io *io = piece->io;
        bool twice = atomic_exchange_explicit(&piece->ended, true, memory_order_relaxed);

        if (twice)
                g_error("a bio of target %s was completed twice", ti ? ti->type->name : "flush");
        if (ti && ti->type->end_io)
                error = ti->type->end_io(ti, &piece->bio, error);
        note_error(io, error);
        dm_piece_free(piece, piece_size(ti));
        drop_pending(io);
}

static struct piece *piece_of_bio(struct dm_bio *bio)
{
        return (struct piece *)((char *)bio - offsetof(struct piece, bio));
}

const struct dm_io *dm_bio_io(const struct dm_bio *bio)
{
        return ((const struct piece *)((const char *)bio - offsetof(struct piece, bio)))->io;
}

void dm_bio_complete(struct dm_bio *bio, int error)
{
        end_piece(piece_of_bio(bio), error);
}

void dm_bio_resubmit(struct dm_bio *bio)
{
        issue(piece_of_bio(bio));
}

/* ---- to what is below ------------------------------------------------------------------------------- */

static void lower_ended(struct dm_io *lower, int error)
{
        end_piece(lower->user, error);
}

static void issue_to_device(struct piece *piece)
{
        struct dm_bio *bio = &piece->bio;

        piece->lower = (struct dm_io){
                .op = bio->op,
                .flags = bio->flags,
                .offset = bio->offset,
                .len = bio->len,
                .buf = bio->buf,
                .end = lower_ended,
                .user = piece,
        };
        dm_submit(bio->dev->md, &piece->lower);
}

static struct piece *piece_of_work(struct dm_work *work)
{
        return (struct piece *)((char *)work - offsetof(struct piece, work));
}

/* In a thread of the lane. */
static void run_in_lane(struct dm_work *work, bool cancelled)
{
        struct piece *piece = piece_of_work(work);
        int error = -EIO;

        if (!cancelled && !dm_is_dead(piece->io->md))
                error = dm_backing_io(piece->bio.dev->backing, &piece->bio);
        end_piece(piece, error);
}

const struct dm_io *dm_io_above(const struct dm_io *io)
{
        return io->end == lower_ended ? ((struct piece *)io->user)->io : NULL;
}

bool dm_io_serves(const struct dm_io *io, const struct mapped_device *md)
{
        for (; io; io = dm_io_above(io))
                if (io->md == md)
                        return true;
        return false;
}

static bool is_of_device(struct dm_work *work, void *md)
{
        return work->run == run_in_lane && dm_io_serves(piece_of_work(work)->io, md);
}

void dm_io_cancel_queued(struct mapped_device *md)
{
        dm_lanes_cancel(is_of_device, md);
}

bool dm_io_serves_the_dead(const struct dm_io *io)
{
        for (; io; io = dm_io_above(io))
                if (dm_is_dead(io->md))
                        return true;
        return false;
}

static bool is_of_the_dead(struct dm_work *work)
{
        return dm_io_serves_the_dead(piece_of_work(work)->io);
}

/* False when PIECE serves a dead device. */
static bool queue_to_lane(struct piece *piece)
{
        piece->work.run = run_in_lane;
        return dm_lane_push(dm_backing_lane(piece->bio.dev->backing), &piece->work, is_of_the_dead);
}

/* In a thread of the lane for what goes to mapped devices. */
static void run_lower(struct dm_work *work, bool cancelled)
{
        struct piece *piece = piece_of_work(work);

        if (cancelled || dm_is_dead(piece->io->md))
                end_piece(piece, -EIO);
        else
                issue_to_device(piece);
}

static void ring_ended(struct dm_async *async, int error)
{
        end_piece((struct piece *)((char *)async - offsetof(struct piece, async)), error);
}

/* False when the piece is none for the ring. */
static bool give_to_ring(struct piece *piece)
{
        struct dm_bio *bio = &piece->bio;
        int fd;
        struct dm_ring *ring = dm_backing_ring(bio->dev->backing, bio, &fd);

        if (!ring)
                return false;
        piece->async = (struct dm_async){
                .fd = fd,
                .write = bio->op == DM_OP_WRITE,
                .buf = bio->buf,
                .offset = bio->offset,
                .len = bio->len,
                .done = ring_ended,
        };
        dm_ring_submit(ring, &piece->async);
        return true;
}

static void issue_to_backing(struct piece *piece)
{
        int error = dm_backing_try_io(piece->bio.dev->backing, &piece->bio);

        if (error != -EAGAIN)
                end_piece(piece, error);
        else if (!give_to_ring(piece) && !queue_to_lane(piece))
                end_piece(piece, -EIO);
}

static void issue(struct piece *piece)
{
        if (piece->bio.dev->md)
                issue_to_device(piece);
        else
                issue_to_backing(piece);
}

/* ---- splitting and mapping ---------------------------------------------------------------------------- */

static struct piece *new_piece(struct dm_io *io, struct dm_target *ti, uint64_t offset, uint64_t len)
{
        size_t data_size = ti ? ti->type->bio_data_size : 0;
        struct piece *piece = dm_piece_alloc(piece_size(ti));

        piece->bio = (struct dm_bio){
                .op = io->op,
                .flags = io->flags,
                .offset = offset,
                .len = len,
                .buf = io->buf ? (char *)io->buf + (offset - io->offset) : NULL,
                .target = ti,
        };
        piece->io = io;
        atomic_init(&piece->ended, false);
        if (data_size) {
                piece->bio.data = piece->data;
                memset(piece->data, 0, data_size);
        }
        atomic_fetch_add_explicit(&io->pending, 1, memory_order_relaxed);
        return piece;
}

static void map(struct piece *piece)
{
        struct dm_target *ti = piece->bio.target;

        switch (ti->type->map(ti, &piece->bio)) {
        case DM_MAP_REMAPPED:
                issue(piece);
                break;
        case DM_MAP_QUEUED:
                break; /* it may have ended already */
        case DM_MAP_DONE:
                end_piece(piece, piece->bio.error);
                break;
        }
}

static bool can(const struct dm_target *ti, enum dm_op op)
{
        switch (op) {
        case DM_OP_DISCARD:
                return ti->type->flags & DM_TARGET_DISCARD;
        case DM_OP_WRITE_ZEROES:
                return ti->type->flags & DM_TARGET_WRITE_ZEROES;
        default:
                return true;
        }
}

/* How much of LEN bytes from OFFSET one bio of TI may have. */
static uint64_t piece_len(const struct dm_target *ti, uint64_t offset, uint64_t len)
{
        uint64_t in_target = dm_target_offset(ti, offset);

        len = MIN(len, ti->len - in_target);
        if (ti->max_io_len)
                len = MIN(len, ti->max_io_len - in_target % ti->max_io_len);
        return len;
}

/* A discard may be as long as the device, and each chunk of a striped one is a piece: so many of an io are
 * under way at once. */
#define PIECES_MAX 4096u

/* Maps the next pieces of IO; `pending' has one for the caller. */
static void map_range(struct dm_io *io, struct dm_table *table)
{
        for (unsigned n = 0; n < PIECES_MAX && io->mapped < io->len; n++) {
                uint64_t offset = io->offset + io->mapped;
                struct dm_target *ti = dm_table_find(table, offset);
                uint64_t len = piece_len(ti, offset, io->len - io->mapped);

                io->mapped += len;
                if (can(ti, io->op))
                        map(new_piece(io, ti, offset, len));
                else
                        note_error(io, -EOPNOTSUPP);
        }
}

/* False when all of IO was mapped, or the rest will not be. */
static bool map_more(struct dm_io *io)
{
        if (io->mapped == io->len || atomic_load_explicit(&io->error, memory_order_relaxed))
                return false;
        if (dm_is_dead(io->md)) {
                note_error(io, -EIO);
                return false;
        }
        atomic_store_explicit(&io->pending, 1, memory_order_relaxed);
        map_range(io, atomic_load_explicit(&io->md->live, memory_order_acquire));
        return true;
}

/* A flush goes once to each device under the table, and to the targets that map it themselves. */
static void map_flush(struct dm_io *io, struct dm_table *table)
{
        for (unsigned i = 0; i < table->devs->len; i++) {
                struct dm_dev *dev = table->devs->pdata[i];
                struct piece *piece;

                if (dev->own_flush || dev->first != dev)
                        continue;
                piece = new_piece(io, NULL, 0, 0);
                piece->bio.dev = dev;
                issue(piece);
        }
        if (!table->maps_flush)
                return;
        for (size_t i = 0; i < table->count; i++)
                if (table->targets[i].type->flags & DM_TARGET_MAPS_FLUSH)
                        map(new_piece(io, &table->targets[i], 0, 0));
}

static bool changes_data(enum dm_op op)
{
        return op == DM_OP_WRITE || op == DM_OP_DISCARD || op == DM_OP_WRITE_ZEROES;
}

/* Why IO cannot go to TABLE: 0 or -errno. */
static int check(const struct dm_io *io, const struct dm_table *table)
{
        if (!table)
                return -EIO;
        if (io->offset > table->size || io->len > table->size - io->offset)
                return -EIO;
        if (table->read_only && changes_data(io->op))
                return -EPERM;
        return 0;
}

void dm_io_run(struct dm_io *io)
{
        struct dm_table *table = atomic_load_explicit(&io->md->live, memory_order_acquire);
        struct dm_stats *stats = atomic_load_explicit(&io->md->stats, memory_order_acquire);
        int error = check(io, table);

        if (stats)
                dm_stats_begin(stats, io);

        /* one for ourselves, until the pieces are on their way */
        atomic_store_explicit(&io->pending, 1, memory_order_relaxed);
        io->mapped = 0;
        if (error)
                note_error(io, error);
        else if (io->op == DM_OP_FLUSH)
                map_flush(io, table);
        else
                map_range(io, table);
        drop_pending(io);
}

/* ---- what targets do themselves ------------------------------------------------------------------------- */

/* Such I/O goes through a lane in any case, so that a target which begins the next one when one has ended
 * does not call itself. */
static struct dm_lane *lower_lane;

void dm_io_start(void)
{
        lower_lane = dm_lane_new("lower");
}

void dm_io_stop(void)
{
        dm_lane_unref(lower_lane);
}

void dm_dev_submit(struct dm_target *ti, struct dm_dev *dev, struct dm_io *io)
{
        struct mapped_device *md = ti->table->md;
        struct piece *piece;

        io->md = md;
        io->stats_epoch = 0;
        atomic_store_explicit(&io->error, 0, memory_order_relaxed);
        atomic_store_explicit(&io->pending, 0, memory_order_relaxed); /* the piece alone counts */
        io->mapped = io->len;
        atomic_fetch_add(&md->word, DM_WORD_IO + DM_IO_REFERENCE);
        piece = new_piece(io, NULL, io->offset, io->len);
        piece->bio.dev = dev;
        if (!dev->md && queue_to_lane(piece))
                return;
        piece->work.run = run_lower; /* for a dead device it ends the piece, and not in this thread */
        dm_lane_push(lower_lane, &piece->work, NULL);
}
