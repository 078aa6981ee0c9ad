/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods/methods.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

GVariant *ctl_nothing(void)
{
        return g_variant_new("()");
}

GVariant *ctl_fail(GError **error, int code, const char *format, ...)
{
        va_list list;

        va_start(list, format);
        if (error)
                *error = g_error_new_valist(DM_ERROR, code, format, list);
        va_end(list);
        return NULL;
}

GVariant *ctl_utf8(const char *text)
{
        return g_variant_new_take_string(g_utf8_make_valid(text ? text : "", -1));
}

static const char *behind(const char *text, const char *prefix)
{
        return g_str_has_prefix(text, prefix) ? text + strlen(prefix) : NULL;
}

/* A reference to the device that TEXT names. */
struct mapped_device *ctl_find(const char *text, GError **error)
{
        const char *uuid = behind(text, "/uuid/"), *minor = behind(text, "/minor/");
        struct mapped_device *md = NULL;
        uint64_t n;

        if (uuid)
                md = dm_get_by_uuid(uuid);
        else if (minor)
                md = dm_parse_u64(minor, &n) && n < DM_MINOR_ANY ? dm_get_by_minor((uint32_t)n) : NULL;
        else
                md = dm_get_by_name(text);
        if (!md)
                ctl_fail(error, ENXIO, "there is no device '%s'", text);
        return md;
}

GVariant *ctl_argument(struct ctl_call *call, unsigned n)
{
        return g_variant_get_child_value(call->arguments, n);
}

const char *ctl_text_argument(struct ctl_call *call, unsigned n)
{
        const char *text;

        g_variant_get_child(call->arguments, n, "&s", &text);
        return text;
}
