/* SPDX-License-Identifier: BSD-3-Clause */
#include "dm-internal.h"

GQuark dm_error_quark(void)
{
        return g_quark_from_static_string("dm-error");
}

bool dm_fail(GError **error, int code, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        if (error)
                *error = g_error_new_valist(DM_ERROR, code, format, args);
        va_end(args);
        return false;
}
