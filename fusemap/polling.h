/* SPDX-License-Identifier: BSD-3-Clause */
/* How workers wait for requests. */
#ifndef FUSEMAP_POLLING_H
#define FUSEMAP_POLLING_H

#include <stddef.h>
#include <sys/types.h>

#define POLLING_US 30 /* as measured: doc/performance.md */

struct polling;

/* FD is a clone of /dev/fuse for whoever polls, and is not read otherwise.  -1: nobody does.  It stays the
 * caller's.  US: for so long, in microseconds, one looks for a request before it sleeps. */
struct polling *polling_new(int fd, unsigned us);
/* NULL is fine. */
void polling_free(struct polling *polling);

/* The next request, as read() gives it, by *FD, in which the worker may sleep, or by the descriptor that is
 * polled: *FD is where it came from.  Workers only. */
ssize_t polling_read(struct polling *polling, int *fd, void *buf, size_t size);

/* The mount ends: workers that rest return.  NULL is fine.  Any thread. */
void polling_end(struct polling *polling);

#endif
