/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate of a device: I/O is let in and counted, refused, or parked while the device is suspended; and what
 * is parked is let go, or cancelled.
 */
#include "dm-internal.h"

enum entry {
        ENTRY_YES,
        ENTRY_REFUSED, /* the device is going or dead */
        ENTRY_BLOCKED, /* suspended */
};

/* Counts one I/O, with its reference (ADD says which of the two), unless the device says no. */
static enum entry enter(struct mapped_device *md, uint64_t add)
{
        uint64_t word = atomic_load_explicit(&md->word, memory_order_relaxed);

        do {
                if (word & (DM_WORD_SHUT | DM_WORD_DEAD))
                        return ENTRY_REFUSED;
                if (word & DM_WORD_BLOCKED)
                        return ENTRY_BLOCKED;
        } while (!atomic_compare_exchange_weak(&md->word, &word, word + add));
        return ENTRY_YES;
}

/* ---- parking ----------------------------------------------------------------------------------------- */

static void link_parked(struct mapped_device *md, struct dm_io *io)
{
        dm_assert_held(&md->state);
        io->next = NULL;
        io->prev = md->parked_last;
        if (md->parked_last)
                md->parked_last->next = io;
        else
                md->parked_first = io;
        md->parked_last = io;
}

static void unlink_parked(struct mapped_device *md, struct dm_io *io)
{
        dm_assert_held(&md->state);
        if (io->prev)
                io->prev->next = io->next;
        else
                md->parked_first = io->next;
        if (io->next)
                io->next->prev = io->prev;
        else
                md->parked_last = io->prev;
}

/* Parks IO, which has its reference, if the device is still suspended: then it is ENTRY_BLOCKED.
 * What serves a dead device is refused: dm_io_cancel_below() may have been here already. */
static enum entry park(struct mapped_device *md, struct dm_io *io)
{
        uint64_t word;

        DM_LOCK_SCOPE(&md->state);
        word = atomic_load(&md->word);
        if (!(word & DM_WORD_BLOCKED) || (word & (DM_WORD_SHUT | DM_WORD_DEAD)))
                return ENTRY_YES;
        if (dm_io_serves_the_dead(io))
                return ENTRY_REFUSED;
        link_parked(md, io);
        return ENTRY_BLOCKED;
}

/* Runs or parks an io that has its reference. */
static void start(struct mapped_device *md, struct dm_io *io)
{
        enum entry entry;

        do {
                entry = enter(md, DM_WORD_IO);
                if (entry == ENTRY_YES) {
                        dm_io_run(io);
                        return;
                }
                if (entry == ENTRY_BLOCKED)
                        entry = park(md, io);
        } while (entry == ENTRY_YES); /* resumed, or gone, meanwhile */
        if (entry == ENTRY_REFUSED) {
                io->end(io, -EIO);
                dm_put(md);
        }
}

/* ---- submission -------------------------------------------------------------------------------------- */

static void begin(struct dm_io *io)
{
        if (io->begun)
                io->begun(io);
}

void dm_submit(struct mapped_device *md, struct dm_io *io)
{
        io->md = md;
        io->stats_epoch = 0;
        atomic_store_explicit(&io->error, 0, memory_order_relaxed);
        if (enter(md, DM_WORD_IO + DM_IO_REFERENCE) == ENTRY_YES) {
                begin(io);
                dm_io_run(io);
        } else if (dm_get(md)) {
                begin(io);
                start(md, io);
        } else {
                io->end(io, -EIO);
        }
}

/* ---- what is parked ------------------------------------------------------------------------------------ */

/* Takes the whole list at once: what is parked again meanwhile waits for the next resume. */
static struct dm_io *take_parked(struct mapped_device *md)
{
        struct dm_io *first;

        DM_LOCK_SCOPE(&md->state);
        first = md->parked_first;
        md->parked_first = md->parked_last = NULL;
        return first;
}

void dm_io_release_parked(struct mapped_device *md, int error)
{
        struct dm_io *io = take_parked(md), *next;
        bool before = dm_inline_forbid(true);

        for (; io; io = next) {
                next = io->next;
                if (!error) {
                        start(md, io);
                } else {
                        io->end(io, error);
                        dm_put(md);
                }
        }
        dm_inline_forbid(before);
}

/* Takes what MATCHES(io, what) out of MD's parked I/O and ends it with ERROR; true if there was any. */
static bool cancel_parked(struct mapped_device *md, dm_io_match matches, const void *what, int error)
{
        struct dm_io *taken = NULL, *next;
        bool any;

        {
                DM_LOCK_SCOPE(&md->state);
                for (struct dm_io *io = md->parked_first; io; io = next) {
                        next = io->next;
                        if (!matches(io, what))
                                continue;
                        unlink_parked(md, io);
                        io->next = taken;
                        taken = io;
                }
        }
        any = taken;
        for (; taken; taken = next) {
                next = taken->next;
                taken->end(taken, error);
                dm_put(md);
        }
        return any;
}

/* The same in every device: it may be parked below the one that it was submitted to. */
static bool cancel_parked_anywhere(dm_io_match matches, const void *what, int error)
{
        g_autoptr(GPtrArray) all = dm_names_hold_all();
        bool any = false;

        for (unsigned i = 0; i < all->len; i++)
                any |= cancel_parked(all->pdata[i], matches, what, error);
        return any;
}

static bool is_part_of(const struct dm_io *io, const void *whole)
{
        for (; io; io = dm_io_above(io))
                if (io == whole)
                        return true;
        return false;
}

bool dm_cancel(struct dm_io *io)
{
        return cancel_parked_anywhere(is_part_of, io, -EINTR) ||
               dm_holds_cancel(is_part_of, io, -EINTR);
}

static bool serves_device(const struct dm_io *io, const void *md)
{
        return dm_io_serves(io, md);
}

void dm_io_cancel_below(struct mapped_device *md)
{
        cancel_parked_anywhere(serves_device, md, -EIO);
        dm_holds_cancel(serves_device, md, -EIO);
}
