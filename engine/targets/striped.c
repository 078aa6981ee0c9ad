/* SPDX-License-Identifier: BSD-3-Clause */
/* striped: chunks of the device go round over several lower devices. */
#include "dm-target.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

/* After so many errors a stripe raises no more events. */
#define EVENT_ERRORS_MAX 15u

struct stripe {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        _Atomic unsigned errors;
};

struct striped {
        uint64_t count;
        uint64_t chunk;        /* bytes */
        unsigned chunk_shift;  /* of the chunk; 0: it is no power of two */
        unsigned count_shift;  /* of the count, valid when COUNT_MASKED */
        bool count_masked;     /* the count is a power of two */
        struct stripe *stripes;
};

static bool is_power_of_two(uint64_t n)
{
        return (n & (n - 1)) == 0;
}

static bool read_stripes(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct striped *s = ti->priv;
        unsigned given = args->argc - args->next;

        if (given != 2 * s->count) {
                dm_target_error(error, args,
                                "%" G_GUINT64_FORMAT " stripes need %" G_GUINT64_FORMAT
                                " arguments '<device> <offset>', got %u",
                                s->count, 2 * s->count, given);
                return false;
        }
        s->stripes = g_new0(struct stripe, s->count);
        for (uint64_t i = 0; i < s->count; i++) {
                struct stripe *stripe = &s->stripes[i];

                stripe->dev = dm_args_dev(args, ti, error);
                if (!stripe->dev || !dm_args_sectors(args, "offset", &stripe->offset, error))
                        return false;
                dm_dev_claim(stripe->dev, ti, stripe->offset, ti->len / s->count);
        }
        return true;
}

static bool striped_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct striped *s = ti->priv;
        uint64_t chunk_sectors, sectors = ti->len >> DM_SECTOR_SHIFT;

        if (!dm_args_u64(args, "stripes", 1, UINT_MAX, &s->count, error) ||
            !dm_args_u64(args, "chunk size", 1, UINT_MAX, &chunk_sectors, error))
                return false;
        if (sectors % s->count != 0 || sectors / s->count % chunk_sectors != 0) {
                dm_target_error(error, args,
                                "the length of %" G_GUINT64_FORMAT " sectors is no multiple of %"
                                G_GUINT64_FORMAT " stripes of %" G_GUINT64_FORMAT " sectors",
                                sectors, s->count, chunk_sectors);
                return false;
        }

        s->chunk = chunk_sectors << DM_SECTOR_SHIFT;
        if (is_power_of_two(s->chunk))
                s->chunk_shift = (unsigned)__builtin_ctzll(s->chunk);
        s->count_masked = is_power_of_two(s->count);
        s->count_shift = (unsigned)__builtin_ctzll(s->count);
        ti->max_io_len = s->chunk;
        return read_stripes(ti, args, error);
}

static void striped_dtr(struct dm_target *ti)
{
        struct striped *s = ti->priv;

        g_free(s->stripes);
}

static void striped_table(struct dm_target *ti, GString *out)
{
        struct striped *s = ti->priv;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, s->count,
                               s->chunk >> DM_SECTOR_SHIFT);
        for (uint64_t i = 0; i < s->count; i++)
                g_string_append_printf(out, " %s %" G_GUINT64_FORMAT,
                                       dm_dev_path(s->stripes[i].dev),
                                       s->stripes[i].offset >> DM_SECTOR_SHIFT);
}

/* 'A'live or 'D'ead */
static char letter(const struct stripe *stripe)
{
        return atomic_load(&stripe->errors) ? 'D' : 'A';
}

static void striped_status(struct dm_target *ti, GString *out)
{
        struct striped *s = ti->priv;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT, s->count);
        for (uint64_t i = 0; i < s->count; i++)
                g_string_append_printf(out, " %s", dm_dev_path(s->stripes[i].dev));
        /* one group of letters follows, a stripe each */
        g_string_append(out, " 1 ");
        for (uint64_t i = 0; i < s->count; i++)
                g_string_append_c(out, letter(&s->stripes[i]));
}

static void striped_measure(struct dm_target *ti, GString *out)
{
        struct striped *s = ti->priv;

        g_string_append_printf(out, ",stripes=%" G_GUINT64_FORMAT ",chunk_size=%" G_GUINT64_FORMAT,
                               s->count, s->chunk >> DM_SECTOR_SHIFT);
        for (unsigned i = 0; i < s->count; i++)
                g_string_append_printf(out,
                                       ",stripe_%u_device_name=%s,stripe_%u_physical_start=%"
                                       G_GUINT64_FORMAT ",stripe_%u_status=%c",
                                       i, dm_dev_path(s->stripes[i].dev), i,
                                       s->stripes[i].offset >> DM_SECTOR_SHIFT, i,
                                       letter(&s->stripes[i]));
}

/* The stripe of byte INSIDE of the target, and *RET_OFFSET within the lower device. */
static struct stripe *find_stripe(const struct striped *s, uint64_t inside, uint64_t *ret_offset)
{
        uint64_t chunk, within, row, column;

        if (s->chunk_shift) {
                chunk = inside >> s->chunk_shift;
                within = inside & (s->chunk - 1);
        } else {
                chunk = inside / s->chunk;
                within = inside % s->chunk;
        }
        if (s->count_masked) {
                row = chunk >> s->count_shift;
                column = chunk & (s->count - 1);
        } else {
                row = chunk / s->count;
                column = chunk % s->count;
        }
        *ret_offset = s->stripes[column].offset + row * s->chunk + within;
        return &s->stripes[column];
}

static enum dm_map_result striped_map(struct dm_target *ti, struct dm_bio *bio)
{
        bio->dev = find_stripe(ti->priv, dm_target_offset(ti, bio->offset), &bio->offset)->dev;
        return DM_MAP_REMAPPED;
}

/* Counts an error against the stripes on the device that gave it. */
static int striped_end_io(struct dm_target *ti, struct dm_bio *bio, int error)
{
        struct striped *s = ti->priv;
        bool tell = false;

        if (error == 0 || error == -EOPNOTSUPP)
                return error;
        for (uint64_t i = 0; i < s->count; i++) {
                struct stripe *stripe = &s->stripes[i];

                if (stripe->dev == bio->dev && atomic_fetch_add(&stripe->errors, 1) + 1 <
                                                       EVENT_ERRORS_MAX)
                        tell = true;
        }
        if (tell)
                dm_target_event(ti);
        return error;
}

static void striped_locate(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                           uint64_t *ret_offset, uint64_t *ret_len)
{
        struct striped *s = ti->priv;
        uint64_t inside = dm_target_offset(ti, offset);

        *ret_dev = find_stripe(s, inside, ret_offset)->dev;
        *ret_len = s->chunk - inside % s->chunk;
}

const struct dm_target_type dm_type_striped = {
        .name = "striped",
        .summary = "chunks that go round over several lower devices",
        .usage = "<stripes> <chunk size> [<device> <offset>]...",
        .version = {1, 6, 0},
        .priv_size = sizeof(struct striped),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = striped_ctr,
        .dtr = striped_dtr,
        .table = striped_table,
        .status = striped_status,
        .measure = striped_measure,
        .map = striped_map,
        .end_io = striped_end_io,
        .locate = striped_locate,
};
