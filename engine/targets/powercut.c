/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * powercut: a disk with a volatile write cache, whose power fails on request.
 *
 * Writes stay in memory until a flush, a FUA write or want of room makes them durable, that is, puts them
 * on the lower device.  That happens in batches, one at a time: a batch serves all requests that wait when
 * it begins.  So two writes to the same sector never race to the lower device.
 */
#include "dm-target.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sync.h"
#include "base/wake.h"
#include "versions.h"

#define CACHE_MB_DEFAULT 64u
#define CACHE_MB_MAX (1u << 20)
#define IO_MAX (1u << 20)          /* bytes; of a bio, and of a survivors' write */
#define RUN_SECTORS_MAX 512u       /* of a batch's write */
#define RUNS_MAX 8u                /* at the same time */
#define TEAR_MAX (1u << 20)
#define GENERATIONS 256u

/* Why a bio waits for a batch. */
enum want {
        WANT_FLUSH,   /* all up to `number' to be durable, and the lower device flushed */
        WANT_DURABLE, /* its own write to be durable */
        WANT_ROOM,    /* the cache to be within its limit */
};

struct request {
        struct request *next;
        struct dm_bio *bio; /* NULL: presuspend's */
        enum want want;
        uint64_t number;        /* WANT_FLUSH */
        struct dm_write *write; /* WANT_DURABLE */
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

/* ---- arguments -------------------------------------------------------------------------------- */

static bool powercut_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct powercut *p = ti->priv;
        const char *word;

        p->ti = ti;
        p->last = &p->first;
        p->cache_mb = CACHE_MB_DEFAULT;
        dm_mutex_init(&p->lock);
        dm_versions_init(&p->versions);
        p->dev = dm_args_dev(args, ti, error);
        if (!p->dev || !dm_args_sectors(args, "offset", &p->offset, error))
                return false;
        word = dm_args_next(args);
        if (word && strcmp(word, "cache_mb") != 0) {
                dm_target_error(error, args, "there is no option '%s'", word);
                return false;
        }
        if (word && !dm_args_u64(args, "cache_mb", 1, CACHE_MB_MAX, &p->cache_mb, error))
                return false;
        ti->max_io_len = IO_MAX;
        dm_dev_claim(p->dev, ti, p->offset, ti->len);
        return true;
}

static void powercut_dtr(struct dm_target *ti)
{
        struct powercut *p = ti->priv;

        dm_versions_done(&p->versions);
        dm_mutex_destroy(&p->lock);
}

static void powercut_table(struct dm_target *ti, GString *out)
{
        struct powercut *p = ti->priv;

        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT " cache_mb %" G_GUINT64_FORMAT,
                               dm_dev_path(p->dev), p->offset >> DM_SECTOR_SHIFT, p->cache_mb);
}

static void powercut_status(struct dm_target *ti, GString *out)
{
        struct powercut *p = ti->priv;

        DM_LOCK_SCOPE(&p->lock);
        g_string_append_printf(out,
                               "%s durable %" G_GUINT64_FORMAT " volatile %" G_GUINT64_FORMAT
                               " lost %" G_GUINT64_FORMAT " cuts %" G_GUINT64_FORMAT
                               " seed %" G_GUINT64_FORMAT,
                               p->off ? "off" : "on", p->durable, p->versions.sectors, p->lost,
                               p->cuts, p->seed);
}

/* ---- batches: what to write --------------------------------------------------------------------- */

static uint64_t limit(const struct powercut *p)
{
        return p->cache_mb << 20;
}

static bool is_off(struct powercut *p)
{
        DM_LOCK_SCOPE(&p->lock);
        return p->off;
}

static void run_batches(struct powercut *p);

/* Those that no batch serves yet. */
static struct request *take_waiting(struct powercut *p)
{
        dm_assert_held(&p->lock);
        p->last = &p->first;
        return g_steal_pointer(&p->first);
}

/* Takes all that wait and plans their batch; false when nobody waits, and then nobody owns it. */
static bool plan_batch(struct powercut *p)
{
        struct batch *b = &p->batch;
        g_autoptr(GPtrArray) also = g_ptr_array_new();
        uint64_t up_to = 0;
        bool wants_room = false;

        DM_LOCK_SCOPE(&p->lock);
        if (!p->first) {
                p->busy = false;
                return false;
        }
        *b = (struct batch){.requests = take_waiting(p), .in_flight = 1};
        for (struct request *r = b->requests; r; r = r->next) {
                b->flushes |= r->want == WANT_FLUSH;
                b->fua |= r->want == WANT_DURABLE;
                wants_room |= r->want == WANT_ROOM;
                if (r->want == WANT_FLUSH)
                        up_to = MAX(up_to, r->number);
                if (r->want == WANT_DURABLE)
                        g_ptr_array_add(also, r->write);
        }
        if (wants_room)
                up_to = MAX(up_to, dm_versions_excess(&p->versions, limit(p)));
        b->chosen = dm_versions_select(&p->versions, up_to, also);
        return true;
}

/* ---- batches: writing --------------------------------------------------------------------------- */

/* A stretch of sectors of one kind, on its way to the lower device. */
struct run {
        struct dm_io io;
        struct powercut *p;
        unsigned first, count; /* in the batch's `chosen' */
        char *buf;
};

static const struct dm_chosen *chosen_at(GArray *chosen, unsigned i)
{
        return &g_array_index(chosen, struct dm_chosen, i);
}

/* How many of CHOSEN from FIRST follow each other and are of one kind. */
static unsigned run_length(GArray *chosen, unsigned first, unsigned max)
{
        const struct dm_chosen *from = chosen_at(chosen, first);
        enum dm_write_kind kind = from->version->write->kind;
        unsigned count = 1;

        while (first + count < chosen->len && count < max) {
                const struct dm_chosen *c = chosen_at(chosen, first + count);

                if (c->sector != from->sector + count || c->version->write->kind != kind)
                        break;
                count++;
        }
        return count;
}

static enum dm_op op_of_kind(enum dm_write_kind kind)
{
        return kind == DM_WRITE_DATA     ? DM_OP_WRITE
               : kind == DM_WRITE_ZEROES ? DM_OP_WRITE_ZEROES
                                         : DM_OP_DISCARD;
}

/* The data of COUNT of CHOSEN from FIRST; NULL for zeroes.  Versions that are chosen stay. */
static char *gather(GArray *chosen, unsigned first, unsigned count)
{
        char *buf;

        if (!chosen_at(chosen, first)->version->write->data)
                return NULL;
        buf = g_malloc((size_t)count * DM_SECTOR_SIZE);
        for (unsigned i = 0; i < count; i++) {
                const struct dm_chosen *c = chosen_at(chosen, first + i);

                memcpy(buf + (size_t)i * DM_SECTOR_SIZE, dm_version_data(c->version, c->sector),
                       DM_SECTOR_SIZE);
        }
        return buf;
}

static void run_ended(struct dm_io *io, int error);

/* Claims the next run of the batch; NULL when there is none, or enough are on their way. */
static struct run *next_run(struct powercut *p)
{
        struct batch *b = &p->batch;
        struct run *run;

        DM_LOCK_SCOPE(&p->lock);
        if (!b->chosen || b->error || b->next == b->chosen->len || b->in_flight > RUNS_MAX)
                return NULL;
        run = g_new0(struct run, 1);
        run->p = p;
        run->first = b->next;
        run->count = run_length(b->chosen, b->next, RUN_SECTORS_MAX);
        b->next += run->count;
        b->in_flight++;
        return run;
}

static void submit_run(struct run *run)
{
        struct powercut *p = run->p;
        const struct dm_chosen *from = chosen_at(p->batch.chosen, run->first);

        run->buf = gather(p->batch.chosen, run->first, run->count);
        run->io = (struct dm_io){
                .op = op_of_kind(from->version->write->kind),
                .flags = p->batch.fua && !p->batch.flushes ? DM_IO_FUA : 0,
                .offset = p->offset + (from->sector << DM_SECTOR_SHIFT),
                .len = (uint64_t)run->count << DM_SECTOR_SHIFT,
                .buf = run->buf,
                .end = run_ended,
                .user = run,
        };
        dm_dev_submit(p->ti, p->dev, &run->io);
}

static void settle(struct powercut *p, GArray *chosen, unsigned first, unsigned count)
{
        dm_assert_held(&p->lock);
        for (unsigned i = first; i < first + count; i++) {
                const struct dm_chosen *c = chosen_at(chosen, i);

                if (dm_versions_settle(&p->versions, c->sector, c->version))
                        p->generation[c->sector % GENERATIONS]++;
        }
        p->durable += count;
}

static void complete_requests(struct request *r, int error)
{
        for (struct request *next; r; r = next) {
                struct dm_bio *bio = r->bio;

                next = r->next;
                g_free(r);
                if (bio)
                        dm_bio_complete(bio, error);
        }
}

static void complete_batch(struct powercut *p, int error)
{
        struct request *requests;
        GArray *chosen;

        {
                /* another run's end may still look whether there is more to do */
                DM_LOCK_SCOPE(&p->lock);
                chosen = g_steal_pointer(&p->batch.chosen);
                requests = g_steal_pointer(&p->batch.requests);
        }
        g_array_unref(chosen);
        complete_requests(requests, error);
}

static void flush_ended(struct dm_io *io, int error)
{
        struct powercut *p = io->user;

        complete_batch(p, error);
        run_batches(p);
}

/* Everything is on the lower device.  True: a flush is under way. */
static bool flush_batch(struct powercut *p)
{
        struct batch *b = &p->batch;

        if (!b->flushes || b->error)
                return false;
        b->flush = (struct dm_io){.op = DM_OP_FLUSH, .end = flush_ended, .user = p};
        dm_dev_submit(p->ti, p->dev, &b->flush);
        return true;
}

static void submit_runs(struct powercut *p)
{
        for (struct run *run; (run = next_run(p));)
                submit_run(run);
}

/* RUN has ended, or with NULL the planning.  True when nothing of the batch is left to end; otherwise the
 * batch may be over, and be another one, as soon as this returns. */
static bool was_last(struct powercut *p, const struct run *run, int error)
{
        struct batch *b = &p->batch;

        DM_LOCK_SCOPE(&p->lock);
        if (error)
                b->error = error;
        else if (run)
                settle(p, b->chosen, run->first, run->count);
        b->in_flight--;
        return !b->in_flight && (b->error || b->next == b->chosen->len);
}

/* True: the batch is over.  False: its flush is under way. */
static bool finish_batch(struct powercut *p)
{
        if (flush_batch(p))
                return false;
        complete_batch(p, p->batch.error);
        return true;
}

static void run_ended(struct dm_io *io, int error)
{
        struct run *run = io->user;
        struct powercut *p = run->p;
        bool is_last;

        if (error == -EOPNOTSUPP && io->op == DM_OP_DISCARD) {
                io->op = DM_OP_WRITE_ZEROES;
                dm_dev_submit(p->ti, p->dev, io);
                return;
        }
        is_last = was_last(p, run, error);
        g_free(run->buf);
        g_free(run);
        if (!is_last)
                submit_runs(p);
        else if (finish_batch(p))
                run_batches(p);
}

/* The caller owns the batch. */
static void run_batches(struct powercut *p)
{
        while (plan_batch(p)) {
                submit_runs(p);
                if (!was_last(p, NULL, 0) || !finish_batch(p))
                        return;
        }
        if (is_off(p))
                dm_wake_all(); /* the cut waits */
}

/* Queues a request of BIO. */
static void push(struct powercut *p, struct dm_bio *bio, enum want want, struct dm_write *write)
{
        struct request *r = g_new(struct request, 1);

        dm_assert_held(&p->lock);
        *r = (struct request){
                .bio = bio, .want = want, .number = p->versions.last_number, .write = write};
        *p->last = r;
        p->last = &r->next;
}

/* Serves what waits, unless somebody does. */
static void kick(struct powercut *p)
{
        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->busy || !p->first)
                        return;
                p->busy = true;
        }
        run_batches(p);
}

/* ---- reads -------------------------------------------------------------------------------------- */

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

static enum dm_map_result map_read(struct powercut *p, struct dm_bio *bio)
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

/* ---- writes -------------------------------------------------------------------------------------- */

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
                push(p, bio, WANT_DURABLE, write);
        else if (p->versions.bytes > limit(p))
                push(p, bio, WANT_ROOM, NULL);
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
                kick(p);
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

static enum dm_map_result map_write(struct powercut *p, struct dm_bio *bio)
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
        kick(p);
        return DM_MAP_QUEUED;
}

static enum dm_map_result map_flush(struct powercut *p, struct dm_bio *bio)
{
        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->off)
                        return done(bio, -EIO);
                push(p, bio, WANT_FLUSH, NULL);
        }
        kick(p);
        return DM_MAP_QUEUED;
}

static enum dm_map_result powercut_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct powercut *p = ti->priv;

        switch (bio->op) {
        case DM_OP_READ:
                return map_read(p, bio);
        case DM_OP_FLUSH:
                return map_flush(p, bio);
        default:
                return map_write(p, bio);
        }
}

/* ---- suspend and resume --------------------------------------------------------------------------- */

/* Nobody waits any more for a lower device that perhaps hangs. */
static void let_go(struct powercut *p)
{
        struct request *waiting, *served;

        {
                DM_LOCK_SCOPE(&p->lock);
                p->off = true;
                waiting = take_waiting(p);
                served = g_steal_pointer(&p->batch.requests);
        }
        complete_requests(waiting, -EIO);
        complete_requests(served, -EIO);
}

/* An orderly end of the table, or a pause: the cache is written out, and nothing stays in it. */
static void powercut_presuspend(struct dm_target *ti)
{
        struct powercut *p = ti->priv;

        if (dm_target_is_dead(ti)) {
                let_go(p);
                return;
        }
        {
                DM_LOCK_SCOPE(&p->lock);
                p->write_through = true;
                if (p->off || !p->versions.sectors)
                        return;
                push(p, NULL, WANT_FLUSH, NULL);
        }
        kick(p);
}

static void powercut_resume(struct dm_target *ti)
{
        struct powercut *p = ti->priv;

        DM_LOCK_SCOPE(&p->lock);
        p->write_through = false;
}

/* ---- messages -------------------------------------------------------------------------------------- */

struct cut {
        enum dm_keep keep;
        uint64_t seed, tear;
};

static bool parse_keep(const char *text, enum dm_keep *ret_keep)
{
        static const char *const names[] = {"none", "all", "random"};

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                if (strcmp(text, names[i]) == 0) {
                        *ret_keep = (enum dm_keep)i;
                        return true;
                }
        }
        return false;
}

static bool parse_cut(struct dm_target *ti, int argc, char **argv, struct cut *cut, GError **error)
{
        for (int i = 1; i < argc; i += 2) {
                const char *value = i + 1 < argc ? argv[i + 1] : NULL;

                if (strcmp(argv[i], "seed") != 0 && strcmp(argv[i], "keep") != 0 &&
                    strcmp(argv[i], "tear") != 0)
                        return dm_message_error(error, ti, "cut: there is no option '%s'", argv[i]);
                if (!value)
                        return dm_message_error(error, ti, "cut: '%s' needs a value", argv[i]);
                if (strcmp(argv[i], "seed") == 0 && !dm_parse_u64(value, &cut->seed))
                        return dm_message_error(error, ti,
                                                "cut: 'seed' must be a number, got '%s'", value);
                if (strcmp(argv[i], "keep") == 0 && !parse_keep(value, &cut->keep))
                        return dm_message_error(error, ti,
                                                "cut: 'keep' must be none, all or random, got '%s'",
                                                value);
                if (strcmp(argv[i], "tear") == 0 &&
                    (!dm_parse_u64(value, &cut->tear) || !cut->tear || cut->tear > TEAR_MAX ||
                     cut->tear % DM_SECTOR_SIZE))
                        return dm_message_error(error, ti,
                                                "cut: 'tear' must be a multiple of %u up to %u, "
                                                "got '%s'",
                                                DM_SECTOR_SIZE, TEAR_MAX, value);
        }
        return true;
}

/* From now on nothing changes in the cache but by a batch that is under way; what waits fails. */
static bool switch_off(struct powercut *p)
{
        struct request *waiting;

        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->off)
                        return false;
                p->off = true;
                waiting = take_waiting(p);
        }
        complete_requests(waiting, -EIO);
        return true;
}

static bool is_busy(struct powercut *p)
{
        DM_LOCK_SCOPE(&p->lock);
        return p->busy;
}

/* False: the device was destroyed meanwhile, and the batch may still be under way. */
static bool wait_for_batch(struct powercut *p)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (!is_busy(p))
                        return true;
                if (dm_target_is_dead(p->ti))
                        return false;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

static int write_survivors(struct powercut *p, GArray *survivors)
{
        int r = 0;

        for (unsigned i = 0, count; i < survivors->len && !r; i += count) {
                const struct dm_chosen *from = chosen_at(survivors, i);
                enum dm_op op = op_of_kind(from->version->write->kind);
                g_autofree char *buf = NULL;

                count = run_length(survivors, i, IO_MAX / DM_SECTOR_SIZE);
                buf = gather(survivors, i, count);
                /* a discard that survived has to read as zeroes */
                r = dm_dev_io(p->dev, op == DM_OP_DISCARD ? DM_OP_WRITE_ZEROES : op, 0,
                              p->offset + (from->sector << DM_SECTOR_SHIFT),
                              (uint64_t)count << DM_SECTOR_SHIFT, buf);
        }
        return r;
}

static bool cut_power(struct powercut *p, const struct cut *cut, char **ret_reply, GError **error)
{
        g_autoptr(GArray) survivors = NULL;
        uint64_t lost;
        int r;

        if (!switch_off(p))
                return dm_message_error(error, p->ti, "cut: the power is off");
        if (!wait_for_batch(p))
                return dm_message_error(error, p->ti, "cut: the device is gone");
        {
                DM_LOCK_SCOPE(&p->lock);
                survivors = dm_versions_survivors(&p->versions, cut->keep, cut->seed,
                                                  cut->tear >> DM_SECTOR_SHIFT, &lost);
        }
        /* nobody changes the cache while the power is off */
        r = write_survivors(p, survivors);
        {
                DM_LOCK_SCOPE(&p->lock);
                dm_versions_clear(&p->versions);
                p->cuts++;
                p->lost += lost;
                p->durable += survivors->len;
                p->seed = cut->seed;
        }
        dm_target_changed(p->ti);
        if (r)
                return dm_message_error(error, p->ti, "cut: writing what survives failed: %s",
                                        g_strerror(-r));
        *ret_reply = g_strdup_printf("seed %" G_GUINT64_FORMAT " survived %u lost %" G_GUINT64_FORMAT,
                                     cut->seed, survivors->len, lost);
        return true;
}

static bool switch_on(struct powercut *p, GError **error)
{
        bool was_off;

        {
                DM_LOCK_SCOPE(&p->lock);
                was_off = p->off;
                p->off = false;
        }
        if (!was_off)
                return dm_message_error(error, p->ti, "power-on: the power is on");
        dm_target_changed(p->ti);
        return true;
}

static bool powercut_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                             GError **error)
{
        struct powercut *p = ti->priv;
        struct cut cut = {.keep = DM_KEEP_RANDOM, .tear = DM_SECTOR_SIZE};

        if (strcmp(argv[0], "cut") == 0) {
                cut.seed = dm_mix(dm_clock_now_ns()) >> 32; /* short enough to be typed again */
                return parse_cut(ti, argc, argv, &cut, error) &&
                       cut_power(p, &cut, ret_reply, error);
        }
        if (strcmp(argv[0], "power-on") != 0)
                return dm_message_error(error, ti, "there is no message '%s'", argv[0]);
        if (argc > 1)
                return dm_message_error(error, ti, "power-on: takes no arguments, got '%s'",
                                        argv[1]);
        return switch_on(p, error);
}

const struct dm_target_type dm_type_powercut = {
        .name = "powercut",
        .summary = "a disk with a volatile write cache, whose power fails on request",
        .usage = "<device> <offset> [cache_mb <MiB>]",
        .version = {1, 0, 0},
        .priv_size = sizeof(struct powercut),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES | DM_TARGET_MAPS_FLUSH,
        .ctr = powercut_ctr,
        .dtr = powercut_dtr,
        .presuspend = powercut_presuspend,
        .resume = powercut_resume,
        .table = powercut_table,
        .status = powercut_status,
        .message = powercut_message,
        .map = powercut_map,
};
