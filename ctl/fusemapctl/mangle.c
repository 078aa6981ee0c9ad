/* SPDX-License-Identifier: BSD-3-Clause */
#include "mangle.h"

#include <stdbool.h>
#include <string.h>

#include "say.h"

/* What "\x" looks like after it has been mangled. */
#define TWICE "\\x5cx"

static bool is_plain(char c)
{
        return g_ascii_isalnum(c) || (c && strchr("#+-.:=@_", c));
}

static bool is_mangled(const char *p)
{
        return p[0] == '\\' && p[1] == 'x' && p[2] && p[3];
}

static bool is_mangled_twice(const char *text, const char *what)
{
        if (!strstr(text, TWICE))
                return false;
        say_error("The %s \"%s\" seems to be mangled more than once. This is not allowed in auto "
                  "mode.",
                  what, text);
        return true;
}

static char *mixed(const char *text, const char *what)
{
        say_error("The %s \"%s\" contains mixed mangled and unmangled characters or it's already "
                  "mangled "
                  "improperly.",
                  what, text);
        return NULL;
}

char *mangle(const char *text, const char *what, size_t max, dm_string_mangling_t mode)
{
        g_autoptr(GString) out = g_string_new(NULL);
        bool has_mangled = false, has_raw = false;

        for (const char *p = text; *p; p++) {
                if (mode != DM_STRING_MANGLING_HEX && p[0] == '\\' && p[1] == 'x') {
                        if (!is_mangled(p))
                                return mixed(text, what);
                        g_string_append_len(out, p, 4);
                        p += 3;
                        has_mangled = true;
                } else if (is_plain(*p)) {
                        g_string_append_c(out, *p);
                } else {
                        g_string_append_printf(out, "\\x%02x", (unsigned char)*p);
                        has_raw = true;
                }
                if (has_mangled && has_raw)
                        return mixed(text, what);
        }
        if (out->len > max) {
                say_error("Mangled form of the %s too long for \"%s\".", what, text);
                return NULL;
        }
        return g_strdup(out->str);
}

char *mangle_input(const char *text, const char *what, size_t max, dm_string_mangling_t mode)
{
        if (mode == DM_STRING_MANGLING_NONE)
                return g_strdup(text);
        if (mode == DM_STRING_MANGLING_AUTO && is_mangled_twice(text, what))
                return NULL;
        return mangle(text, what, max, mode);
}

char *unmangle(const char *text)
{
        GString *out = g_string_new(NULL);

        for (const char *p = text; *p; p++) {
                int high = is_mangled(p) ? g_ascii_xdigit_value(p[2]) : -1;
                int low = is_mangled(p) ? g_ascii_xdigit_value(p[3]) : -1;

                if (high < 0 || low < 0) {
                        g_string_append_c(out, *p);
                        continue;
                }
                g_string_append_c(out, (char)(high << 4 | low));
                p += 3;
        }
        return g_string_free(out, FALSE);
}

char *unmangle_output(const char *text, const char *what, dm_string_mangling_t mode)
{
        if (mode == DM_STRING_MANGLING_NONE)
                return g_strdup(text);
        if (mode == DM_STRING_MANGLING_AUTO && is_mangled_twice(text, what))
                return NULL;
        for (const char *p = text; *p; p++)
                if (!is_plain(*p) && *p != '\\') {
                        say_error("The %s \"%s\" should be mangled but it contains blacklisted "
                                  "characters.",
                                  what, text);
                        return NULL;
                }
        return unmangle(text);
}
