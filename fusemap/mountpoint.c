/* SPDX-License-Identifier: BSD-3-Clause */
#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dm.h"

/* Whether the uppermost mount on PATH is a fusemap's: proc_pid_mountinfo(5). */
static bool is_fusemap(const char *path)
{
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        bool found = false;

        if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
                return false;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) fields = g_strsplit(*line, " ", -1);
                g_autofree char *where = NULL;
                const char *type;

                if (g_strv_length(fields) < 10)
                        continue;
                where = g_strcompress(fields[4]); /* blanks are octal there */
                type = strstr(*line, " - ");
                if (type && !strcmp(where, path))
                        found = g_str_has_prefix(type, " - fuse.fusemap ");
        }
        return found;
}

static void run_fusermount(const char *path)
{
        const char *argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};

        g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL);
}

bool mountpoint_detach(const char *path)
{
        if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno == EPERM)
                run_fusermount(path);
        return !is_fusemap(path);
}

void mountpoint_wait_gone(const char *path)
{
        struct pollfd watch = {.events = POLLPRI};

        watch.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        while (is_fusemap(path) && watch.fd >= 0)
                poll(&watch, 1, -1);
        if (watch.fd >= 0)
                close(watch.fd);
}

/* What a mount answers whose server has gone, or is just going. */
static bool is_dead(int error)
{
        return error == ENOTCONN || error == ECONNABORTED || error == ECANCELED;
}

/* stat() of PATH: 0 or an errno.  Who serves it has to answer, for the kernel may have kept what it was. */
static int ask(const char *path, struct stat *st)
{
        struct statfs fs;

        return statfs(path, &fs) < 0 || stat(path, st) < 0 ? errno : 0;
}

bool mountpoint_prepare(const char *path, GError **error)
{
        struct stat st;
        int r = ask(path, &st);

        if (is_dead(r) && is_fusemap(path)) {
                mountpoint_detach(path);
                r = ask(path, &st);
        }
        if (!r && !S_ISDIR(st.st_mode))
                r = ENOTDIR;
        if (!r && is_fusemap(path)) {
                g_set_error(error, DM_ERROR, EBUSY, "%s: a fusemap is mounted there", path);
                return false;
        }
        if (r)
                g_set_error(error, DM_ERROR, r, "%s: %s", path, g_strerror(r));
        return !r;
}

bool mountpoint_answers(const char *path)
{
        struct stat st;

        return ask(path, &st) == 0 && is_fusemap(path);
}

void mountpoint_raise_readahead(const char *path, unsigned kib)
{
        g_autofree char *setting = NULL;
        struct stat st;
        int fd;

        if (stat(path, &st) < 0)
                return;
        setting = g_strdup_printf("/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
                                  minor(st.st_dev));
        fd = open(setting, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        dprintf(fd, "%u", kib);
        close(fd);
}
