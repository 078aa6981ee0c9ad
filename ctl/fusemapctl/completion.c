/* SPDX-License-Identifier: BSD-3-Clause */
#include "completion.h"

#include <glib.h>
#include <string.h>

#include "commands.h"
#include "options.h"

/* What a command takes: its own options, from its usage, and those of every command. */
static const enum option_id everywhere[] = {OPT_SOCKET, OPT_MOUNT,      OPT_VERBOSE,
                                            OPT_UUID,   OPT_MANGLENAME, OPT_HELP};

static bool takes_device(const struct verb *v)
{
        return strstr(v->usage, "<device>") && strcmp(v->name, "create");
}

/* "--deferred --force -f ...": every word in the usage that begins with a dash. */
static void add_options(GString *out, const char *usage)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        const char *p = usage;

        while ((p = strchr(p, '-'))) {
                size_t length = 0;

                while (p[length] == '-' || g_ascii_isalpha(p[length]))
                        length++;
                if ((p == usage || strchr("[| \n", p[-1])) && length > 1) {
                        char *word = g_strndup(p, length);

                        if (g_hash_table_add(seen, word))
                                g_string_append_printf(out, " %s", word);
                }
                p += length;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(everywhere); i++) {
                g_autofree char *word = g_strconcat("--", option_table[everywhere[i]].name, NULL);

                if (!g_hash_table_contains(seen, word))
                        g_string_append_printf(out, " %s", word);
        }
}

/* The first words of the commands, or with STATS the second ones of those for statistics. */
static void add_verbs(GString *out, bool stats)
{
        const char *between = "";

        for (const struct verb *v = command_table; v->name; v++) {
                if (verb_is_stats(v) != stats)
                        continue;
                g_string_append_printf(out, "%s%s", between, v->name + (stats ? strlen(STATS_PREFIX) : 0));
                between = " ";
        }
        if (!stats)
                g_string_append(out, " stats");
}

/* "--count|--exec|...|-o" */
static void add_options_with_value(GString *out)
{
        const char *between = "";

        for (int id = 0; id < OPTION_COUNT; id++) {
                if (!option_table[id].value)
                        continue;
                g_string_append_printf(out, "%s--%s", between, option_table[id].name);
                between = "|";
                for (const char *l = option_table[id].letters; *l; l++)
                        g_string_append_printf(out, "|-%c", *l);
        }
}

static char *bash_text(void)
{
        GString *out = g_string_new(
                "# bash completion for fusemapctl; made from its command table\n"
                "_fusemapctl()\n{\n"
                "\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb= words= devices= i\n"
                "\tlocal -a where=()\n"
                "\tCOMPREPLY=()\n"
                "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
                "\t\tcase ${COMP_WORDS[i]} in\n"
                "\t\t--socket|--mount) where=(\"${COMP_WORDS[@]:i:2}\"); ((i++));;\n\t\t");

        add_options_with_value(out);
        g_string_append(out, ") ((i++));;\n"
                             "\t\t-*) ;;\n"
                             "\t\t*) verb+=${verb:+ }${COMP_WORDS[i]}; [ \"$verb\" = stats ] || break;;\n"
                             "\t\tesac\n\tdone\n"
                             "\tcase $verb in\n\t'') words='");
        add_verbs(out, false);
        add_options(out, "");
        g_string_append(out, "';;\n\tstats) words='");
        add_verbs(out, true);
        g_string_append(out, "';;\n");
        for (const struct verb *v = command_table; v->name; v++) {
                g_string_append_printf(out, "\t'%s') words='", v->name);
                add_options(out, v->usage);
                g_string_append_printf(out, "'%s;;\n", takes_device(v) ? " devices=1" : "");
        }
        g_string_append(
                out,
                "\tesac\n"
                "\tcase ${COMP_WORDS[COMP_CWORD - 1]} in\n"
                "\t--socket|--mount) COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n"
                "\tesac\n"
                "\tif [ -n \"$devices\" ] && [[ $cur != -* ]]; then\n"
                "\t\twords=$(\"${COMP_WORDS[0]}\" \"${where[@]}\" info -c --noheadings -o name "
                "2>/dev/null | grep -v '^No devices found$')\n"
                "\tfi\n"
                "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                "}\n"
                "complete -o default -F _fusemapctl fusemapctl\n");
        return g_string_free(out, FALSE);
}

/* A text between single quotes in zsh's _describe and _arguments. */
static void add_zsh_text(GString *out, const char *text)
{
        for (; *text; text++) {
                if (*text == '\'')
                        g_string_append(out, "'\\'");
                else if (strchr(":[]\\", *text))
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *text);
        }
}

/* "NAME:SUMMARY" of each command, see add_verbs(). */
static void add_zsh_verbs(GString *out, bool stats)
{
        for (const struct verb *v = command_table; v->name; v++) {
                if (verb_is_stats(v) != stats)
                        continue;
                g_string_append_printf(out, "\t\t'%s:", v->name + (stats ? strlen(STATS_PREFIX) : 0));
                add_zsh_text(out, v->summary);
                g_string_append(out, "'\n");
        }
        if (!stats)
                g_string_append(out, "\t\t'stats:count I/O, and report it'\n");
}

static char *zsh_text(void)
{
        GString *out = g_string_new("#compdef fusemapctl\n"
                                    "# zsh completion for fusemapctl; made from its command table\n"
                                    "_fusemapctl() {\n"
                                    "\tlocal -a verbs stats options devices\n"
                                    "\tverbs=(\n");

        add_zsh_verbs(out, false);
        g_string_append(out, "\t)\n\tstats=(\n");
        add_zsh_verbs(out, true);
        g_string_append(out, "\t)\n\toptions=(\n");
        for (int id = 0; id < OPTION_COUNT; id++) {
                const struct option_info *o = &option_table[id];

                g_string_append_printf(out, "\t\t'--%s[", o->name);
                add_zsh_text(out, o->help);
                g_string_append_printf(out, "]%s%s%s'\n", o->value ? ":" : "",
                                       o->value ? o->value : "",
                                       !o->value          ? ""
                                       : id == OPT_SOCKET ? ":_files"
                                       : id == OPT_MOUNT  ? ":_files -/"
                                                          : ": ");
        }
        g_string_append(
                out, "\t)\n"
                     "\t_arguments -S \"$options[@]\" '1: :->verb' '2: :->second' '*: :->rest' && return\n"
                     "\t[[ $state != second ]] || [[ $line[1] == stats ]] || state=rest\n"
                     "\tcase $state in\n"
                     "\tverb) _describe command verbs;;\n"
                     "\tsecond) _describe 'stats command' stats;;\n"
                     "\trest)\n"
                     "\t\tdevices=(${(f)\"$(_call_program devices fusemapctl "
                     "${opt_args[--socket]:+--socket=}${opt_args[--socket]} "
                     "${opt_args[--mount]:+--mount=}${opt_args[--mount]} "
                     "info -c --noheadings -o name 2>/dev/null)\"})\n"
                     "\t\tdevices=(${devices:#No devices found})\n"
                     "\t\t_alternative 'devices:device:compadd -a devices' 'files:file:_files';;\n"
                     "\tesac\n"
                     "}\n"
                     "_fusemapctl \"$@\"\n");
        return g_string_free(out, FALSE);
}

/* The synopsis, in the page's Markdown: a line block. */
static void add_man_line(GString *out, const char *verb, const char *usage)
{
        g_string_append_printf(out, "| **fusemapctl %s**%s", verb, *usage ? " " : "");
        for (; *usage; usage++) {
                if (strchr("<>", *usage))
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *usage);
        }
        g_string_append_c(out, '\n');
}

static char *man_text(void)
{
        GString *out = g_string_new(NULL);

        for (const struct verb *v = command_table; v->name; v++) {
                g_auto(GStrv) forms = g_strsplit(v->usage, "\n", -1);

                if (!*forms)
                        add_man_line(out, v->name, "");
                for (char **form = forms; *form; form++)
                        add_man_line(out, v->name, *form);
        }
        return g_string_free(out, FALSE);
}

char *completion_text(const char *shell)
{
        if (!strcmp(shell, "bash"))
                return bash_text();
        if (!strcmp(shell, "zsh"))
                return zsh_text();
        return !strcmp(shell, "man") ? man_text() : NULL;
}
