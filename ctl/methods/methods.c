/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the control protocol (org.fusemap.Control1.xml), one function each: which there are. */
#include "ctl/methods/methods.h"

#include <errno.h>

static const struct method {
        const char *name;
        GVariant *(*run)(struct ctl_call *call, GError **error);
        bool on_device; /* its first argument names one: call->md is a reference to it */
        bool changes;   /* of which the kernel has to hear */
} methods[] = {
        {.name = "Info", .run = ctl_method_info, .on_device = true},
        {.name = "List", .run = ctl_method_list},
        {.name = "Graveyard", .run = ctl_method_graveyard},
        {.name = "Create", .run = ctl_method_create},
        {.name = "CreateMany", .run = ctl_method_create_many},
        {.name = "Remove", .run = ctl_method_remove, .on_device = true, .changes = true},
        {.name = "RemoveAll", .run = ctl_method_remove_all},
        {.name = "Rename", .run = ctl_method_rename, .on_device = true, .changes = true},
        {.name = "SetUuid", .run = ctl_method_set_uuid, .on_device = true},
        {.name = "Load", .run = ctl_method_load, .on_device = true},
        {.name = "Clear", .run = ctl_method_clear, .on_device = true},
        {.name = "Suspend", .run = ctl_method_suspend, .on_device = true},
        {.name = "Resume", .run = ctl_method_resume, .on_device = true, .changes = true},
        {.name = "Table", .run = ctl_method_table, .on_device = true},
        {.name = "Deps", .run = ctl_method_deps, .on_device = true},
        {.name = "TableMany", .run = ctl_method_table_many},
        {.name = "DepsMany", .run = ctl_method_deps_many},
        {.name = "Message", .run = ctl_method_message, .on_device = true, .changes = true},
        {.name = "WaitEvent", .run = ctl_method_wait_event, .on_device = true},
        {.name = "Targets", .run = ctl_method_targets},
        {.name = "Version", .run = ctl_method_version},
        {.name = "Unmount", .run = ctl_method_unmount},
        {.name = "Subscribe", .run = ctl_method_subscribe},
};

static GVariant *run(const struct method *m, struct ctl_call *call, GError **error)
{
        GVariant *answer;

        if (m->on_device) {
                call->md = ctl_find(ctl_text_argument(call, 0), error);
                if (!call->md)
                        return NULL;
                if (m->changes)
                        call->changed = dm_id(call->md);
        }
        answer = m->run(call, error);
        if (call->md)
                dm_put(g_steal_pointer(&call->md));
        return answer;
}

GVariant *ctl_method_run(struct ctl_call *call, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_str_equal(methods[i].name, call->method))
                        return run(&methods[i], call, error);
        return ctl_fail(error, ENOSYS, "unknown method '%s'", call->method);
}
