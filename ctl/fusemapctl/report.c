/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"
#include "fields.h"
#include "say.h"
#include "stats/objects.h"
#include "stats/stats.h"
#include "stats/style.h"

struct report {
        struct dm_report *dm;
        struct stats_style style;
        uint32_t needs;
        GPtrArray *list; /* all devices, for GRAPH */
        Graph *graph;
};

#define DEFAULT_FIELDS "name,major,minor,attr,open,segments,events,uuid"
#define SPLITNAME_FIELDS "vg_name,lv_name,lv_layer"

/* ---- set-up ---------------------------------------------------------------------------------- */

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

static const char *standard_fields(const struct ctl *ctl, bool splitname)
{
        const char *stats = stats_default_fields(ctl);

        return stats ? stats : splitname ? SPLITNAME_FIELDS : DEFAULT_FIELDS;
}

/* What a report is of, whatever its fields are. */
static uint32_t report_needs(const struct ctl *ctl, bool splitname)
{
        if (!strcmp(ctl->verb->name, "stats report"))
                return NEEDS_COUNTERS | NEEDS_REGIONS;
        if (verb_is_stats(ctl->verb))
                return NEEDS_REGIONS;
        return splitname ? NEEDS_PARTS : 0;
}

static char *wanted_fields(const struct ctl *ctl, bool splitname)
{
        const char *given = ctl->opt->text[OPT_OPTIONS];
        const char *standard = standard_fields(ctl, splitname);

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
        g_autofree struct report *report = g_new0(struct report, 1);

        if (keys && (!strcmp(ctl->verb->name, "status") || !strcmp(ctl->verb->name, "table"))) {
                say_error("--sort is not yet supported with status and table.");
                return REPORT_BAD;
        }
        if (!stats_style_init(&report->style, ctl->opt))
                return REPORT_BAD;
        report->needs = report_needs(ctl, splitname);
        if (!separator)
                separator = ctl_given(ctl, OPT_NOHEADINGS) ? ":" : " ";
        fflush(stdout);
        report->dm = dm_report_init_with_selection(
                &report->needs, fields_types, fields_table(), wanted, separator, output_flags(ctl),
                keys ? keys : "", ctl->opt->text[OPT_SELECT], NULL, &report->style);
        if (!report->dm)
                return REPORT_BAD;
        if (ctl_given(ctl, OPT_NAMEPREFIXES))
                dm_report_set_output_field_name_prefix(report->dm, "dm_");
        ctl->report = g_steal_pointer(&report);
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
        struct dm_report *dm =
                dm_report_init(&needs, fields_types, fields_table(), "help", " ", 0, "", NULL);

        if (dm)
                dm_report_free(dm);
}

/* ---- rows ------------------------------------------------------------------------------------ */

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

/* *RET_DONE: -S has run its command for the device. */
static bool add_row(struct ctl *ctl, struct row *row, bool *ret_done)
{
        int selected = 0;

        if (!dm_report_object_is_selected(ctl->report->dm, row, !ctl->selected, &selected))
                return false;
        *ret_done = ctl->selected && selected;
        return !*ret_done || run_selected(ctl, row->info);
}

struct adding {
        struct ctl *ctl;
        struct row *row;
        bool ok;
};

static bool add_object(const StatsObject *object, void *user)
{
        struct adding *adding = user;
        bool done = false;

        adding->row->object = object;
        adding->ok = add_row(adding->ctl, adding->row, &done);
        return adding->ok && !done;
}

/* The device has a row, or one for each object of its statistics. */
static bool add_rows(struct ctl *ctl, struct row *row)
{
        uint32_t needs = ctl->report->needs;
        struct adding adding = {ctl, row, true};
        g_autoptr(Regions) regions = NULL;
        bool done = false;

        if (!(needs & (NEEDS_COUNTERS | NEEDS_REGIONS)))
                return add_row(ctl, row, &done);
        regions = stats_fetch_for_report(ctl, row->info, needs & NEEDS_COUNTERS);
        if (!regions)
                return false;
        stats_objects_walk(regions, stats_object_types(ctl), ctl->interval_ns, add_object, &adding);
        return adding.ok;
}

bool report_add(struct ctl *ctl, const DeviceInfo *info)
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
        ok = add_rows(ctl, &row);
        free(parts);
        return ok;
}

bool report_add_parts(struct ctl *ctl, const char *subsystem, const char *name)
{
        struct row row = {0};
        char *parts = split(&row, subsystem, name);
        bool ok = dm_report_object(ctl->report->dm, &row);

        free(parts);
        return ok;
}
