/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * powercut: a disk with a volatile write cache, whose power fails on request.
 *
 * Writes stay in memory until a flush, a FUA write or want of room makes them durable, that is, puts them
 * on the lower device.
 */
#include "dm-target.h"

#include <errno.h>
#include <string.h>

#include "powercut/powercut.h"

#define CACHE_MB_DEFAULT 64u
#define CACHE_MB_MAX (1u << 20)

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

/* ---- I/O ---------------------------------------------------------------------------------------- */

static enum dm_map_result map_flush(struct powercut *p, struct dm_bio *bio)
{
        {
                DM_LOCK_SCOPE(&p->lock);
                if (p->off) {
                        bio->error = -EIO;
                        return DM_MAP_DONE;
                }
                powercut_queue(p, bio, WANT_FLUSH, NULL);
        }
        powercut_write_out(p);
        return DM_MAP_QUEUED;
}

static enum dm_map_result powercut_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct powercut *p = ti->priv;

        switch (bio->op) {
        case DM_OP_READ:
                return powercut_read(p, bio);
        case DM_OP_FLUSH:
                return map_flush(p, bio);
        default:
                return powercut_write(p, bio);
        }
}

/* ---- suspend and resume --------------------------------------------------------------------------- */

/* An orderly end of the table, or a pause: the cache is written out, and nothing stays in it. */
static void powercut_presuspend(struct dm_target *ti)
{
        struct powercut *p = ti->priv;

        if (dm_target_is_dead(ti)) {
                powercut_let_go(p);
                return;
        }
        {
                DM_LOCK_SCOPE(&p->lock);
                p->write_through = true;
                if (p->off || !p->versions.sectors)
                        return;
                powercut_queue(p, NULL, WANT_FLUSH, NULL);
        }
        powercut_write_out(p);
}

static void powercut_resume(struct dm_target *ti)
{
        struct powercut *p = ti->priv;

        DM_LOCK_SCOPE(&p->lock);
        p->write_through = false;
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
