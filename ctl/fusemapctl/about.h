/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAPCTL_ABOUT_H
#define FUSEMAPCTL_ABOUT_H

/* What --help prints; new text. */
char *about_usage(void);
void about_print_usage(void);

#endif
