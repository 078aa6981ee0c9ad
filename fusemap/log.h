/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the daemon: to stderr, and to syslog once it is in the background. */
#ifndef FUSEMAP_LOG_H
#define FUSEMAP_LOG_H

#include <glib.h>
#include <stdbool.h>

void log_to_syslog(void);
void log_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
