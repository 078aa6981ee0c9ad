/* SPDX-License-Identifier: BSD-3-Clause */
/* stats create, and what maps files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "../say.h"
#include "histogram.h"
#include "stats.h"
#include "style.h"
#include "../tabletext.h"

/* What the options say of the regions to be made. */
typedef struct plan {
        uint64_t start, length; /* sectors; 0: the device's */
        uint64_t areas;         /* how many, or else */
        uint64_t step;          /* sectors; 0: one area */
        GArray *bounds;         /* NULL: no histogram */
        const char *program, *data, *alias;
} Plan;

static void plan_clear(Plan *plan)
{
        g_clear_pointer(&plan->bounds, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

/* ---- options -------------------------------------------------------------------------------------------- */

static bool take_size(const struct ctl *ctl, enum option_id id, uint64_t *ret_sectors)
{
        if (!ctl_given(ctl, id) || stats_parse_size(ctl->opt->text[id], ret_sectors))
                return true;
        say_error("Invalid %s argument: \"%s\"", option_table[id].name, ctl->opt->text[id]);
        return false;
}

static bool refuse(const char *why)
{
        say_error("%s", why);
        return false;
}

static bool check_combinations(const struct ctl *ctl)
{
        const char *program = ctl->opt->text[OPT_PROGRAMID], *alias = ctl->opt->text[OPT_ALIAS];

        if (ctl_given(ctl, OPT_ALLREGIONS))
                return refuse("Cannot use --allregions with create.");
        if (ctl_given(ctl, OPT_ALLPROGRAMS))
                return refuse("Cannot use --allprograms with create.");
        if (ctl_given(ctl, OPT_AREAS) && ctl_given(ctl, OPT_AREASIZE))
                return refuse("Please specify one of --areas and --areasize.");
        if (program && !*program && !ctl_given(ctl, OPT_FORCE))
                return refuse("Creating a region with no program id requires --force.");
        if (alias && ctl_given(ctl, OPT_NOGROUP))
                return refuse("Cannot set alias with --nogroup.");
        return true;
}

static bool take_bounds(const struct ctl *ctl, Plan *plan)
{
        if (!ctl_given(ctl, OPT_BOUNDS))
                return true;
        plan->bounds = histogram_parse(ctl->opt->text[OPT_BOUNDS]);
        return plan->bounds;
}

static const char *or_dash(const char *text)
{
        return text && *text ? text : "-";
}

static bool take_plan(const struct ctl *ctl, Plan *plan)
{
        plan->program = or_dash(stats_program(ctl));
        plan->data = or_dash(ctl->opt->text[OPT_USERDATA]);
        plan->alias = ctl_given(ctl, OPT_ALIAS) ? ctl->opt->text[OPT_ALIAS] : "";
        plan->areas = ctl->opt->number[OPT_AREAS];
        return take_size(ctl, OPT_AREASIZE, &plan->step) && take_size(ctl, OPT_START, &plan->start) &&
               take_size(ctl, OPT_LENGTH, &plan->length) && take_bounds(ctl, plan);
}

/* ---- regions --------------------------------------------------------------------------------------------- */

/* "COUNT FEATURE...": the count is always there, lest a program be taken for it. */
static char *features_text(const struct ctl *ctl, const GArray *bounds)
{
        bool precise = ctl_given(ctl, OPT_PRECISE) || (bounds && histogram_is_precise(bounds));
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "%d", precise + (bounds != NULL));
        g_string_append(text, precise ? " precise_timestamps" : "");
        for (unsigned i = 0; bounds && i < bounds->len; i++)
                g_string_append_printf(text, "%s%" PRIu64, i ? "," : " histogram:",
                                       g_array_index(bounds, uint64_t, i) / (precise ? 1 : 1000000));
        return g_string_free(text, FALSE);
}

static char *send_create(struct ctl *ctl, const Device *device, const Plan *plan, uint64_t start,
                         uint64_t length)
{
        g_autofree char *features = features_text(ctl, plan->bounds);

        if (plan->bounds && !histogram_is_ascending(plan->bounds)) {
                say_error("Histogram boundaries must be in order of increasing magnitude.");
                return NULL;
        }
        return stats_send(ctl, device,
                          "@stats_create %" PRIu64 "+%" PRIu64 " %s%" PRIu64 " %s %s %s", start, length,
                          plan->step ? "" : "/", plan->step ? plan->step : MAX(plan->areas, 1), features,
                          plan->program, plan->data);
}

/* *IDS: the ids of the regions so far, with commas. */
static bool create_region(struct ctl *ctl, const Device *device, const char *name, const Plan *plan,
                          uint64_t start, uint64_t length, GString *ids)
{
        g_autofree char *reply = send_create(ctl, device, plan, start, length);
        uint64_t areas = MAX(plan->areas, 1), id;

        if (!reply || !dm_parse_u64(g_strstrip(reply), &id)) {
                say_error("%s: Could not create statistics region.", name);
                return false;
        }
        if (plan->step)
                areas = (length - 1) / plan->step + 1;
        printf("%s: Created new region with %" PRIu64 " area(s) as region ID %" PRIu64 "\n", name, areas,
               id);
        g_string_append_printf(ids, "%s%" PRIu64, ids->len ? "," : "", id);
        return true;
}

/* The device's table, new text; NULL: an error has been said. */
static char *fetch_table(struct ctl *ctl, const Device *device)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "Table",
                            g_variant_new("(s@a{sv})", device->wire, ctl_no_flags()), "(s)", &error);
        char *text;

        if (!reply) {
                device_failed(device, "table", error);
                return NULL;
        }
        g_variant_get(reply, "(s)", &text);
        return text;
}

static bool create_segments(struct ctl *ctl, const Device *device, const char *name, const Plan *plan,
                            char *table)
{
        g_autoptr(GString) ids = g_string_new(NULL);
        struct target_line line;
        uint64_t group;

        while (tabletext_next(&table, &line))
                if (!create_region(ctl, device, name, plan, line.start, line.length, ids))
                        return false;
        if (ctl_given(ctl, OPT_NOGROUP) || !ids->len)
                return true;
        if (!stats_create_group(ctl, device, ids->str, plan->alias, &group)) {
                say_error("Failed to create group for regions %s.", ids->str);
                return false;
        }
        printf("Grouped regions %s as group ID %" PRIu64 "%s%s\n", ids->str, group,
               *plan->alias ? " with alias " : "", plan->alias);
        return true;
}

static bool create_one(struct ctl *ctl, const Device *device, const char *name, const Plan *plan,
                       char *table)
{
        g_autoptr(GString) ids = g_string_new(NULL);
        struct target_line line;
        uint64_t size = 0;

        while (tabletext_next(&table, &line))
                size = line.start + line.length;
        return create_region(ctl, device, name, plan, plan->start, plan->length ? plan->length : size,
                             ids);
}

static bool create_on(struct ctl *ctl, const Device *device, const char *name)
{
        g_autofree char *table = NULL;
        g_auto(Plan) plan = {0};

        if (!take_plan(ctl, &plan) || !(table = fetch_table(ctl, device)))
                return false;
        return ctl_given(ctl, OPT_SEGMENTS) ? create_segments(ctl, device, name, &plan, table)
                                            : create_one(ctl, device, name, &plan, table);
}

/* ---- files -------------------------------------------------------------------------------------------------- */

/* What a file lies on is never a mapped device of ours: those are files themselves. */
static bool refuse_file(const char *path, const char *what)
{
        char *real = realpath(path, NULL);

        if (real) {
                say_error("Cannot map file: not a device-mapper device.");
                say_error("Could not %s file %s.", what, path);
        } else {
                say_error("Could not canonicalize file name: %s", path);
        }
        free(real);
        return false;
}

static bool create_on_file(const struct ctl *ctl, const char *path)
{
        if (ctl_given(ctl, OPT_AREAS) || ctl_given(ctl, OPT_AREASIZE))
                return refuse("--filemap is incompatible with --areas and --area-size.");
        if (ctl_given(ctl, OPT_START) || ctl_given(ctl, OPT_LENGTH))
                return refuse("--filemap is incompatible with --start and --length.");
        if (ctl_given(ctl, OPT_SEGMENTS))
                return refuse("--filemap and --segments are incompatible.");
        if (ctl_given(ctl, OPT_USERDATA))
                return refuse("--userdata is not yet supported with --filemap.");
        if (ctl_named_by_option(ctl))
                return refuse("--uuid and --major are incompatible with --filemap.");
        if (ctl_given(ctl, OPT_ALLDEVICES))
                return refuse("--alldevices is incompatible with --filemap.");
        if (!path)
                return refuse("--filemap requires a file path argument");
        return refuse_file(path, "create regions from");
}

bool verb_stats_update_filemap(struct ctl *ctl, int argc, char **argv)
{
        if (!argc)
                return refuse("update_filemap requires a file path argument");
        if (!ctl_given(ctl, OPT_GROUPID))
                return refuse("--groupid is required to update a filemap group.");
        return refuse_file(argv[0], "update regions from");
}

bool verb_stats_create(struct ctl *ctl, int argc, char **argv)
{
        if (ctl_given(ctl, OPT_FILEMAP))
                return create_on_file(ctl, argc ? argv[0] : NULL);
        return check_combinations(ctl) && stats_for_devices(ctl, argc, argv, true, create_on);
}
