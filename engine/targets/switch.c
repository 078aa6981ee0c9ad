/* SPDX-License-Identifier: BSD-3-Clause */
/* switch: regions of fixed size, each of which goes to one of several devices as messages say. */
#include "dm-target.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

struct path {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
};

struct switcher {
        uint64_t count, regions;
        uint64_t region; /* bytes */
        struct path *paths;
        _Atomic uint32_t *path_of; /* a region's path plus 1; 0: the one that it has at first */
};

static bool read_paths(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct switcher *s = ti->priv;
        unsigned given = args->argc - args->next;

        if (given != 2 * s->count) {
                dm_target_error(error, args,
                                "%" G_GUINT64_FORMAT " paths need %" G_GUINT64_FORMAT
                                " arguments '<device> <offset>', got %u",
                                s->count, 2 * s->count, given);
                return false;
        }
        s->paths = g_new0(struct path, s->count);
        for (uint64_t i = 0; i < s->count; i++) {
                s->paths[i].dev = dm_args_dev(args, ti, error);
                if (!s->paths[i].dev ||
                    !dm_args_sectors(args, "offset", &s->paths[i].offset, error))
                        return false;
                dm_dev_claim(s->paths[i].dev, ti, s->paths[i].offset, ti->len);
        }
        return true;
}

/* At first the regions go round over the paths. */
static bool make_regions(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct switcher *s = ti->priv;

        s->regions = ti->len / s->region + (ti->len % s->region != 0);
        s->path_of = g_try_malloc0_n(s->regions, sizeof(*s->path_of));
        if (!s->path_of) {
                dm_target_error(error, args, "%" G_GUINT64_FORMAT " regions are too many",
                                s->regions);
                return false;
        }
        return true;
}

static bool switch_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct switcher *s = ti->priv;
        uint64_t region_sectors, options;

        if (!dm_args_u64(args, "paths", 1, UINT_MAX - 1, &s->count, error) ||
            !dm_args_u64(args, "region size", 1, UINT_MAX, &region_sectors, error) ||
            !dm_args_u64(args, "number of optional arguments", 0, 0, &options, error) ||
            !read_paths(ti, args, error))
                return false;
        s->region = region_sectors << DM_SECTOR_SHIFT;
        ti->max_io_len = s->region;
        return make_regions(ti, args, error);
}

static void switch_dtr(struct dm_target *ti)
{
        struct switcher *s = ti->priv;

        g_free(s->paths);
        g_free(s->path_of);
}

static void switch_table(struct dm_target *ti, GString *out)
{
        struct switcher *s = ti->priv;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " 0", s->count,
                               s->region >> DM_SECTOR_SHIFT);
        for (uint64_t i = 0; i < s->count; i++)
                g_string_append_printf(out, " %s %" G_GUINT64_FORMAT, dm_dev_path(s->paths[i].dev),
                                       s->paths[i].offset >> DM_SECTOR_SHIFT);
}

/* At first the regions go round over the paths: that is not written down, for a table can have very many. */
static uint32_t path_of(const struct switcher *s, uint64_t region)
{
        uint32_t set = atomic_load_explicit(&s->path_of[region], memory_order_relaxed);

        return set ? set - 1 : (uint32_t)(region % s->count);
}

static void set_path_of(struct switcher *s, uint64_t region, uint32_t path)
{
        atomic_store_explicit(&s->path_of[region], path + 1, memory_order_relaxed);
}

static struct path *find_path(const struct switcher *s, uint64_t inside)
{
        return &s->paths[path_of(s, inside / s->region)];
}

static enum dm_map_result switch_map(struct dm_target *ti, struct dm_bio *bio)
{
        uint64_t inside = dm_target_offset(ti, bio->offset);
        struct path *path = find_path(ti->priv, inside);

        bio->dev = path->dev;
        bio->offset = path->offset + inside;
        return DM_MAP_REMAPPED;
}

static void switch_locate(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                          uint64_t *ret_offset, uint64_t *ret_len)
{
        struct switcher *s = ti->priv;
        uint64_t inside = dm_target_offset(ti, offset);
        struct path *path = find_path(s, inside);

        *ret_dev = path->dev;
        *ret_offset = path->offset + inside;
        *ret_len = s->region - inside % s->region;
}

/* ---- set_region_mappings ----------------------------------------------------------------------- */

/* One argument of the message, all numbers hexadecimal: "[REGION]:PATH", where no region means the one
 * after the last; or "Rn,m": the last n mappings are repeated for the next m regions. */
struct mapping {
        bool repeats;
        bool next; /* no region is given */
        uint64_t region, path; /* or n and m */
};

/* Reads the hexadecimal digits at *TEXT, at least one, and moves it behind them. */
static bool read_hex(const char **text, uint64_t *ret_value)
{
        uint64_t value = 0;
        const char *from = *text;

        for (; g_ascii_isxdigit(**text); (*text)++) {
                if (value >> 60)
                        return false;
                value = value << 4 | (uint64_t)g_ascii_xdigit_value(**text);
        }
        *ret_value = value;
        return *text != from;
}

static bool parse_mapping(const char *text, struct mapping *m)
{
        m->repeats = *text == 'R' || *text == 'r';
        m->next = *text == ':';
        if (m->repeats)
                text++;
        if (!m->next && !read_hex(&text, &m->region))
                return false;
        if (*text++ != (m->repeats ? ',' : ':'))
                return false;
        return read_hex(&text, &m->path) && !*text;
}

/* Checks M against the regions there are; *AT, the last region of the mapping before, moves to its. */
static bool check_mapping(struct dm_target *ti, const struct mapping *m, const char *text,
                          uint64_t *at, GError **error)
{
        struct switcher *s = ti->priv;

        if (m->repeats) {
                if (!m->region || m->region - 1 > *at)
                        return dm_message_error(error, ti,
                                                "'%s' repeats more mappings than there are before "
                                                "region %" G_GINT64_MODIFIER "x",
                                                text, *at + 1);
                if (m->path >= s->regions - *at)
                        return dm_message_error(error, ti, "'%s' goes beyond the last region, %"
                                                G_GINT64_MODIFIER "x", text, s->regions - 1);
                *at += m->path;
                return true;
        }
        *at = m->next ? *at + 1 : m->region;
        if (*at >= s->regions)
                return dm_message_error(error, ti, "'%s' is beyond the last region, %"
                                        G_GINT64_MODIFIER "x", text, s->regions - 1);
        return m->path < s->count ||
               dm_message_error(error, ti, "'%s' is beyond the last path, %" G_GINT64_MODIFIER "x",
                                text, s->count - 1);
}

static void apply_mapping(struct switcher *s, const struct mapping *m, uint64_t *at)
{
        if (!m->repeats) {
                *at = m->next ? *at + 1 : m->region;
                set_path_of(s, *at, (uint32_t)m->path);
                return;
        }
        for (uint64_t i = 0; i < m->path; i++) {
                uint32_t path;

                ++*at;
                path = path_of(s, *at - m->region);
                set_path_of(s, *at, path);
        }
}

/* All arguments are checked before the first takes effect. */
static bool switch_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                           GError **error)
{
        g_autofree struct mapping *mappings = g_new(struct mapping, (size_t)argc);
        uint64_t at = 0;

        if (g_ascii_strcasecmp(argv[0], "set_region_mappings") != 0)
                return dm_message_error(error, ti, "there is no message '%s'", argv[0]);
        for (int i = 1; i < argc; i++) {
                if (!parse_mapping(argv[i], &mappings[i]))
                        return dm_message_error(error, ti,
                                                "'%s' is neither [REGION]:PATH nor Rn,m, with "
                                                "hexadecimal numbers",
                                                argv[i]);
                if (!check_mapping(ti, &mappings[i], argv[i], &at, error))
                        return false;
        }
        at = 0;
        for (int i = 1; i < argc; i++)
                apply_mapping(ti->priv, &mappings[i], &at);
        dm_target_changed(ti);
        return true;
}

const struct dm_target_type dm_type_switch = {
        .name = "switch",
        .summary = "regions that go to one of several devices, as messages say",
        .usage = "<paths> <region size> 0 [<device> <offset>]...",
        .version = {1, 1, 0},
        .priv_size = sizeof(struct switcher),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = switch_ctr,
        .dtr = switch_dtr,
        .table = switch_table,
        .message = switch_message,
        .map = switch_map,
        .locate = switch_locate,
};
