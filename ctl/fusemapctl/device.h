/* SPDX-License-Identifier: BSD-3-Clause */
/* Naming one device, and saying what went wrong with it as dmsetup does. */
#ifndef FUSEMAPCTL_DEVICE_H
#define FUSEMAPCTL_DEVICE_H

#include "ctl.h"

#define NAME_MAX_BYTES 127 /* linux/dm-ioctl.h: 128 and 129 with the zero byte */
#define UUID_MAX_BYTES 128

typedef struct device {
        char *name; /* mangled; NULL when it is named otherwise */
        char *uuid; /* mangled; NULL likewise */
        uint32_t major, minor;
        bool has_numbers;
        char *wire; /* the DEVICE argument of the protocol */
} Device;

void device_clear(Device *device);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Device, device_clear)

/* NAME, or with NULL what -u or -j and -m say.  A name with a slash is the path of a device's file.
 * On failure (no device is given, or not a possible one) it has been said why. */
bool device_init(struct ctl *ctl, Device *device, const char *name);
/* The same for a device to be made, with UUID (NULL: none). */
bool device_init_new(Device *device, const char *name, const char *uuid);

/* "device-mapper: IOCTL ioctl on NAME UUID(MAJOR:MINOR) failed: WHY", and the daemon's explanation.
 * Returns false. */
bool device_failed(const Device *device, const char *ioctl, GError *error);
bool device_failed_errno(const Device *device, const char *ioctl, int number);

/* What it is.  Absent: *RET_INFO is NULL.  False: an error has been said. */
bool device_info(struct ctl *ctl, const Device *device, DeviceInfo **ret_info);
/* The same, absent being an error: "Device does not exist." */
DeviceInfo *device_must_exist(struct ctl *ctl, const Device *device);

/* A call with no reply: METHOD(device, options).  OPTIONS may be NULL: METHOD(device).  IOCTL is
 * what dmsetup calls it in its error. */
bool device_call(struct ctl *ctl, const Device *device, const char *method, GVariant *options,
                 const char *ioctl);

/* Load, of TABLE in canonical form. */
bool device_load(struct ctl *ctl, const Device *device, const char *table, bool readonly);

/* -v: tells of the device after a command that changed it. */
bool device_show_if_verbose(struct ctl *ctl, const Device *device);

#endif
