/* SPDX-License-Identifier: BSD-3-Clause */
/* remove, remove_all, wipe_table. */
#include <inttypes.h>
#include <string.h>

#include "device.h"
#include "say.h"
#include "tabletext.h"

/* With --retry; libdm tries 25 times in 200 ms each. */
#define RETRY_MS 5000

/* ---- wipe_table ------------------------------------------------------------------------------ */

/* How many sectors the device's table has; 0 with an error said. */
static uint64_t table_sectors(struct ctl *ctl, const Device *device)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = client_call(
                ctl->client, "Table",
                g_variant_new("(s@a{sv})", device->wire,
                              ctl_flags("inactive", ctl_given(ctl, OPT_INACTIVE), NULL)),
                "(s)", &error);
        g_autofree char *text = NULL;
        struct target_line line;
        uint64_t sum = 0;
        char *rest;

        if (!reply) {
                device_failed(device, "table", error);
                return 0;
        }
        g_variant_get(reply, "(s)", &text);
        rest = text;
        while (tabletext_next(&rest, &line))
                sum += line.length;
        return sum;
}

static bool load_error_table(struct ctl *ctl, const Device *device)
{
        g_autofree char *table =
                g_strdup_printf("0 %" PRIu64 " error \n", table_sectors(ctl, device));

        return device_load(ctl, device, table, ctl_given(ctl, OPT_READONLY));
}

static bool wipe(struct ctl *ctl, const char *name)
{
        bool force = ctl_given(ctl, OPT_FORCE); /* then nothing is waited for */
        g_auto(Device) device = {0};

        if (!name || !*name) {
                say_error("No device specified.");
                return false;
        }
        if (!device_init(ctl, &device, name) || !load_error_table(ctl, &device))
                return false;
        if (device_call(ctl, &device, "Resume",
                        ctl_flags("noflush", force || ctl_given(ctl, OPT_NOFLUSH), "nolockfs",
                                  force || ctl_given(ctl, OPT_NOLOCKFS), NULL),
                        "resume"))
                return true;
        device_call(ctl, &device, "Clear", NULL, "clear");
        return false;
}

bool verb_wipe_table(struct ctl *ctl, int argc, char **argv)
{
        return wipe(ctl, argc ? argv[0] : NULL);
}

/* ---- remove ---------------------------------------------------------------------------------- */

static GVariant *removal_options(struct ctl *ctl)
{
        GVariantDict options;

        g_variant_dict_init(&options, NULL);
        if (ctl_given(ctl, OPT_DEFERRED))
                g_variant_dict_insert(&options, "deferred", "b", TRUE);
        if (ctl_given(ctl, OPT_IMMEDIATE))
                g_variant_dict_insert(&options, "immediate", "b", TRUE);
        if (ctl_given(ctl, OPT_RETRY))
                g_variant_dict_insert(&options, "wait", "u", RETRY_MS);
        return g_variant_dict_end(&options);
}

bool verb_remove(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        const char *name = argc ? argv[0] : NULL;
        g_auto(Device) device = {0};

        if (name && ctl_given(ctl, OPT_FORCE))
                wipe(ctl, name);
        if (!device_init(ctl, &device, name))
                return false;
        reply = client_call(ctl->client, "Remove",
                            g_variant_new("(s@a{sv})", device.wire, removal_options(ctl)), "()", &error);
        return reply || device_failed(&device, "remove", error);
}

/* ---- remove_all ------------------------------------------------------------------------------ */

/* Removes what nobody has open, from the top of the stacks down. */
static bool remove_closed(struct ctl *ctl)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = client_call(
                ctl->client, "RemoveAll",
                g_variant_new("(@a{sv})",
                              ctl_flags("deferred", ctl_given(ctl, OPT_DEFERRED), NULL)),
                "(u)", &error);

        return reply || ctl_fail(error);
}

bool verb_remove_all(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(GPtrArray) left = NULL;

        if (!remove_closed(ctl))
                return false;
        if (!ctl_given(ctl, OPT_FORCE))
                return true;
        list = ctl_list(ctl, true);
        for (unsigned i = 0; list && i < list->len; i++)
                wipe(ctl, ((const DeviceInfo *)list->pdata[i])->name);
        if (!list || (list->len && !remove_closed(ctl)))
                return false;
        left = ctl_list(ctl, true);
        if (left && left->len)
                say_error("Unable to remove %u device(s).", left->len);
        return left;
}
