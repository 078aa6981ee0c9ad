/* SPDX-License-Identifier: BSD-3-Clause */
/* What is of no device: versions, target types, the end of the mount. */
#include "ctl/methods/methods.h"

/* The version of the kernel's dm that the engine does as: what dmsetup calls the driver version. */
#define DM_DRIVER_VERSION "4.48.0"

GVariant *ctl_method_targets(struct ctl_call *call, GError **error)
{
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(s(uuu)ss)"));
        for (const struct dm_target_info *t = dm_target_types(); t->name; t++)
                g_variant_builder_add(&builder, "(s(uuu)ss)", t->name, t->version[0],
                                      t->version[1], t->version[2], t->summary, t->usage);
        return g_variant_new("(a(s(uuu)ss))", &builder);
}

GVariant *ctl_method_version(struct ctl_call *call, GError **error)
{
        return g_variant_new("(ss@s)", FUSEMAP_VERSION, DM_DRIVER_VERSION,
                             ctl_utf8(call->client->server->mountpoint));
}

GVariant *ctl_method_unmount(struct ctl_call *call, GError **error)
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
