/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log-writes: a lower device, and on another one a log of all that changes it, in the order in which
 * it becomes durable.
 *
 * The log: a sector with the super block; then, for each entry, a sector that describes it (the text of a
 * mark included) and the sectors that were written.  Numbers are little-endian.  Writes are logged when
 * the flush that makes them durable has ended, a FUA write when it has itself.
 */
#include "dm-target.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/sync.h"
#include "base/wake.h"

#define MAGIC 0x6a736677736872u
#define VERSION 1u
#define END_MARK "dm-log-writes-end"

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

/* What a bio has with it: a flush, what it covers. */
struct carried {
        bool is_logged;
        struct queue covers;
};

/* ---- queues ------------------------------------------------------------------------------------ */

static void queue_init(struct queue *q)
{
        q->first = NULL;
        q->last = &q->first;
}

static void queue_push(struct queue *q, struct entry *entry)
{
        entry->next = NULL;
        *q->last = entry;
        q->last = &entry->next;
}

static struct entry *queue_pop(struct queue *q)
{
        struct entry *entry = q->first;

        if (entry) {
                q->first = entry->next;
                if (!q->first)
                        q->last = &q->first;
        }
        return entry;
}

/* Moves all of FROM behind what is in TO. */
static void queue_move(struct queue *to, struct queue *from)
{
        if (!from->first)
                return;
        *to->last = from->first;
        to->last = from->last;
        queue_init(from);
}

static void queue_free(struct queue *q)
{
        for (struct entry *entry; (entry = queue_pop(q));)
                g_free(entry);
}

/* ---- entries ----------------------------------------------------------------------------------- */

/* An entry with room for DATA_LEN bytes behind its sector; NULL without memory. */
static struct entry *entry_new(uint64_t sector, uint64_t sectors, uint64_t flags, uint64_t data_len)
{
        struct entry *entry = g_try_malloc(sizeof(*entry) + DM_SECTOR_SIZE + data_len);

        if (!entry)
                return NULL;
        *entry = (struct entry){
                .flags = flags, .sectors = sectors, .len = DM_SECTOR_SIZE + data_len};
        entry->image[0] = (struct entry_sector){
                .sector = GUINT64_TO_LE(sector),
                .sectors = GUINT64_TO_LE(sectors),
                .flags = GUINT64_TO_LE(flags),
        };
        return entry;
}

static struct entry *mark_new(const char *text)
{
        struct entry *entry = entry_new(0, 0, LOG_MARK, 0);
        /* as in the kernel, a longer one is cut off */
        size_t len = MIN(strlen(text), sizeof(entry->image->mark) - 1);

        if (!entry)
                return NULL;
        entry->image->mark_len = GUINT64_TO_LE(len);
        memcpy(entry->image->mark, text, len);
        return entry;
}

static char *entry_data(struct entry *entry)
{
        return (char *)(entry->image + 1);
}

/* Gives ENTRY its place in the log; false when logging has ended. */
static bool place(struct log *log, struct entry *entry, uint64_t *ret_at)
{
        uint64_t next = log->next_sector + 1 + (entry->flags & LOG_DISCARD ? 0 : entry->sectors);

        dm_assert_held(&log->lock);
        if (!log->enabled)
                return false;
        *ret_at = log->next_sector;
        log->next_sector = next;
        if (next >= log->end_sector) {
                log->enabled = false; /* full */
                return false;
        }
        log->entries++;
        return true;
}

static void fill_super(struct log *log, struct super_sector *super)
{
        dm_assert_held(&log->lock);
        *super = (struct super_sector){
                .magic = GUINT64_TO_LE(MAGIC),
                .version = GUINT64_TO_LE(VERSION),
                .entries = GUINT64_TO_LE(log->entries),
                .sector_size = GUINT32_TO_LE(DM_SECTOR_SIZE),
        };
}

static bool needs_super(const struct entry *entry)
{
        return entry->flags & (LOG_FUA | LOG_MARK);
}

/* ---- writing the log, a step after the other --------------------------------------------------- */

static void step_ended(struct dm_io *io, int error);

/* The next entry; NULL when there is none, and then nobody writes. */
static struct entry *take_entry(struct log *log)
{
        struct entry *entry;

        DM_LOCK_SCOPE(&log->lock);
        while ((entry = queue_pop(&log->ready))) {
                if (place(log, entry, &log->at)) {
                        fill_super(log, &log->super);
                        return entry;
                }
                log->logged = entry->number;
                g_free(entry);
        }
        log->writing = false;
        return NULL;
}

static bool has_step(const struct entry *entry, enum step step)
{
        switch (step) {
        case STEP_ZEROES:
                return entry->zeroes;
        case STEP_SUPER:
                return needs_super(entry);
        default:
                return true;
        }
}

static void begin_step(struct log *log)
{
        struct entry *entry = log->entry;

        log->io = (struct dm_io){.op = DM_OP_WRITE, .end = step_ended, .user = log};
        switch (log->step) {
        case STEP_IMAGE:
                log->io.offset = log->at << DM_SECTOR_SHIFT;
                log->io.len = entry->len;
                log->io.buf = entry->image;
                break;
        case STEP_ZEROES:
                log->io.op = DM_OP_WRITE_ZEROES;
                log->io.offset = (log->at + 1) << DM_SECTOR_SHIFT;
                log->io.len = entry->sectors << DM_SECTOR_SHIFT;
                break;
        case STEP_SUPER:
        case STEP_DONE:
                log->io.len = sizeof(log->super);
                log->io.buf = &log->super;
                break;
        }
        dm_dev_submit(log->ti, log->log_dev, &log->io);
}

/* Goes on with the entries that are ready; the caller has taken `writing'. */
static void begin_entry(struct log *log)
{
        struct entry *entry = take_entry(log);

        if (!entry) { /* `writing' is another's by now, and so is log->entry */
                dm_wake_all(); /* who waits for a mark that was dropped */
                return;
        }
        log->entry = entry;
        log->step = STEP_IMAGE;
        begin_step(log);
}

static void entry_ended(struct log *log, int error)
{
        bool is_mark = log->entry->flags & LOG_MARK;

        {
                DM_LOCK_SCOPE(&log->lock);
                log->logged = log->entry->number;
                if (error)
                        log->enabled = false;
        }
        if (is_mark)
                dm_wake_all(); /* who waits for it */
        g_clear_pointer(&log->entry, g_free);
        begin_entry(log);
}

static void step_ended(struct dm_io *io, int error)
{
        struct log *log = io->user;

        do
                log->step++;
        while (!has_step(log->entry, log->step));
        if (error || log->step == STEP_DONE)
                entry_ended(log, error);
        else
                begin_step(log);
}

/* Writes what is ready, unless somebody is at it. */
static void write_log(struct log *log)
{
        {
                DM_LOCK_SCOPE(&log->lock);
                if (log->writing || !log->ready.first)
                        return;
                log->writing = true;
        }
        begin_entry(log);
}

static void make_ready(struct log *log, struct entry *entry)
{
        dm_assert_held(&log->lock);
        entry->number = ++log->queued;
        queue_push(&log->ready, entry);
}

static void make_all_ready(struct log *log, struct queue *q)
{
        for (struct entry *entry; (entry = queue_pop(q));)
                make_ready(log, entry);
}

/* ---- making entries ---------------------------------------------------------------------------- */

static void give_up(struct log *log)
{
        DM_LOCK_SCOPE(&log->lock);
        log->enabled = false;
}

static bool is_enabled(struct log *log)
{
        DM_LOCK_SCOPE(&log->lock);
        return log->enabled;
}

/* A write has ended: it is ready if it is durable, else at the next flush. */
static void add_entry(struct log *log, struct entry *entry)
{
        if (!entry) {
                give_up(log);
                return;
        }
        {
                DM_LOCK_SCOPE(&log->lock);
                if (!(entry->flags & LOG_FUA)) {
                        queue_push(&log->unflushed, entry);
                        return;
                }
                make_ready(log, entry);
        }
        write_log(log);
}

static struct entry *entry_of_bio(const struct dm_bio *bio)
{
        uint64_t sector = bio->offset >> DM_SECTOR_SHIFT, sectors = bio->len >> DM_SECTOR_SHIFT;
        uint64_t flags = bio->flags & DM_IO_FUA ? LOG_FUA : 0;
        struct entry *entry;

        if (bio->op == DM_OP_DISCARD)
                return entry_new(sector, sectors, flags | LOG_DISCARD, 0);
        entry = entry_new(sector, sectors, flags, bio->op == DM_OP_WRITE ? bio->len : 0);
        if (entry && bio->op == DM_OP_WRITE)
                memcpy(entry_data(entry), bio->buf, bio->len);
        else if (entry)
                entry->zeroes = true;
        return entry;
}

/* ---- writes of parts of sectors ----------------------------------------------------------------- */

/* The log has whole sectors only: they are read after the write. */
struct part_write {
        struct dm_io io;
        struct dm_bio *bio;
        struct entry *entry;
};

static void sectors_were_read(struct dm_io *io, int error)
{
        struct part_write *part = io->user;
        struct dm_bio *bio = part->bio;
        struct log *log = bio->target->priv;

        if (error)
                g_clear_pointer(&part->entry, g_free);
        add_entry(log, part->entry);
        g_free(part);
        dm_bio_complete(bio, 0);
}

static void part_was_written(struct dm_io *io, int error)
{
        struct part_write *part = io->user;
        struct dm_bio *bio = part->bio;
        struct log *log = bio->target->priv;
        uint64_t sector = bio->offset >> DM_SECTOR_SHIFT;
        uint64_t end = (bio->offset + bio->len + DM_SECTOR_SIZE - 1) >> DM_SECTOR_SHIFT;

        if (!error)
                part->entry = entry_new(sector, end - sector,
                                        bio->flags & DM_IO_FUA ? LOG_FUA : 0,
                                        (end - sector) << DM_SECTOR_SHIFT);
        if (!part->entry) {
                if (!error)
                        give_up(log);
                g_free(part);
                dm_bio_complete(bio, error);
                return;
        }
        part->io = (struct dm_io){
                .op = DM_OP_READ,
                .offset = sector << DM_SECTOR_SHIFT,
                .len = (end - sector) << DM_SECTOR_SHIFT,
                .buf = entry_data(part->entry),
                .end = sectors_were_read,
                .user = part,
        };
        dm_dev_submit(log->ti, log->dev, &part->io);
}

static enum dm_map_result write_part(struct log *log, struct dm_bio *bio)
{
        struct part_write *part = g_new0(struct part_write, 1);

        part->bio = bio;
        part->io = (struct dm_io){
                .op = bio->op,
                .flags = bio->flags,
                .offset = bio->offset,
                .len = bio->len,
                .buf = bio->buf,
                .end = part_was_written,
                .user = part,
        };
        dm_dev_submit(log->ti, log->dev, &part->io);
        return DM_MAP_QUEUED;
}

/* ---- I/O ---------------------------------------------------------------------------------------- */

/* A discard is a hint: of odd ends nothing is discarded. */
static void whole_sectors(struct dm_bio *bio)
{
        const uint64_t mask = DM_SECTOR_SIZE - 1;
        uint64_t first = (bio->offset + mask) & ~mask, end = (bio->offset + bio->len) & ~mask;

        bio->offset = first;
        bio->len = end > first ? end - first : 0;
}

/* Offsets are those of the mapped device, as in the kernel: there is no other in the table line. */
static enum dm_map_result log_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct log *log = ti->priv;
        struct carried *carried = bio->data;

        bio->dev = log->dev;
        queue_init(&carried->covers);
        if (bio->op == DM_OP_READ || !is_enabled(log))
                return DM_MAP_REMAPPED;
        if (bio->op == DM_OP_FLUSH) {
                DM_LOCK_SCOPE(&log->lock);
                queue_move(&carried->covers, &log->unflushed);
                carried->is_logged = true;
                return DM_MAP_REMAPPED;
        }
        if (bio->op == DM_OP_DISCARD)
                whole_sectors(bio);
        if (!bio->len) {
                bio->error = 0;
                return DM_MAP_DONE;
        }
        if ((bio->offset | bio->len) % DM_SECTOR_SIZE)
                return write_part(log, bio);
        carried->is_logged = true;
        return DM_MAP_REMAPPED;
}

static void log_flush(struct log *log, struct queue *covers)
{
        struct entry *entry = entry_new(0, 0, LOG_FLUSH, 0);

        {
                DM_LOCK_SCOPE(&log->lock);
                make_all_ready(log, covers);
                if (entry)
                        make_ready(log, entry);
                else
                        log->enabled = false;
        }
        write_log(log);
}

/* As in the kernel, a write that failed is logged too: nobody knows what is on the device. */
static int log_end_io(struct dm_target *ti, struct dm_bio *bio, int error)
{
        struct log *log = ti->priv;
        struct carried *carried = bio->data;

        if (!carried->is_logged)
                return error;
        if (bio->op == DM_OP_FLUSH)
                log_flush(log, &carried->covers);
        else if (bio->op != DM_OP_DISCARD || !error)
                add_entry(log, entry_of_bio(bio));
        return error;
}

/* ---- control ------------------------------------------------------------------------------------ */

/* The kernel's target takes more arguments than it reads, and so do we. */
static bool log_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct log *log = ti->priv;

        dm_mutex_init(&log->lock);
        queue_init(&log->unflushed);
        queue_init(&log->ready);
        log->ti = ti;
        log->enabled = true;
        log->next_sector = 1;
        log->dev = dm_args_dev(args, ti, error);
        if (!log->dev)
                return false;
        log->log_dev = dm_args_dev(args, ti, error);
        if (!log->log_dev)
                return false;
        while (dm_args_next(args))
                ;
        log->end_sector = dm_dev_size(log->log_dev) >> DM_SECTOR_SHIFT;
        dm_dev_claim(log->dev, ti, ti->begin, ti->len);
        return true;
}

static void log_resume(struct dm_target *ti)
{
        struct log *log = ti->priv;

        atomic_store(&log->used, true);
}

/* Logs ENTRY in the calling thread, at the end of everything. */
static bool write_last(struct log *log, struct entry *entry)
{
        struct super_sector super;
        uint64_t at;
        int r;

        {
                DM_LOCK_SCOPE(&log->lock);
                if (!place(log, entry, &at))
                        return false;
                fill_super(log, &super);
        }
        r = dm_dev_io(log->log_dev, DM_OP_WRITE, 0, at << DM_SECTOR_SHIFT, entry->len,
                      entry->image);
        if (!r && entry->zeroes)
                r = dm_dev_io(log->log_dev, DM_OP_WRITE_ZEROES, 0, (at + 1) << DM_SECTOR_SHIFT,
                              entry->sectors << DM_SECTOR_SHIFT, NULL);
        if (!r && needs_super(entry))
                r = dm_dev_io(log->log_dev, DM_OP_WRITE, 0, 0, sizeof(super), &super);
        return !r;
}

/* Ends the log: with what no flush has covered, and a mark.  Not when the device was destroyed
 * immediately, for then nothing may wait for a device that perhaps never answers. */
static void end_log(struct log *log)
{
        g_autofree struct entry *mark = mark_new(END_MARK);
        bool done = mark != NULL;

        for (struct entry *entry; (entry = queue_pop(&log->unflushed));) {
                done = done && write_last(log, entry);
                g_free(entry);
        }
        if (done)
                write_last(log, mark);
}

static void log_dtr(struct dm_target *ti)
{
        struct log *log = ti->priv;

        if (atomic_load(&log->used) && !dm_target_is_dead(ti))
                end_log(log);
        if (!log->unflushed.last)
                return;
        queue_free(&log->unflushed);
        queue_free(&log->ready);
        dm_mutex_destroy(&log->lock);
}

static void log_table(struct dm_target *ti, GString *out)
{
        struct log *log = ti->priv;

        g_string_append_printf(out, "%s %s", dm_dev_path(log->dev), dm_dev_path(log->log_dev));
}

static void log_status(struct dm_target *ti, GString *out)
{
        struct log *log = ti->priv;

        DM_LOCK_SCOPE(&log->lock);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "%s", log->entries,
                               log->next_sector - 1, log->enabled ? "" : " logging_disabled");
}

static bool is_logged(struct log *log, uint64_t number)
{
        DM_LOCK_SCOPE(&log->lock);
        return log->logged >= number;
}

/* The mark is in the log when this returns: the table may go right after it. */
static void add_mark(struct log *log, struct entry *mark)
{
        uint64_t number;

        {
                DM_LOCK_SCOPE(&log->lock);
                make_ready(log, mark);
                number = mark->number;
        }
        write_log(log);
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (is_logged(log, number) || dm_target_is_dead(log->ti))
                        return;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

static bool log_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                        GError **error)
{
        struct log *log = ti->priv;
        struct entry *mark;

        if (g_ascii_strcasecmp(argv[0], "mark") != 0)
                return dm_message_error(error, ti, "there is no message '%s'", argv[0]);
        if (argc != 2)
                return dm_message_error(error, ti, "mark: takes one argument, got %d", argc - 1);
        mark = mark_new(argv[1]);
        if (!mark)
                return dm_message_error(error, ti, "no memory for a mark");
        add_mark(log, mark);
        return true;
}

const struct dm_target_type dm_type_log_writes = {
        .name = "log-writes",
        .summary = "a lower device, and a log of what is written to it",
        .usage = "<device> <log device>",
        .version = {1, 1, 0},
        .priv_size = sizeof(struct log),
        .bio_data_size = sizeof(struct carried),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES | DM_TARGET_MAPS_FLUSH,
        .ctr = log_ctr,
        .dtr = log_dtr,
        .resume = log_resume,
        .table = log_table,
        .status = log_status,
        .message = log_message,
        .map = log_map,
        .end_io = log_end_io,
};
