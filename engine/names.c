/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is called what: names, uuids, minors, ids, open counts, and who may destroy whom. */
#include "dm-internal.h"

#include <string.h>

static struct dm_mutex names = DM_MUTEX_INIT;

/* guarded: names */
static GHashTable *by_name, *by_uuid, *by_minor, *by_id;
static GHashTable *all; /* every device that is not freed */
static uint64_t last_id;
static uint32_t minors_used; /* every minor below is taken */

static void need_tables(void)
{
        dm_assert_held(&names);
        if (all)
                return;
        by_name = g_hash_table_new(g_str_hash, g_str_equal);
        by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
        by_minor = g_hash_table_new(g_direct_hash, g_direct_equal);
        by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
        all = g_hash_table_new(g_direct_hash, g_direct_equal);
}

static bool check_name(const char *name, GError **error)
{
        if (!*name)
                return dm_fail(error, EINVAL, "a device needs a name");
        if (strlen(name) > DM_NAME_MAX)
                return dm_fail(error, EINVAL, "name '%s' is longer than %d bytes", name,
                               DM_NAME_MAX);
        if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
                return dm_fail(error, EINVAL, "'%s' can't be a device's name", name);
        return true;
}

static bool check_uuid(const char *uuid, GError **error)
{
        if (strlen(uuid) > DM_UUID_MAX)
                return dm_fail(error, EINVAL, "uuid '%s' is longer than %d bytes", uuid,
                               DM_UUID_MAX);
        return true;
}

static gpointer minor_key(uint32_t minor)
{
        return GUINT_TO_POINTER(minor);
}

static bool take_minor(struct mapped_device *md, uint32_t wanted, GError **error)
{
        uint32_t minor = wanted;

        dm_assert_held(&names);
        if (wanted == DM_MINOR_ANY) {
                while (g_hash_table_contains(by_minor, minor_key(minors_used)))
                        minors_used++;
                minor = minors_used;
        }
        /* ENXIO, as the kernel has it for both */
        if (minor >= 1u << 20)
                return dm_fail(error, wanted == DM_MINOR_ANY ? ENOSPC : ENXIO,
                               "minor number %u is not below %u", minor, 1u << 20);
        if (g_hash_table_contains(by_minor, minor_key(minor)))
                return dm_fail(error, ENXIO, "minor number %u is in use", minor);
        md->minor = minor;
        return true;
}

bool dm_names_publish(struct mapped_device *md, const struct dm_create_params *params,
                      GError **error)
{
        const char *uuid = params->uuid && *params->uuid ? params->uuid : NULL;

        if (!check_name(params->name, error) || (uuid && !check_uuid(uuid, error)))
                return false;

        DM_LOCK_SCOPE(&names);
        need_tables();
        if (g_hash_table_contains(by_name, params->name))
                return dm_fail(error, EBUSY, "a device named '%s' exists", params->name);
        if (uuid && g_hash_table_contains(by_uuid, uuid))
                return dm_fail(error, EBUSY, "a device with uuid '%s' exists", uuid);
        if (!take_minor(md, params->minor, error))
                return false;

        md->id = ++last_id;
        md->name = g_strdup(params->name);
        md->uuid = g_strdup(uuid);
        md->mode = params->mode & 07777;
        md->uid = params->uid;
        md->gid = params->gid;
        md->published = true;
        g_hash_table_insert(by_name, md->name, md);
        if (md->uuid)
                g_hash_table_insert(by_uuid, md->uuid, md);
        g_hash_table_insert(by_minor, minor_key(md->minor), md);
        g_hash_table_insert(by_id, &md->id, md);
        g_hash_table_add(all, md);
        return true;
}

static void unpublish(struct mapped_device *md)
{
        dm_assert_held(&names);
        if (!md->published)
                return;
        md->published = false;
        g_hash_table_remove(by_name, md->name);
        if (md->uuid)
                g_hash_table_remove(by_uuid, md->uuid);
        g_hash_table_remove(by_minor, minor_key(md->minor));
        g_hash_table_remove(by_id, &md->id);
        minors_used = MIN(minors_used, md->minor);
}

/* ---- lookup: find and reference in one step ---------------------------------------------------- */

static struct mapped_device *get_from(GHashTable **table, gconstpointer key)
{
        struct mapped_device *md;

        DM_LOCK_SCOPE(&names);
        need_tables();
        md = g_hash_table_lookup(*table, key);
        return md && dm_get(md) ? md : NULL;
}

struct mapped_device *dm_get_by_name(const char *name)
{
        return get_from(&by_name, name);
}

struct mapped_device *dm_get_by_uuid(const char *uuid)
{
        return get_from(&by_uuid, uuid);
}

struct mapped_device *dm_get_by_minor(uint32_t minor)
{
        return get_from(&by_minor, minor_key(minor));
}

struct mapped_device *dm_get_by_id(uint64_t id)
{
        return get_from(&by_id, &id);
}

struct named {
        char *name;
        struct mapped_device *md;
};

static int compare_named(gconstpointer a, gconstpointer b)
{
        return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void put_pointer(gpointer md)
{
        dm_put(md);
}

GPtrArray *dm_list(void)
{
        g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct named));
        GPtrArray *list = g_ptr_array_new_with_free_func(put_pointer);
        GHashTableIter iter;
        struct named entry;

        {
                DM_LOCK_SCOPE(&names);
                need_tables();
                g_hash_table_iter_init(&iter, by_name);
                while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&entry.md)) {
                        if (!dm_get(entry.md))
                                continue;
                        entry.name = g_strdup(entry.md->name);
                        g_array_append_val(found, entry);
                }
        }
        g_array_sort(found, compare_named);
        for (unsigned i = 0; i < found->len; i++) {
                struct named *n = &g_array_index(found, struct named, i);

                g_ptr_array_add(list, n->md);
                g_free(n->name);
        }
        return list;
}

GArray *dm_list_ids(void)
{
        GArray *ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        g_autoptr(GPtrArray) devices = dm_list();

        for (unsigned i = 0; i < devices->len; i++) {
                uint64_t id = dm_id(devices->pdata[i]);

                g_array_append_val(ids, id);
        }
        return ids;
}

/* ---- attributes -------------------------------------------------------------------------------- */

void dm_names_fill_info(struct mapped_device *md, struct dm_info *info)
{
        DM_LOCK_SCOPE(&names);
        info->name = g_strdup(md->name);
        info->uuid = g_strdup(md->uuid ? md->uuid : "");
        info->open_count = md->opens;
        info->mode = md->mode;
        info->uid = md->uid;
        info->gid = md->gid;
        info->deferred_remove = md->deferred_remove;
        info->visible = md->visible;
}

char *dm_names_name(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        return g_strdup(md->name);
}

void dm_names_set_attributes(struct mapped_device *md, mode_t mode, uid_t uid, gid_t gid)
{
        DM_LOCK_SCOPE(&names);
        if (mode != (mode_t)-1)
                md->mode = mode & 07777;
        if (uid != (uid_t)-1)
                md->uid = uid;
        if (gid != (gid_t)-1)
                md->gid = gid;
}

bool dm_names_rename(struct mapped_device *md, const char *new_name, char **ret_old,
                     GError **error)
{
        if (!check_name(new_name, error))
                return false;

        DM_LOCK_SCOPE(&names);
        if (!md->published)
                return dm_fail(error, ENXIO, "the device '%s' is being removed", md->name);
        if (g_hash_table_contains(by_name, new_name))
                return dm_fail(error, EBUSY, "a device named '%s' exists", new_name);
        g_hash_table_remove(by_name, md->name);
        *ret_old = md->name;
        md->name = g_strdup(new_name);
        g_hash_table_insert(by_name, md->name, md);
        return true;
}

bool dm_names_set_uuid(struct mapped_device *md, const char *uuid, GError **error)
{
        if (!*uuid)
                return dm_fail(error, EINVAL, "an empty uuid");
        if (!check_uuid(uuid, error))
                return false;

        DM_LOCK_SCOPE(&names);
        if (!md->published)
                return dm_fail(error, ENXIO, "the device '%s' is being removed", md->name);
        if (md->uuid)
                return dm_fail(error, EINVAL, "the device '%s' has the uuid '%s' already", md->name,
                               md->uuid);
        if (g_hash_table_contains(by_uuid, uuid))
                return dm_fail(error, EBUSY, "a device with uuid '%s' exists", uuid);
        md->uuid = g_strdup(uuid);
        g_hash_table_insert(by_uuid, md->uuid, md);
        return true;
}

/* ---- opens and the end -------------------------------------------------------------------------- */

int dm_open(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        if (md->destroying)
                return -ENXIO;
        md->opens++;
        return 0;
}

void dm_close(struct mapped_device *md)
{
        bool last_of_deferred = false;

        {
                DM_LOCK_SCOPE(&names);
                assert(md->opens > 0);
                md->opens--;
                if (!md->opens && md->deferred_remove && !md->destroying) {
                        md->destroying = true;
                        unpublish(md);
                        last_of_deferred = true;
                }
        }
        /* the reaper may have freed a dead device by now; it waits for this, and others may */
        if (last_of_deferred)
                dm_reaper_bury(md);
        dm_wake_all();
}

bool dm_names_is_open(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        return md->opens > 0;
}

enum dm_claim dm_names_claim(struct mapped_device *md, bool deferred, bool immediate)
{
        DM_LOCK_SCOPE(&names);
        if (md->destroying)
                return DM_CLAIM_GONE;
        if (md->opens && !immediate) {
                if (!deferred)
                        return DM_CLAIM_OPEN;
                md->deferred_remove = true;
                md->visible = false;
                return DM_CLAIM_DEFER;
        }
        md->destroying = true;
        unpublish(md);
        return DM_CLAIM_YES;
}

bool dm_names_undefer(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        if (md->destroying)
                return false;
        md->deferred_remove = false;
        return true;
}

bool dm_names_show(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        if (md->visible || md->deferred_remove || md->destroying)
                return false;
        md->visible = true;
        return true;
}

bool dm_names_forget(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&names);
        if (md->opens || (atomic_load(&md->word) & DM_WORD_REFS))
                return false;
        g_hash_table_remove(all, md);
        return true;
}

GPtrArray *dm_names_hold_all(void)
{
        GPtrArray *held = g_ptr_array_new_with_free_func(put_pointer);
        GHashTableIter iter;
        gpointer md;

        DM_LOCK_SCOPE(&names);
        need_tables();
        g_hash_table_iter_init(&iter, all);
        while (g_hash_table_iter_next(&iter, &md, NULL)) {
                /* shut or not: dm_names_forget() looks again under this lock */
                atomic_fetch_add(&((struct mapped_device *)md)->word, DM_WORD_REF);
                g_ptr_array_add(held, md);
        }
        return held;
}
