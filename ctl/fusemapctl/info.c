/* SPDX-License-Identifier: BSD-3-Clause */
#include "info.h"

#include <inttypes.h>
#include <stdio.h>

#include "mangle.h"

DeviceInfo *info_new(GVariant *value)
{
        dm_string_mangling_t mode = dm_get_name_mangling_mode();
        g_autoptr(DeviceInfo) info = g_new0(DeviceInfo, 1);

        g_variant_get(value, INFO_TYPE, &info->wire_name, &info->wire_uuid, &info->id, &info->major,
                      &info->minor, &info->flags, &info->opens, &info->references, &info->event,
                      &info->targets, &info->inactive_targets, &info->size, &info->mode, &info->uid,
                      &info->gid);
        info->name = unmangle_output(info->wire_name, "name", mode);
        info->uuid = unmangle_output(info->wire_uuid, "UUID", mode);
        return info->name && info->uuid ? g_steal_pointer(&info) : NULL;
}

void info_free(DeviceInfo *info)
{
        if (!info)
                return;
        g_free(info->name);
        g_free(info->uuid);
        g_free(info->wire_name);
        g_free(info->wire_uuid);
        g_free(info);
}

static const char *tables_present(const DeviceInfo *info)
{
        switch (info->flags & (INFO_LIVE | INFO_INACTIVE)) {
        case INFO_LIVE | INFO_INACTIVE:
                return "LIVE & INACTIVE";
        case INFO_LIVE:
                return "LIVE";
        case INFO_INACTIVE:
                return "INACTIVE";
        default:
                return "None";
        }
}

void info_print(const DeviceInfo *info, bool inactive)
{
        printf("Name:              %s\n", info->name);
        printf("State:             %s%s%s\n", info->flags & INFO_SUSPENDED ? "SUSPENDED" : "ACTIVE",
               info_is_readonly(info, inactive) ? " (READ-ONLY)" : "",
               info->flags & INFO_DEFERRED ? " (DEFERRED REMOVE)" : "");
        if (info_has_node(info))
                printf("Read Ahead:        %u\n", INFO_READ_AHEAD);
        printf("Tables present:    %s\n", tables_present(info));
        printf("Open count:        %" PRIu32 "\n", info->opens);
        printf("Event number:      %" PRIu32 "\n", info->event);
        printf("Major, minor:      %" PRIu32 ", %" PRIu32 "\n", info->major, info->minor);
        printf("Number of targets: %" PRIu64 "\n",
               inactive ? info->inactive_targets : info->targets);
        if (*info->uuid)
                printf("UUID: %s\n", info->uuid);
        putchar('\n');
}
