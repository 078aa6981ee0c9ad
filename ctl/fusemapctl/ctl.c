/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <stdio.h>

#include "say.h"

bool ctl_fail(GError *error)
{
        say_own("%s", client_message(error));
        return false;
}

static void info_destroy(gpointer info)
{
        info_free(info);
}

GPtrArray *ctl_list(struct ctl *ctl, bool quiet)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(info_destroy);
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "List", NULL, "(a" INFO_TYPE ")", &error);
        g_autoptr(GVariant) array = NULL;
        GVariantIter iter;
        GVariant *value;
        bool ok = true;

        if (!reply) {
                ctl_fail(error);
                return NULL;
        }
        array = g_variant_get_child_value(reply, 0);
        g_variant_iter_init(&iter, array);
        while ((value = g_variant_iter_next_value(&iter))) {
                DeviceInfo *info = info_new(value);

                if (info)
                        g_ptr_array_add(list, info);
                ok &= info != NULL;
                g_variant_unref(value);
        }
        if (!ok)
                return NULL;
        if (!list->len && !quiet && !ctl->json)
                puts("No devices found");
        return g_steal_pointer(&list);
}

GVariant *ctl_no_flags(void)
{
        return g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);
}

GVariant *ctl_flags(const char *name, ...)
{
        GVariantBuilder builder;
        va_list args;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        va_start(args, name);
        for (; name; name = va_arg(args, const char *))
                if (va_arg(args, int))
                        g_variant_builder_add(&builder, "{sv}", name, g_variant_new_boolean(TRUE));
        va_end(args);
        return g_variant_builder_end(&builder);
}
