/* SPDX-License-Identifier: BSD-3-Clause */
/* fusemap-replay-log: shows and replays the log of a log-writes target, and checks what a crash would have
 * left. */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/parse.h"
#include "image.h"
#include "log.h"

#define EXIT_CHECK_FAILED 1
#define EXIT_TROUBLE 2

/* Where to stop, and where to check. */
enum points {
        AT_FLUSH = 1 << 0, /* an entry with the flush flag */
        AT_FUA = 1 << 1,
        AT_MARK = 1 << 2,
        AT_ALL = 1 << 3,
};

struct options {
        const char *log, *image;
        bool list, keep_going, no_discard;
        uint64_t from, to; /* entries; to: the first one that is not replayed */
        const char *from_mark, *to_mark;
        unsigned points;
        const char *check;
};

static int trouble(GError *error)
{
        fprintf(stderr, "fusemap-replay-log: %s\n", error->message);
        g_error_free(error);
        return EXIT_TROUBLE;
}

/* ---- the list --------------------------------------------------------------------------------------- */

static void print_flags(const struct log_entry *entry)
{
        static const struct {
                uint64_t flag;
                const char *name;
        } names[] = {{LOG_FLUSH, "flush"},
                     {LOG_FUA, "fua"},
                     {LOG_DISCARD, "discard"},
                     {LOG_MARK, "mark"},
                     {LOG_METADATA, "metadata"}};
        const char *separator = "";

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                if (entry->flags & names[i].flag) {
                        printf("%s%s", separator, names[i].name);
                        separator = ",";
                }
        }
        if (!*separator)
                putchar('-');
}

/* "NUMBER SECTOR SECTORS FLAGS [MARK]", sectors of 512 bytes as in a table */
static void print_entry(const struct log_entry *entry)
{
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " ", entry->number, entry->offset / 512,
               entry->len / 512);
        print_flags(entry);
        if (entry->mark) {
                g_autofree char *text = g_strescape(entry->mark, NULL);

                printf(" %s", text);
        }
        putchar('\n');
}

/* ---- checking ---------------------------------------------------------------------------------------- */

/* Runs the check after ENTRY: true when it passed. */
static bool run_check(const struct options *o, const struct log_entry *entry, bool *ret_ran)
{
        g_autofree char *number = g_strdup_printf("%" PRIu64, entry->number);
        int status;

        g_setenv("IMAGE", o->image, TRUE);
        g_setenv("ENTRY", number, TRUE);
        fflush(stdout);
        status = system(o->check);
        *ret_ran = status != -1 && !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_point(const struct options *o, const struct log_entry *entry)
{
        return (o->points & AT_ALL) || ((o->points & AT_FLUSH) && (entry->flags & LOG_FLUSH)) ||
               ((o->points & AT_FUA) && (entry->flags & LOG_FUA)) ||
               ((o->points & AT_MARK) && (entry->flags & LOG_MARK));
}

struct walk {
        const struct options *o;
        struct log *log;
        struct image *image;
        uint64_t checks, failures;
        bool stop;
};

static bool check_at(struct walk *w, const struct log_entry *entry, GError **error)
{
        bool ran;

        if (fdatasync(w->image->fd) < 0) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "%s: cannot be flushed", w->o->image);
                return false;
        }
        w->checks++;
        if (!run_check(w->o, entry, &ran)) {
                w->failures++;
                printf("failed after entry ");
                print_entry(entry);
                w->stop = !w->o->keep_going;
        }
        if (!ran)
                g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "'%s' cannot be run",
                            w->o->check);
        return ran;
}

/* ---- the walk ------------------------------------------------------------------------------------------- */

static bool has_mark(const struct log_entry *entry, const char *mark)
{
        return mark && entry->mark && !strcmp(entry->mark, mark);
}

/* What is done with one entry that lies within the limits. */
static bool visit(struct walk *w, const struct log_entry *entry, GError **error)
{
        if (w->o->list)
                print_entry(entry);
        if (w->image && !image_apply(w->image, w->log, entry, error))
                return false;
        return !w->o->check || !is_point(w->o, entry) || check_at(w, entry, error);
}

/* Replays from the begin, for the image has to have all that came before; lists and checks within the
 * limits only. */
static bool walk(struct walk *w, GError **error)
{
        const struct options *o = w->o;
        bool begun = !o->from_mark, ended = false;
        struct log_entry entry;
        GError *why = NULL;

        while (!w->stop && !ended && !why && w->log->next_number < o->to &&
               log_next(w->log, &entry, &why)) {
                if (begun && entry.number >= o->from)
                        visit(w, &entry, &why);
                else if (w->image)
                        image_apply(w->image, w->log, &entry, &why);
                begun |= has_mark(&entry, o->from_mark);
                ended = has_mark(&entry, o->to_mark);
                log_entry_clear(&entry);
        }
        if (!why && !begun)
                g_set_error(&why, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: there is no mark '%s'",
                            o->log, o->from_mark);
        else if (!why && o->to_mark && !ended && !w->stop)
                g_set_error(&why, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: there is no mark '%s'",
                            o->log, o->to_mark);
        if (why)
                g_propagate_error(error, why);
        return !why;
}

static int run(const struct options *o)
{
        struct walk w = {.o = o};
        struct log log;
        struct image image;
        GError *error = NULL;

        if (!log_open(&log, o->log, &error))
                return trouble(error);
        w.log = &log;
        if (o->image && image_open(&image, o->image, !o->no_discard, &error))
                w.image = &image;
        if (!error)
                walk(&w, &error);
        if (w.image)
                image_close(&image, error ? NULL : &error);
        log_close(&log);
        if (o->check && !error)
                printf("%" PRIu64 " checks, %" PRIu64 " failed\n", w.checks, w.failures);
        if (error)
                return trouble(error);
        return w.failures ? EXIT_CHECK_FAILED : EXIT_SUCCESS;
}

/* ---- the command line -------------------------------------------------------------------------------------- */

static bool bad(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool bad(GError **error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        *error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
        va_end(args);
        return false;
}

static bool take_number(const char *name, const char *text, uint64_t *value, GError **error)
{
        return !text || dm_parse_u64(text, value) ||
               bad(error, "--%s: must be the number of an entry, got '%s'", name, text);
}

static bool take_points(const char *text, unsigned *points, GError **error)
{
        static const struct {
                const char *name;
                unsigned point;
        } names[] = {{"flush", AT_FLUSH}, {"fua", AT_FUA}, {"mark", AT_MARK}, {"all", AT_ALL}};
        g_auto(GStrv) words = g_strsplit(text ? text : "flush,fua", ",", -1);

        for (char **word = words; *word; word++) {
                size_t i = 0;

                while (i < G_N_ELEMENTS(names) && strcmp(names[i].name, *word))
                        i++;
                if (i == G_N_ELEMENTS(names))
                        return bad(error, "--at: must be of flush, fua, mark, all, got '%s'", *word);
                *points |= names[i].point;
        }
        return true;
}

static bool take_rest(struct options *o, char **rest, GError **error)
{
        unsigned count = rest ? g_strv_length(rest) : 0;

        if (count < 1 || count > 2)
                return bad(error, "give a log, and perhaps an image to replay it onto");
        o->log = rest[0];
        o->image = rest[1];
        o->list |= !o->image;
        if (o->check && !o->image)
                return bad(error, "--check: needs an image");
        return true;
}

/* The words of the command line, before they are looked at. */
struct raw {
        gboolean list, keep_going, no_discard, version;
        char *from, *to, *from_mark, *to_mark, *at, *check;
        char **rest;
};

static bool parse(struct raw *raw, int argc, char **argv, GError **error)
{
        const GOptionEntry entries[] = {
                {"list", 'l', 0, G_OPTION_ARG_NONE, &raw->list,
                 "Print the entries (the default without an IMAGE)", NULL},
                {"from", 0, 0, G_OPTION_ARG_STRING, &raw->from,
                 "List and check from this entry on; what is before is replayed only", "ENTRY"},
                {"to", 0, 0, G_OPTION_ARG_STRING, &raw->to, "Stop before this entry", "ENTRY"},
                {"from-mark", 0, 0, G_OPTION_ARG_STRING, &raw->from_mark,
                 "List and check after this mark", "MARK"},
                {"to-mark", 0, 0, G_OPTION_ARG_STRING, &raw->to_mark, "Stop after this mark",
                 "MARK"},
                {"check", 'c', 0, G_OPTION_ARG_STRING, &raw->check,
                 "Run this by the shell at each point; $IMAGE and $ENTRY tell it of what",
                 "COMMAND"},
                {"at", 0, 0, G_OPTION_ARG_STRING, &raw->at,
                 "The points: of flush, fua, mark, all (default: flush,fua)", "POINT[,POINT...]"},
                {"keep-going", 'k', 0, G_OPTION_ARG_NONE, &raw->keep_going,
                 "Go on after a check that failed", NULL},
                {"no-discard", 0, 0, G_OPTION_ARG_NONE, &raw->no_discard,
                 "Leave what was discarded as it is", NULL},
                {"version", 'V', 0, G_OPTION_ARG_NONE, &raw->version, "Print the version", NULL},
                {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->rest, NULL, NULL},
                G_OPTION_ENTRY_NULL,
        };
        GOptionContext *context = g_option_context_new("LOG [IMAGE]");
        bool ok;

        g_option_context_set_summary(context, "Shows and replays the log of a log-writes target.");
        g_option_context_add_main_entries(context, entries, NULL);
        ok = g_option_context_parse(context, &argc, &argv, error);
        g_option_context_free(context);
        return ok;
}

static void raw_clear(struct raw *raw)
{
        g_free(raw->from);
        g_free(raw->to);
        g_free(raw->from_mark);
        g_free(raw->to_mark);
        g_free(raw->at);
        g_free(raw->check);
        g_strfreev(raw->rest);
}

static bool take(struct options *o, const struct raw *raw, GError **error)
{
        *o = (struct options){
                .list = raw->list,
                .keep_going = raw->keep_going,
                .no_discard = raw->no_discard,
                .to = UINT64_MAX,
                .from_mark = raw->from_mark,
                .to_mark = raw->to_mark,
                .check = raw->check,
        };
        return take_number("from", raw->from, &o->from, error) &&
               take_number("to", raw->to, &o->to, error) && take_points(raw->at, &o->points, error) &&
               take_rest(o, raw->rest, error);
}

int main(int argc, char **argv)
{
        struct raw raw = {0};
        struct options o;
        GError *error = NULL;
        int status = EXIT_SUCCESS;

        setlocale(LC_ALL, "");
        if (!parse(&raw, argc, argv, &error))
                status = trouble(error);
        else if (raw.version)
                printf("fusemap-replay-log %s\n", FUSEMAP_VERSION);
        else if (take(&o, &raw, &error))
                status = run(&o);
        else
                status = trouble(error);
        raw_clear(&raw);
        return status;
}
