/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a table stands on: opens backings and other mapped devices for it.
 *
 * Who is stacked on whom is kept here as a graph of device ids.  An edge is there from the moment a
 * table that is being made opens a mapped device until that table closes it, so two loads at the
 * same time that would close a circle together cannot both pass.
 */
#include "dm-internal.h"

#include <stdlib.h>
#include <string.h>

#define STACK_MAX 128u

/* ---- the graph -------------------------------------------------------------------------------- */

struct node {
        uint64_t id;
        GPtrArray *lower, *upper; /* struct node *; one entry an edge, so there may be equal ones */
        uint64_t visit;           /* the number of the walk that has computed `height' */
        unsigned height;
};

static struct dm_mutex topology = DM_MUTEX_INIT;
static GHashTable *nodes;     /* guarded: topology; id -> struct node *, only those with edges */
static uint64_t last_visit;   /* guarded: topology */
static char *map_dir;         /* guarded: topology; as given, tidied */
static char *map_dir_real;    /* guarded: topology; without symbolic links, NULL if unknown */

static struct node *node_find(uint64_t id)
{
        dm_assert_held(&topology);
        return nodes ? g_hash_table_lookup(nodes, &id) : NULL;
}

static struct node *node_get(uint64_t id)
{
        struct node *node = node_find(id);

        if (node)
                return node;
        if (!nodes)
                nodes = g_hash_table_new(g_int64_hash, g_int64_equal);
        node = g_new0(struct node, 1);
        node->id = id;
        node->lower = g_ptr_array_new();
        node->upper = g_ptr_array_new();
        g_hash_table_insert(nodes, &node->id, node);
        return node;
}

static void node_drop(struct node *node)
{
        if (node->lower->len || node->upper->len)
                return;
        g_hash_table_remove(nodes, &node->id);
        g_ptr_array_unref(node->lower);
        g_ptr_array_unref(node->upper);
        g_free(node);
        if (g_hash_table_size(nodes) == 0)
                g_clear_pointer(&nodes, g_hash_table_unref);
}

/* How many devices the longest chain from NODE has, downwards or upwards, itself included.  Marks
 * what it visits with the number of the walk. */
static unsigned node_height(struct node *node, bool down, uint64_t visit)
{
        GPtrArray *next;

        if (!node)
                return 1;
        if (node->visit == visit)
                return node->height;
        node->visit = visit;
        node->height = 0;
        next = down ? node->lower : node->upper;
        for (unsigned i = 0; i < next->len; i++) {
                unsigned height = node_height(g_ptr_array_index(next, i), down, visit);

                node->height = MAX(node->height, height);
        }
        return ++node->height;
}

static bool may_stack(uint64_t upper, uint64_t lower, const char *path, GError **error)
{
        struct node *above = node_find(upper), *below = node_find(lower);
        uint64_t down = ++last_visit, up = ++last_visit;
        unsigned height;

        /* the kernel has EINVAL for a device on itself */
        if (upper == lower)
                return dm_fail(error, EINVAL, "%s: the device would contain itself", path);
        height = node_height(below, true, down);
        if (above && above->visit == down)
                return dm_fail(error, ELOOP, "%s: the device would contain itself", path);
        if (height + node_height(above, false, up) > STACK_MAX)
                return dm_fail(error, ELOOP, "%s: more than %u devices on top of each other", path,
                               STACK_MAX);
        return true;
}

static void edge_add(uint64_t upper, uint64_t lower)
{
        struct node *above = node_get(upper), *below = node_get(lower);

        g_ptr_array_add(above->lower, below);
        g_ptr_array_add(below->upper, above);
}

static void edge_remove(uint64_t upper, uint64_t lower)
{
        struct node *above = node_find(upper), *below = node_find(lower);

        g_ptr_array_remove_fast(above->lower, below);
        g_ptr_array_remove_fast(below->upper, above);
        node_drop(above);
        node_drop(below);
}

/* ---- which paths are mapped devices ----------------------------------------------------------- */

/* PATH without doubled slashes and "." parts; NULL when it is relative or has "..", which only the
 * file system can resolve. */
static char *tidy(const char *path)
{
        if (!g_path_is_absolute(path) || strstr(path, "/../") || g_str_has_suffix(path, "/.."))
                return NULL;
        return g_canonicalize_filename(path, "/");
}

void dm_set_map_directory(const char *dir)
{
        char *real = realpath(dir, NULL);

        DM_LOCK_SCOPE(&topology);
        g_free(map_dir);
        free(map_dir_real);
        map_dir = tidy(dir);
        map_dir_real = real;
}

/* The part of PATH behind DIR and a slash, if that is all there is. */
static const char *name_below(const char *path, const char *dir)
{
        const char *name = strrchr(path, '/');
        size_t length;

        if (!dir || !name)
                return NULL;
        length = (size_t)(name - path);
        return strlen(dir) == length && strncmp(path, dir, length) == 0 && name[1] ? name + 1
                                                                                    : NULL;
}

static char *name_in_map_dir(const char *path)
{
        DM_LOCK_SCOPE(&topology);
        const char *name = name_below(path, map_dir);

        if (!name)
                name = name_below(path, map_dir_real);
        return g_strdup(name);
}

/* The mapped device that PATH is a file of, by whatever way it leads to the mount; NULL if none. */
static char *map_dir_name(const char *path)
{
        g_autofree char *tidied = tidy(path);
        char *name = NULL, *real;

        if (tidied)
                name = name_in_map_dir(tidied);
        if (name)
                return name;
        {
                DM_LOCK_SCOPE(&topology);
                if (!map_dir)
                        return NULL;
        }
        real = realpath(path, NULL);
        if (real)
                name = name_in_map_dir(real);
        free(real);
        return name;
}

/* "MAJOR:MINOR" */
static bool parse_numbers(const char *path, uint64_t *ret_major, uint64_t *ret_minor)
{
        const char *colon = strchr(path, ':');
        g_autofree char *major = NULL;

        if (!colon)
                return false;
        major = g_strndup(path, (gsize)(colon - path));
        return dm_parse_u64(major, ret_major) && dm_parse_u64(colon + 1, ret_minor) &&
               *ret_major <= UINT32_MAX && *ret_minor < DM_MINOR_ANY;
}

/* Takes PATH apart.  True with *RET_MD, referenced: that mapped device; true without: what to open is
 * *RET_FILE.  False: it names a mapped device that is not there. */
static bool resolve(const char *path, struct mapped_device **ret_md, char **ret_file,
                    GError **error)
{
        static const char dev_mapper[] = "/dev/mapper/";
        g_autofree char *name = NULL;
        uint64_t major, minor;

        *ret_md = NULL;
        *ret_file = NULL;
        if (parse_numbers(path, &major, &minor)) {
                if (major != DM_MAJOR) {
                        *ret_file = g_strdup_printf("/dev/block/%s", path);
                        return true;
                }
                *ret_md = dm_get_by_minor((uint32_t)minor);
                return *ret_md || dm_fail(error, ENXIO, "%s: there is no such mapped device", path);
        }
        if (!strchr(path, '/')) {
                *ret_md = dm_get_by_name(path);
        } else if (g_str_has_prefix(path, dev_mapper) && !strchr(path + strlen(dev_mapper), '/')) {
                *ret_md = dm_get_by_name(path + strlen(dev_mapper));
        }
        if (*ret_md)
                return true;

        name = map_dir_name(path);
        if (name) {
                *ret_md = dm_get_by_name(name);
                return *ret_md || dm_fail(error, ENOENT, "%s: there is no such mapped device", path);
        }
        *ret_file = g_strdup(path);
        return true;
}

/* ---- opening ---------------------------------------------------------------------------------- */

struct dev {
        struct dm_dev dev;
        size_t prefix;    /* with dev.md: so much of the path stands before the device's name */
        bool by_name;     /* the path ends in the device's name, which may change */
        GPtrArray *texts; /* guarded: topology; what dm_dev_path() has given, the latest last */
        uint64_t upper;   /* the id of the table's device; with dev.md: there is an edge */
        bool edge;
        bool open;        /* dev.md is opened: by the first dev of a table only */
};

static char *quote(const char *path)
{
        GString *text = g_string_new(NULL);

        for (; *path; path++) {
                if (strchr(" \t\\", *path))
                        g_string_append_c(text, '\\');
                g_string_append_c(text, *path);
        }
        return g_string_free(text, FALSE);
}

/* The dev of TABLE that names the same as DEV first; DEV itself if none does. */
static struct dm_dev *find_first(const struct dm_table *table, struct dm_dev *dev)
{
        for (unsigned i = 0; i < table->devs->len; i++) {
                struct dm_dev *other = table->devs->pdata[i];

                if (other->md == dev->md && other->backing == dev->backing)
                        return other->first;
        }
        return dev;
}

/* Opens MD for the table of UPPER (which may be NULL: then nothing can be stacked on it). */
static bool open_mapped(struct dev *dev, struct mapped_device *md, struct mapped_device *upper,
                        GError **error)
{
        DM_LOCK_SCOPE(&topology);

        if (upper && !may_stack(dm_id(upper), dm_id(md), dev->dev.path, error))
                return false;
        if (dm_open(md) < 0)
                return dm_fail(error, ENXIO, "%s: the mapped device is being removed",
                               dev->dev.path);
        dev->open = true;
        if (upper) {
                dev->upper = dm_id(upper);
                dev->edge = true;
                edge_add(dev->upper, dm_id(md));
        }
        return true;
}

/* What of the path stays when MD is renamed. */
static void learn_prefix(struct dev *dev, struct mapped_device *md)
{
        g_autofree char *name = dm_names_name(md);
        uint64_t unused;

        dev->by_name = !parse_numbers(dev->dev.path, &unused, &unused) &&
                       g_str_has_suffix(dev->dev.path, name);
        if (dev->by_name)
                dev->prefix = strlen(dev->dev.path) - strlen(name);
}

struct dm_dev *dm_dev_open(struct dm_table *table, const char *path, GError **error)
{
        struct mapped_device *md;
        g_autofree char *file = NULL;
        struct dev *dev;
        bool done;

        if (!resolve(path, &md, &file, error))
                return NULL;
        dev = g_new0(struct dev, 1);
        dev->dev.path = g_strdup(path);
        dev->texts = g_ptr_array_new_with_free_func(g_free);
        dev->dev.own_flush = true;
        if (md) {
                learn_prefix(dev, md);
                dev->dev.md = md;
                dev->dev.first = find_first(table, &dev->dev);
                done = dev->dev.first != &dev->dev || open_mapped(dev, md, table->md, error);
                dm_put(md);
        } else {
                dev->dev.backing = dm_backing_open(file, table->read_only, error);
                done = dev->dev.backing != NULL;
                dev->dev.first = find_first(table, &dev->dev);
        }
        if (done)
                return &dev->dev;
        dm_dev_close(&dev->dev);
        return NULL;
}

void dm_dev_close(struct dm_dev *dm_dev)
{
        struct dev *dev = (struct dev *)dm_dev;

        if (dev->edge) {
                DM_LOCK_SCOPE(&topology);
                edge_remove(dev->upper, dm_id(dm_dev->md));
        }
        if (dev->open)
                dm_close(dm_dev->md);
        if (dm_dev->backing)
                dm_backing_close(dm_dev->backing);
        g_free(dm_dev->path);
        g_ptr_array_unref(dev->texts);
        g_free(dev);
}

uint64_t dm_dev_size(struct dm_dev *dev)
{
        return dev->md ? dm_size(dev->md) : dm_backing_size(dev->backing);
}

/* ---- for targets ------------------------------------------------------------------------------ */

struct dm_dev *dm_args_dev(struct dm_args *args, struct dm_target *ti, GError **error)
{
        struct dm_table *table = ti->table;
        const char *path = dm_args_word(args, "device", error);
        struct dm_dev *dev;

        if (!path)
                return NULL;
        dev = g_hash_table_lookup(table->dev_by_path, path);
        if (!dev) {
                dev = dm_dev_open(table, path, error);
                if (!dev) {
                        g_prefix_error(error, "%s: ", args->target);
                        return NULL;
                }
                g_ptr_array_add(table->devs, dev);
                g_hash_table_insert(table->dev_by_path, dev->path, dev);
        }
        dev->first->own_flush &= (ti->type->flags & DM_TARGET_MAPS_FLUSH) != 0;
        return dev;
}

void dm_dev_claim(struct dm_dev *dev, struct dm_target *ti, uint64_t offset, uint64_t len)
{
        uint64_t end;

        if (__builtin_add_overflow(offset, len, &end))
                end = UINT64_MAX;
        if (end > dev->claimed) {
                dev->claimed = end;
                dev->claimed_by = ti->type->name;
        }
}

char *dm_dev_current_path(const struct dm_dev *dm_dev)
{
        const struct dev *dev = (const struct dev *)dm_dev;
        g_autofree char *name = NULL;

        if (!dev->by_name)
                return g_strdup(dm_dev->path);
        name = dm_names_name(dm_dev->md);
        return g_strdup_printf("%.*s%s", (int)dev->prefix, dm_dev->path, name);
}

const char *dm_dev_path(const struct dm_dev *dm_dev)
{
        const struct dev *dev = (const struct dev *)dm_dev;
        g_autofree char *path = dm_dev_current_path(dm_dev);
        g_autofree char *text = quote(path);

        DM_LOCK_SCOPE(&topology);
        if (!dev->texts->len || strcmp(text, dev->texts->pdata[dev->texts->len - 1]))
                g_ptr_array_add(dev->texts, g_steal_pointer(&text));
        return dev->texts->pdata[dev->texts->len - 1];
}
