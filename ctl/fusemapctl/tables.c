/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "concise.h"
#include "device.h"
#include "say.h"
#include "tabletext.h"

/* ---- keys ------------------------------------------------------------------------------------ */

static void zero_until_blank(char *p)
{
        for (; *p && *p != ' '; p++)
                *p = '0';
}

/* NAME:ALGORITHM:KEY, the key being optional */
static void hide_after(char *params, const char *name)
{
        char *p = strstr(params, name);

        if (!p)
                return;
        p += strlen(name);
        p += strcspn(p, " :");
        if (*p == ':')
                zero_until_blank(p + 1);
}

void tables_hide_keys(const char *type, char *params)
{
        if (!strcmp(type, "crypt")) {
                char *key = params + strcspn(params, " ");

                key += *key == ' ';
                if (*key != ':') /* a reference into a keyring hides itself */
                        zero_until_blank(key);
        } else if (!strcmp(type, "integrity")) {
                hide_after(params, "internal_hash:");
                hide_after(params, "journal_crypt:");
                hide_after(params, "journal_mac:");
        }
}

/* ---- --exec ---------------------------------------------------------------------------------- */

bool tables_exec(struct ctl *ctl, const DeviceInfo *info)
{
        g_autoptr(GError) error = NULL;
        const char *directory = client_mountpoint(ctl->client, &error);
        g_autofree char *path =
                directory ? g_build_filename(directory, info->wire_name, NULL) : NULL;
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        g_auto(GStrv) words = g_strsplit_set(ctl->opt->text[OPT_EXEC], " \t\n\v\f\r", -1);

        if (!directory)
                return ctl_fail(error);
        for (char **w = words; *w; w++)
                if (**w)
                        g_ptr_array_add(argv, *w);
        if (!argv->len)
                return false;
        g_ptr_array_add(argv, path);
        g_ptr_array_add(argv, NULL);
        fflush(stdout);
        g_spawn_sync(NULL, (char **)argv->pdata, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN |
                             G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                     NULL, NULL, NULL, NULL, NULL, NULL);
        return true;
}

/* ---- one device ------------------------------------------------------------------------------ */

struct show {
        struct ctl *ctl;
        enum tables_kind kind;
        const char *name;
        const DeviceInfo *info; /* NULL unless it is needed: see needs_info() */
        bool concise, prints, matched;
};

static bool needs_info(struct ctl *ctl, enum tables_kind kind)
{
        return kind == TABLES_LS || ctl_given(ctl, OPT_VERBOSE) || ctl_given(ctl, OPT_CONCISE) ||
               ctl_given(ctl, OPT_EXEC) || ctl->json;
}

static char *shown_params(const struct show *s, const struct target_line *t)
{
        char *params = g_strdup(t->params);

        if (s->kind == TABLES_TABLE && !ctl_given(s->ctl, OPT_SHOWKEYS))
                tables_hide_keys(t->type, params);
        return params;
}

static void print_concise_head(struct ctl *ctl, const DeviceInfo *info)
{
        bool inactive = ctl_given(ctl, OPT_INACTIVE);
        g_autoptr(GString) line = g_string_new(ctl->concise_begun ? ";" : "");

        ctl->concise_begun = true;
        concise_quote(line, info->name);
        g_string_append_c(line, ',');
        concise_quote(line, info->uuid);
        g_string_append_printf(line, ",%" PRIu32 ",%s", info->minor,
                               info_is_readonly(info, inactive) ? "ro" : "rw");
        fputs(line->str, stdout);
}

static void print_concise(const struct show *s, const struct target_line *t)
{
        g_autofree char *params = t->type ? shown_params(s, t) : NULL;
        g_autoptr(GString) line = g_string_new(NULL);

        if (!s->matched)
                print_concise_head(s->ctl, s->info);
        if (!t->type)
                return;
        g_string_append_printf(line, ",%" PRIu64 " %" PRIu64 " %s ", t->start, t->length, t->type);
        concise_quote(line, params);
        fputs(line->str, stdout);
}

static void print_line(const struct show *s, const struct target_line *t)
{
        bool verbose = ctl_given(s->ctl, OPT_VERBOSE);
        g_autofree char *params = t->type ? shown_params(s, t) : NULL;

        if (verbose && !s->matched)
                info_print(s->info, ctl_given(s->ctl, OPT_INACTIVE));
        if (s->ctl->many && !verbose)
                printf("%s: ", s->name);
        if (t->type)
                printf("%" PRIu64 " %" PRIu64 " %s %s", t->start, t->length, t->type, params);
        putchar('\n');
}

static void add_json(const struct show *s, const struct target_line *t)
{
        static const char *const words[] = {
                [TABLES_TABLE] = "params",
                [TABLES_STATUS] = "status",
                [TABLES_MEASURE] = "measure",
        };
        struct json *json = s->ctl->json;
        g_autofree char *params = shown_params(s, t);

        json_begin_object(json, NULL);
        json_number(json, "start", t->start);
        json_number(json, "length", t->length);
        json_string(json, "type", t->type);
        json_string(json, words[s->kind], params);
        json_end_object(json);
}

/* One target, or with a type of NULL none.  False when the rest need not be seen. */
static bool show_target(struct show *s, const struct target_line *t)
{
        const char *wanted = s->ctl->opt->text[OPT_TARGET];

        if (wanted && (!t->type || strcmp(t->type, wanted)))
                return true;
        if (s->ctl->json) {
                if (t->type)
                        add_json(s, t);
        } else if (s->prints) {
                if (s->kind == TABLES_LS)
                        printf("%s\t(%" PRIu32 ", %" PRIu32 ")\n", s->name, s->info->major,
                               s->info->minor);
                else if (s->concise)
                        print_concise(s, t);
                else
                        print_line(s, t);
        }
        s->matched = true;
        return s->kind != TABLES_LS;
}

static void show_targets(struct show *s, GVariant *table)
{
        g_autofree char *text = g_variant_dup_string(table, NULL);
        struct target_line t = {0};
        char *rest = text;

        if (!*text)
                show_target(s, &t);
        while (tabletext_next(&rest, &t) && show_target(s, &t))
                continue;
}

static bool show_device(struct ctl *ctl, enum tables_kind kind, const char *name,
                        const DeviceInfo *info, GVariant *table)
{
        unsigned verbose = ctl->opt->given[OPT_VERBOSE];
        struct show s = {.ctl = ctl,
                         .kind = kind,
                         .name = name,
                         .info = info,
                         .concise = kind == TABLES_TABLE && ctl_given(ctl, OPT_CONCISE),
                         .prints = !ctl_given(ctl, OPT_EXEC) || verbose};

        if (ctl->json) {
                json_begin_object(ctl->json, NULL);
                json_string(ctl->json, "name", info->name);
                json_string(ctl->json, "uuid", info->uuid);
                json_begin_array(ctl->json, "targets");
        }
        show_targets(&s, table);
        if (ctl->json) {
                json_end_array(ctl->json);
                json_end_object(ctl->json);
        } else if (ctl->many && verbose && s.matched && kind != TABLES_LS &&
                   (!s.concise || verbose > 1)) {
                putchar('\n');
        }
        return !s.matched || !ctl_given(ctl, OPT_EXEC) || tables_exec(ctl, info);
}

static GVariant *table_options(struct ctl *ctl, enum tables_kind kind)
{
        return ctl_flags("inactive", ctl_given(ctl, OPT_INACTIVE), "status",
                         kind == TABLES_STATUS || kind == TABLES_LS, "measure",
                         kind == TABLES_MEASURE, "noflush", ctl_given(ctl, OPT_NOFLUSH), NULL);
}

/* libdm takes an absent device as no error of status, and dmsetup says so itself. */
static bool failed(enum tables_kind kind, const Device *device, int number)
{
        if (kind == TABLES_TABLE || number != ENXIO)
                return device_failed_errno(device, kind == TABLES_TABLE ? "table" : "status",
                                           number);
        say_error("Device does not exist.");
        return false;
}

static bool show_one(struct ctl *ctl, enum tables_kind kind, const char *name)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) table = NULL;
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};

        if (!device_init(ctl, &device, name))
                return false;
        reply = client_call(ctl->client, "Table",
                            g_variant_new("(s@a{sv})", device.wire, table_options(ctl, kind)),
                            "(s)", &error);
        if (!reply)
                return client_errno(error) ? failed(kind, &device, client_errno(error))
                                           : ctl_fail(error);
        if (needs_info(ctl, kind) && !(info = device_must_exist(ctl, &device)))
                return false;
        table = g_variant_get_child_value(reply, 0);
        return show_device(ctl, kind, name ? name : "", info, table);
}

/* ---- all devices ----------------------------------------------------------------------------- */

struct all {
        struct ctl *ctl;
        enum tables_kind kind;
        bool ok;
};

static void show_listed(const DeviceInfo *info, GVariant *table, int number, void *user)
{
        struct all *all = user;
        Device device = {.name = info->wire_name};

        all->ok &= number ? failed(all->kind, &device, number)
                          : show_device(all->ctl, all->kind, info->name, info, table);
}

bool tables_show_all(struct ctl *ctl, enum tables_kind kind)
{
        struct all all = {.ctl = ctl, .kind = kind, .ok = true};
        g_autoptr(GPtrArray) list = ctl_list(ctl, false);

        return list &&
               ctl_call_many(ctl, "TableMany", "(a(sss))", list, table_options(ctl, kind),
                             show_listed, &all) &&
               all.ok;
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool show_some(struct ctl *ctl, enum tables_kind kind, int argc, char **argv)
{
        if (!argc && !ctl_named_by_option(ctl))
                return tables_show_all(ctl, kind);
        return show_one(ctl, kind, argc ? argv[0] : NULL);
}

bool verb_table(struct ctl *ctl, int argc, char **argv)
{
        return show_some(ctl, TABLES_TABLE, argc, argv);
}

bool verb_status(struct ctl *ctl, int argc, char **argv)
{
        return show_some(ctl, TABLES_STATUS, argc, argv);
}

bool verb_measure(struct ctl *ctl, int argc, char **argv)
{
        return show_some(ctl, TABLES_MEASURE, argc, argv);
}
