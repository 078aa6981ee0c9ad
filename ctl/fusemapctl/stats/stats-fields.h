/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of reports that tell of statistics: rows for fields.c. */
#ifndef FUSEMAPCTL_STATS_FIELDS_H
#define FUSEMAPCTL_STATS_FIELDS_H

#include <libdevmapper.h>

/* Ends with a field of type 0.  A row's "object" is what they are taken from; the report's private data is a
 * struct stats_style. */
extern const struct dm_report_field_type stats_fields_table[];

#endif
