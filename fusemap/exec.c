/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory of the command's own holds all that it needs:
 *
 *   bin/dmsetup, bin/dmstats   are fusemapctl, and first in PATH
 *   mapper         the mount, or a link to it; so DM_DEV_DIR is the directory, as dmsetup(8) has it
 *   socket         of the mount, if it is a private one
 */
#include "exec.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/place.h"

#define STATUS_FAILED 125
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define DRAIN_TIMEOUT "--drain-timeout=5"

struct surroundings {
        char *directory, *bin, *mapper, *socket;
        char *ctl; /* the program fusemapctl */
        bool private;
};

static bool fail(const char *what, const char *why)
{
        fprintf(stderr, "fusemap: exec: %s: %s\n", what, why);
        return false;
}

/* ---- finding what is there -------------------------------------------------------------------------- */

/* The program NAME: beside this one, or in PATH. */
static char *find_program(const char *name)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *dir = self ? g_path_get_dirname(self) : NULL;
        char *beside = dir ? g_build_filename(dir, name, NULL) : NULL;

        if (beside && access(beside, X_OK) == 0)
                return beside;
        g_free(beside);
        return g_find_program_in_path(name);
}

/* The socket of the fusemap that is mounted on MOUNTPOINT. */
static char *find_socket(const char *mountpoint)
{
        g_auto(GStrv) directories = ctl_place_directories();

        for (char **directory = directories; *directory; directory++) {
                char *socket = ctl_place_socket(*directory, mountpoint);

                if (access(socket, R_OK | W_OK) == 0)
                        return socket;
                g_free(socket);
        }
        return NULL;
}

/* ---- the directory ------------------------------------------------------------------------------------- */

static const char *const names_of_ctl[] = {"dmsetup", "dmstats"};

static bool make_link(const struct surroundings *s, const char *name)
{
        g_autofree char *link = g_build_filename(s->bin, name, NULL);

        return symlink(s->ctl, link) == 0 || fail(link, g_strerror(errno));
}

static bool make_directory(struct surroundings *s)
{
        GError *error = NULL;

        s->directory = g_dir_make_tmp("fusemap-exec-XXXXXX", &error);
        if (!s->directory) {
                fail("a directory", error->message);
                g_error_free(error);
                return false;
        }
        s->bin = g_build_filename(s->directory, "bin", NULL);
        s->mapper = g_build_filename(s->directory, "mapper", NULL);
        if (g_mkdir(s->bin, 0700) < 0)
                return fail(s->bin, g_strerror(errno));
        for (unsigned i = 0; i < G_N_ELEMENTS(names_of_ctl); i++)
                if (!make_link(s, names_of_ctl[i]))
                        return false;
        return true;
}

static void remove_directory(struct surroundings *s)
{
        if (!s->directory)
                return;
        for (unsigned i = 0; i < G_N_ELEMENTS(names_of_ctl); i++) {
                g_autofree char *link = g_build_filename(s->bin, names_of_ctl[i], NULL);

                unlink(link);
        }
        rmdir(s->bin);
        if (unlink(s->mapper) < 0)
                rmdir(s->mapper);
        if (rmdir(s->directory) < 0)
                fail(s->directory, g_strerror(errno));
}

static bool run(const char *const *argv)
{
        GError *error = NULL;
        int status;

        if (g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                         &status, &error) &&
            g_spawn_check_wait_status(status, &error))
                return true;
        fail(argv[0], error->message);
        g_error_free(error);
        return false;
}

/* ---- the mount -------------------------------------------------------------------------------------------- */

static bool use_mount(struct surroundings *s, const char *mount)
{
        g_autofree char *mountpoint = g_canonicalize_filename(mount, NULL);

        s->socket = find_socket(mountpoint);
        if (!s->socket)
                return fail(mountpoint, "no fusemap of yours is mounted there");
        return symlink(mountpoint, s->mapper) == 0 || fail(s->mapper, g_strerror(errno));
}

static bool make_mount(struct surroundings *s)
{
        const char *argv[] = {"/proc/self/exe", DRAIN_TIMEOUT, "--socket", NULL, NULL, NULL};

        s->socket = g_build_filename(s->directory, "socket", NULL);
        argv[3] = s->socket;
        argv[4] = s->mapper;
        if (g_mkdir(s->mapper, 0700) < 0)
                return fail(s->mapper, g_strerror(errno));
        s->private = run(argv);
        return s->private;
}

static void end_mount(struct surroundings *s)
{
        const char *argv[] = {s->ctl, "--socket", s->socket, "unmount", NULL};

        if (s->private)
                run(argv);
}

/* ---- the command -------------------------------------------------------------------------------------------- */

static void set_environment(const struct surroundings *s)
{
        const char *before = g_getenv("PATH");
        g_autofree char *path = before ? g_strconcat(s->bin, ":", before, NULL) : g_strdup(s->bin);

        g_setenv("PATH", path, TRUE);
        g_setenv("FUSEMAP_SOCKET", s->socket, TRUE);
        g_setenv("DM_DEV_DIR", s->directory, TRUE);
        g_setenv("MAPDIR", s->mapper, TRUE);
}

static void run_command(char **argv)
{
        int code;

        execvp(argv[0], argv);
        code = errno;
        fail(argv[0], g_strerror(code));
        _exit(code == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static volatile sig_atomic_t child;

static void pass_on(int signal)
{
        if (child > 0)
                kill((pid_t)child, signal);
}

/* What the terminal sends reaches the command by itself; we stay to clean up after it. */
static void handle_signals(void)
{
        struct sigaction ignore = {.sa_handler = SIG_IGN}, pass = {.sa_handler = pass_on};

        sigaction(SIGINT, &ignore, NULL);
        sigaction(SIGQUIT, &ignore, NULL);
        sigaction(SIGTERM, &pass, NULL);
        sigaction(SIGHUP, &pass, NULL);
}

static int wait_for_command(void)
{
        int status;

        while (waitpid((pid_t)child, &status, 0) < 0)
                if (errno != EINTR)
                        return STATUS_FAILED;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int execute(char **argv)
{
        sigset_t passed, before;

        /* a signal that comes before there is a child waits until there is one */
        sigemptyset(&passed);
        sigaddset(&passed, SIGTERM);
        sigaddset(&passed, SIGHUP);
        sigprocmask(SIG_BLOCK, &passed, &before);
        child = fork();
        if (child < 0) {
                fail(argv[0], g_strerror(errno));
                return STATUS_FAILED;
        }
        if (child == 0) {
                sigprocmask(SIG_SETMASK, &before, NULL);
                run_command(argv);
        }
        handle_signals();
        sigprocmask(SIG_SETMASK, &before, NULL);
        return wait_for_command();
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int usage(void)
{
        fputs("usage: fusemap exec [--mount DIR] [--] COMMAND [ARGUMENT...]\n", stderr);
        return STATUS_FAILED;
}

static bool prepare(struct surroundings *s, const char *mount)
{
        s->ctl = find_program("fusemapctl");
        if (!s->ctl)
                return fail("fusemapctl", "not found beside this program, nor in PATH");
        return make_directory(s) && (mount ? use_mount(s, mount) : make_mount(s));
}

int exec_main(int argc, char **argv)
{
        struct surroundings s = {0};
        const char *mount = NULL;
        int at = 1, status = STATUS_FAILED;

        if (at + 1 < argc && !strcmp(argv[at], "--mount")) {
                mount = argv[at + 1];
                at += 2;
        }
        if (at < argc && !strcmp(argv[at], "--"))
                at++;
        else if (at < argc && argv[at][0] == '-')
                return usage();
        if (at >= argc)
                return usage();

        if (prepare(&s, mount)) {
                set_environment(&s);
                status = execute(argv + at);
                end_mount(&s);
        }
        remove_directory(&s);
        g_free(s.directory);
        g_free(s.bin);
        g_free(s.mapper);
        g_free(s.socket);
        g_free(s.ctl);
        return status;
}
