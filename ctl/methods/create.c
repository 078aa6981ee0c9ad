/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods/methods.h"

#include <unistd.h>

#define DEFAULT_MODE 0600

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

        if (!CTL_READ_DICT(options, keys, error))
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

GVariant *ctl_method_create(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 2);
        struct mapped_device *md = create(ctl_text_argument(call, 0), ctl_text_argument(call, 1), options,
                                          error);
        GVariant *answer;

        if (!md)
                return NULL;
        answer = g_variant_new("(@" CTL_INFO_TYPE ")", ctl_info_variant(md));
        dm_put(md);
        return answer;
}

GVariant *ctl_method_create_many(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) list = ctl_argument(call, 0);
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
