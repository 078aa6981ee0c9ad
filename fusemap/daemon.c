/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1;

static void wait_for_child(pid_t child, int fd)
{
        int status;
        char byte;
        ssize_t n;

        do
                n = read(fd, &byte, 1);
        while (n < 0 && errno == EINTR);
        if (n == 1)
                _exit(0);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

void daemon_begin(void)
{
        int fds[2];
        pid_t child;

        if (pipe2(fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
                perror("fusemap: cannot go to the background");
                exit(1);
        }
        if (child > 0) {
                close(fds[1]);
                wait_for_child(child, fds[0]);
        }
        close(fds[0]);
        ready_pipe = fds[1];
        setsid();
}

void daemon_ready(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (chdir("/") < 0)
                perror("fusemap: /");
        for (int fd = 0; null >= 0 && fd <= 2; fd++)
                dup2(null, fd);
        if (null > 2)
                close(null);
        if (write(ready_pipe, "", 1) != 1)
                _exit(1); /* the parent is gone: nobody would know of us */
        close(ready_pipe);
}
