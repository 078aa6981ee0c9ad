/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAPCTL_CREATE_H
#define FUSEMAPCTL_CREATE_H

#include "ctl.h"

/* The table from --table, FILE or stdin (FILE NULL), checked; new text, NULL: an error has been
 * said. */
char *create_read_table(struct ctl *ctl, const char *file);

#endif
