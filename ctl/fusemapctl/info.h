/* SPDX-License-Identifier: BSD-3-Clause */
/* What the daemon tells of a device. */
#ifndef FUSEMAPCTL_INFO_H
#define FUSEMAPCTL_INFO_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* flags, as the protocol numbers them */
#define INFO_SUSPENDED 1u
#define INFO_LIVE 2u
#define INFO_INACTIVE 4u
#define INFO_READONLY 8u
#define INFO_DEFERRED 16u
#define INFO_FILE 32u
#define INFO_INACTIVE_READONLY 64u

/* How many sectors the kernel reads ahead unless told otherwise: what scripts that look for it
 * expect. */
#define INFO_READ_AHEAD 256u

typedef struct device_info {
        char *name, *uuid;           /* unmangled, as people see them */
        char *wire_name, *wire_uuid; /* mangled, as files and the protocol have them */
        uint64_t id, targets, inactive_targets, size;
        uint32_t major, minor, flags, opens, references, event, mode, uid, gid;
} DeviceInfo;

#define INFO_TYPE "(sstuuuuuutttuuu)"

/* From a value of INFO_TYPE.  NULL with an error said on stderr when a name can't be unmangled. */
DeviceInfo *info_new(GVariant *value);
void info_free(DeviceInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceInfo, info_free)

/* A device that never had a table has no node in the kernel, which shows in places. */
static inline bool info_has_node(const DeviceInfo *info)
{
        return info->flags & (INFO_LIVE | INFO_INACTIVE | INFO_FILE);
}

/* Of the device, or with INACTIVE of its inactive table. */
static inline bool info_is_readonly(const DeviceInfo *info, bool inactive)
{
        return info->flags & (inactive ? INFO_INACTIVE_READONLY : INFO_READONLY);
}

/* dmsetup info: the form of many lines. */
void info_print(const DeviceInfo *info, bool inactive);

#endif
