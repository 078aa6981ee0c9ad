/* SPDX-License-Identifier: BSD-3-Clause */
/* dust: a lower device with bad blocks, which messages make and a write repairs. */
#include "dm-target.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/sync.h"

#define BLOCK_MIN 512u
#define BLOCK_MAX (1u << 30)
#define FAILS_MAX 255u /* writes that a bad block refuses before it is repaired */

struct bad_block {
        uint64_t number;
        unsigned fails;
};

struct dust {
        struct dm_dev *dev;
        uint64_t offset; /* bytes, of the lower device */
        uint64_t block;  /* bytes */
        unsigned shift;  /* of the block */
        _Atomic bool enabled;
        bool quiet; /* of no effect here but on the status */

        struct dm_mutex lock;
        GTree *bad; /* guarded: lock; struct bad_block * by number */
};

static int compare(const void *a, const void *b, void *user)
{
        const struct bad_block *x = a, *y = b;

        return (x->number > y->number) - (x->number < y->number);
}

static GTree *new_tree(void)
{
        return g_tree_new_full(compare, NULL, NULL, g_free);
}

static bool is_power_of_two(uint64_t n)
{
        return (n & (n - 1)) == 0;
}

static bool dust_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct dust *d = ti->priv;

        dm_mutex_init(&d->lock);
        d->bad = new_tree();
        d->dev = dm_args_dev(args, ti, error);
        if (!d->dev || !dm_args_sectors(args, "offset", &d->offset, error) ||
            !dm_args_u64(args, "block size", BLOCK_MIN, BLOCK_MAX, &d->block, error))
                return false;
        if (!is_power_of_two(d->block)) {
                dm_target_error(error, args, "'block size' must be a power of two, got '%s'",
                                args->argv[args->next - 1]);
                return false;
        }
        if (d->block > ti->len) {
                dm_target_error(error, args, "'block size' is larger than the target, got '%s'",
                                args->argv[args->next - 1]);
                return false;
        }
        d->shift = (unsigned)__builtin_ctzll(d->block);
        ti->max_io_len = d->block;
        dm_dev_claim(d->dev, ti, d->offset, ti->len);
        return true;
}

static void dust_dtr(struct dm_target *ti)
{
        struct dust *d = ti->priv;

        if (!d->bad)
                return;
        g_tree_unref(d->bad);
        dm_mutex_destroy(&d->lock);
}

static void dust_table(struct dm_target *ti, GString *out)
{
        struct dust *d = ti->priv;

        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                               dm_dev_path(d->dev), d->offset >> DM_SECTOR_SHIFT, d->block);
}

static void dust_status(struct dm_target *ti, GString *out)
{
        struct dust *d = ti->priv;

        g_string_append_printf(out, "%s %s %s", dm_dev_path(d->dev),
                               atomic_load(&d->enabled) ? "fail_read_on_bad_block" : "bypass",
                               d->quiet ? "quiet" : "verbose");
}

/* ---- messages --------------------------------------------------------------------------------- */

static bool add_block(struct dm_target *ti, uint64_t number, uint64_t fails, GError **error)
{
        struct dust *d = ti->priv;
        struct bad_block *block = g_new(struct bad_block, 1);
        bool is_new;

        *block = (struct bad_block){number, (unsigned)fails};
        {
                DM_LOCK_SCOPE(&d->lock);
                is_new = !g_tree_lookup(d->bad, block);
                if (is_new)
                        g_tree_insert(d->bad, block, block);
        }
        if (is_new)
                return true;
        g_free(block);
        return dm_message_error(error, ti, "block %" G_GUINT64_FORMAT " is bad already", number);
}

static bool remove_block(struct dm_target *ti, uint64_t number, GError **error)
{
        struct dust *d = ti->priv;
        struct bad_block key = {.number = number};
        bool was_there;

        {
                DM_LOCK_SCOPE(&d->lock);
                was_there = g_tree_remove(d->bad, &key);
        }
        return was_there || dm_message_error(error, ti, "block %" G_GUINT64_FORMAT " is not bad",
                                             number);
}

static char *query_block(struct dust *d, uint64_t number)
{
        struct bad_block key = {.number = number};
        bool found;

        {
                DM_LOCK_SCOPE(&d->lock);
                found = g_tree_lookup(d->bad, &key) != NULL;
        }
        return g_strdup_printf("dust_query_block: block %" G_GUINT64_FORMAT " %s in badblocklist",
                               number, found ? "found" : "not found");
}

static char *count_blocks(struct dust *d)
{
        DM_LOCK_SCOPE(&d->lock);
        return g_strdup_printf("countbadblocks: %d badblock(s) found", g_tree_nnodes(d->bad));
}

static char *clear_blocks(struct dust *d)
{
        GTree *old, *new = new_tree();
        bool empty;

        {
                DM_LOCK_SCOPE(&d->lock);
                old = d->bad;
                d->bad = new;
        }
        empty = g_tree_nnodes(old) == 0;
        g_tree_unref(old);
        return g_strdup(empty ? "dust_clear_badblocks: no badblocks found"
                              : "dust_clear_badblocks: badblocks cleared");
}

static gboolean append_number(void *key, void *value, void *out)
{
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", ((struct bad_block *)key)->number);
        return FALSE;
}

static char *list_blocks(struct dust *d)
{
        GString *out = g_string_new(NULL);

        {
                DM_LOCK_SCOPE(&d->lock);
                g_tree_foreach(d->bad, append_number, out);
        }
        if (!out->len)
                g_string_append(out, "No blocks in badblocklist");
        return g_string_free(out, FALSE);
}

static bool parse_block(struct dm_target *ti, const char *text, uint64_t *ret_number,
                        GError **error)
{
        struct dust *d = ti->priv;
        uint64_t last = dm_dev_size(d->dev) >> d->shift;

        if (!dm_parse_u64(text, ret_number))
                return dm_message_error(error, ti, "'block' must be a number, got '%s'", text);
        return *ret_number <= last ||
               dm_message_error(error, ti,
                                "'block' must be a number from 0 to %" G_GUINT64_FORMAT
                                ", got '%s'",
                                last, text);
}

/* ADDBADBLOCK takes a second number, how many writes fail before one repairs the block. */
static bool message_about_block(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                                GError **error)
{
        uint64_t number, fails = 0;
        bool is_add = g_ascii_strcasecmp(argv[0], "addbadblock") == 0;

        if (argc < 2)
                return dm_message_error(error, ti, "%s: 'block' is missing", argv[0]);
        if (argc > (is_add ? 3 : 2))
                return dm_message_error(error, ti, "%s: takes no more arguments, got '%s'", argv[0],
                                        argv[is_add ? 3 : 2]);
        if (!parse_block(ti, argv[1], &number, error))
                return false;
        if (argc == 3 && (!dm_parse_u64(argv[2], &fails) || fails > FAILS_MAX))
                return dm_message_error(error, ti,
                                        "'write fail count' must be a number from 0 to %u, got '%s'",
                                        FAILS_MAX, argv[2]);
        if (is_add)
                return add_block(ti, number, fails, error);
        if (g_ascii_strcasecmp(argv[0], "removebadblock") == 0)
                return remove_block(ti, number, error);
        *ret_reply = query_block(ti->priv, number);
        return true;
}

static bool message_about_all(struct dm_target *ti, const char *name, char **ret_reply)
{
        struct dust *d = ti->priv;

        if (g_ascii_strcasecmp(name, "enable") == 0)
                atomic_store(&d->enabled, true);
        else if (g_ascii_strcasecmp(name, "disable") == 0)
                atomic_store(&d->enabled, false);
        else if (g_ascii_strcasecmp(name, "quiet") == 0)
                d->quiet = !d->quiet;
        else if (g_ascii_strcasecmp(name, "countbadblocks") == 0)
                *ret_reply = count_blocks(d);
        else if (g_ascii_strcasecmp(name, "clearbadblocks") == 0)
                *ret_reply = clear_blocks(d);
        else if (g_ascii_strcasecmp(name, "listbadblocks") == 0)
                *ret_reply = list_blocks(d);
        else
                return false;
        return true;
}

static bool dust_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                         GError **error)
{
        static const char *const about_block[] = {"addbadblock", "removebadblock", "queryblock"};

        for (size_t i = 0; i < G_N_ELEMENTS(about_block); i++)
                if (g_ascii_strcasecmp(argv[0], about_block[i]) == 0)
                        return message_about_block(ti, argc, argv, ret_reply, error);
        if (argc > 1)
                return dm_message_error(error, ti, "there is no message '%s' with arguments",
                                        argv[0]);
        return message_about_all(ti, argv[0], ret_reply) ||
               dm_message_error(error, ti, "there is no message '%s'", argv[0]);
}

/* ---- I/O -------------------------------------------------------------------------------------- */

static bool read_fails(struct dust *d, uint64_t number)
{
        struct bad_block key = {.number = number};

        DM_LOCK_SCOPE(&d->lock);
        return g_tree_lookup(d->bad, &key) != NULL;
}

/* A write repairs the block, after as many failures as it was given. */
static bool write_fails(struct dust *d, uint64_t number)
{
        struct bad_block key = {.number = number}, *block;

        DM_LOCK_SCOPE(&d->lock);
        block = g_tree_lookup(d->bad, &key);
        if (block && block->fails) {
                block->fails--;
                return true;
        }
        if (block)
                g_tree_remove(d->bad, &key);
        return false;
}

static enum dm_map_result dust_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct dust *d = ti->priv;
        uint64_t number;

        bio->dev = d->dev;
        bio->offset = d->offset + dm_target_offset(ti, bio->offset);
        if (!atomic_load_explicit(&d->enabled, memory_order_relaxed))
                return DM_MAP_REMAPPED;
        /* blocks are counted from the start of the lower device */
        number = bio->offset >> d->shift;
        if (bio->op == DM_OP_READ ? !read_fails(d, number) : !write_fails(d, number))
                return DM_MAP_REMAPPED;
        bio->error = -EIO;
        return DM_MAP_DONE;
}

const struct dm_target_type dm_type_dust = {
        .name = "dust",
        .summary = "a lower device with bad blocks that messages make",
        .usage = "<device> <offset> <block size>",
        .version = {1, 0, 0},
        .priv_size = sizeof(struct dust),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = dust_ctr,
        .dtr = dust_dtr,
        .table = dust_table,
        .status = dust_status,
        .message = dust_message,
        .map = dust_map,
};
