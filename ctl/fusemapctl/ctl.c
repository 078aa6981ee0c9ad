/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include <stdio.h>

#include "say.h"

/* A reply holds no more than so many devices, and targets unless one device has more. */
#define DEVICES_A_CALL 1024
#define TARGETS_A_CALL 16384

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

/* How many devices from FIRST on go into one call. */
static unsigned count_for_call(const GPtrArray *list, unsigned first)
{
        uint64_t targets = 0;
        unsigned count = 0;

        while (first + count < list->len && count < DEVICES_A_CALL) {
                const DeviceInfo *info = list->pdata[first + count];

                targets += MAX(info->targets, info->inactive_targets);
                if (count && targets > TARGETS_A_CALL)
                        break;
                count++;
        }
        return count;
}

static bool call_some(struct ctl *ctl, const char *method, const char *type,
                      DeviceInfo *const *infos, unsigned count, GVariant *options, ctl_done *done,
                      void *user)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) parts = NULL;
        GVariantBuilder names;

        g_variant_builder_init(&names, G_VARIANT_TYPE_STRING_ARRAY);
        for (unsigned i = 0; i < count; i++)
                g_variant_builder_add(&names, "s", infos[i]->wire_name);
        reply = client_call(ctl->client, method, g_variant_new("(as@a{sv})", &names, options), type,
                            &error);
        if (!reply)
                return ctl_fail(error);
        parts = g_variant_get_child_value(reply, 0);
        for (unsigned i = 0; i < count && i < g_variant_n_children(parts); i++) {
                g_autoptr(GVariant) part = NULL;
                const char *name;

                g_variant_get_child(parts, i, "(&s&s@*)", NULL, &name, &part);
                done(infos[i], part, client_errno_of_name(name), user);
        }
        return true;
}

bool ctl_call_many(struct ctl *ctl, const char *method, const char *type, const GPtrArray *list,
                   GVariant *options, ctl_done *done, void *user)
{
        g_autoptr(GVariant) sunk = g_variant_ref_sink(options);
        bool ok = true;

        for (unsigned first = 0; ok && first < list->len;) {
                unsigned count = count_for_call(list, first);

                ok = call_some(ctl, method, type, (DeviceInfo *const *)list->pdata + first, count,
                               sunk, done, user);
                first += count;
        }
        return ok;
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
