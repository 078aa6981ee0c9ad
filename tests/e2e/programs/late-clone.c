/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into the daemon: the second worker hears late that it has a descriptor of the connection.
 * $LATE_CLONE.begun is made once the kernel has given it, and the worker goes on when $LATE_CLONE is there.
 * Until then the process does not end either, as one of which a thread hangs in the kernel.
 */
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "late.h"

int ioctl(int fd, unsigned long request, ...)
{
        static _Atomic unsigned clones;
        const char *told = getenv("LATE_CLONE");
        va_list args;
        void *arg;
        int r;

        va_start(args, request);
        arg = va_arg(args, void *);
        va_end(args);
        r = (int)syscall(SYS_ioctl, fd, request, arg);
        if (told && request == FUSE_DEV_IOC_CLONE && atomic_fetch_add(&clones, 1) == 1)
                wait_until_told(told);
        return r;
}

void _exit(int status)
{
        const char *told = getenv("LATE_CLONE");

        if (told)
                wait_until_told(told);
        for (;;)
                syscall(SYS_exit_group, status);
}
