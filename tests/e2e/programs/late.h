/* SPDX-License-Identifier: BSD-3-Clause */
/* For programs that are preloaded into the daemon, where something has to be late. */
#ifndef LATE_H
#define LATE_H

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Makes TOLD.begun, and waits until TOLD is there. */
static void wait_until_told(const char *told)
{
        const struct timespec pause = {.tv_nsec = 1000000};
        char begun[4096];

        snprintf(begun, sizeof(begun), "%s.begun", told);
        close(open(begun, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        while (access(told, F_OK))
                nanosleep(&pause, NULL);
}

#endif
