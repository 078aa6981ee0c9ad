/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mangle.h"
#include "say.h"

void device_clear(Device *device)
{
        g_clear_pointer(&device->name, g_free);
        g_clear_pointer(&device->uuid, g_free);
        g_clear_pointer(&device->wire, g_free);
}

static bool can_carry(const char *text, const char *what)
{
        if (client_can_carry(text))
                return true;
        say_own("%s '%s' is not valid UTF-8", what, text);
        return false;
}

static bool set_name(Device *device, const char *name, dm_string_mangling_t mode)
{
        if (strlen(name) > NAME_MAX_BYTES) {
                say_error("Name \"%s\" too long.", name);
                return false;
        }
        device->name = mangle_input(name, "name", NAME_MAX_BYTES, mode);
        if (!device->name) {
                say_error("Failed to mangle device name \"%s\".", name);
                return false;
        }
        return can_carry(device->name, "name");
}

static bool set_uuid(Device *device, const char *uuid)
{
        device->uuid = mangle_input(uuid, "UUID", UUID_MAX_BYTES, dm_get_name_mangling_mode());
        if (!device->uuid) {
                say_error("Failed to mangle device uuid \"%s\".", uuid);
                return false;
        }
        return can_carry(device->uuid, "uuid");
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* What dmsetup would find below its device directory: a relative path of two parts; and where that
 * has no such file, the devices of "mapper", which are those of the mount. */
static char *resolve_as_node(const char *path, const char *mountpoint)
{
        static const char *const prefixes[] = {"/dev/mapper/", "mapper/"};
        const char *dev = g_getenv("DM_DEV_DIR");
        g_autofree char *below = g_build_filename(dev && *dev ? dev : "/dev", path, NULL);
        char *real = NULL;

        if (!g_path_is_absolute(path) && strchr(path, '/') == strrchr(path, '/'))
                real = realpath(below, NULL);
        for (unsigned i = 0; !real && i < G_N_ELEMENTS(prefixes); i++)
                if (g_str_has_prefix(path, prefixes[i])) {
                        g_autofree char *file =
                                g_build_filename(mountpoint, path + strlen(prefixes[i]), NULL);

                        real = realpath(file, NULL);
                }
        return real;
}

static bool set_name_from_path(struct ctl *ctl, Device *device, const char *path)
{
        g_autoptr(GError) error = NULL;
        const char *mountpoint = client_mountpoint(ctl->client, &error);
        char *real = mountpoint ? realpath(path, NULL) : NULL;
        g_autofree char *directory = NULL, *name = NULL;

        if (!mountpoint)
                return ctl_fail(error);
        if (!real)
                real = resolve_as_node(path, mountpoint);
        directory = real ? g_path_get_dirname(real) : NULL;
        name = real ? g_path_get_basename(real) : NULL;
        free(real);
        if (g_strcmp0(directory, mountpoint)) {
                say_error("Device %s not found", path);
                return false;
        }
        return set_name(device, name, DM_STRING_MANGLING_NONE); /* it is a file's name already */
}

/* ---- the public part ------------------------------------------------------------------------- */

static bool set_numbers(struct ctl *ctl, Device *device)
{
        device->major = ctl->opt->number[OPT_MAJOR];
        device->minor = ctl->opt->number[OPT_MINOR];
        device->has_numbers = true;
        return true;
}

bool device_init(struct ctl *ctl, Device *device, const char *name)
{
        memset(device, 0, sizeof(*device));
        if (name && strchr(name, '/')) {
                if (!set_name_from_path(ctl, device, name))
                        return false;
        } else if (name) {
                if (!set_name(device, name, dm_get_name_mangling_mode()))
                        return false;
        } else if (ctl_given(ctl, OPT_UUID)) {
                if (!set_uuid(device, ctl->opt->text[OPT_UUID]))
                        return false;
        } else if (ctl_given(ctl, OPT_MAJOR)) {
                set_numbers(ctl, device);
        } else {
                say_error("No device specified.");
                return false;
        }
        device->wire = device->name   ? g_strdup(device->name)
                       : device->uuid ? g_strconcat("/uuid/", device->uuid, NULL)
                                      : g_strdup_printf("/minor/%" PRIu32, device->minor);
        return true;
}

bool device_init_new(Device *device, const char *name, const char *uuid)
{
        memset(device, 0, sizeof(*device));
        if (strchr(name, '/')) {
                say_error("Name \"%s\" invalid. It contains \"/\".", name);
                return false;
        }
        if (!set_name(device, name, dm_get_name_mangling_mode()) ||
            (uuid && !set_uuid(device, uuid)))
                return false;
        device->wire = g_strdup(device->name);
        return true;
}

bool device_failed_errno(const Device *device, const char *ioctl, int number)
{
        g_autofree char *numbers =
                device->has_numbers && device->major > 0
                        ? g_strdup_printf("(%" PRIu32 ":%" PRIu32 ")", device->major, device->minor)
                        : NULL;

        say_error("device-mapper: %s ioctl on %s %s%s failed: %s", ioctl,
                  device->name ? device->name : "", device->uuid ? device->uuid : "",
                  numbers ? numbers : "", strerror(number));
        return false;
}

bool device_failed(const Device *device, const char *ioctl, GError *error)
{
        int number = client_errno(error);

        if (!number)
                return ctl_fail(error);
        device_failed_errno(device, ioctl, number);
        say_explanation(client_message(error));
        return false;
}

static DeviceInfo *fetch(struct ctl *ctl, const Device *device, GError **error)
{
        g_autoptr(GVariant) value = NULL;
        g_autoptr(GVariant) reply = client_call(
                ctl->client, "Info", g_variant_new("(s)", device->wire), "(" INFO_TYPE ")", error);

        if (!reply)
                return NULL;
        value = g_variant_get_child_value(reply, 0);
        return info_new(value);
}

/* The daemon knows devices by their minor number; another major is another driver's. */
static bool is_meant(const Device *device, const DeviceInfo *info)
{
        return !device->has_numbers || info->major == device->major;
}

bool device_info(struct ctl *ctl, const Device *device, DeviceInfo **ret_info)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DeviceInfo) info = fetch(ctl, device, &error);

        if (!info && !error)
                return false; /* said by info_new() */
        if (!info && client_errno(error) != ENXIO)
                return device_failed(device, "info", error);
        *ret_info = info && is_meant(device, info) ? g_steal_pointer(&info) : NULL;
        return true;
}

DeviceInfo *device_must_exist(struct ctl *ctl, const Device *device)
{
        DeviceInfo *info = NULL;

        if (device_info(ctl, device, &info) && !info)
                say_error("Device does not exist.");
        return info;
}

bool device_call(struct ctl *ctl, const Device *device, const char *method, GVariant *options,
                 const char *ioctl)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        GVariant *params = options ? g_variant_new("(s@a{sv})", device->wire, options)
                                   : g_variant_new("(s)", device->wire);

        reply = client_call(ctl->client, method, params, "()", &error);
        return reply || device_failed(device, ioctl, error);
}

bool device_load(struct ctl *ctl, const Device *device, const char *table, bool readonly)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "Load",
                            g_variant_new("(ss@a{sv})", device->wire, table,
                                          ctl_flags("readonly", readonly, NULL)),
                            "()", &error);

        return reply || device_failed(device, "reload", error);
}

bool device_show_if_verbose(struct ctl *ctl, const Device *device)
{
        g_autoptr(DeviceInfo) info = NULL;

        if (!ctl_given(ctl, OPT_VERBOSE))
                return true;
        info = device_must_exist(ctl, device);
        if (info)
                info_print(info, ctl_given(ctl, OPT_INACTIVE));
        return info;
}
