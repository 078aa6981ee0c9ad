/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program and the worker that answers it often share a CPU.  One that takes it from the other at every
 * request and at every answer makes both do one at a time, with a switch for each.
 *
 * SCHED_BATCH: a worker that wakes up leaves the CPU to the program until that waits, and finds many
 * requests then.  The nice value: the scheduler lets whoever wakes up take the CPU from one that has had more
 * than its share.  A worker always has, for it does more than the program it does it for; a larger share lets
 * it answer all it has first.
 */
#include "priority.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"

static int wanted; /* before there are threads that read it */
static _Atomic bool worth_a_line;

static void tell_once(int error)
{
        if (atomic_exchange(&worth_a_line, false))
                log_line("--nice=%d: %s; workers go on without", wanted, strerror(error));
}

/* sched(7), "The autogroup feature": threads of different sessions compete by the nice values of their
 * sessions, not their own.  In a session that others share it would be theirs too. */
static void set_session(int nice)
{
        int fd;

        if (getsid(0) != getpid())
                return;
        fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return; /* a kernel without */
        if (dprintf(fd, "%d", nice) < 0 && errno == EPERM)
                tell_once(errno);
        close(fd);
}

void priority_set(int nice, bool asked_for)
{
        if (!asked_for && getpriority(PRIO_PROCESS, 0) != 0)
                return; /* somebody has decided already */
        wanted = nice;
        atomic_store(&worth_a_line, asked_for);
        if (nice)
                set_session(nice);
}

void priority_take(void)
{
        const struct sched_param none = {0};

        sched_setscheduler(0, SCHED_BATCH, &none);
        if (wanted && setpriority(PRIO_PROCESS, (id_t)gettid(), wanted) < 0)
                tell_once(errno);
}
