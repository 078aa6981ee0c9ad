/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports in columns, by libdevmapper's own report engine, which dmsetup uses too. */
#ifndef FUSEMAPCTL_REPORT_H
#define FUSEMAPCTL_REPORT_H

#include "ctl.h"

/* What report_begin() came to. */
enum report_result {
        REPORT_OK,
        REPORT_BAD /* an error has been said */
};

/* Makes ctl->report for ctl->verb, from the options. */
enum report_result report_begin(struct ctl *ctl);
/* Adds the row of a device, or with -S runs ctl->selected for it. */
bool report_add(struct ctl *ctl, const DeviceInfo *info);
/* Adds a row with the parts of NAME, as SUBSYSTEM makes names. */
bool report_add_parts(struct ctl *ctl, const char *subsystem, const char *name);
/* Prints the rows that have been gathered. */
void report_print(struct ctl *ctl);
void report_free(struct ctl *ctl);

/* Prints the fields that there are. */
void report_print_fields(void);

#endif
