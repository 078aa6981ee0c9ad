/* SPDX-License-Identifier: BSD-3-Clause */
/* error: every read and write fails. */
#include "dm-target.h"

#include <errno.h>

struct error {
        struct dm_dev *dev; /* NULL: none was given */
        uint64_t offset;    /* bytes */
};

/* A device may be named, as in a linear line that this one takes the place of.  It is opened, and
 * has to be large enough, but gets no I/O. */
static bool error_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct error *e = ti->priv;

        if (args->argc == 0)
                return true;
        e->dev = dm_args_dev(args, ti, error);
        if (!e->dev || !dm_args_sectors(args, "offset", &e->offset, error))
                return false;
        dm_dev_claim(e->dev, ti, e->offset, ti->len);
        return true;
}

static void error_table(struct dm_target *ti, GString *out)
{
        struct error *e = ti->priv;

        if (e->dev)
                g_string_append_printf(out, "%s %" G_GUINT64_FORMAT, dm_dev_path(e->dev),
                                       e->offset >> DM_SECTOR_SHIFT);
}

static enum dm_map_result error_map(struct dm_target *ti, struct dm_bio *bio)
{
        bio->error = -EIO;
        return DM_MAP_DONE;
}

/* Discards are taken so that they fail with EIO too, instead of EOPNOTSUPP. */
const struct dm_target_type dm_type_error = {
        .name = "error",
        .summary = "fails every read and write with EIO",
        .usage = "[<device> <offset>]",
        .version = {1, 7, 0},
        .priv_size = sizeof(struct error),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = error_ctr,
        .table = error_table,
        .map = error_map,
};
