/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static bool use_syslog;

void log_to_syslog(void)
{
        openlog("fusemap", LOG_PID, LOG_DAEMON);
        use_syslog = true;
}

void log_line(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        if (use_syslog) {
                vsyslog(LOG_NOTICE, format, args);
        } else {
                g_autofree char *text = g_strdup_vprintf(format, args);

                fprintf(stderr, "fusemap: %s\n", text);
        }
        va_end(args);
}
