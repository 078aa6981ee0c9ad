/* SPDX-License-Identifier: BSD-3-Clause */
/* What table, status, measure and ls --target have in common: a walk over targets. */
#ifndef FUSEMAPCTL_TABLES_H
#define FUSEMAPCTL_TABLES_H

#include "ctl.h"

enum tables_kind { TABLES_TABLE, TABLES_STATUS, TABLES_MEASURE, TABLES_LS };

/* All devices. */
bool tables_show_all(struct ctl *ctl, enum tables_kind kind);

/* Overwrites the keys in the parameters of a target with zeros. */
void tables_hide_keys(const char *type, char *params);

/* Runs the --exec command with the device's path; false: an error has been said.  What the command
 * does with itself is its own affair. */
bool tables_exec(struct ctl *ctl, const DeviceInfo *info);

#endif
