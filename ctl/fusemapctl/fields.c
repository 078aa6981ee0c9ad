/* SPDX-License-Identifier: BSD-3-Clause */
#include "fields.h"

#include <inttypes.h>

#include "deps.h"
#include "mangle.h"
#include "say.h"
#include "stats/stats-fields.h"

static int put(struct dm_report *rh, struct dm_report_field *field, const char *text)
{
        return dm_report_field_string(rh, field, &text);
}

static int put_and_free(struct dm_report *rh, struct dm_report_field *field, char *text)
{
        int ok = text && put(rh, field, text);

        g_free(text);
        return ok;
}

static int put_number(struct dm_report *rh, struct dm_report_field *field, uint64_t number)
{
        uint32_t n = (uint32_t)MIN(number, UINT32_MAX);

        return dm_report_field_uint32(rh, field, &n);
}

/* A field's function; DATA is the row. */
#define FIELD(function)                                                                            \
        static int function(struct dm_report *rh, struct dm_pool *mem,                             \
                            struct dm_report_field *field, const void *data, void *user)

#define ROW ((const struct row *)data)

FIELD(show_name)
{
        return put(rh, field, ROW->info->name);
}

static char *mangled(const char *text, const char *what, size_t max)
{
        return mangle(text, what, max, dm_get_name_mangling_mode());
}

/* Names are plain already, except in mode "none". */
static char *unmangled(const char *text)
{
        return dm_get_name_mangling_mode() == DM_STRING_MANGLING_NONE ? unmangle(text)
                                                                      : g_strdup(text);
}

FIELD(show_mangled_name)
{
        return put_and_free(rh, field, mangled(ROW->info->name, "name", NAME_MAX_BYTES));
}

FIELD(show_unmangled_name)
{
        return put_and_free(rh, field, unmangled(ROW->info->name));
}

FIELD(show_uuid)
{
        return put(rh, field, ROW->info->uuid);
}

FIELD(show_mangled_uuid)
{
        return put_and_free(rh, field, mangled(ROW->info->uuid, "UUID", UUID_MAX_BYTES));
}

FIELD(show_unmangled_uuid)
{
        return put_and_free(rh, field, unmangled(ROW->info->uuid));
}

FIELD(show_read_ahead)
{
        return put_number(rh, field, info_has_node(ROW->info) ? INFO_READ_AHEAD : 0);
}

FIELD(show_blkdevname)
{
        const DeviceInfo *info = ROW->info;

        if (info_has_node(info))
                return put_and_free(rh, field, g_strdup_printf("dm-%" PRIu32, info->minor));
        say_error("Could not resolve block device name for %" PRIu32 ":%" PRIu32 ".", info->major,
                  info->minor);
        return 0;
}

FIELD(show_attr)
{
        uint32_t flags = ROW->info->flags;
        bool readonly = info_is_readonly(ROW->info, ROW->inactive);

        return put_and_free(rh, field,
                            g_strdup_printf("%c%c%c%c", flags & INFO_LIVE ? 'L' : '-',
                                            flags & INFO_INACTIVE ? 'I' : '-',
                                            flags & INFO_SUSPENDED ? 's' : '-',
                                            readonly ? 'r' : 'w'));
}

FIELD(show_tables)
{
        static const char *const words[] = {"None", "Live", "Inactive", "Both"};
        uint32_t flags = ROW->info->flags;

        return put(rh, field, words[!!(flags & INFO_LIVE) + 2 * !!(flags & INFO_INACTIVE)]);
}

FIELD(show_suspended)
{
        return put(rh, field, ROW->info->flags & INFO_SUSPENDED ? "Suspended" : "Active");
}

FIELD(show_readonly)
{
        return put(rh, field,
                   info_is_readonly(ROW->info, ROW->inactive) ? "Read-only" : "Writeable");
}

FIELD(show_devno)
{
        return put_and_free(
                rh, field,
                g_strdup_printf("%" PRIu32 ":%" PRIu32, ROW->info->major, ROW->info->minor));
}

FIELD(show_major)
{
        return put_number(rh, field, ROW->info->major);
}

FIELD(show_minor)
{
        return put_number(rh, field, ROW->info->minor);
}

FIELD(show_open)
{
        return put_number(rh, field, ROW->info->opens);
}

FIELD(show_segments)
{
        return put_number(rh, field,
                          ROW->inactive ? ROW->info->inactive_targets : ROW->info->targets);
}

FIELD(show_events)
{
        return put_number(rh, field, ROW->info->event);
}

FIELD(show_device_count)
{
        return put_number(rh, field, ROW->deps->len);
}

/* The devices in the list, with commas; their paths, as deps prints them. */
static char *join_deps(const GPtrArray *deps, bool blkdevnames)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

        for (unsigned i = 0; i < deps->len; i++) {
                const struct dep *dep = deps->pdata[i];

                g_ptr_array_add(words, dep_text(dep, blkdevnames ? DEVNAME_BLK : DEVNAME_DEVNO));
        }
        g_ptr_array_add(words, NULL);
        return g_strjoinv(",", (char **)words->pdata);
}

FIELD(show_devnos_used)
{
        return put_and_free(rh, field, join_deps(ROW->deps, false));
}

FIELD(show_blkdevs_used)
{
        return put_and_free(rh, field, join_deps(ROW->deps, true));
}

static char *join_nodes(const GPtrArray *nodes, bool numbers)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new();

        for (unsigned i = 0; i < nodes->len; i++) {
                const Node *node = nodes->pdata[i];

                if (node->info)
                        g_ptr_array_add(words, numbers ? node->devno : node->name);
        }
        g_ptr_array_add(words, NULL);
        return g_strjoinv(",", (char **)words->pdata);
}

FIELD(show_devs_used)
{
        return put_and_free(rh, field, join_nodes(ROW->node->uses, false));
}

FIELD(show_ref_count)
{
        return put_number(rh, field, ROW->node->used_by->len);
}

FIELD(show_names_using)
{
        return put_and_free(rh, field, join_nodes(ROW->node->used_by, false));
}

FIELD(show_devnos_using)
{
        return put_and_free(rh, field, join_nodes(ROW->node->used_by, true));
}

FIELD(show_subsystem)
{
        return put(rh, field, ROW->subsystem);
}

FIELD(show_vg)
{
        return put(rh, field, ROW->vg);
}

FIELD(show_lv)
{
        return put(rh, field, ROW->lv);
}

FIELD(show_layer)
{
        return put(rh, field, ROW->layer);
}

static void *whole_row(void *object)
{
        return object;
}

const struct dm_report_object_type fields_types[] = {
        {NEEDS_NAME, "Mapped Device Name", "name_", whole_row},
        {NEEDS_INFO, "Mapped Device Information", "info_", whole_row},
        {NEEDS_DEPS, "Mapped Device Relationship Information", "deps_", whole_row},
        {NEEDS_GRAPH, "Mapped Device Relationship Information", "tree_", whole_row},
        {NEEDS_PARTS, "Mapped Device Name Components", "splitname_", whole_row},
        {NEEDS_COUNTERS, "Mapped Device Statistics", "stats_", whole_row},
        {NEEDS_REGIONS, "Mapped Device Statistics Region Information", "region_", whole_row},
        {0, "", "", NULL},
};

#define TEXT DM_REPORT_FIELD_TYPE_STRING
#define NUMBER DM_REPORT_FIELD_TYPE_NUMBER

static const struct dm_report_field_type device_fields[] = {
        {NEEDS_NAME, TEXT, 0, 16, "name", "Name", show_name, "the device's name"},
        {NEEDS_NAME, TEXT, 0, 16, "mangled_name", "MangledName", show_mangled_name,
         "its name, mangled"},
        {NEEDS_NAME, TEXT, 0, 16, "unmangled_name", "UnmangledName", show_unmangled_name,
         "its name, not mangled"},
        {NEEDS_NAME, TEXT, 0, 32, "uuid", "UUID", show_uuid, "its uuid, if it has one"},
        {NEEDS_NAME, TEXT, 0, 32, "mangled_uuid", "MangledUUID", show_mangled_uuid,
         "its uuid, mangled"},
        {NEEDS_NAME, TEXT, 0, 32, "unmangled_uuid", "UnmangledUUID", show_unmangled_uuid,
         "its uuid, not mangled"},
        {NEEDS_NAME, NUMBER, 0, 6, "read_ahead", "RAhead", show_read_ahead,
         "sectors that are read ahead"},
        {NEEDS_INFO, TEXT, 0, 16, "blkdevname", "BlkDevName", show_blkdevname,
         "dm- and its minor number"},
        {NEEDS_INFO, TEXT, 0, 4, "attr", "Stat", show_attr,
         "(L)ive table, (I)nactive table, (s)uspended, (r)ead-only or (w)riteable"},
        {NEEDS_INFO, TEXT, 0, 6, "tables_loaded", "Tables", show_tables,
         "the table slots that are filled"},
        {NEEDS_INFO, TEXT, 0, 9, "suspended", "Suspended", show_suspended,
         "whether it is suspended"},
        {NEEDS_INFO, TEXT, 0, 9, "readonly", "Read-only", show_readonly, "whether it is read-only"},
        {NEEDS_INFO, TEXT, 0, 5, "devno", "DevNo", show_devno, "its major and minor number"},
        {NEEDS_INFO, NUMBER, 0, 3, "major", "Maj", show_major, "its major number"},
        {NEEDS_INFO, NUMBER, 0, 3, "minor", "Min", show_minor, "its minor number"},
        {NEEDS_INFO, NUMBER, 0, 4, "open", "Open", show_open, "how often it is open"},
        {NEEDS_INFO, NUMBER, 0, 4, "segments", "Targ", show_segments,
         "the targets in its live table"},
        {NEEDS_INFO, NUMBER, 0, 6, "events", "Event", show_events, "the number of its last event"},
        {NEEDS_DEPS, NUMBER, 0, 5, "device_count", "#Devs", show_device_count,
         "how many devices it uses"},
        {NEEDS_GRAPH, TEXT, 0, 16, "devs_used", "DevNamesUsed", show_devs_used,
         "the names of the mapped devices that it uses"},
        {NEEDS_DEPS, TEXT, 0, 16, "devnos_used", "DevNosUsed", show_devnos_used,
         "the paths of the devices that it uses"},
        {NEEDS_DEPS, TEXT, 0, 16, "blkdevs_used", "BlkDevNamesUsed", show_blkdevs_used,
         "the names of the block devices that it uses"},
        {NEEDS_GRAPH, NUMBER, 0, 5, "device_ref_count", "#Refs", show_ref_count,
         "how many mapped devices use it"},
        {NEEDS_GRAPH, TEXT, 0, 8, "names_using_dev", "RefNames", show_names_using,
         "the names of the mapped devices that use it"},
        {NEEDS_GRAPH, TEXT, 0, 9, "devnos_using_dev", "RefDevNos", show_devnos_using,
         "the numbers of the mapped devices that use it"},
        {NEEDS_PARTS, TEXT, 0, 6, "subsystem", "Subsys", show_subsystem,
         "whose device it is, by its uuid"},
        {NEEDS_PARTS, TEXT, 0, 4, "vg_name", "VG", show_vg, "LVM's volume group"},
        {NEEDS_PARTS, TEXT, 0, 4, "lv_name", "LV", show_lv, "LVM's logical volume"},
        {NEEDS_PARTS, TEXT, 0, 7, "lv_layer", "LVLayer", show_layer, "LVM's layer in the volume"},
};

static guint count_fields(const struct dm_report_field_type *fields)
{
        guint count = 0;

        while (fields[count].type)
                count++;
        return count;
}

const struct dm_report_field_type *fields_table(void)
{
        static GArray *all;

        if (!all) {
                all = g_array_new(FALSE, FALSE, sizeof(*device_fields));
                g_array_append_vals(all, device_fields, G_N_ELEMENTS(device_fields));
                /* with the end of the table */
                g_array_append_vals(all, stats_fields_table, count_fields(stats_fields_table) + 1);
        }
        return (const struct dm_report_field_type *)(const void *)all->data;
}
