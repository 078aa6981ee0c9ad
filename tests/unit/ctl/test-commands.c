/* SPDX-License-Identifier: BSD-3-Clause */
/* The command table, the option table and what is made from them hold together. */
#include <criterion/criterion.h>
#include <glib.h>
#include <string.h>

#include "about.h"
#include "commands.h"
#include "completion.h"
#include "options.h"

static bool is_option(const char *word, size_t length)
{
        for (int id = 0; id < OPTION_COUNT; id++) {
                const struct option_info *o = &option_table[id];

                if (length == 2 && strchr(o->letters, word[1]))
                        return true;
                if (length == strlen(o->name) + 2 && !strncmp(word + 2, o->name, length - 2))
                        return true;
        }
        return false;
}

Test(commands, every_entry_is_whole)
{
        for (const struct verb *v = command_table; v->name; v++) {
                cr_expect_not_null(v->usage, "%s", v->name);
                cr_expect_not_null(v->summary, "%s", v->name);
                cr_expect_not_null(v->run, "%s", v->name);
                cr_expect(v->max < 0 || v->min <= v->max, "%s", v->name);
                cr_expect_eq(verb_find(v->name), v, "%s is there twice", v->name);
        }
        cr_expect_null(verb_find("nosuchcommand"));
}

Test(commands, every_option_is_whole)
{
        bool letters[256] = {false};

        for (int id = 0; id < OPTION_COUNT; id++) {
                cr_assert_not_null(option_table[id].name, "option %d", id);
                cr_expect_not_null(option_table[id].help, "--%s", option_table[id].name);
                for (const char *l = option_table[id].letters; *l; l++) {
                        cr_expect(!letters[(unsigned char)*l], "-%c is there twice", *l);
                        letters[(unsigned char)*l] = true;
                }
        }
}

Test(commands, usage_names_options_that_there_are)
{
        for (const struct verb *v = command_table; v->name; v++)
                for (const char *p = v->usage; (p = strchr(p, '-')); p++) {
                        size_t length = strcspn(p, " |]\n>");

                        if (p == v->usage || strchr("[| \n", p[-1]))
                                cr_expect(is_option(p, length), "%s: %.*s", v->name, (int)length,
                                          p);
                        p += length - 1;
                }
}

Test(commands, help_names_every_command_and_option)
{
        g_autofree char *usage = about_usage(false);

        for (const struct verb *v = command_table; v->name; v++) {
                g_autofree char *line = g_strdup_printf("\n        %s", v->name);

                cr_expect_not_null(strstr(usage, line), "%s", v->name);
        }
        for (int id = 0; id < OPTION_COUNT; id++)
                cr_expect_not_null(strstr(usage, option_table[id].name), "--%s",
                                   option_table[id].name);
}

Test(commands, help_for_statistics_names_their_commands_alone)
{
        g_autofree char *usage = about_usage(true);

        for (const struct verb *v = command_table; v->name; v++) {
                bool stats = verb_is_stats(v);
                g_autofree char *line = g_strdup_printf(
                        "\n        %s", v->name + (stats ? strlen(STATS_PREFIX) : 0));

                if (stats)
                        cr_expect_not_null(strstr(usage, line), "%s", v->name);
        }
        cr_expect_null(strstr(usage, "\n        suspend"));
}

Test(commands, completions_name_every_command)
{
        static const char *const shells[] = {"bash", "zsh", "man"};

        for (size_t i = 0; i < G_N_ELEMENTS(shells); i++) {
                g_autofree char *text = completion_text(shells[i]);

                for (const struct verb *v = command_table; v->name; v++) {
                        const char *second = strchr(v->name, ' ');
                        g_autofree char *described =
                                g_strdup_printf("'%s:", second ? second + 1 : v->name);
                        const char *wanted = strcmp(shells[i], "zsh") ? v->name : described;

                        cr_expect_not_null(strstr(text, wanted), "%s: %s", shells[i], v->name);
                }
        }
        cr_expect_null(completion_text("nosuchshell"));
}

Test(commands, completions_name_a_commands_options)
{
        g_autofree char *bash = completion_text("bash");

        cr_expect_not_null(strstr(
                bash, "\t'remove') words=' --deferred -f --force --retry --immediate --socket"));
        cr_expect_not_null(strstr(bash, "\t'targets') words=' --json --socket"));
}

static bool parse(struct options *o, const char *line)
{
        g_auto(GStrv) argv = g_strsplit(line, " ", -1);
        g_autofree char **copy = g_memdup2(argv, (g_strv_length(argv) + 1) * sizeof(*argv));
        char **rest = copy;
        int argc = (int)g_strv_length(argv);

        return options_parse(o, &argc, &rest);
}

Test(commands, options_with_numbers_take_numbers)
{
        struct options o;

        cr_expect(parse(&o, "x ls -j 1 --minor 7 -M 640 -U 5"));
        cr_expect_eq(o.number[OPT_MINOR], 7);
        cr_expect_eq(o.number[OPT_MODE], 0640);
        cr_expect_eq(o.number[OPT_UID], 5);
        cr_expect(!parse(&o, "x ls -j 1 -m x"));
        cr_expect(!parse(&o, "x ls -j 1 -m 7x"));
        cr_expect(!parse(&o, "x ls -M 8"));
        cr_expect(!parse(&o, "x ls -M 0"));
        cr_expect(!parse(&o, "x ls --interval 0"));
}

Test(commands, options_that_exclude_each_other_are_refused)
{
        struct options o;

        cr_expect(!parse(&o, "x ls -j 1"));
        cr_expect(!parse(&o, "x create a --table t --notable"));
        cr_expect(!parse(&o, "x resume a --addnodeonresume --addnodeoncreate"));
        cr_expect(!parse(&o, "x ls --nosuchoption"));
}
