/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FUSE over io_uring: requests that come through rings instead of /dev/fuse.
 *
 * One queue a CPU, each with a thread and an io_uring of its own.  A request arrives in an entry: its
 * message is copied out, so that no I/O points into the entry, whose buffers the kernel uses again as
 * soon as it is answered.  Interrupts, forgets and notifications stay on /dev/fuse.
 */
#ifndef FUSEMAP_RING_H
#define FUSEMAP_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct session;
struct rings;
struct ring_entry;

/* The queues, for the connection of FD, which sends at most BACKGROUND requests in the background, ready for
 * ring_begin(); NULL: there is no io_uring to be had.  May block. */
struct rings *ring_new(struct session *session, int fd, unsigned background);
/* FUSE_INIT was answered with RING_INIT_FLAG_2: registers the entries.  Does not wait. */
void ring_begin(struct rings *rings);
/* The threads are to end: what is not answered yet is answered by the end of the connection. */
void ring_stop(struct rings *rings);
/* Waits for the threads. */
void ring_join(struct rings *rings);
/* NULL is fine.  No thread is left, nor any request that came through a ring. */
void ring_free(struct rings *rings);

/* Answers the request that ENTRY holds: IOV as for writev(2) to /dev/fuse.  Any thread, once for each
 * request.  The bytes taken, or -1 with errno. */
ssize_t ring_answer(struct ring_entry *entry, const struct iovec *iov, int count);

#endif
