/* SPDX-License-Identifier: BSD-3-Clause */
/* The /dev/fuse descriptors of a session: its own, and a clone of it for each worker. */
#ifndef FUSEMAP_DESCRIPTORS_H
#define FUSEMAP_DESCRIPTORS_H

struct descriptors;

/* MASTER is the session's own, which libfuse closes. */
struct descriptors *descriptors_new(int master);
/* NULL is fine.  Closes the clones; no worker is left. */
void descriptors_free(struct descriptors *descriptors);

/* One for the calling worker alone, until it gives it back; the session's own when there can be no other.
 * Any thread. */
int descriptors_take(struct descriptors *descriptors);
void descriptors_give(struct descriptors *descriptors, int fd);

/* Ends the connection, though threads use the descriptors: every use of them fails from now on.  Any
 * thread. */
void descriptors_break(struct descriptors *descriptors);

#endif
