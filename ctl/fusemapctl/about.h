/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAPCTL_ABOUT_H
#define FUSEMAPCTL_ABOUT_H

#include <stdbool.h>

/* What --help prints, or with STATS, of the commands for statistics; new text. */
char *about_usage(bool stats);
void about_print_usage(bool stats);

#endif
