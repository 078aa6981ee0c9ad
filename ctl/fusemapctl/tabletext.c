/* SPDX-License-Identifier: BSD-3-Clause */
#include "tabletext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define TYPE_MAX_BYTES 15 /* linux/dm-ioctl.h: 16 with the zero byte */

/* As C reads a number: a sign is taken, too big is the biggest.  The daemon refuses both, and then
 * the error is the one that the kernel gives. */
static bool take_number(const char **p, uint64_t *value)
{
        char *end;

        *value = strtoull(*p, &end, 10);
        if (end == *p)
                return false;
        *p = end;
        return true;
}

static char *take_type(const char **p)
{
        const char *begin;

        while (g_ascii_isspace(**p))
                (*p)++;
        begin = *p;
        while (**p && !g_ascii_isspace(**p))
                (*p)++;
        return g_strndup(begin, (gsize)(*p - begin));
}

static bool parse_line(char *line, unsigned number, const char *where, GString *out, char **why)
{
        const char *p = g_strstrip(line);
        g_autofree char *type = NULL;
        uint64_t start, length;
        char *comment;

        if (!*p || *p == '#')
                return true;
        if (take_number(&p, &start) && take_number(&p, &length))
                type = take_type(&p);
        if (!type || !*type) {
                *why = g_strdup_printf("Invalid format on line %u of table %s.", number, where);
                return false;
        }
        if (strlen(type) > TYPE_MAX_BYTES) {
                *why = g_strdup_printf("Target type name %s is too long.", type);
                return false;
        }
        while (g_ascii_isspace(*p))
                p++;
        comment = strchr(p, '#');
        if (comment)
                *comment = '\0';
        g_string_append_printf(out, "%" PRIu64 " %" PRIu64 " %s %s\n", start, length, type, p);
        return true;
}

bool tabletext_parse(const char *text, const char *where, GString *out, char **why)
{
        unsigned number = 0;
        bool ok = true;

        while (ok && *text) {
                size_t length = strcspn(text, "\n");
                g_autofree char *line = g_strndup(text, length);

                ok = parse_line(line, ++number, where, out, why);
                text += length + (text[length] == '\n');
        }
        return ok;
}

bool tabletext_next(char **text, struct target_line *line)
{
        char *p = *text, *end = strchr(p, '\n');

        if (!end)
                return false;
        *text = end + 1;
        *end = '\0';
        line->start = g_ascii_strtoull(p, &p, 10);
        line->length = g_ascii_strtoull(p, &p, 10);
        if (*p != ' ')
                return false;
        line->type = ++p;
        p += strcspn(p, " ");
        if (*p)
                *p++ = '\0';
        line->params = p;
        return *line->type;
}

char *tabletext_slurp(const char *file)
{
        FILE *f = file ? fopen(file, "r") : stdin;
        GString *text = g_string_new(NULL);
        char buffer[65536];
        size_t n;
        bool ok;

        if (!f) {
                say_error("Couldn't open '%s' for reading.", file);
                g_string_free(text, TRUE);
                return NULL;
        }
        while ((n = fread(buffer, 1, sizeof(buffer), f)))
                g_string_append_len(text, buffer, (gssize)n);
        ok = !ferror(f);
        if (!ok)
                say_error("Couldn't read %s: %s", file ? file : "stdin", g_strerror(errno));
        if (file)
                fclose(f);
        return g_string_free(text, !ok);
}
