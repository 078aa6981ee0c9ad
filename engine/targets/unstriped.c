/* SPDX-License-Identifier: BSD-3-Clause */
/* unstriped: one of the stripes that a striped device is made of. */
#include "dm-target.h"

#include <errno.h>
#include <limits.h>

struct unstriped {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        uint64_t stripes, stripe;
        uint64_t chunk; /* bytes */
        uint64_t size;  /* of the lower device, in bytes; only part of what is used is claimed */
};

/* The byte of the lower device behind the last one. */
static bool find_end(const struct unstriped *u, uint64_t len, uint64_t *ret_end)
{
        uint64_t rows = len / u->chunk;

        return !__builtin_mul_overflow(rows - 1, u->stripes, ret_end) &&
               !__builtin_add_overflow(*ret_end, u->stripe + 1, ret_end) &&
               !__builtin_mul_overflow(*ret_end, u->chunk, ret_end) &&
               !__builtin_add_overflow(*ret_end, u->offset, ret_end) && *ret_end <= INT64_MAX;
}

static bool unstriped_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct unstriped *u = ti->priv;
        uint64_t chunk_sectors, end;

        if (!dm_args_u64(args, "stripes", 1, UINT_MAX, &u->stripes, error) ||
            !dm_args_u64(args, "chunk size", 1, UINT_MAX, &chunk_sectors, error) ||
            /* the kernel takes a stripe with the number of the count, and so do we; and any if the
             * count is one */
            !dm_args_u64(args, "stripe", 0, u->stripes > 1 ? u->stripes : UINT_MAX, &u->stripe,
                         error))
                return false;
        u->dev = dm_args_dev(args, ti, error);
        if (!u->dev || !dm_args_sectors(args, "offset", &u->offset, error))
                return false;
        u->chunk = chunk_sectors << DM_SECTOR_SHIFT;
        if (ti->len % u->chunk) {
                dm_target_error(error, args,
                                "the length of %" G_GUINT64_FORMAT " sectors is no multiple of %"
                                G_GUINT64_FORMAT " sectors",
                                ti->len >> DM_SECTOR_SHIFT, chunk_sectors);
                return false;
        }
        if (!find_end(u, ti->len, &end)) {
                dm_target_error(error, args, "the stripe would end beyond any device");
                return false;
        }
        ti->max_io_len = u->chunk;
        dm_dev_claim(u->dev, ti, u->offset, ti->len);
        return true;
}

static void unstriped_resume(struct dm_target *ti)
{
        struct unstriped *u = ti->priv;

        u->size = dm_dev_size(u->dev);
}

static void unstriped_table(struct dm_target *ti, GString *out)
{
        struct unstriped *u = ti->priv;

        g_string_append_printf(out,
                               "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                               " %s %" G_GUINT64_FORMAT,
                               u->stripes, u->chunk >> DM_SECTOR_SHIFT, u->stripe,
                               dm_dev_path(u->dev), u->offset >> DM_SECTOR_SHIFT);
}

static uint64_t find_offset(const struct unstriped *u, uint64_t inside)
{
        uint64_t row = inside / u->chunk;

        return u->offset + (row * u->stripes + u->stripe) * u->chunk + inside % u->chunk;
}

static enum dm_map_result unstriped_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct unstriped *u = ti->priv;

        bio->dev = u->dev;
        bio->offset = find_offset(u, dm_target_offset(ti, bio->offset));
        if (bio->offset < u->size && bio->len <= u->size - bio->offset)
                return DM_MAP_REMAPPED;
        bio->error = -EIO;
        return DM_MAP_DONE;
}

static void unstriped_locate(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                             uint64_t *ret_offset, uint64_t *ret_len)
{
        struct unstriped *u = ti->priv;
        uint64_t inside = dm_target_offset(ti, offset);

        *ret_dev = u->dev;
        *ret_offset = find_offset(u, inside);
        *ret_len = u->chunk - inside % u->chunk;
}

const struct dm_target_type dm_type_unstriped = {
        .name = "unstriped",
        .summary = "one stripe of a striped device",
        .usage = "<stripes> <chunk size> <stripe> <device> <offset>",
        .version = {1, 1, 0},
        .priv_size = sizeof(struct unstriped),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = unstriped_ctr,
        .resume = unstriped_resume,
        .table = unstriped_table,
        .map = unstriped_map,
        .locate = unstriped_locate,
};
