/* SPDX-License-Identifier: BSD-3-Clause */
/* rename, mangle. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "mangle.h"
#include "say.h"

static char *mangled_new_name(const char *name)
{
        char *mangled;

        if (strchr(name, '/')) {
                say_error("Name \"%s\" invalid. It contains \"/\".", name);
                return NULL;
        }
        if (strlen(name) > NAME_MAX_BYTES) {
                say_error("Name \"%s\" too long", name);
                return NULL;
        }
        if (!*name) {
                say_error("Non empty new name is required.");
                return NULL;
        }
        mangled = mangle_input(name, "new name", NAME_MAX_BYTES, dm_get_name_mangling_mode());
        if (!mangled)
                say_error("Failed to mangle new device name \"%s\"", name);
        return mangled;
}

static char *mangled_new_uuid(const char *uuid)
{
        char *mangled;

        if (strlen(uuid) > UUID_MAX_BYTES) {
                say_error("Uuid \"%s\" too long", uuid);
                return NULL;
        }
        mangled = mangle_input(uuid, "new UUID", UUID_MAX_BYTES, dm_get_name_mangling_mode());
        if (!mangled)
                say_error("Failed to mangle new device UUID \"%s\"", uuid);
        return mangled;
}

/* METHOD is Rename or SetUuid. */
static bool change(struct ctl *ctl, const Device *device, const char *method, const char *mangled)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;

        if (!client_can_carry(mangled)) {
                say_own("'%s' is not valid UTF-8", mangled);
                return false;
        }
        reply = client_call(ctl->client, method, g_variant_new("(ss)", device->wire, mangled), "()",
                            &error);
        return reply || device_failed(device, "rename", error);
}

bool verb_rename(struct ctl *ctl, int argc, char **argv)
{
        bool set_uuid = ctl_given(ctl, OPT_SETUUID);
        const char *wanted = argv[argc - 1];
        g_autofree char *mangled = NULL;
        g_auto(Device) device = {0};

        if (!device_init(ctl, &device, argc == 2 ? argv[0] : NULL))
                return false;
        mangled = set_uuid ? mangled_new_uuid(wanted) : mangled_new_name(wanted);
        if (!mangled)
                return false;
        /* The kernel looks for the device by its name only, so -u and -j never find it. */
        if (!device.name)
                return device_failed_errno(&device, "rename", ENXIO);
        return change(ctl, &device, set_uuid ? "SetUuid" : "Rename", mangled);
}

/* ---- mangle ---------------------------------------------------------------------------------- */

static char *in_wanted_form(const char *text, const char *what, size_t max,
                            dm_string_mangling_t mode)
{
        return mode == DM_STRING_MANGLING_NONE ? unmangle(text)
                                               : mangle(text, what, max, DM_STRING_MANGLING_AUTO);
}

static bool is_mangled_twice(const DeviceInfo *info)
{
        if (strstr(info->name, "\\x5cx")) {
                say_error("The name \"%s\" seems to be mangled more than once. Manual intervention "
                          "required "
                          "to rename the device.",
                          info->name);
                return true;
        }
        if (strstr(info->uuid, "\\x5cx")) {
                say_error("The UUID \"%s\" seems to be mangled more than once. Manual intervention "
                          "required "
                          "to correct the device UUID.",
                          info->uuid);
                return true;
        }
        return false;
}

/* Names come as they are here: main() sets the mode to "none" for this command. */
static bool mangle_one(struct ctl *ctl, const DeviceInfo *info, dm_string_mangling_t mode)
{
        g_autofree char *name = NULL, *uuid = NULL;
        g_auto(Device) device = {0};

        if (mode == DM_STRING_MANGLING_AUTO && is_mangled_twice(info))
                return false;
        name = in_wanted_form(info->name, "name", NAME_MAX_BYTES, mode);
        uuid = in_wanted_form(info->uuid, "UUID", UUID_MAX_BYTES, mode);
        if (!name || !uuid)
                return false;
        if (strcmp(uuid, info->uuid)) {
                say_error("%s: %s: UUID in incorrect form. ", info->name, info->uuid);
                say_error("Unable to change device UUID. The device must be deactivated first.");
                return false;
        }
        if (!strcmp(name, info->name)) {
                printf("%s: %s: name %salready in correct form\n", info->name,
                       *info->uuid ? info->uuid : "[no UUID]", *info->uuid ? "and UUID " : "");
                return true;
        }
        printf("%s: renaming to %s\n", info->name, name);
        return device_init(ctl, &device, info->name) && change(ctl, &device, "Rename", name);
}

bool verb_mangle(struct ctl *ctl, int argc, char **argv)
{
        dm_string_mangling_t mode = DM_STRING_MANGLING_AUTO;
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};
        bool ok = true;

        if (ctl_given(ctl, OPT_MANGLENAME))
                mode = !g_ascii_strcasecmp(ctl->opt->text[OPT_MANGLENAME], "none")
                               ? DM_STRING_MANGLING_NONE
                       : !g_ascii_strcasecmp(ctl->opt->text[OPT_MANGLENAME], "hex")
                               ? DM_STRING_MANGLING_HEX
                               : mode;
        if (argc || ctl_named_by_option(ctl))
                return device_init(ctl, &device, argc ? argv[0] : NULL) &&
                       device_info(ctl, &device, &info) && info && mangle_one(ctl, info, mode);
        list = ctl_list(ctl, false);
        for (unsigned i = 0; list && i < list->len; i++)
                ok &= mangle_one(ctl, list->pdata[i], mode);
        return list && ok;
}
