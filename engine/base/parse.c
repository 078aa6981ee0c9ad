/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/parse.h"

#include <glib.h>

bool dm_parse_u64(const char *text, uint64_t *ret_value)
{
        uint64_t value = 0;

        if (!*text)
                return false;
        for (; *text; text++) {
                if (!g_ascii_isdigit(*text) ||
                    __builtin_mul_overflow(value, (uint64_t)10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
                        return false;
        }
        *ret_value = value;
        return true;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

unsigned dm_parse_words(char *text, char ***ret_words)
{
        GPtrArray *words = g_ptr_array_new();
        char *in = text, *out;
        unsigned count;

        for (;;) {
                while (is_blank(*in))
                        in++;
                if (!*in)
                        break;
                g_ptr_array_add(words, in);
                for (out = in; *in && !is_blank(*in); in++) {
                        if (*in == '\\' && in[1])
                                in++;
                        *out++ = *in;
                }
                if (*in)
                        in++;
                *out = '\0';
        }
        count = words->len;
        g_ptr_array_add(words, NULL);
        *ret_words = (char **)g_ptr_array_free(words, FALSE);
        return count;
}
