/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of reports, for libdevmapper's report engine. */
#ifndef FUSEMAPCTL_FIELDS_H
#define FUSEMAPCTL_FIELDS_H

#include <libdevmapper.h>

#include "graph.h"

/* What a field needs to be fetched: the bits of a report's type. */
enum {
        NEEDS_NAME = 1,
        NEEDS_INFO = 2,
        NEEDS_DEPS = 4,
        NEEDS_GRAPH = 8,
        NEEDS_PARTS = 16,
        NEEDS_COUNTERS = 32, /* statistics; needs the regions too */
        NEEDS_REGIONS = 64
};

/* A row, and what the fields are taken from. */
struct row {
        const DeviceInfo *info;
        const GPtrArray *deps; /* of struct dep */
        const Node *node;
        const char *subsystem, *vg, *lv, *layer;
        bool inactive;
        const struct stats_object *object; /* of statistics */
};

extern const struct dm_report_object_type fields_types[];
/* All fields, those of statistics too.  A report's private data is a struct stats_style. */
const struct dm_report_field_type *fields_table(void);

#endif
