/* SPDX-License-Identifier: BSD-3-Clause */
/* What devices are, those that are gone and not freed too. */
#include "ctl/methods/methods.h"

enum info_flags {
        INFO_SUSPENDED = 1,
        INFO_LIVE = 2,
        INFO_INACTIVE = 4,
        INFO_READ_ONLY = 8,
        INFO_DEFERRED = 16,
        INFO_VISIBLE = 32,
        INFO_INACTIVE_READ_ONLY = 64,
};

GVariant *ctl_info_variant(struct mapped_device *md)
{
        struct dm_info info;
        uint32_t flags;
        GVariant *variant;

        dm_get_info(md, &info);
        flags = (info.suspended ? INFO_SUSPENDED : 0) | (info.live ? INFO_LIVE : 0) |
                (info.inactive ? INFO_INACTIVE : 0) | (info.read_only ? INFO_READ_ONLY : 0) |
                (info.deferred_remove ? INFO_DEFERRED : 0) | (info.visible ? INFO_VISIBLE : 0) |
                (info.inactive_read_only ? INFO_INACTIVE_READ_ONLY : 0);
        variant = g_variant_new(CTL_INFO_TYPE, info.name, info.uuid, info.id, info.major, info.minor,
                                flags, info.open_count, info.references - 1, info.event_nr,
                                info.live_targets, info.inactive_targets, info.size,
                                (uint32_t)info.mode, (uint32_t)info.uid, (uint32_t)info.gid);
        dm_info_clear(&info);
        return variant;
}

GVariant *ctl_method_info(struct ctl_call *call, GError **error)
{
        return g_variant_new("(@" CTL_INFO_TYPE ")", ctl_info_variant(call->md));
}

GVariant *ctl_method_list(struct ctl_call *call, GError **error)
{
        g_autoptr(GPtrArray) devices = dm_list();
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a" CTL_INFO_TYPE));
        for (unsigned i = 0; i < devices->len; i++)
                g_variant_builder_add_value(&builder, ctl_info_variant(devices->pdata[i]));
        return g_variant_new("(a" CTL_INFO_TYPE ")", &builder);
}

static void corpse_to(gpointer data, gpointer builder)
{
        struct dm_corpse *corpse = data;

        g_variant_builder_add(builder, "(suu)", corpse->name, corpse->references, corpse->opens);
}

GVariant *ctl_method_graveyard(struct ctl_call *call, GError **error)
{
        g_autoptr(GArray) corpses = dm_graveyard();
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(suu)"));
        for (unsigned i = 0; i < corpses->len; i++)
                corpse_to(&g_array_index(corpses, struct dm_corpse, i), &builder);
        return g_variant_new("(a(suu))", &builder);
}
