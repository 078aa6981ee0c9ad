/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "polling.h"
#include "priority.h"

#define THREADS_MAX 64
#define BACKGROUND_MAX 4096
#define POLL_MAX 1000000
#define NICE_MIN -20
#define NICE_MAX 19

struct raw {
        gboolean foreground, version, direct, direct_io;
        char *on_unmount, *socket, *transport;
        char *drain_timeout, *threads, *max_background, *poll, *nice;
        char **o, **rest;
};

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(GError **error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        if (error)
                *error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
        va_end(args);
        return false;
}

/* ---- -o ------------------------------------------------------------------------------------------------ */

/* What mount(8) and fstab add, and the kernel need not hear from us. */
static bool is_mount_noise(const char *word)
{
        static const char *const noise[] = {"defaults", "auto",   "noauto", "user",  "nouser",
                                            "users",    "nofail", "_netdev", "group", "owner",
                                            "default_permissions"};

        for (unsigned i = 0; i < G_N_ELEMENTS(noise); i++)
                if (!strcmp(word, noise[i]))
                        return true;
        return g_str_has_prefix(word, "x-") || g_str_has_prefix(word, "comment=");
}

/* What libfuse and the kernel take. */
static bool is_fuse_option(const char *word)
{
        static const char *const known[] = {"rw",      "ro",      "dev",    "nodev",   "suid",
                                            "nosuid",  "exec",    "noexec", "atime",   "noatime",
                                            "sync",    "async",   "dirsync", "allow_other",
                                            "auto_unmount", "relatime", "norelatime"};

        for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
                if (!strcmp(word, known[i]))
                        return true;
        return g_str_has_prefix(word, "fsname=") || g_str_has_prefix(word, "context=");
}

static void add_fuse_option(struct options *o, const char *word)
{
        char *joined = o->fuse_options ? g_strconcat(o->fuse_options, ",", word, NULL)
                                       : g_strdup(word);

        g_free(o->fuse_options);
        o->fuse_options = joined;
}

static const char *value_of(const char *word, const char *name)
{
        size_t length = strlen(name);

        return !strncmp(word, name, length) && word[length] == '=' ? word + length + 1 : NULL;
}

static void replace(char **field, const char *value)
{
        g_free(*field);
        *field = g_strdup(value);
}

static gboolean *switch_of(struct raw *raw, const char *word)
{
        if (!strcmp(word, "foreground"))
                return &raw->foreground;
        if (!strcmp(word, "direct"))
                return &raw->direct;
        if (!strcmp(word, "direct-io") || !strcmp(word, "direct_io"))
                return &raw->direct_io;
        return NULL;
}

static bool take_word(struct options *o, struct raw *raw, const char *word, GError **error)
{
        gboolean *is_on = switch_of(raw, word);
        struct {
                const char *name, *other;
                char **field;
        } ours[] = {
                {"on-unmount", "on_unmount", &raw->on_unmount},
                {"drain-timeout", "drain_timeout", &raw->drain_timeout},
                {"socket", "socket", &raw->socket},
                {"transport", "transport", &raw->transport},
                {"threads", "threads", &raw->threads},
                {"max-background", "max_background", &raw->max_background},
                {"poll", "poll", &raw->poll},
                {"nice", "nice", &raw->nice},
        };

        if (!*word || is_mount_noise(word))
                return true;
        if (is_on) {
                *is_on = TRUE;
                return true;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(ours); i++) {
                const char *value = value_of(word, ours[i].name);

                if (!value)
                        value = value_of(word, ours[i].other);
                if (value) {
                        replace(ours[i].field, value);
                        return true;
                }
        }
        if (!is_fuse_option(word))
                return fail(error, "-o %s: unknown option", word);
        add_fuse_option(o, word);
        return true;
}

static bool take_o(struct options *o, struct raw *raw, GError **error)
{
        for (char **list = raw->o; list && *list; list++) {
                g_auto(GStrv) words = g_strsplit(*list, ",", -1);

                for (char **word = words; *word; word++)
                        if (!take_word(o, raw, *word, error))
                                return false;
        }
        return true;
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static bool take_number(const char *name, const char *text, int min, int max, int *value,
                        GError **error)
{
        uint64_t n;

        if (!text)
                return true;
        if (!dm_parse_u64(text, &n) || n < (uint64_t)min || n > (uint64_t)max)
                return fail(error, "--%s: must be a number from %d to %d, got '%s'", name, min, max,
                            text);
        *value = (int)n;
        return true;
}

static bool take_nice(struct options *o, const char *text, GError **error)
{
        gint64 n;

        if (!text)
                return true;
        if (!g_ascii_string_to_signed(text, 10, NICE_MIN, NICE_MAX, &n, NULL))
                return fail(error, "--nice: must be a number from %d to %d, got '%s'", NICE_MIN,
                            NICE_MAX, text);
        o->nice = (int)n;
        o->nice_given = true;
        return true;
}

static bool take_on_unmount(struct options *o, const char *text, GError **error)
{
        if (!text || !strcmp(text, "drain"))
                return true;
        o->force_on_unmount = !strcmp(text, "force");
        return o->force_on_unmount ||
               fail(error, "--on-unmount: must be 'drain' or 'force', got '%s'", text);
}

/* auto is what measured best: see doc/performance.md. */
static bool take_transport(struct options *o, const char *text, GError **error)
{
        if (!text || !strcmp(text, "auto") || !strcmp(text, "devfuse"))
                return true;
        o->io_uring = !strcmp(text, "io_uring");
        return o->io_uring ||
               fail(error, "--transport: must be 'auto', 'devfuse' or 'io_uring', got '%s'", text);
}

/* [SOURCE] MOUNTPOINT: mount(8) gives a source, which says nothing. */
static bool take_mountpoint(struct options *o, char **rest, GError **error)
{
        unsigned count = rest ? g_strv_length(rest) : 0;

        if (count == 0)
                return fail(error, "no mount point given");
        if (count > 2)
                return fail(error, "one mount point, please: '%s' is too many", rest[2]);
        o->mountpoint = g_canonicalize_filename(rest[count - 1], NULL);
        return true;
}

static bool take_all(struct options *o, struct raw *raw, GError **error)
{
        if (!take_o(o, raw, error) || !take_on_unmount(o, raw->on_unmount, error) ||
            !take_number("drain-timeout", raw->drain_timeout, 0, 1000000, &o->drain_timeout,
                         error) ||
            !take_number("threads", raw->threads, 1, THREADS_MAX, &o->threads, error) ||
            !take_number("max-background", raw->max_background, 1, BACKGROUND_MAX,
                         &o->max_background, error) ||
            !take_number("poll", raw->poll, 0, POLL_MAX, &o->poll, error) ||
            !take_nice(o, raw->nice, error) ||
            !take_transport(o, raw->transport, error) || !take_mountpoint(o, raw->rest, error))
                return false;
        o->foreground = raw->foreground;
        o->direct = raw->direct;
        o->direct_io = raw->direct_io;
        o->socket = g_strdup(raw->socket);
        return true;
}

bool options_parse(struct options *o, int argc, char **argv, GError **error)
{
        struct raw raw = {0};
        const GOptionEntry entries[] = {
                {"foreground", 'f', 0, G_OPTION_ARG_NONE, &raw.foreground,
                 "Stay in the foreground", NULL},
                {"on-unmount", 0, 0, G_OPTION_ARG_STRING, &raw.on_unmount,
                 "What an unmount does with I/O in progress: drain (default) or force", "HOW"},
                {"drain-timeout", 0, 0, G_OPTION_ARG_STRING, &raw.drain_timeout,
                 "After so long a drain turns into force (0: never)", "SECONDS"},
                {"socket", 0, 0, G_OPTION_ARG_STRING, &raw.socket,
                 "Where to listen for fusemapctl", "PATH"},
                {"direct", 0, 0, G_OPTION_ARG_NONE, &raw.direct,
                 "Read and write backings past the page cache (O_DIRECT)", NULL},
                {"direct-io", 0, 0, G_OPTION_ARG_NONE, &raw.direct_io,
                 "Programs' reads and writes of the files pass by the page cache", NULL},
                {"transport", 0, 0, G_OPTION_ARG_STRING, &raw.transport,
                 "How requests come from the kernel: auto (default), devfuse or io_uring", "WAY"},
                {"threads", 0, 0, G_OPTION_ARG_STRING, &raw.threads,
                 "How many workers wait for requests", "N"},
                {"max-background", 0, 0, G_OPTION_ARG_STRING, &raw.max_background,
                 "How many requests the kernel keeps under way", "N"},
                {"poll", 0, 0, G_OPTION_ARG_STRING, &raw.poll,
                 "How long a worker looks for the next request before it sleeps (default: 30, or "
                 "0 on one CPU)", "MICROSECONDS"},
                {"nice", 0, 0, G_OPTION_ARG_STRING, &raw.nice,
                 "The workers' nice value, where it is allowed (default: -5)", "N"},
                {"option", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &raw.o,
                 "Options of the mount, and the ones above by name", "OPT[,OPT...]"},
                {"version", 'V', 0, G_OPTION_ARG_NONE, &raw.version, "Print the version", NULL},
                {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.rest, NULL, NULL},
                G_OPTION_ENTRY_NULL,
        };
        GOptionContext *context = g_option_context_new("[SOURCE] MOUNTPOINT");
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        bool ok;

        o->threads = (int)CLAMP(cpus, 2, 8);
        o->max_background = 128;
        o->poll = g_get_num_processors() > 1 ? POLLING_US : 0;
        o->nice = PRIORITY_NICE;
        g_option_context_set_summary(context, "Mounts a file system of mapped devices.");
        g_option_context_add_main_entries(context, entries, NULL);
        ok = g_option_context_parse(context, &argc, &argv, error);
        g_option_context_free(context);
        if (ok && raw.version) {
                printf("fusemap %s\n", FUSEMAP_VERSION);
                ok = false;
        } else if (ok) {
                ok = take_all(o, &raw, error);
        }
        g_free(raw.on_unmount);
        g_free(raw.socket);
        g_free(raw.transport);
        g_free(raw.drain_timeout);
        g_free(raw.threads);
        g_free(raw.max_background);
        g_free(raw.poll);
        g_free(raw.nice);
        g_strfreev(raw.o);
        g_strfreev(raw.rest);
        return ok;
}

void options_clear(struct options *o)
{
        g_free(o->mountpoint);
        g_free(o->socket);
        g_free(o->fuse_options);
}
