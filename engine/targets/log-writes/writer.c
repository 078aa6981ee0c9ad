/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the log, one entry after the other, and one step of it after the other. */
#include "log-writes.h"

#include "base/wake.h"

#define END_MARK "dm-log-writes-end"

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

static bool needs_super(const struct entry *entry)
{
        return entry->flags & (LOG_FUA | LOG_MARK);
}

/* ---- a step after the other -------------------------------------------------------------------- */

static void step_ended(struct dm_io *io, int error);

/* The next entry; NULL when there is none, and then nobody writes. */
static struct entry *take_entry(struct log *log)
{
        struct entry *entry;

        DM_LOCK_SCOPE(&log->lock);
        while ((entry = lw_queue_pop(&log->ready))) {
                if (place(log, entry, &log->at)) {
                        lw_fill_super(&log->super, log->entries);
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

void lw_write(struct log *log)
{
        {
                DM_LOCK_SCOPE(&log->lock);
                if (log->writing || !log->ready.first)
                        return;
                log->writing = true;
        }
        begin_entry(log);
}

/* ---- what is to be written ---------------------------------------------------------------------- */

void lw_make_ready(struct log *log, struct entry *entry)
{
        dm_assert_held(&log->lock);
        entry->number = ++log->queued;
        lw_queue_push(&log->ready, entry);
}

void lw_make_all_ready(struct log *log, struct queue *q)
{
        for (struct entry *entry; (entry = lw_queue_pop(q));)
                lw_make_ready(log, entry);
}

void lw_give_up(struct log *log)
{
        DM_LOCK_SCOPE(&log->lock);
        log->enabled = false;
}

void lw_add_entry(struct log *log, struct entry *entry)
{
        if (!entry) {
                lw_give_up(log);
                return;
        }
        {
                DM_LOCK_SCOPE(&log->lock);
                if (!(entry->flags & LOG_FUA)) {
                        lw_queue_push(&log->unflushed, entry);
                        return;
                }
                lw_make_ready(log, entry);
        }
        lw_write(log);
}

/* ---- the end ------------------------------------------------------------------------------------ */

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
                lw_fill_super(&super, log->entries);
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

void lw_end(struct log *log)
{
        g_autofree struct entry *mark = lw_mark_new(END_MARK);
        bool done = mark != NULL;

        for (struct entry *entry; (entry = lw_queue_pop(&log->unflushed));) {
                done = done && write_last(log, entry);
                g_free(entry);
        }
        if (done)
                write_last(log, mark);
}
