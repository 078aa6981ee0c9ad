/* SPDX-License-Identifier: BSD-3-Clause */
/* help, version, targets, target-version. */
#include "about.h"

#include <errno.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "report.h"
#include "say.h"

#define COLUMNS 96

/* ---- help ------------------------------------------------------------------------------------ */

/* Appends WORDS, broken at blanks, from column COLUMN on and with INDENT on further lines.  Blanks
 * in brackets do not count. */
static void add_wrapped(GString *out, const char *words, unsigned column, unsigned indent)
{
        bool first = g_str_has_suffix(out->str, " "); /* nothing to part the next word from */

        while (*words) {
                unsigned depth = 0;
                size_t length = 0;

                for (; words[length] && (words[length] != ' ' || depth); length++)
                        depth += (words[length] == '[') - (unsigned)(words[length] == ']');
                if (!first && column + 1 + length > COLUMNS) {
                        g_string_append_printf(out, "\n%*s", (int)indent, "");
                        column = indent;
                } else if (!first) {
                        g_string_append_c(out, ' ');
                        column++;
                }
                first = false;
                g_string_append_len(out, words, (gssize)length);
                column += (unsigned)length;
                words += length + (words[length] == ' ');
        }
        g_string_append_c(out, '\n');
}

static char *option_usage(const struct option_info *info)
{
        GString *text = g_string_new("[");

        for (const char *l = info->letters; *l; l++)
                g_string_append_printf(text, "-%c|", *l);
        g_string_append_printf(text, "--%s", info->name);
        if (info->value)
                g_string_append_printf(text, " <%s>", info->value);
        g_string_append_c(text, ']');
        return g_string_free(text, FALSE);
}

static void add_options(GString *out)
{
        g_autoptr(GString) options = g_string_new(NULL);

        for (int id = 0; id < OPTION_COUNT; id++) {
                g_autofree char *usage = option_usage(&option_table[id]);

                g_string_append_printf(options, "%s%s", id ? " " : "", usage);
        }
        add_wrapped(out, options->str, 8, 8);
}

static void add_verb(GString *out, const char *name, const char *usage)
{
        g_auto(GStrv) forms = g_strsplit(usage, "\n", -1);

        for (char **form = forms; *form || form == forms; form++) {
                g_string_append_printf(out, "        %s", name);
                add_wrapped(out, *form ? *form : "", 8 + (unsigned)strlen(name), 12);
                if (!*form)
                        break;
        }
}

/* The commands for statistics, without the word "stats". */
static char *stats_usage(void)
{
        GString *out = g_string_new(NULL);
        const char *program = say_program();

        g_string_append_printf(out, "Usage:\n\n%s%s\n", program, strcmp(program, "dmstats") ? " stats" : "");
        for (const struct verb *v = command_table; v->name; v++)
                if (verb_is_stats(v))
                        add_verb(out, v->name + strlen(STATS_PREFIX), v->usage);
        g_string_append(out, "\n<device> is a name, a path below the mount point, or (if only one) "
                             "-u <uuid> or -j <major> -m <minor>\n"
                             "<fields> are separated by commas; 'help -c' lists them.\n"
                             "<start>, <length> and <size> are sectors, or have a unit's letter: "
                             "bskmgtpe; a capital one for thousands.\n\n");
        return g_string_free(out, FALSE);
}

char *about_usage(bool stats)
{
        GString *out;

        if (stats)
                return stats_usage();
        out = g_string_new(NULL);
        g_string_append_printf(out, "Usage:\n\n%s\n        ", say_program());
        add_options(out);
        g_string_append_c(out, '\n');
        for (const struct verb *v = command_table; v->name; v++)
                add_verb(out, v->name, v->usage);
        g_string_append(
                out,
                "\n<device> is a name, a path below the mount point, or (if only one) -u <uuid> or "
                "-j <major> -m <minor>\n"
                "<fields> are separated by commas; 'help -c' lists them.\n"
                "<concise_device_list> has devices separated by semicolons:\n"
                "    <name>,<uuid>,<minor>,<flags>,<table>[,<table>...]\n"
                "    <flags> is 'ro' or 'rw'; <uuid>, <minor> and <flags> may be empty.\n"
                "A table is read from stdin when none is given.\n"
                "Options of ls and deps: devno, devname, blkdevname.\n"
                "Options of ls --tree: ascii, utf, vt100; compact, inverted, notrunc;\n"
                "    blkdevname, [no]device, active, open, rw, uuid.\n\n");
        return g_string_free(out, FALSE);
}

void about_print_usage(bool stats)
{
        g_autofree char *usage = about_usage(stats);

        fflush(stdout);
        fputs(usage, stderr);
}

static bool help(struct ctl *ctl, bool stats)
{
        about_print_usage(stats);
        if (ctl_given(ctl, OPT_COLUMNS))
                report_print_fields();
        return true;
}

bool verb_help(struct ctl *ctl, int argc, char **argv)
{
        return help(ctl, false);
}

bool verb_stats_help(struct ctl *ctl, int argc, char **argv)
{
        return help(ctl, true);
}

/* ---- versions -------------------------------------------------------------------------------- */

bool verb_version(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        const char *driver;
        char library[80];

        if (dm_get_library_version(library, sizeof(library)))
                printf("Library version:   %s\n", library);
        reply = client_call(ctl->client, "Version", NULL, "(sss)", &error);
        if (!reply)
                return ctl_fail(error);
        g_variant_get(reply, "(&s&s&s)", NULL, &driver, NULL);
        printf("Driver version:    %s\n", driver);
        return true;
}

struct type {
        const char *name, *summary, *usage;
        uint32_t version[3];
};

static bool next_type(GVariantIter *iter, struct type *t)
{
        return g_variant_iter_next(iter, "(&s(uuu)&s&s)", &t->name, &t->version[0], &t->version[1],
                                   &t->version[2], &t->summary, &t->usage);
}

static GVariant *fetch_types(struct ctl *ctl)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "Targets", NULL, "(a(s(uuu)ss))", &error);

        if (reply)
                return g_variant_get_child_value(reply, 0);
        ctl_fail(error);
        return NULL;
}

static void print_type(const struct type *t)
{
        printf("%-16s v%u.%u.%u\n", t->name, t->version[0], t->version[1], t->version[2]);
}

static void add_json(struct json *json, const struct type *t)
{
        g_autofree char *version =
                g_strdup_printf("%u.%u.%u", t->version[0], t->version[1], t->version[2]);

        json_begin_object(json, NULL);
        json_string(json, "name", t->name);
        json_string(json, "version", version);
        json_string(json, "summary", t->summary);
        json_string(json, "usage", t->usage);
        json_end_object(json);
}

bool verb_targets(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GVariant) types = fetch_types(ctl);
        GVariantIter iter;
        struct type t;

        if (!types)
                return false;
        g_variant_iter_init(&iter, types);
        while (next_type(&iter, &t))
                if (ctl->json)
                        add_json(ctl->json, &t);
                else
                        print_type(&t);
        return true;
}

bool verb_target_version(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GVariant) types = fetch_types(ctl);
        Device nosuch = {.name = argv[0]};
        GVariantIter iter;
        struct type t;

        if (!types)
                return false;
        g_variant_iter_init(&iter, types);
        while (next_type(&iter, &t))
                if (!strcmp(t.name, argv[0])) {
                        print_type(&t);
                        return true;
                }
        return device_failed_errno(&nosuch, "target-version", EINVAL);
}
