/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the control protocol (org.fusemap.Control1.xml), one function each. */
#include "ctl/server-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

/* The version of the kernel's dm that the engine does as: what dmsetup calls the driver version. */
#define DM_DRIVER_VERSION "4.48.0"
#define DEFAULT_MODE 0600

enum info_flags {
        INFO_SUSPENDED = 1,
        INFO_LIVE = 2,
        INFO_INACTIVE = 4,
        INFO_READ_ONLY = 8,
        INFO_DEFERRED = 16,
        INFO_VISIBLE = 32,
        INFO_INACTIVE_READ_ONLY = 64,
};

static GVariant *nothing(void)
{
        return g_variant_new("()");
}

static GVariant *fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static GVariant *fail(GError **error, int code, const char *format, ...)
{
        va_list list;

        va_start(list, format);
        if (error)
                *error = g_error_new_valist(DM_ERROR, code, format, list);
        va_end(list);
        return NULL;
}

#define READ_DICT(dict, keys, error) ctl_dict_read(dict, keys, G_N_ELEMENTS(keys), error)

/* ---- devices ---------------------------------------------------------------------------------------- */

static const char *behind(const char *text, const char *prefix)
{
        return g_str_has_prefix(text, prefix) ? text + strlen(prefix) : NULL;
}

/* A reference to the device that TEXT names. */
static struct mapped_device *find(const char *text, GError **error)
{
        const char *uuid = behind(text, "/uuid/"), *minor = behind(text, "/minor/");
        struct mapped_device *md = NULL;
        uint64_t n;

        if (uuid)
                md = dm_get_by_uuid(uuid);
        else if (minor)
                md = dm_parse_u64(minor, &n) && n < DM_MINOR_ANY ? dm_get_by_minor((uint32_t)n) : NULL;
        else
                md = dm_get_by_name(text);
        if (!md)
                fail(error, ENXIO, "there is no device '%s'", text);
        return md;
}

static GVariant *argument(struct ctl_call *call, unsigned n)
{
        return g_variant_get_child_value(call->arguments, n);
}

static const char *text_argument(struct ctl_call *call, unsigned n)
{
        const char *text;

        g_variant_get_child(call->arguments, n, "&s", &text);
        return text;
}

/* ---- what devices are ---------------------------------------------------------------------------------- */

#define INFO_TYPE "(sstuuuuuutttuuu)"

static GVariant *info_variant(struct mapped_device *md)
{
        struct dm_info info;
        uint32_t flags;
        GVariant *variant;

        dm_get_info(md, &info);
        flags = (info.suspended ? INFO_SUSPENDED : 0) | (info.live ? INFO_LIVE : 0) |
                (info.inactive ? INFO_INACTIVE : 0) | (info.read_only ? INFO_READ_ONLY : 0) |
                (info.deferred_remove ? INFO_DEFERRED : 0) | (info.visible ? INFO_VISIBLE : 0) |
                (info.inactive_read_only ? INFO_INACTIVE_READ_ONLY : 0);
        variant = g_variant_new(INFO_TYPE, info.name, info.uuid, info.id, info.major, info.minor,
                                flags, info.open_count, info.references - 1, info.event_nr,
                                info.live_targets, info.inactive_targets, info.size,
                                (uint32_t)info.mode, (uint32_t)info.uid, (uint32_t)info.gid);
        dm_info_clear(&info);
        return variant;
}

static GVariant *method_info(struct ctl_call *call, GError **error)
{
        return g_variant_new("(@" INFO_TYPE ")", info_variant(call->md));
}

static GVariant *method_list(struct ctl_call *call, GError **error)
{
        g_autoptr(GPtrArray) devices = dm_list();
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a" INFO_TYPE));
        for (unsigned i = 0; i < devices->len; i++)
                g_variant_builder_add_value(&builder, info_variant(devices->pdata[i]));
        return g_variant_new("(a" INFO_TYPE ")", &builder);
}

static void corpse_to(gpointer data, gpointer builder)
{
        struct dm_corpse *corpse = data;

        g_variant_builder_add(builder, "(suu)", corpse->name, corpse->references, corpse->opens);
}

static GVariant *method_graveyard(struct ctl_call *call, GError **error)
{
        g_autoptr(GArray) corpses = dm_graveyard();
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(suu)"));
        for (unsigned i = 0; i < corpses->len; i++)
                corpse_to(&g_array_index(corpses, struct dm_corpse, i), &builder);
        return g_variant_new("(a(suu))", &builder);
}

/* ---- making them ------------------------------------------------------------------------------------------ */

/* Loads TABLE and lets MD run. */
static bool start(struct mapped_device *md, const char *table, bool read_only, GError **error)
{
        return dm_load(md, table, read_only ? DM_LOAD_READ_ONLY : 0, error) &&
               dm_resume(md, 0, error);
}

/* A new device, referenced. */
static struct mapped_device *create(const char *name, const char *table, GVariant *options,
                                    GError **error)
{
        bool read_only = false;
        struct dm_create_params params = {.name = name, .minor = DM_MINOR_ANY};
        uint32_t mode = DEFAULT_MODE, uid = getuid(), gid = getgid();
        const struct ctl_key keys[] = {
                {"uuid", 's', &params.uuid}, {"minor", 'u', &params.minor}, {"mode", 'u', &mode},
                {"uid", 'u', &uid},          {"gid", 'u', &gid},            {"readonly", 'b', &read_only},
        };
        struct mapped_device *md;

        if (!READ_DICT(options, keys, error))
                return NULL;
        params.mode = mode;
        params.uid = uid;
        params.gid = gid;
        if (!dm_create(&params, &md, error))
                return NULL;
        if (!*table || start(md, table, read_only, error))
                return md;
        /* somebody may have opened its file in the meantime */
        if (!dm_destroy(md, 0, NULL))
                dm_destroy_immediate(md);
        return NULL;
}

static GVariant *method_create(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 2);
        struct mapped_device *md = create(text_argument(call, 0), text_argument(call, 1), options,
                                          error);
        GVariant *answer;

        if (!md)
                return NULL;
        answer = g_variant_new("(@" INFO_TYPE ")", info_variant(md));
        dm_put(md);
        return answer;
}

static GVariant *method_create_many(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) list = argument(call, 0);
        g_autoptr(GError) why = NULL;
        g_autofree char *message = NULL;
        GVariantIter iter;
        const char *name, *table;
        GVariant *options;
        uint32_t created = 0;

        g_variant_iter_init(&iter, list);
        while (!why && g_variant_iter_next(&iter, "(&s&s@a{sv})", &name, &table, &options)) {
                struct mapped_device *md = create(name, table, options, &why);

                g_variant_unref(options);
                if (md) {
                        dm_put(md);
                        created++;
                }
        }
        if (why)
                message = g_utf8_make_valid(why->message, -1);
        return g_variant_new("(uss)", created, why ? ctl_error_name(why) : "",
                             why ? message : "");
}

/* ---- removing them ------------------------------------------------------------------------------------------ */

struct removal {
        bool deferred, immediate;
};

static bool read_removal(GVariant *options, struct removal *removal, GError **error)
{
        const struct ctl_key keys[] = {
                {"deferred", 'b', &removal->deferred},
                {"immediate", 'b', &removal->immediate},
        };

        return READ_DICT(options, keys, error);
}

/* Consumes the reference when it returns true. */
static bool remove_device(struct mapped_device *md, const struct removal *how, GError **error)
{
        if (!how->immediate)
                return dm_destroy(md, how->deferred ? DM_DESTROY_DEFERRED : 0, error);
        dm_destroy_immediate(md);
        return true;
}

static GVariant *method_remove(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 1);
        struct removal how = {false};

        if (!read_removal(options, &how, error) || !remove_device(call->md, &how, error))
                return NULL;
        call->md = NULL;
        return nothing();
}

/* One pass over all devices; how many are left, how many went, and the last of them.  A removal may wait for
 * long: no other device is referenced meanwhile, or its removal would wait too. */
static unsigned remove_pass(const struct removal *how, unsigned *ret_removed, uint64_t *ret_last)
{
        g_autoptr(GArray) ids = dm_list_ids();
        unsigned left = 0;

        *ret_removed = 0;
        for (unsigned i = 0; i < ids->len; i++) {
                struct mapped_device *md = dm_get_by_id(g_array_index(ids, uint64_t, i));

                if (!md)
                        continue; /* somebody else removed it */
                if (remove_device(md, how, NULL)) {
                        ++*ret_removed;
                        *ret_last = g_array_index(ids, uint64_t, i);
                } else {
                        dm_put(md);
                        left++;
                }
        }
        return left;
}

/* A device goes once none is stacked on it any more, hence the passes.  Deferred, one is enough: the
 * others follow by themselves. */
static GVariant *method_remove_all(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 0);
        struct removal how = {false};
        unsigned removed, left;

        if (!read_removal(options, &how, error))
                return NULL;
        do
                left = remove_pass(&how, &removed, &call->changed); /* told of in order */
        while (left && removed && !how.deferred);
        return g_variant_new("(u)", left);
}

/* ---- changing them -------------------------------------------------------------------------------------------- */

static GVariant *method_rename(struct ctl_call *call, GError **error)
{
        return dm_rename(call->md, text_argument(call, 1), error) ? nothing() : NULL;
}

static GVariant *method_set_uuid(struct ctl_call *call, GError **error)
{
        return dm_set_uuid(call->md, text_argument(call, 1), error) ? nothing() : NULL;
}

static GVariant *method_load(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 2);
        bool read_only = false;
        const struct ctl_key keys[] = {{"readonly", 'b', &read_only}};

        if (!READ_DICT(options, keys, error))
                return NULL;
        return dm_load(call->md, text_argument(call, 1), read_only ? DM_LOAD_READ_ONLY : 0, error)
                       ? nothing()
                       : NULL;
}

static GVariant *method_clear(struct ctl_call *call, GError **error)
{
        dm_clear(call->md);
        return nothing();
}

/* nolockfs: there is no filesystem above that the engine could freeze, so it says nothing. */
static bool read_noflush(struct ctl_call *call, bool *noflush, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 1);
        bool nolockfs;
        const struct ctl_key keys[] = {{"noflush", 'b', noflush}, {"nolockfs", 'b', &nolockfs}};

        return READ_DICT(options, keys, error);
}

static GVariant *method_suspend(struct ctl_call *call, GError **error)
{
        bool noflush = false;

        if (!read_noflush(call, &noflush, error))
                return NULL;
        return dm_suspend(call->md, noflush ? DM_SUSPEND_NOFLUSH : 0, error) ? nothing() : NULL;
}

static GVariant *method_resume(struct ctl_call *call, GError **error)
{
        bool noflush = false;

        if (!read_noflush(call, &noflush, error))
                return NULL;
        return dm_resume(call->md, noflush ? DM_SUSPEND_NOFLUSH : 0, error) ? nothing() : NULL;
}

/* ---- tables, messages, events ---------------------------------------------------------------------------------- */

static GVariant *utf8(char *text)
{
        return g_variant_new_take_string(g_utf8_make_valid(text ? text : "", -1));
}

/* How the table or the dependencies of one device, NULL for none, become a value of TYPE. */
struct lister {
        const char *type;
        GVariant *(*list)(struct mapped_device *md, unsigned flags);
};

static void append_line(GString *out, const struct dm_target_text *t)
{
        size_t at;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s ", t->start,
                               t->length, t->type);
        at = out->len;
        g_string_append(out, t->text);
        g_strdelimit(out->str + at, "\n", ' '); /* names may have such */
        g_string_append_c(out, '\n');
}

/* One text: a value for each target is ten times as slow to make, send and read, and a table may have a
 * million. */
static GVariant *list_targets(struct mapped_device *md, unsigned flags)
{
        g_autoptr(GArray) targets = md ? dm_table_text(md, flags) : NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; targets && i < targets->len; i++)
                append_line(text, &g_array_index(targets, struct dm_target_text, i));
        return utf8(text->str);
}

static GVariant *list_deps(struct mapped_device *md, unsigned flags)
{
        g_autoptr(GArray) deps = md ? dm_table_deps(md, flags) : NULL;
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(suub)"));
        for (unsigned i = 0; deps && i < deps->len; i++) {
                struct dm_dep *dep = &g_array_index(deps, struct dm_dep, i);

                g_variant_builder_add(&builder, "(@suub)", utf8(dep->path), dep->major, dep->minor,
                                      dep->mapped);
        }
        return g_variant_builder_end(&builder);
}

static const struct lister targets_lister = {"s", list_targets};
static const struct lister deps_lister = {"a(suub)", list_deps};

static bool read_text_flags(GVariant *options, unsigned *flags, GError **error)
{
        bool inactive = false, status = false, measure = false, noflush = false;
        const struct ctl_key keys[] = {
                {"inactive", 'b', &inactive},
                {"status", 'b', &status},
                {"measure", 'b', &measure},
                {"noflush", 'b', &noflush},
        };

        if (!READ_DICT(options, keys, error))
                return false;
        *flags = (inactive ? DM_TEXT_INACTIVE : 0) | (status ? DM_TEXT_STATUS : 0) |
                 (measure ? DM_TEXT_MEASURE : 0) | (noflush ? DM_TEXT_NOFLUSH : 0);
        return true;
}

static GVariant *list_one(struct ctl_call *call, const struct lister *lister, GError **error)
{
        g_autoptr(GVariant) options = argument(call, 1);
        GVariant *list;
        unsigned flags;

        if (!read_text_flags(options, &flags, error))
                return NULL;
        list = lister->list(call->md, flags);
        return g_variant_new_tuple(&list, 1);
}

static void add_listed(GVariantBuilder *builder, const char *name, struct mapped_device *md,
                       const struct lister *lister, unsigned flags)
{
        g_variant_builder_add(builder, "(ss@*)", name, md ? "" : "ENXIO", lister->list(md, flags));
}

static void list_all(GVariantBuilder *builder, const struct lister *lister, unsigned flags)
{
        g_autoptr(GPtrArray) devices = dm_list();

        for (unsigned i = 0; i < devices->len; i++) {
                struct dm_info info;

                dm_get_info(devices->pdata[i], &info);
                add_listed(builder, info.name, devices->pdata[i], lister, flags);
                dm_info_clear(&info);
        }
}

static GVariant *list_many(struct ctl_call *call, const struct lister *lister, GError **error)
{
        g_autoptr(GVariant) names = argument(call, 0);
        g_autoptr(GVariant) options = argument(call, 1);
        g_autofree char *type = g_strdup_printf("a(ss%s)", lister->type);
        GVariantBuilder builder;
        GVariantIter iter;
        const char *name;
        GVariant *list;
        unsigned flags;

        if (!read_text_flags(options, &flags, error))
                return NULL;
        g_variant_builder_init(&builder, G_VARIANT_TYPE(type));
        if (!g_variant_n_children(names))
                list_all(&builder, lister, flags);
        g_variant_iter_init(&iter, names);
        while (g_variant_iter_next(&iter, "&s", &name)) {
                struct mapped_device *md = find(name, NULL);

                add_listed(&builder, name, md, lister, flags);
                if (md)
                        dm_put(md);
        }
        list = g_variant_builder_end(&builder);
        return g_variant_new_tuple(&list, 1);
}

static GVariant *method_table(struct ctl_call *call, GError **error)
{
        return list_one(call, &targets_lister, error);
}

static GVariant *method_table_many(struct ctl_call *call, GError **error)
{
        return list_many(call, &targets_lister, error);
}

static GVariant *method_deps(struct ctl_call *call, GError **error)
{
        return list_one(call, &deps_lister, error);
}

static GVariant *method_deps_many(struct ctl_call *call, GError **error)
{
        return list_many(call, &deps_lister, error);
}

static GVariant *method_message(struct ctl_call *call, GError **error)
{
        g_autofree char *text = g_strdup(text_argument(call, 2));
        g_autofree char **words = NULL;
        g_autofree char *reply = NULL;
        unsigned count = dm_parse_words(text, &words);
        uint64_t sector;

        g_variant_get_child(call->arguments, 1, "t", &sector);
        if (!count)
                return fail(error, EINVAL, "the message is empty");
        if (!dm_message(call->md, sector, (int)count, words, &reply, error))
                return NULL;
        return g_variant_new("(b@s)", reply != NULL, utf8(reply));
}

static bool is_cancelled(void *user)
{
        struct ctl_client *client = user;

        return atomic_load(&client->closed) || atomic_load(&client->server->quiesced);
}

static GVariant *method_wait_event(struct ctl_call *call, GError **error)
{
        uint32_t event, now;

        g_variant_get_child(call->arguments, 1, "u", &event);
        if (!dm_wait_event(g_steal_pointer(&call->md), event, is_cancelled, call->client, &now))
                return fail(error, EINTR, "the mount is ending");
        return g_variant_new("(u)", now);
}

/* ---- the mount -------------------------------------------------------------------------------------------------- */

static GVariant *method_targets(struct ctl_call *call, GError **error)
{
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(s(uuu)ss)"));
        for (const struct dm_target_info *t = dm_target_types(); t->name; t++)
                g_variant_builder_add(&builder, "(s(uuu)ss)", t->name, t->version[0],
                                      t->version[1], t->version[2], t->summary, t->usage);
        return g_variant_new("(a(s(uuu)ss))", &builder);
}

static GVariant *method_version(struct ctl_call *call, GError **error)
{
        return g_variant_new("(ss@s)", FUSEMAP_VERSION, DM_DRIVER_VERSION,
                             utf8(call->client->server->mountpoint));
}

static GVariant *method_unmount(struct ctl_call *call, GError **error)
{
        struct ctl_server *server = call->client->server;
        gboolean force;

        g_variant_get_child(call->arguments, 0, "b", &force);
        {
                DM_LOCK_SCOPE(&server->lock);
                g_ptr_array_add(server->unmounts, call->invocation);
        }
        call->deferred = true;
        server->hooks.unmount(force, server->hooks.user);
        return NULL;
}

static GVariant *method_subscribe(struct ctl_call *call, GError **error)
{
        gboolean on;

        g_variant_get_child(call->arguments, 0, "b", &on);
        ctl_client_subscribe(call->client, on);
        return nothing();
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static const struct method {
        const char *name;
        GVariant *(*run)(struct ctl_call *call, GError **error);
        bool on_device; /* its first argument names one: call->md is a reference to it */
        bool changes;   /* of which the kernel has to hear */
} methods[] = {
        {.name = "Info", .run = method_info, .on_device = true},
        {.name = "List", .run = method_list},
        {.name = "Graveyard", .run = method_graveyard},
        {.name = "Create", .run = method_create},
        {.name = "CreateMany", .run = method_create_many},
        {.name = "Remove", .run = method_remove, .on_device = true, .changes = true},
        {.name = "RemoveAll", .run = method_remove_all},
        {.name = "Rename", .run = method_rename, .on_device = true, .changes = true},
        {.name = "SetUuid", .run = method_set_uuid, .on_device = true},
        {.name = "Load", .run = method_load, .on_device = true},
        {.name = "Clear", .run = method_clear, .on_device = true},
        {.name = "Suspend", .run = method_suspend, .on_device = true},
        {.name = "Resume", .run = method_resume, .on_device = true, .changes = true},
        {.name = "Table", .run = method_table, .on_device = true},
        {.name = "Deps", .run = method_deps, .on_device = true},
        {.name = "TableMany", .run = method_table_many},
        {.name = "DepsMany", .run = method_deps_many},
        {.name = "Message", .run = method_message, .on_device = true, .changes = true},
        {.name = "WaitEvent", .run = method_wait_event, .on_device = true},
        {.name = "Targets", .run = method_targets},
        {.name = "Version", .run = method_version},
        {.name = "Unmount", .run = method_unmount},
        {.name = "Subscribe", .run = method_subscribe},
};

static GVariant *run(const struct method *m, struct ctl_call *call, GError **error)
{
        GVariant *answer;

        if (m->on_device) {
                call->md = find(text_argument(call, 0), error);
                if (!call->md)
                        return NULL;
                if (m->changes)
                        call->changed = dm_id(call->md);
        }
        answer = m->run(call, error);
        if (call->md)
                dm_put(g_steal_pointer(&call->md));
        return answer;
}

GVariant *ctl_method_run(struct ctl_call *call, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_str_equal(methods[i].name, call->method))
                        return run(&methods[i], call, error);
        return fail(error, ENOSYS, "unknown method '%s'", call->method);
}
