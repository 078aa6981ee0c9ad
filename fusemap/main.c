/* SPDX-License-Identifier: BSD-3-Clause */
/* fusemap: a filesystem of mapped devices.  Here the parts are put together and taken apart. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ctl/server.h"
#include "daemon.h"
#include "exec.h"
#include "fs.h"
#include "log.h"
#include "mountpoint.h"
#include "options.h"
#include "priority.h"
#include "teardown.h"

/* How long calls in progress may take that nothing ends. */
#define STOP_GRACE_NS (300 * (uint64_t)DM_NS_PER_MS)

/* Two requests: one is under way while a program takes the other's data. */
#define READAHEAD_KIB (2 * SESSION_IO_MAX / 1024)

static int fail(const char *what, GError *error)
{
        fprintf(stderr, "fusemap: %s%s\n", what, error ? error->message : "");
        g_clear_error(&error);
        return EXIT_FAILURE;
}

/* ---- signals ---------------------------------------------------------------------------------------------- */

static sigset_t handled;

static void *wait_for_signals(void *unused)
{
        int signal;

        for (;;)
                if (!sigwait(&handled, &signal))
                        teardown_signal();
        return NULL;
}

/* Before any thread: all inherit the mask, and one waits. */
static void block_signals(void)
{
        sigemptyset(&handled);
        sigaddset(&handled, SIGTERM);
        sigaddset(&handled, SIGINT);
        sigaddset(&handled, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &handled, NULL);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a backing that may not grow: EFBIG to the writer instead */
}

static void start_signal_thread(void)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, wait_for_signals, NULL))
                g_error("cannot start the signals' thread");
        pthread_detach(thread);
}

/* ---- the whole -------------------------------------------------------------------------------------------- */

static void on_unmount(bool force, void *unused)
{
        teardown_request(force);
}

static void on_settle(uint64_t id, void *unused)
{
        notify_settle(id == CTL_ALL_DEVICES ? 0 : id);
}

static const struct ctl_server_hooks hooks = {.unmount = on_unmount, .settle = on_settle};

static struct session *mount_session(const struct options *o, GError **error)
{
        struct session_options so = {
                .mountpoint = o->mountpoint,
                .fuse_options = o->fuse_options,
                .threads = (unsigned)o->threads,
                .max_background = (unsigned)o->max_background,
                .poll_us = (unsigned)o->poll,
                .io_uring = o->io_uring,
                .direct_io = o->direct_io,
        };

        return mountpoint_prepare(o->mountpoint, error) ? session_mount(&so, error) : NULL;
}

static void log_lines(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++)
                if (**line)
                        log_line("%s", *line);
}

/* Serves until the end; the process' exit status.  A process in which a thread hangs has to _exit(). */
static int serve(struct session *s, struct ctl_server *server, const struct options *o)
{
        g_autofree char *report = NULL;
        bool stuck;
        int status;

        stuck = !teardown_run(s, o->mountpoint, o->force_on_unmount, (unsigned)o->drain_timeout,
                              &report);
        ctl_server_quiesce(server);
        dm_destroy_all_immediate(); /* what was made while the others went */
        log_lines(report);
        stuck |= ctl_server_stop(server, report, STOP_GRACE_NS) > 0;
        stuck |= !notify_stop();
        stuck |= dm_exit() > 0;
        status = teardown_lost_data() ? EXIT_FAILURE : EXIT_SUCCESS;
        if (stuck)
                _exit(status);
        session_free(s);
        return status;
}

/* Each backing takes a descriptor, or two. */
static void allow_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(const struct options *o)
{
        struct ctl_server *server;
        GError *error = NULL;
        struct session *s = mount_session(o, &error);
        bool answers;
        int status;

        if (!s)
                return fail("", error);
        dm_init();
        dm_set_map_directory(o->mountpoint);
        dm_set_direct(o->direct);
        server = ctl_server_start(o->mountpoint, o->socket, &hooks, &error);
        if (!server) {
                session_unmount(s);
                session_free(s);
                return fail("", error);
        }
        notify_start(s);
        priority_set(o->nice, o->nice_given);
        session_start(s);
        start_signal_thread();
        answers = mountpoint_answers(o->mountpoint);
        if (!answers) {
                fprintf(stderr, "fusemap: %s: the mount does not answer\n", o->mountpoint);
                teardown_request(true);
        } else {
                mountpoint_raise_readahead(o->mountpoint, READAHEAD_KIB);
                if (!o->foreground) {
                        log_to_syslog();
                        daemon_ready();
                }
        }
        status = serve(s, server, o);
        return answers ? status : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        struct options options = {0};
        GError *error = NULL;
        int status;

        if (argc > 1 && !strcmp(argv[1], "exec"))
                return exec_main(argc - 1, argv + 1);
        if (!options_parse(&options, argc, argv, &error)) {
                options_clear(&options);
                return error ? fail("", error) : EXIT_SUCCESS;
        }
        if (!options.foreground)
                daemon_begin();
        block_signals();
        allow_descriptors();
        status = run(&options);
        options_clear(&options);
        return status;
}
