/* SPDX-License-Identifier: BSD-3-Clause */
/* What the scheduler is told of the threads that answer requests. */
#ifndef FUSEMAP_PRIORITY_H
#define FUSEMAP_PRIORITY_H

#include <stdbool.h>

#define PRIORITY_NICE -5 /* as measured: doc/performance.md */

/* Threads that call priority_take() from now on get the nice value NICE, if this process may have it.
 * ASKED_FOR: that it may not is worth a line in the log; otherwise a nice value that the process was started
 * with stays.  Called once, before there are such threads. */
void priority_set(int nice, bool asked_for);

/* The calling thread answers requests from here on. */
void priority_take(void);

#endif
