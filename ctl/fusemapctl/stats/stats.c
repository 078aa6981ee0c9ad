/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats.h"

#include <string.h>

#include "../say.h"
#include "objects.h"

#define PROGRAM "dmstats"

const char *stats_program(const struct ctl *ctl)
{
        const char *given = ctl->opt->text[OPT_PROGRAMID];

        if (ctl_given(ctl, OPT_ALLPROGRAMS))
                return NULL;
        return given ? given : PROGRAM;
}

bool stats_check_options(const struct ctl *ctl)
{
        if (ctl_given(ctl, OPT_ALLPROGRAMS) && ctl_given(ctl, OPT_PROGRAMID)) {
                say_error("Please supply one of --allprograms and --programid");
                return false;
        }
        if (ctl_given(ctl, OPT_ALLREGIONS) && ctl_given(ctl, OPT_REGIONID)) {
                say_error("Please supply one of --allregions and --regionid");
                return false;
        }
        if (ctl_given(ctl, OPT_FOLLOW) && ctl_given(ctl, OPT_NOMONITOR)) {
                say_error("Use of --follow is incompatible with --nomonitor.");
                return false;
        }
        return true;
}

/* ---- devices ------------------------------------------------------------------------------------------- */

static bool work_on_named(struct ctl *ctl, const char *argument, stats_work_fn *work)
{
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};

        /* one that is not there is told of by the call that does not find it */
        return device_init(ctl, &device, argument) && device_info(ctl, &device, &info) &&
               work(ctl, &device, info ? info->name : "");
}

bool stats_for_devices(struct ctl *ctl, int argc, char **argv, bool need_alldevices,
                       stats_work_fn *work)
{
        g_autoptr(GPtrArray) list = NULL;
        bool ok = true;

        if (argc || ctl_named_by_option(ctl))
                return work_on_named(ctl, argc ? argv[0] : NULL, work);
        if (need_alldevices && !ctl_given(ctl, OPT_ALLDEVICES)) {
                say_error("Please specify device(s) or use --alldevices.");
                return false;
        }
        list = ctl_list(ctl, false);
        for (unsigned i = 0; list && i < list->len; i++) {
                DeviceInfo *info = list->pdata[i];
                const Device device = {.name = info->name, .wire = info->wire_name};

                ok &= work(ctl, &device, info->name);
        }
        return list && ok;
}

/* ---- reports -------------------------------------------------------------------------------------------- */

#define OBJECT "stats_name,group_id,region_id,obj_type,"
#define REGION "region_start,region_len,area_count,"
#define AREA "area_id,area_start,"

static bool is_stats(const struct ctl *ctl)
{
        return verb_is_stats(ctl->verb);
}

static bool is_list(const struct ctl *ctl)
{
        return !strcmp(ctl->verb->name, "stats list");
}

static const char *list_fields(bool histogram, bool areas)
{
        if (histogram)
                return areas ? OBJECT REGION AREA "area_len,hist_bins,hist_bounds"
                             : OBJECT REGION "area_len,hist_bins,hist_bounds";
        return areas ? OBJECT REGION AREA "area_len,program_id" : OBJECT REGION "area_len,program_id";
}

const char *stats_default_fields(const struct ctl *ctl)
{
        bool histogram = ctl_given(ctl, OPT_HISTOGRAM);

        if (!is_stats(ctl))
                return NULL;
        if (is_list(ctl))
                return list_fields(histogram, ctl_given(ctl, OPT_VERBOSE));
        if (histogram)
                return ctl_given(ctl, OPT_RELATIVE)
                               ? OBJECT REGION "area_len,util,await,hist_percent_bounds"
                               : OBJECT REGION "area_len,util,await,hist_count_bounds";
        return OBJECT AREA "area_len,reads_merged_per_sec,writes_merged_per_sec,reads_per_sec,"
                           "writes_per_sec,read_size_per_sec,write_size_per_sec,avg_request_size,"
                           "queue_size,util,await,read_await,write_await";
}

unsigned stats_object_types(const struct ctl *ctl)
{
        unsigned types = (ctl_given(ctl, OPT_AREA) ? OBJECT_AREA : 0) |
                         (ctl_given(ctl, OPT_REGION) ? OBJECT_REGION : 0) |
                         (ctl_given(ctl, OPT_GROUP) ? OBJECT_GROUP : 0);

        if (types)
                return types;
        if (is_list(ctl) && !ctl_given(ctl, OPT_VERBOSE))
                return OBJECT_REGION | OBJECT_GROUP;
        return OBJECT_AREA | OBJECT_REGION | OBJECT_GROUP | OBJECT_SKIP_SINGLE;
}

Regions *stats_fetch_for_report(struct ctl *ctl, const DeviceInfo *info, bool counters)
{
        const Device device = {.name = info->name, .wire = info->wire_name};
        g_autoptr(Regions) regions = regions_fetch(ctl, &device, stats_program(ctl));

        for (unsigned i = 0; regions && counters && i < regions->list->len; i++)
                if (!region_fetch_counters(ctl, &device, regions->list->pdata[i], is_stats(ctl)))
                        return NULL;
        return g_steal_pointer(&regions);
}
