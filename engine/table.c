/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables: from text to targets, and from a byte to its target.
 *
 * The lookup index cuts the device into slices of 2^index_shift bytes, one or two for each target.
 * index[N] says which target has the first byte of slice N: its number times two, plus one if it begins
 * right there.  So the target of a byte is one of few, or just one when the targets are alike, and only
 * that one's cache line is looked at.  When they are not alike a slice has many, and they are searched by
 * halves: never more steps than the table would need by itself.
 */
#include "dm-internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* ---- text ------------------------------------------------------------------------------------- */

static bool parse_place(struct dm_table *table, char **words, struct dm_target *ti, GError **error)
{
        uint64_t start, length, end;

        if (!dm_parse_u64(words[0], &start))
                return dm_fail(error, EINVAL, "'start' must be a number of sectors, got '%s'",
                               words[0]);
        if (!dm_parse_u64(words[1], &length))
                return dm_fail(error, EINVAL, "'length' must be a number of sectors, got '%s'",
                               words[1]);
        if (length == 0)
                return dm_fail(error, EINVAL, "'length' must not be 0");
        if (start != table->size >> DM_SECTOR_SHIFT) {
                end = table->size >> DM_SECTOR_SHIFT;
                if (end == 0)
                        return dm_fail(error, EINVAL,
                                       "the first target must start at sector 0, not at %" PRIu64,
                                       start);
                return dm_fail(error, EINVAL,
                               "%s: the target starts at sector %" PRIu64
                               ", the one before it ends at %" PRIu64,
                               start > end ? "gap" : "overlap", start, end);
        }
        /* File offsets are signed: beyond this no byte could be named. */
        if (__builtin_add_overflow(start, length, &end) || end > INT64_MAX >> DM_SECTOR_SHIFT)
                return dm_fail(error, EINVAL,
                               "'length' of %" PRIu64 " sectors makes the device too large", length);

        ti->begin = start << DM_SECTOR_SHIFT;
        ti->len = length << DM_SECTOR_SHIFT;
        return true;
}

static bool construct(struct dm_target *ti, char **words, unsigned count, GError **error)
{
        struct dm_args args = {.target = ti->type->name, .argc = count, .argv = words};
        GError *why = NULL;

        if (ti->type->ctr && !ti->type->ctr(ti, &args, &why)) {
                if (why)
                        g_propagate_error(error, why);
                else
                        dm_target_error(error, &args, "cannot be made");
                return false;
        }
        if (args.next < args.argc) {
                dm_target_error(error, &args, "takes no more arguments, got '%s'",
                                args.argv[args.next]);
                return false;
        }
        return true;
}

/* LINE is taken apart in place. */
static bool add_line(struct dm_table *table, char *line, GError **error)
{
        static const char *const fields[] = {"start", "length", "target type"};
        struct dm_target *ti = &table->targets[table->count];
        g_autofree char **words = NULL;
        unsigned count = dm_parse_words(line, &words);

        if (count < G_N_ELEMENTS(fields))
                return dm_fail(error, EINVAL,
                               "'%s' is missing, expected 'start length target arguments'",
                               fields[count]);
        if (!parse_place(table, words, ti, error))
                return false;
        ti->type = dm_target_type_find(words[2]);
        if (!ti->type)
                return dm_fail(error, EINVAL, "unknown target type '%s'", words[2]);

        ti->table = table;
        if (ti->type->priv_size > sizeof(ti->small_priv))
                ti->priv = g_malloc0(ti->type->priv_size);
        else if (ti->type->priv_size)
                ti->priv = ti->small_priv;
        /* From here on it counts, so that a ctr that fails gets its dtr. */
        table->count++;
        table->size = ti->begin + ti->len;
        table->maps_flush |= (ti->type->flags & DM_TARGET_MAPS_FLUSH) != 0;
        return construct(ti, words + 3, count - 3, error);
}

/* The line that begins at TEXT: its length; *RET_NEXT is the line behind it, NULL for none. */
static size_t line_length(const char *text, const char **ret_next)
{
        const char *end = strchr(text, '\n');

        *ret_next = end ? end + 1 : NULL;
        return end ? (size_t)(end - text) : strlen(text);
}

static bool is_blank_line(const char *line, size_t length)
{
        return strspn(line, " \t\r\n") >= length;
}

static size_t count_lines(const char *text)
{
        size_t count = 0, length;

        for (const char *next; text; text = next) {
                length = line_length(text, &next);
                count += !is_blank_line(text, length);
        }
        return count;
}

static bool parse_text(struct dm_table *table, const char *text, GError **error)
{
        g_autoptr(GString) line = g_string_new(NULL);
        size_t number = 0, length;

        for (const char *next; text; text = next) {
                number++;
                length = line_length(text, &next);
                if (is_blank_line(text, length))
                        continue;
                g_string_truncate(line, 0);
                g_string_append_len(line, text, (gssize)length);
                if (!add_line(table, line->str, error)) {
                        g_prefix_error(error, "line %zu: ", number);
                        return false;
                }
        }
        if (table->count == 0)
                return dm_fail(error, EINVAL, "the table has no targets");
        return true;
}

/* ---- lookup ----------------------------------------------------------------------------------- */

static void build_index(struct dm_table *table)
{
        size_t slices, target = 0;
        unsigned shift = DM_SECTOR_SHIFT;

        if (table->count == 1)
                return;
        g_assert(table->count < UINT32_MAX / 2);
        while (table->size >> (shift + 1) >= table->count)
                shift++;
        slices = ((table->size - 1) >> shift) + 1;
        table->index_shift = shift;
        table->index = g_new(uint32_t, slices + 1);
        for (size_t i = 0; i < slices; i++) {
                uint64_t begin = (uint64_t)i << shift;

                while (target + 1 < table->count && table->targets[target + 1].begin <= begin)
                        target++;
                table->index[i] = (uint32_t)(target * 2) + (table->targets[target].begin == begin);
        }
        table->index[slices] = (uint32_t)(table->count * 2) + 1; /* as if one began there */
}

struct dm_target *dm_table_find(const struct dm_table *table, uint64_t offset)
{
        struct dm_target *targets = table->targets;
        const uint32_t *slice;
        size_t low, high;

        if (!table->index)
                return targets;
        slice = &table->index[offset >> table->index_shift];
        /* the targets of the slice's first and last byte */
        low = slice[0] >> 1;
        high = (slice[1] >> 1) - (slice[1] & 1);
        while (low < high) {
                size_t middle = high - (high - low) / 2;

                if (targets[middle].begin <= offset)
                        low = middle;
                else
                        high = middle - 1;
        }
        return &targets[low];
}

/* ---- lifetime --------------------------------------------------------------------------------- */

static void close_dev(void *dev)
{
        dm_dev_close(dev);
}

static void free_table(struct dm_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                struct dm_target *ti = &table->targets[i];

                if (ti->type->dtr)
                        ti->type->dtr(ti);
                if (ti->priv != ti->small_priv)
                        g_free(ti->priv);
        }
        g_hash_table_unref(table->dev_by_path);
        g_ptr_array_unref(table->devs);
        g_free(table->index);
        free(table->targets);
        g_free(table);
}

static struct dm_target *new_targets(size_t count)
{
        size_t size = MAX(count, 1) * sizeof(struct dm_target);
        struct dm_target *targets = aligned_alloc(_Alignof(struct dm_target), size);

        if (!targets)
                g_error("no memory for a table of %zu targets", count);
        return memset(targets, 0, size);
}

struct dm_table *dm_table_new(struct mapped_device *md, const char *text, bool read_only,
                              GError **error)
{
        struct dm_table *table = g_new0(struct dm_table, 1);

        atomic_init(&table->refs, 1);
        table->md = md;
        table->read_only = read_only;
        table->devs = g_ptr_array_new_with_free_func(close_dev);
        table->dev_by_path = g_hash_table_new(g_str_hash, g_str_equal);
        /* All at once: targets may keep pointers to themselves, so they must not move. */
        table->targets = new_targets(count_lines(text));
        if (!parse_text(table, text, error)) {
                free_table(table);
                return NULL;
        }
        build_index(table);
        return table;
}

struct dm_table *dm_table_ref(struct dm_table *table)
{
        atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
        return table;
}

void dm_table_unref(struct dm_table *table)
{
        if (atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) == 1)
                free_table(table);
}

/* ---- what the control plane asks -------------------------------------------------------------- */

bool dm_table_check_sizes(struct dm_table *table, GError **error)
{
        for (unsigned i = 0; i < table->devs->len; i++) {
                struct dm_dev *dev = g_ptr_array_index(table->devs, i);
                uint64_t size;

                if (dev->claimed == 0)
                        continue;
                size = dm_dev_size(dev);
                if (dev->claimed > size)
                        return dm_fail(error, EINVAL,
                                       "%s: device is too small: %s needs %" PRIu64
                                       " sectors, it has %" PRIu64,
                                       dev->path, dev->claimed_by,
                                       dev->claimed >> DM_SECTOR_SHIFT, size >> DM_SECTOR_SHIFT);
        }
        return true;
}

void dm_table_presuspend(struct dm_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                struct dm_target *ti = &table->targets[i];

                if (ti->type->presuspend)
                        ti->type->presuspend(ti);
        }
}

void dm_table_resume(struct dm_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                struct dm_target *ti = &table->targets[i];

                if (ti->type->resume)
                        ti->type->resume(ti);
        }
}

static void append_measured(struct dm_target *ti, GString *out)
{
        const struct dm_target_type *type = ti->type;

        if (!type->measure)
                return;
        g_string_append_printf(out, "target_name=%s,target_version=%u.%u.%u", type->name,
                               type->version[0], type->version[1], type->version[2]);
        type->measure(ti, out);
        g_string_append_c(out, ';');
}

void dm_table_append_text(struct dm_table *table, unsigned flags, GArray *out)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (size_t i = 0; i < table->count; i++) {
                struct dm_target *ti = &table->targets[i];
                void (*print)(struct dm_target *, GString *) =
                        flags & DM_TEXT_MEASURE  ? append_measured
                        : flags & DM_TEXT_STATUS ? ti->type->status
                                                 : ti->type->table;
                struct dm_target_text entry = {
                        .start = ti->begin >> DM_SECTOR_SHIFT,
                        .length = ti->len >> DM_SECTOR_SHIFT,
                        .type = ti->type->name,
                };

                g_string_truncate(text, 0);
                if (print)
                        print(ti, text);
                entry.text = g_strdup(text->str);
                g_array_append_val(out, entry);
        }
}

void dm_table_append_deps(struct dm_table *table, GArray *out)
{
        for (unsigned i = 0; i < table->devs->len; i++) {
                struct dm_dev *dev = g_ptr_array_index(table->devs, i);
                struct dm_dep dep = {.path = dm_dev_current_path(dev), .mapped = dev->md != NULL};
                dev_t rdev;

                if (dev->first != dev) {
                        g_free(dep.path);
                        continue;
                }
                if (dev->md) {
                        dep.major = DM_MAJOR;
                        dep.minor = dm_minor(dev->md);
                } else {
                        rdev = dm_backing_rdev(dev->backing);
                        dep.major = major(rdev);
                        dep.minor = minor(rdev);
                }
                g_array_append_val(out, dep);
        }
}
