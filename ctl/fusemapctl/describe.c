/* SPDX-License-Identifier: BSD-3-Clause */
/* info, splitname. */
#include "device.h"
#include "report.h"

static void add_json(struct json *json, const DeviceInfo *info)
{
        json_begin_object(json, NULL);
        json_string(json, "name", info->name);
        json_string(json, "uuid", info->uuid);
        json_number(json, "id", info->id);
        json_number(json, "major", info->major);
        json_number(json, "minor", info->minor);
        json_number(json, "size", info->size);
        json_bool(json, "suspended", info->flags & INFO_SUSPENDED);
        json_bool(json, "readonly", info->flags & INFO_READONLY);
        json_bool(json, "deferred_remove", info->flags & INFO_DEFERRED);
        json_bool(json, "live_table", info->flags & INFO_LIVE);
        json_bool(json, "inactive_table", info->flags & INFO_INACTIVE);
        json_number(json, "targets", info->targets);
        json_number(json, "inactive_targets", info->inactive_targets);
        json_number(json, "open", info->opens);
        json_number(json, "references", info->references);
        json_number(json, "event", info->event);
        json_number(json, "mode", info->mode);
        json_number(json, "uid", info->uid);
        json_number(json, "gid", info->gid);
        json_end_object(json);
}

static bool show(struct ctl *ctl, const DeviceInfo *info)
{
        if (ctl->report)
                return report_add(ctl, info);
        if (ctl->json)
                add_json(ctl->json, info);
        else
                info_print(info, ctl_given(ctl, OPT_INACTIVE));
        return true;
}

bool verb_info(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};
        bool ok = true;

        if (argc || ctl_named_by_option(ctl)) {
                if (!device_init(ctl, &device, argc ? argv[0] : NULL))
                        return false;
                info = device_must_exist(ctl, &device);
                return info && show(ctl, info);
        }
        list = ctl_list(ctl, false);
        for (unsigned i = 0; list && i < list->len; i++)
                ok &= show(ctl, list->pdata[i]);
        return list && ok;
}

bool verb_splitname(struct ctl *ctl, int argc, char **argv)
{
        return report_add_parts(ctl, argc == 2 ? argv[1] : "LVM", argv[0]);
}
