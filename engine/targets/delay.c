/* SPDX-License-Identifier: BSD-3-Clause */
/* delay: reads, writes and flushes take longer, and may go to different devices. */
#include "dm-target.h"

#include <limits.h>
#include <stdatomic.h>

enum class {
        CLASS_READ,
        CLASS_WRITE, /* and discards */
        CLASS_FLUSH,
        CLASSES,
};

struct place {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        uint64_t delay_ms;
        _Atomic unsigned held;
};

struct delay {
        struct place places[CLASSES];
        unsigned given; /* how many places the line has */
        struct dm_hold *hold;
};

static enum class class_of(const struct dm_bio *bio)
{
        return bio->op == DM_OP_READ    ? CLASS_READ
               : bio->op == DM_OP_FLUSH ? CLASS_FLUSH
                                        : CLASS_WRITE;
}

static void leaving(struct dm_bio *bio)
{
        struct delay *d = bio->target->priv;

        atomic_fetch_sub_explicit(&d->places[class_of(bio)].held, 1, memory_order_relaxed);
}

static bool read_place(struct dm_target *ti, struct dm_args *args, struct place *place,
                       GError **error)
{
        place->dev = dm_args_dev(args, ti, error);
        if (!place->dev || !dm_args_sectors(args, "offset", &place->offset, error) ||
            !dm_args_u64(args, "delay", 0, UINT_MAX, &place->delay_ms, error))
                return false;
        dm_dev_claim(place->dev, ti, place->offset, ti->len);
        return true;
}

static bool delay_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct delay *d = ti->priv;

        if (args->argc != 3 && args->argc != 6 && args->argc != 9) {
                dm_target_error(error, args, "takes 3, 6 or 9 arguments, got %u", args->argc);
                return false;
        }
        d->given = args->argc / 3;
        for (unsigned i = 0; i < d->given; i++)
                if (!read_place(ti, args, &d->places[i], error))
                        return false;
        for (unsigned i = d->given; i < CLASSES; i++)
                d->places[i] = d->places[i - 1];
        d->hold = dm_hold_new(ti, leaving);
        return true;
}

static void delay_dtr(struct dm_target *ti)
{
        struct delay *d = ti->priv;

        dm_hold_free(d->hold);
}

static void delay_presuspend(struct dm_target *ti)
{
        struct delay *d = ti->priv;

        dm_hold_close(d->hold);
}

static void delay_resume(struct dm_target *ti)
{
        struct delay *d = ti->priv;

        dm_hold_open(d->hold);
}

static void delay_table(struct dm_target *ti, GString *out)
{
        struct delay *d = ti->priv;

        for (unsigned i = 0; i < d->given; i++)
                g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                                       i ? " " : "", dm_dev_path(d->places[i].dev),
                                       d->places[i].offset >> DM_SECTOR_SHIFT,
                                       d->places[i].delay_ms);
}

static void delay_status(struct dm_target *ti, GString *out)
{
        struct delay *d = ti->priv;

        for (unsigned i = 0; i < CLASSES; i++)
                g_string_append_printf(out, "%s%u", i ? " " : "", atomic_load(&d->places[i].held));
}

static enum dm_map_result delay_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct delay *d = ti->priv;
        struct place *place = &d->places[class_of(bio)];

        bio->dev = place->dev;
        if (bio->op != DM_OP_FLUSH)
                bio->offset = place->offset + dm_target_offset(ti, bio->offset);
        if (!place->delay_ms)
                return DM_MAP_REMAPPED;
        atomic_fetch_add_explicit(&place->held, 1, memory_order_relaxed);
        if (dm_hold_bio(d->hold, bio->data, bio, place->delay_ms * DM_NS_PER_MS))
                return DM_MAP_QUEUED;
        atomic_fetch_sub_explicit(&place->held, 1, memory_order_relaxed);
        return DM_MAP_REMAPPED;
}

const struct dm_target_type dm_type_delay = {
        .name = "delay",
        .summary = "a lower device, later",
        .usage = "<device> <offset> <delay> [<write device> <write offset> <write delay> "
                 "[<flush device> <flush offset> <flush delay>]]",
        .version = {1, 4, 0},
        .priv_size = sizeof(struct delay),
        .bio_data_size = sizeof(struct dm_held),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES | DM_TARGET_MAPS_FLUSH,
        .ctr = delay_ctr,
        .dtr = delay_dtr,
        .presuspend = delay_presuspend,
        .resume = delay_resume,
        .table = delay_table,
        .status = delay_status,
        .map = delay_map,
};
