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
/* Prints the rows that have been gathered. */
void report_print(struct ctl *ctl);
void report_free(struct ctl *ctl);

/* Prints the fields that there are. */
void report_print_fields(void);

#endif
