/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log-writes: a lower device, and on another one a log of all that changes it, in the order in which
 * it becomes durable.
 *
 * The log: a sector with the super block; then, for each entry, a sector that describes it (the text of a
 * mark included) and the sectors that were written.  Numbers are little-endian.  Writes are logged when
 * the flush that makes them durable has ended, a FUA write when it has itself.
 */
#include "log-writes/log-writes.h"

#include <errno.h>
#include <string.h>

#include "base/wake.h"

/* What a bio has with it: a flush, what it covers. */
struct carried {
        bool is_logged;
        struct queue covers;
};

/* ---- I/O ---------------------------------------------------------------------------------------- */

static bool is_enabled(struct log *log)
{
        DM_LOCK_SCOPE(&log->lock);
        return log->enabled;
}

static struct entry *entry_of_bio(const struct dm_bio *bio)
{
        uint64_t sector = bio->offset >> DM_SECTOR_SHIFT, sectors = bio->len >> DM_SECTOR_SHIFT;
        uint64_t flags = bio->flags & DM_IO_FUA ? LOG_FUA : 0;
        struct entry *entry;

        if (bio->op == DM_OP_DISCARD)
                return lw_entry_new(sector, sectors, flags | LOG_DISCARD, 0);
        entry = lw_entry_new(sector, sectors, flags, bio->op == DM_OP_WRITE ? bio->len : 0);
        if (entry && bio->op == DM_OP_WRITE)
                memcpy(lw_entry_data(entry), bio->buf, bio->len);
        else if (entry)
                entry->zeroes = true;
        return entry;
}

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
        lw_queue_init(&carried->covers);
        if (bio->op == DM_OP_READ || !is_enabled(log))
                return DM_MAP_REMAPPED;
        if (bio->op == DM_OP_FLUSH) {
                DM_LOCK_SCOPE(&log->lock);
                lw_queue_move(&carried->covers, &log->unflushed);
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
                return lw_write_part(log, bio);
        carried->is_logged = true;
        return DM_MAP_REMAPPED;
}

static void log_flush(struct log *log, struct queue *covers)
{
        struct entry *entry = lw_entry_new(0, 0, LOG_FLUSH, 0);

        {
                DM_LOCK_SCOPE(&log->lock);
                lw_make_all_ready(log, covers);
                if (entry)
                        lw_make_ready(log, entry);
                else
                        log->enabled = false;
        }
        lw_write(log);
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
                lw_add_entry(log, entry_of_bio(bio));
        return error;
}

/* ---- control ------------------------------------------------------------------------------------ */

/* The kernel's target takes more arguments than it reads, and so do we. */
static bool log_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct log *log = ti->priv;

        dm_mutex_init(&log->lock);
        lw_queue_init(&log->unflushed);
        lw_queue_init(&log->ready);
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

static void log_dtr(struct dm_target *ti)
{
        struct log *log = ti->priv;

        /* nothing may wait for a device that perhaps never answers, when it was destroyed immediately */
        if (atomic_load(&log->used) && !dm_target_is_dead(ti))
                lw_end(log);
        if (!log->unflushed.last)
                return;
        lw_queue_free(&log->unflushed);
        lw_queue_free(&log->ready);
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
                lw_make_ready(log, mark);
                number = mark->number;
        }
        lw_write(log);
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
        mark = lw_mark_new(argv[1]);
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
