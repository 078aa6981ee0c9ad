/* SPDX-License-Identifier: BSD-3-Clause */
/* linear: a range of the device is a range of a lower device. */
#include "dm-target.h"

struct linear {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
};

static bool linear_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct linear *l = ti->priv;

        l->dev = dm_args_dev(args, ti, error);
        if (!l->dev || !dm_args_sectors(args, "offset", &l->offset, error))
                return false;
        dm_dev_claim(l->dev, ti, l->offset, ti->len);
        return true;
}

static void linear_table(struct dm_target *ti, GString *out)
{
        struct linear *l = ti->priv;

        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT, dm_dev_path(l->dev),
                               l->offset >> DM_SECTOR_SHIFT);
}

static void linear_measure(struct dm_target *ti, GString *out)
{
        struct linear *l = ti->priv;

        g_string_append_printf(out, ",device_name=%s,start=%" G_GUINT64_FORMAT,
                               dm_dev_path(l->dev), l->offset >> DM_SECTOR_SHIFT);
}

static enum dm_map_result linear_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct linear *l = ti->priv;

        bio->dev = l->dev;
        bio->offset = l->offset + dm_target_offset(ti, bio->offset);
        return DM_MAP_REMAPPED;
}

static void linear_locate(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                          uint64_t *ret_offset, uint64_t *ret_len)
{
        struct linear *l = ti->priv;
        uint64_t inside = dm_target_offset(ti, offset);

        *ret_dev = l->dev;
        *ret_offset = l->offset + inside;
        *ret_len = ti->len - inside;
}

const struct dm_target_type dm_type_linear = {
        .name = "linear",
        .summary = "a range of a lower device",
        .usage = "<device> <offset>",
        .version = {1, 4, 0},
        .priv_size = sizeof(struct linear),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = linear_ctr,
        .table = linear_table,
        .measure = linear_measure,
        .map = linear_map,
        .locate = linear_locate,
};
