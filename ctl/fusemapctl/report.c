/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"
#include "device.h"
#include "graph.h"
#include "mangle.h"
#include "say.h"

/* What a field needs to be fetched: the bits of a report's type. */
enum { NEEDS_NAME = 1, NEEDS_INFO = 2, NEEDS_DEPS = 4, NEEDS_GRAPH = 8, NEEDS_PARTS = 16 };

/* A row, and what the fields are taken from. */
struct row {
        const DeviceInfo *info;
        const GPtrArray *deps; /* of struct dep */
        const Node *node;
        const char *subsystem, *vg, *lv, *layer;
        bool inactive;
};

struct report {
        struct dm_report *dm;
        uint32_t needs;
        GPtrArray *list; /* all devices, for GRAPH */
        Graph *graph;
        unsigned rounds; /* how often it has been printed */
};

/* ---- fields
 * -----------------------------------------------------------------------------------------------
 */

#define FIELD(function)                                                                            \
        static int function(struct dm_report *rh, struct dm_pool *mem,                             \
                            struct dm_report_field *field, const void *data, void *user)

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
        return put_and_free(rh, field, g_strdup_printf("dm-%" PRIu32, ROW->info->minor));
}

FIELD(show_attr)
{
        uint32_t flags = ROW->info->flags;

        return put_and_free(rh, field,
                            g_strdup_printf("%c%c%c%c", flags & INFO_LIVE ? 'L' : '-',
                                            flags & INFO_INACTIVE ? 'I' : '-',
                                            flags & INFO_SUSPENDED ? 's' : '-',
                                            flags & INFO_READONLY ? 'r' : 'w'));
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
        return put(rh, field, ROW->info->flags & INFO_READONLY ? "Read-only" : "Writeable");
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

/* The texts of the devices in the list, with commas. */
static char *join_deps(const GPtrArray *deps, bool blkdevnames)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

        for (unsigned i = 0; i < deps->len; i++) {
                const struct dep *dep = deps->pdata[i];

                g_ptr_array_add(words, !dep->is_mapped ? blkdevnames
                                                                 ? g_path_get_basename(dep->path)
                                                                 : g_strdup(dep->path)
                                       : blkdevnames ? g_strdup_printf("dm-%" PRIu32, dep->minor)
                                                       : g_strdup_printf("%" PRIu32 ":%" PRIu32,
                                                                         dep->major, dep->minor));
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

static const struct dm_report_object_type types[] = {
        {NEEDS_NAME, "Mapped Device Name", "name_", whole_row},
        {NEEDS_INFO, "Mapped Device Information", "info_", whole_row},
        {NEEDS_DEPS, "Mapped Device Relationship Information", "deps_", whole_row},
        {NEEDS_GRAPH, "Mapped Device Relationship Information", "tree_", whole_row},
        {NEEDS_PARTS, "Mapped Device Name Components", "splitname_", whole_row},
        {0, "", "", NULL},
};

#define TEXT DM_REPORT_FIELD_TYPE_STRING
#define NUMBER DM_REPORT_FIELD_TYPE_NUMBER

static const struct dm_report_field_type fields[] = {
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
         "the numbers, or paths, of the devices that it uses"},
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
        {0, 0, 0, 0, "", "", NULL, NULL},
};

#define DEFAULT_FIELDS "name,major,minor,attr,open,segments,events,uuid"
#define SPLITNAME_FIELDS "vg_name,lv_name,lv_layer"

/* ---- set-up
 * -----------------------------------------------------------------------------------------------
 */

static uint32_t output_flags(const struct ctl *ctl)
{
        bool aligned = !ctl_given(ctl, OPT_NOHEADINGS) && !ctl_given(ctl, OPT_NAMEPREFIXES) &&
                       !ctl_given(ctl, OPT_SEPARATOR);
        bool buffered = !ctl_given(ctl, OPT_UNBUFFERED) || ctl_given(ctl, OPT_SORT);
        const char *options = ctl->opt->text[OPT_OPTIONS];
        bool headings = !ctl_given(ctl, OPT_NOHEADINGS) && !(options && strstr(options, "help"));
        uint32_t flags = 0;

        flags |= aligned ? DM_REPORT_OUTPUT_ALIGNED : 0;
        flags |= buffered ? DM_REPORT_OUTPUT_BUFFERED : 0;
        flags |= headings ? DM_REPORT_OUTPUT_HEADINGS : 0;
        flags |= ctl_given(ctl, OPT_NAMEPREFIXES) ? DM_REPORT_OUTPUT_FIELD_NAME_PREFIX : 0;
        flags |= ctl_given(ctl, OPT_UNQUOTED) ? DM_REPORT_OUTPUT_FIELD_UNQUOTED : 0;
        flags |= ctl_given(ctl, OPT_ROWS) ? DM_REPORT_OUTPUT_COLUMNS_AS_ROWS : 0;
        return flags;
}

static char *wanted_fields(const struct ctl *ctl, bool splitname)
{
        const char *given = ctl->opt->text[OPT_OPTIONS];
        const char *standard = splitname ? SPLITNAME_FIELDS : DEFAULT_FIELDS;

        if (!given)
                return g_strdup(standard);
        return *given == '+' ? g_strconcat(standard, ",", given + 1, NULL) : g_strdup(given);
}

enum report_result report_begin(struct ctl *ctl)
{
        bool splitname = !strcmp(ctl->verb->name, "splitname");
        g_autofree char *wanted = wanted_fields(ctl, splitname);
        const char *separator = ctl->opt->text[OPT_SEPARATOR];
        const char *keys = ctl->opt->text[OPT_SORT];
        struct report *report = g_new0(struct report, 1);

        if (keys && (!strcmp(ctl->verb->name, "status") || !strcmp(ctl->verb->name, "table"))) {
                say_error("--sort is not yet supported with status and table.");
                g_free(report);
                return REPORT_BAD;
        }
        report->needs = splitname ? NEEDS_PARTS : 0;
        if (!separator)
                separator = ctl_given(ctl, OPT_NOHEADINGS) ? ":" : " ";
        fflush(stdout);
        report->dm = dm_report_init_with_selection(&report->needs, types, fields, wanted, separator,
                                                   output_flags(ctl), keys ? keys : "",
                                                   ctl->opt->text[OPT_SELECT], NULL, NULL);
        if (!report->dm) {
                g_free(report);
                return REPORT_BAD;
        }
        if (ctl_given(ctl, OPT_NAMEPREFIXES))
                dm_report_set_output_field_name_prefix(report->dm, "dm_");
        ctl->report = report;
        return REPORT_OK;
}

void report_print(struct ctl *ctl)
{
        if (ctl->opt->number[OPT_COUNT] != 1 && !dm_report_is_empty(ctl->report->dm))
                dm_report_column_headings(ctl->report->dm);
        dm_report_output(ctl->report->dm);
        g_clear_pointer(&ctl->report->graph, graph_free);
        g_clear_pointer(&ctl->report->list, g_ptr_array_unref);
}

void report_free(struct ctl *ctl)
{
        if (!ctl->report)
                return;
        dm_report_free(ctl->report->dm);
        graph_free(ctl->report->graph);
        g_clear_pointer(&ctl->report->list, g_ptr_array_unref);
        g_clear_pointer(&ctl->report, g_free);
}

void report_print_fields(void)
{
        uint32_t needs = 0;
        struct dm_report *dm = dm_report_init(&needs, types, fields, "help", " ", 0, "", NULL);

        if (dm)
                dm_report_free(dm);
}

/* ---- rows
 * -------------------------------------------------------------------------------------------------
 */

static char *split(struct row *row, const char *subsystem, const char *name)
{
        char *vg = NULL, *lv = NULL, *layer = NULL;

        row->subsystem = subsystem;
        row->vg = row->lv = row->layer = "";
        if (strcmp(subsystem, "LVM"))
                return NULL;
        vg = strdup(name); /* libdevmapper splits it in place */
        if (dm_split_lvm_name(NULL, NULL, &vg, &lv, &layer)) {
                row->vg = vg;
                row->lv = lv;
                row->layer = layer;
        }
        return vg;
}

/* Only when a field asks for it. */
static bool fetch_graph(struct ctl *ctl)
{
        struct report *report = ctl->report;

        if (!(report->needs & NEEDS_GRAPH) || report->graph)
                return true;
        report->list = ctl_list(ctl, true);
        report->graph = report->list ? graph_fetch(ctl, report->list) : NULL;
        return report->graph;
}

static GPtrArray *fetch_deps(struct ctl *ctl, const DeviceInfo *info)
{
        const Device device = {.name = info->wire_name, .wire = info->wire_name};
        GPtrArray *deps = deps_fetch(ctl, &device);

        if (!deps)
                say_error("Cannot get deps for %" PRIu32 ":%" PRIu32 ".", info->major, info->minor);
        return deps;
}

/* Runs the command that -S selects for. */
static bool run_selected(struct ctl *ctl, const DeviceInfo *info)
{
        struct report *report = ctl->report;
        char *argv[] = {info->name, NULL};
        bool ok;

        ctl->report = NULL;
        ctl->many = true;
        ok = ctl->selected->run(ctl, 1, argv);
        ctl->report = report;
        return ok;
}

static bool add_row(struct ctl *ctl, struct row *row)
{
        int selected = 0;

        if (!dm_report_object_is_selected(ctl->report->dm, row, !ctl->selected, &selected))
                return false;
        return !ctl->selected || !selected || run_selected(ctl, row->info);
}

static bool add_device(struct ctl *ctl, const DeviceInfo *info)
{
        struct report *report = ctl->report;
        struct row row = {.info = info, .inactive = ctl_given(ctl, OPT_INACTIVE)};
        g_autoptr(GPtrArray) deps = NULL;
        g_autofree char *subsystem = NULL;
        char *parts;
        bool ok;

        if (!fetch_graph(ctl))
                return false;
        if (report->graph)
                row.node = graph_device(report->graph, info);
        if (report->needs & NEEDS_DEPS && !(row.deps = deps = fetch_deps(ctl, info)))
                return false;
        subsystem = g_strndup(info->uuid, strchr(info->uuid, '-') ? strcspn(info->uuid, "-") : 0);
        parts = split(&row, subsystem, info->name);
        ok = add_row(ctl, &row);
        free(parts);
        return ok;
}

/* ---- commands
 * --------------------------------------------------------------------------------------------- */

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
                return add_device(ctl, info);
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
        struct row row = {0};
        char *parts = split(&row, argc == 2 ? argv[1] : "LVM", argv[0]);
        bool ok = dm_report_object(ctl->report->dm, &row);

        free(parts);
        return ok;
}
