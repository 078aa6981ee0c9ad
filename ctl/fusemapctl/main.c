/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fusemapctl: dmsetup for fusemap.  The command line, the output, the errors and the exit status
 * are those of dmsetup 1.02; ours is what dmsetup has not (see doc/fusemapctl.8.md).
 */
#include <libdevmapper.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "about.h"
#include "base/clock.h"
#include "completion.h"
#include "ctl.h"
#include "deps.h"
#include "repeat.h"
#include "report.h"
#include "say.h"
#include "stats/stats.h"
#include "tree.h"

/* A writer of a script is told that something is wrong with the command line itself. */
static int misused(void)
{
        say_error("Couldn't process command line.");
        return 1;
}

static int misused_with_usage(const char *what, bool stats)
{
        if (what)
                say_error("%s", what);
        about_print_usage(stats);
        return 1;
}

static bool is_dmstats(void)
{
        return !strcmp(say_program(), "dmstats");
}

/* Checks -o before anything is done: what it means depends on the command. */
static bool check_options(const struct ctl *ctl)
{
        const char *text = ctl->opt->text[OPT_OPTIONS];
        struct tree_style style;
        enum devname devname;

        if (ctl_given(ctl, OPT_TREE))
                return tree_style_parse(text, &style);
        if (ctl_given(ctl, OPT_COLUMNS) || !text)
                return true;
        return deps_parse_options(text, &devname);
}

/* ---- the commands' runs ---------------------------------------------------------------------- */

/* Once for each argument, where the command takes several. */
static bool run_for_each(struct ctl *ctl, int argc, char **argv)
{
        do {
                if (!ctl->verb->run(ctl, argc, argv)) {
                        say_error("Command failed.");
                        return false;
                }
                argv++;
        } while (ctl->verb->repeat != REPEAT_NO && argc-- > 1);
        return true;
}

/* --json: all that is printed is one object.  NULL: the command prints none; else what its list is
 * called. */
static const char *json_list(const struct ctl *ctl)
{
        static const char *const verbs[] = {"info", "ls", "table", "status", "measure", NULL};
        const struct verb *verb = ctl->selected ? ctl->selected : ctl->verb;

        if (!ctl_given(ctl, OPT_JSON) || (ctl->report && !ctl->selected) ||
            ctl_given(ctl, OPT_TREE) || ctl_given(ctl, OPT_DOT))
                return NULL;
        if (!strcmp(verb->name, "targets"))
                return "targets";
        return g_strv_contains(verbs, verb->name) ? "devices" : NULL;
}

static void begin_json(struct ctl *ctl)
{
        const char *list = json_list(ctl);

        if (!list)
                return;
        ctl->json = json_new();
        json_begin_object(ctl->json, NULL);
        json_begin_array(ctl->json, list);
}

static void end_json(struct ctl *ctl, bool print)
{
        if (!ctl->json)
                return;
        json_end_array(ctl->json);
        json_end_object(ctl->json);
        if (print)
                puts(json_text(ctl->json));
        g_clear_pointer(&ctl->json, json_free);
}

static bool run_once(struct ctl *ctl, int argc, char **argv)
{
        bool ok;

        begin_json(ctl);
        ok = run_for_each(ctl, argc, argv);
        end_json(ctl, ok);
        if (ctl->concise_begun)
                putchar('\n');
        if (ctl->report)
                report_print(ctl);
        return ok;
}

/* --count and --interval repeat a report. */
static bool run_repeatedly(struct ctl *ctl, int argc, char **argv)
{
        const struct options *o = ctl->opt;
        unsigned interval = o->given[OPT_INTERVAL] ? o->number[OPT_INTERVAL] : 1;
        unsigned left = o->number[OPT_COUNT];
        bool for_ever = !left && (o->given[OPT_COUNT] || o->given[OPT_INTERVAL]);
        uint64_t interval_ns = interval * (uint64_t)DM_NS_PER_S;
        uint64_t start = dm_clock_real_ns(), before = start, now;

        ctl->interval_ns = interval_ns;
        while (run_once(ctl, argc, argv)) {
                if (!for_ever && left-- <= 1)
                        return true;
                if (ctl->report)
                        putchar('\n');
                fflush(stdout);
                repeat_wait(repeat_next(start, interval_ns, dm_clock_real_ns()));
                now = dm_clock_real_ns();
                ctl->interval_ns = now - before;
                before = now;
        }
        return false;
}

/* With -S, a command on devices becomes a report that runs it for those that it selects. */
static void prepare_selection(struct ctl *ctl, struct options *o)
{
        if (!o->given[OPT_SELECT] || ctl->verb->repeat != REPEAT_EACH_SELECT)
                return;
        ctl->selected = ctl->verb;
        ctl->verb = verb_find("info");
        o->given[OPT_COLUMNS]++;
}

static int run(struct ctl *ctl, struct options *o, int argc, char **argv)
{
        int status = 1;

        if (ctl->verb->columns)
                o->given[OPT_COLUMNS]++;
        if (!strcmp(ctl->verb->name, "mangle")) /* it has to see names as they are */
                dm_set_name_mangling_mode(DM_STRING_MANGLING_NONE);
        if (!check_options(ctl))
                return misused();
        if (verb_is_stats(ctl->verb) && !stats_check_options(ctl)) {
                say_error("Command failed.");
                return 1;
        }
        prepare_selection(ctl, o);
        if (o->given[OPT_COLUMNS] && !g_str_has_suffix(ctl->verb->name, "help") &&
            report_begin(ctl) != REPORT_OK)
                return 1;
        ctl->many =
                ctl->verb->repeat != REPEAT_NO && argc != 1 && (argc || !ctl_named_by_option(ctl));
        status = !run_repeatedly(ctl, argc, argv);
        report_free(ctl);
        return status;
}

/* --help and --version stand for the commands, and never fail. */
static int run_about(struct ctl *ctl, const char *name)
{
        ctl->verb = verb_find(name);
        if (!ctl->verb->run(ctl, 0, NULL))
                say_error("Command failed.");
        return 0;
}

/* The command WORD, with STATS one for statistics.  NULL: there is none. */
static const struct verb *find_verb(const char *word, bool stats)
{
        g_autofree char *name = g_strconcat(stats ? STATS_PREFIX : "", word, NULL);
        const struct verb *verb = verb_find(name);

        return verb && verb_is_stats(verb) == stats ? verb : NULL;
}

static int dispatch(struct ctl *ctl, struct options *o, int argc, char **argv)
{
        bool word = argc && !strcmp(argv[0], "stats"), stats = word || is_dmstats();

        if (o->given[OPT_HELP])
                return run_about(ctl, stats ? "stats help" : "help");
        if (o->given[OPT_VERSION])
                return run_about(ctl, "version");
        if (!argc)
                return misused_with_usage(NULL, stats);
        argc -= word;
        argv += word;
        if (!argc)
                return misused_with_usage("Incorrect number of arguments.", stats);
        ctl->verb = find_verb(argv[0], stats);
        if (!ctl->verb) {
                misused_with_usage(stats ? "Unknown stats command." : "Unknown command.", stats);
                if (stats)
                        say_error("Command failed.");
                return 1;
        }
        argc--;
        argv++;
        if (argc < ctl->verb->min || (ctl->verb->max >= 0 && argc > ctl->verb->max))
                return misused_with_usage("Incorrect number of arguments.", stats);
        return run(ctl, o, argc, argv);
}

/* As dmsetup does, which puts its nodes there; see device.c for what it is here. */
static bool check_environment(void)
{
        const char *dev = g_getenv("DM_DEV_DIR");

        if (!dev || !*dev || g_path_is_absolute(dev))
                return true;
        say_error("Invalid DM_DEV_DIR environment variable value.");
        return false;
}

/* fusemapctl --completion SHELL: for the build. */
static bool print_completion(int argc, char **argv, int *status)
{
        g_autofree char *text = NULL;

        if (argc != 3 || strcmp(argv[1], "--completion"))
                return false;
        text = completion_text(argv[2]);
        if (text)
                fputs(text, stdout);
        *status = !text;
        return true;
}

int main(int argc, char **argv)
{
        g_autofree char *program = g_path_get_basename(argc ? argv[0] : "fusemapctl");
        struct options options;
        struct ctl ctl = {.opt = &options};
        int status;

        setlocale(LC_ALL, "");
        say_set_program(program);
        if (print_completion(argc, argv, &status))
                return status;
        if (!check_environment())
                return 1;
        if (argc)
                argv[0] = program; /* which getopt puts before its errors */
        if (!options_parse(&options, &argc, &argv))
                return misused();
        if (options.given[OPT_VERBOSE])
                say_explain_always();
        ctl.client = client_new(options.text[OPT_SOCKET], options.text[OPT_MOUNT]);
        status = dispatch(&ctl, &options, argc, argv);
        client_free(ctl.client);
        if (fflush(stdout) || ferror(stdout))
                status = 1;
        return status;
}
