/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes of parts of sectors. */
#include "log-writes.h"

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
        lw_add_entry(log, part->entry);
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
                part->entry = lw_entry_new(sector, end - sector,
                                        bio->flags & DM_IO_FUA ? LOG_FUA : 0,
                                        (end - sector) << DM_SECTOR_SHIFT);
        if (!part->entry) {
                if (!error)
                        lw_give_up(log);
                g_free(part);
                dm_bio_complete(bio, error);
                return;
        }
        part->io = (struct dm_io){
                .op = DM_OP_READ,
                .offset = sector << DM_SECTOR_SHIFT,
                .len = (end - sector) << DM_SECTOR_SHIFT,
                .buf = lw_entry_data(part->entry),
                .end = sectors_were_read,
                .user = part,
        };
        dm_dev_submit(log->ti, log->dev, &part->io);
}

enum dm_map_result lw_write_part(struct log *log, struct dm_bio *bio)
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
