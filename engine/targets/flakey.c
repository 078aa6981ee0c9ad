/* SPDX-License-Identifier: BSD-3-Clause */
/* flakey: a lower device that is reliable for some seconds and not for some seconds, in turns. */
#include "dm-target.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#define FEATURE_WORDS_MAX 11u
#define CERTAIN 1000000000u /* a probability of 1 */

/* Bits of a request as corrupt_bio_byte's flags name them: the kernel's, as far as they exist here. */
#define KERNEL_WRITE (1u << 0)
#define KERNEL_FUA (1u << 17)

struct flakey {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        uint64_t up_s, down_s;
        uint64_t start_ns;

        bool error_reads, drop_writes, error_writes;
        uint64_t corrupt_byte; /* the first is 1; 0: none */
        bool corrupt_writes;   /* that byte of writes, not of reads */
        uint64_t corrupt_value, corrupt_flags;
        uint64_t random_reads, random_writes; /* of CERTAIN */

        _Atomic uint64_t random;
};

/* What a bio has with it. */
struct flaw {
        bool down;  /* it came while the device was unreliable */
        char *copy; /* the data of a corrupted write: the submitter's are not ours */
};

/* ---- arguments -------------------------------------------------------------------------------- */

static bool read_switch(struct dm_args *args, bool *flag, const char *name, GError **error)
{
        bool given = *flag;

        if (given)
                dm_target_error(error, args, "'%s' is given twice", name);
        *flag = true;
        return !given;
}

static bool read_corrupt_byte(struct flakey *f, struct dm_args *args, GError **error)
{
        const char *direction;

        if (!dm_args_u64(args, "corrupt byte", 1, UINT_MAX, &f->corrupt_byte, error))
                return false;
        direction = dm_args_word(args, "corrupt direction", error);
        if (!direction)
                return false;
        f->corrupt_writes = g_ascii_strcasecmp(direction, "w") == 0;
        if (!f->corrupt_writes && g_ascii_strcasecmp(direction, "r") != 0) {
                dm_target_error(error, args, "'corrupt direction' must be r or w, got '%s'",
                                direction);
                return false;
        }
        return dm_args_u64(args, "corrupt value", 0, 255, &f->corrupt_value, error) &&
               dm_args_u64(args, "corrupt flags", 0, UINT_MAX, &f->corrupt_flags, error);
}

static bool read_feature(struct flakey *f, struct dm_args *args, GError **error)
{
        const char *name = dm_args_next(args);

        if (g_ascii_strcasecmp(name, "error_reads") == 0)
                return read_switch(args, &f->error_reads, name, error);
        if (g_ascii_strcasecmp(name, "drop_writes") == 0)
                return read_switch(args, &f->drop_writes, name, error);
        if (g_ascii_strcasecmp(name, "error_writes") == 0)
                return read_switch(args, &f->error_writes, name, error);
        if (g_ascii_strcasecmp(name, "corrupt_bio_byte") == 0)
                return read_corrupt_byte(f, args, error);
        if (g_ascii_strcasecmp(name, "random_read_corrupt") == 0)
                return dm_args_u64(args, name, 0, CERTAIN, &f->random_reads, error);
        if (g_ascii_strcasecmp(name, "random_write_corrupt") == 0)
                return dm_args_u64(args, name, 0, CERTAIN, &f->random_writes, error);
        dm_target_error(error, args, "there is no feature '%s'", name);
        return false;
}

static bool is_consistent(const struct flakey *f, struct dm_args *args, GError **error)
{
        bool corrupts_writes = (f->corrupt_byte && f->corrupt_writes) || f->random_writes;
        bool corrupts_reads = (f->corrupt_byte && !f->corrupt_writes) || f->random_reads;
        const char *with = NULL;

        if (f->drop_writes && f->error_writes)
                with = "'drop_writes' and 'error_writes'";
        else if (f->drop_writes && corrupts_writes)
                with = "'drop_writes' and corrupting writes";
        else if (f->error_writes && corrupts_writes)
                with = "'error_writes' and corrupting writes";
        else if (f->error_reads && corrupts_reads)
                with = "'error_reads' and corrupting reads";
        if (with)
                dm_target_error(error, args, "%s exclude each other", with);
        return !with;
}

static bool read_features(struct flakey *f, struct dm_args *args, GError **error)
{
        uint64_t count = 0;
        unsigned end;

        if (args->next == args->argc) {
                f->error_reads = f->error_writes = true;
                return true;
        }
        if (!dm_args_u64(args, "number of feature arguments", 0, FEATURE_WORDS_MAX, &count, error))
                return false;
        if (count > args->argc - args->next) {
                dm_target_error(error, args,
                                "%" G_GUINT64_FORMAT " feature arguments announced, got %u", count,
                                args->argc - args->next);
                return false;
        }
        end = args->next + (unsigned)count;
        while (args->next < end)
                if (!read_feature(f, args, error))
                        return false;
        if (args->next > end) {
                dm_target_error(error, args,
                                "%" G_GUINT64_FORMAT " feature arguments announced, but '%s' is one"
                                " too",
                                count, args->argv[end]);
                return false;
        }
        if (!is_consistent(f, args, error))
                return false;
        /* nothing chosen means everything */
        if (!f->error_reads && !f->drop_writes && !f->error_writes && !f->corrupt_byte &&
            !f->random_reads && !f->random_writes)
                f->error_reads = f->error_writes = true;
        return true;
}

static bool flakey_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct flakey *f = ti->priv;

        f->dev = dm_args_dev(args, ti, error);
        if (!f->dev || !dm_args_sectors(args, "offset", &f->offset, error) ||
            !dm_args_u64(args, "up interval", 0, UINT_MAX, &f->up_s, error) ||
            !dm_args_u64(args, "down interval", 0, UINT_MAX, &f->down_s, error))
                return false;
        if (f->up_s + f->down_s == 0 || f->up_s + f->down_s > UINT_MAX) {
                dm_target_error(error, args,
                                "'up interval' and 'down interval' together must be 1 to %u"
                                " seconds",
                                UINT_MAX);
                return false;
        }
        if (!read_features(f, args, error))
                return false;
        f->start_ns = dm_clock_now_ns();
        atomic_init(&f->random, f->start_ns);
        dm_dev_claim(f->dev, ti, f->offset, ti->len);
        return true;
}

static void flakey_table(struct dm_target *ti, GString *out)
{
        struct flakey *f = ti->priv;
        unsigned words = f->error_reads + f->drop_writes + f->error_writes +
                         (f->corrupt_byte ? 5 : 0) + (f->random_reads ? 2 : 0) +
                         (f->random_writes ? 2 : 0);

        g_string_append_printf(out,
                               "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                               " %u",
                               dm_dev_path(f->dev), f->offset >> DM_SECTOR_SHIFT, f->up_s, f->down_s,
                               words);
        if (f->error_reads)
                g_string_append(out, " error_reads");
        if (f->drop_writes)
                g_string_append(out, " drop_writes");
        if (f->error_writes)
                g_string_append(out, " error_writes");
        if (f->corrupt_byte)
                g_string_append_printf(out,
                                       " corrupt_bio_byte %" G_GUINT64_FORMAT
                                       " %c %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                                       f->corrupt_byte, f->corrupt_writes ? 'w' : 'r',
                                       f->corrupt_value, f->corrupt_flags);
        if (f->random_reads)
                g_string_append_printf(out, " random_read_corrupt %" G_GUINT64_FORMAT,
                                       f->random_reads);
        if (f->random_writes)
                g_string_append_printf(out, " random_write_corrupt %" G_GUINT64_FORMAT,
                                       f->random_writes);
}

/* ---- I/O -------------------------------------------------------------------------------------- */

static bool is_down(const struct flakey *f)
{
        uint64_t elapsed_s = (dm_clock_now_ns() - f->start_ns) / DM_NS_PER_S;

        return elapsed_s % (f->up_s + f->down_s) >= f->up_s;
}

static uint64_t next_random(struct flakey *f)
{
        return dm_mix(atomic_fetch_add_explicit(&f->random, 1, memory_order_relaxed));
}

static bool has_flags(const struct flakey *f, const struct dm_bio *bio)
{
        uint64_t flags = (bio->op == DM_OP_WRITE ? KERNEL_WRITE : 0) |
                         (bio->flags & DM_IO_FUA ? KERNEL_FUA : 0);

        return (flags & f->corrupt_flags) == f->corrupt_flags;
}

static void corrupt_somewhere(struct flakey *f, char *data, uint64_t len)
{
        data[next_random(f) % len] ^= (char)(1 + next_random(f) % 255);
}

/* The data may be changed in place. */
static char *own_data(struct dm_bio *bio)
{
        struct flaw *flaw = bio->data;

        if (!flaw->copy)
                bio->buf = flaw->copy = g_memdup2(bio->buf, bio->len);
        return flaw->copy;
}

static void corrupt_write(struct flakey *f, struct dm_bio *bio)
{
        if (f->corrupt_byte && f->corrupt_writes && bio->len >= f->corrupt_byte &&
            has_flags(f, bio))
                own_data(bio)[f->corrupt_byte - 1] = (char)f->corrupt_value;
        if (f->random_writes && dm_chance(next_random(f), (uint32_t)f->random_writes))
                corrupt_somewhere(f, own_data(bio), bio->len);
}

static void corrupt_read(struct flakey *f, struct dm_bio *bio)
{
        if (f->corrupt_byte && !f->corrupt_writes && bio->len >= f->corrupt_byte &&
            has_flags(f, bio))
                bio->buf[f->corrupt_byte - 1] = (char)f->corrupt_value;
        if (f->random_reads && dm_chance(next_random(f), (uint32_t)f->random_reads))
                corrupt_somewhere(f, bio->buf, bio->len);
}

static enum dm_map_result map_down(struct flakey *f, struct dm_bio *bio)
{
        bool is_read = bio->op == DM_OP_READ;

        if (is_read ? f->error_reads : f->error_writes) {
                bio->error = -EIO;
                return DM_MAP_DONE;
        }
        if (!is_read && f->drop_writes) {
                bio->error = 0;
                return DM_MAP_DONE;
        }
        if (bio->op == DM_OP_WRITE && bio->len)
                corrupt_write(f, bio);
        return DM_MAP_REMAPPED;
}

/* Whatever is no read counts as a write: flushes and discards too. */
static enum dm_map_result flakey_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct flakey *f = ti->priv;
        struct flaw *flaw = bio->data;

        flaw->down = is_down(f);
        bio->dev = f->dev;
        if (bio->op != DM_OP_FLUSH)
                bio->offset = f->offset + dm_target_offset(ti, bio->offset);
        return flaw->down ? map_down(f, bio) : DM_MAP_REMAPPED;
}

static int flakey_end_io(struct dm_target *ti, struct dm_bio *bio, int error)
{
        struct flaw *flaw = bio->data;

        if (flaw->down && bio->op == DM_OP_READ && bio->len && !error)
                corrupt_read(ti->priv, bio);
        g_free(flaw->copy);
        return error;
}

const struct dm_target_type dm_type_flakey = {
        .name = "flakey",
        .summary = "a lower device that is unreliable for some seconds, in turns",
        .usage = "<device> <offset> <up interval> <down interval> "
                 "[<number of feature arguments> [<feature argument>]...]",
        .version = {1, 5, 0},
        .priv_size = sizeof(struct flakey),
        .bio_data_size = sizeof(struct flaw),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES | DM_TARGET_MAPS_FLUSH,
        .ctr = flakey_ctr,
        .table = flakey_table,
        .map = flakey_map,
        .end_io = flakey_end_io,
};
