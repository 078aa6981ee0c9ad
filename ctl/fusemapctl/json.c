/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"

#include <inttypes.h>

struct json {
        GString *out;
        bool comma; /* something stands before what comes next */
};

struct json *json_new(void)
{
        struct json *json = g_new0(struct json, 1);

        json->out = g_string_new(NULL);
        return json;
}

const char *json_text(const struct json *json)
{
        return json->out->str;
}

void json_free(struct json *json)
{
        g_string_free(json->out, TRUE);
        g_free(json);
}

static void quoted(GString *out, const char *value)
{
        g_autofree char *valid = g_utf8_make_valid(value, -1);

        g_string_append_c(out, '"');
        for (const char *p = valid; *p; p++) {
                unsigned char c = (unsigned char)*p;

                if (c == '"' || c == '\\')
                        g_string_append_printf(out, "\\%c", c);
                else if (c < 0x20 || c == 0x7f)
                        g_string_append_printf(out, "\\u%04x", c);
                else
                        g_string_append_c(out, *p);
        }
        g_string_append_c(out, '"');
}

static void key_of(struct json *json, const char *key)
{
        if (json->comma)
                g_string_append_c(json->out, ',');
        json->comma = true;
        if (key) {
                quoted(json->out, key);
                g_string_append_c(json->out, ':');
        }
}

static void begin(struct json *json, const char *key, char bracket)
{
        key_of(json, key);
        g_string_append_c(json->out, bracket);
        json->comma = false;
}

static void end(struct json *json, char bracket)
{
        g_string_append_c(json->out, bracket);
        json->comma = true;
}

void json_begin_object(struct json *json, const char *key)
{
        begin(json, key, '{');
}

void json_end_object(struct json *json)
{
        end(json, '}');
}

void json_begin_array(struct json *json, const char *key)
{
        begin(json, key, '[');
}

void json_end_array(struct json *json)
{
        end(json, ']');
}

void json_string(struct json *json, const char *key, const char *value)
{
        key_of(json, key);
        quoted(json->out, value);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
        key_of(json, key);
        g_string_append_printf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
        key_of(json, key);
        g_string_append(json->out, value ? "true" : "false");
}
