/* SPDX-License-Identifier: BSD-3-Clause */
#include "concise.h"

#include <string.h>

void concise_init(struct concise *c, const char *text)
{
        c->at = text;
        c->count = 0;
        for (unsigned i = 0; i < CONCISE_FIELDS; i++)
                c->fields[i] = g_string_new(NULL);
}

void concise_clear(struct concise *c)
{
        for (unsigned i = 0; i < CONCISE_FIELDS; i++)
                g_string_free(c->fields[i], TRUE);
}

static const char *field_or_null(const struct concise *c, enum concise_field field)
{
        return field < c->count ? c->fields[field]->str : "(null)";
}

static enum concise_result bad(const struct concise *c, const char *what, char **why)
{
        *why = g_strdup_printf(
                "%s\nParsed %u fields: name: %s uuid: %s minor: %s flags: %s table: %s", what,
                c->count, field_or_null(c, CONCISE_NAME), field_or_null(c, CONCISE_UUID),
                field_or_null(c, CONCISE_MINOR), field_or_null(c, CONCISE_FLAGS),
                field_or_null(c, CONCISE_TABLE));
        return CONCISE_BAD;
}

static enum concise_result incomplete(const struct concise *c, char **why)
{
        return bad(c, "Incomplete entry: five comma-separated fields are required for each device",
                   why);
}

static void skip_blanks(struct concise *c)
{
        while (g_ascii_isspace(*c->at))
                c->at++;
}

static enum concise_result device_ends(struct concise *c, char **why)
{
        if (c->count != CONCISE_FIELDS)
                return bad(c, "Five comma-separated fields are required for each device", why);
        skip_blanks(c);
        return CONCISE_DEVICE;
}

/* A comma ends a field, and in the table, the last one, a line. */
static void comma(struct concise *c)
{
        if (c->count == CONCISE_FIELDS) {
                g_string_append_c(c->fields[CONCISE_TABLE], '\n');
                return;
        }
        c->count++;
        skip_blanks(c);
}

enum concise_result concise_next(struct concise *c, char **why)
{
        char last = '\0';

        for (unsigned i = 0; i < CONCISE_FIELDS; i++)
                g_string_truncate(c->fields[i], 0);
        if (!*c->at)
                return CONCISE_END;
        c->count = 1;
        while ((last = *c->at)) {
                GString *field = c->fields[c->count - 1];

                c->at++;
                if (last == '\\') {
                        if (!*c->at)
                                return bad(
                                        c,
                                        "Backslash must be followed by another character at end of "
                                        "string.",
                                        why);
                        g_string_append_c(field, *c->at++);
                        if (!*c->at) /* so dmsetup has it */
                                return incomplete(c, why);
                } else if (last == ';') {
                        return device_ends(c, why);
                } else if (last != ',') {
                        g_string_append_c(field, last);
                } else {
                        comma(c);
                        if (!*c->at)
                                return incomplete(c, why);
                        continue;
                }
                if (!*c->at)
                        return device_ends(c, why);
        }
        return CONCISE_END;
}

void concise_quote(GString *out, const char *value)
{
        for (; *value; value++) {
                if (strchr(",;\\", *value))
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *value);
        }
}
