/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of statistics have in common, and what reports need of them. */
#ifndef FUSEMAPCTL_STATS_STATS_H
#define FUSEMAPCTL_STATS_STATS_H

#include "regions.h"

/* The program whose regions a command is about; NULL: all. */
const char *stats_program(const struct ctl *ctl);

/* Checks options that exclude each other.  False: an error has been said. */
bool stats_check_options(const struct ctl *ctl);

/* Calls WORK for the device that the arguments name, or when they name none for all; the latter with
 * NEED_ALLDEVICES only if --alldevices is given.  NAME is the device's.  False: an error has been said, of
 * one of them at least. */
typedef bool stats_work_fn(struct ctl *ctl, const Device *device, const char *name);
bool stats_for_devices(struct ctl *ctl, int argc, char **argv, bool need_alldevices,
                       stats_work_fn *work);

/* Stores GROUP's description (NULL: none) with LEADER, its first region.  False: an error has been said. */
bool stats_set_group(struct ctl *ctl, const Device *device, const Region *leader,
                     const StatsGroup *group);
/* Makes a group of the regions that LIST names, with ALIAS ("": none).  *RET_ID: its number.  False: an error
 * has been said. */
bool stats_create_group(struct ctl *ctl, const Device *device, const char *list, const char *alias,
                        uint64_t *ret_id);

/* ---- for reports --------------------------------------------------------------------------------- */

/* The fields of ctl->verb's report when none are given; NULL: it is not about statistics. */
const char *stats_default_fields(const struct ctl *ctl);
/* The objects that a report is to have: see stats_objects_walk(). */
unsigned stats_object_types(const struct ctl *ctl);
/* The device's regions, with COUNTERS these too; a command of statistics sets them to 0, so that the next
 * report begins there.  NULL: an error has been said. */
Regions *stats_fetch_for_report(struct ctl *ctl, const DeviceInfo *info, bool counters);

#endif
