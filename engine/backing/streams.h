/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams of writes, handed to the disk while they go on: else the page cache keeps them for half a minute or
 * until somebody flushes, who waits for all of it then, and program and disk have worked one after the other.
 *
 * What counts is a zone of the file in which as much has been written as it holds, by large writes in any
 * order.  It is written out once between two flushes, and never where nobody flushes.  Nobody waits for that,
 * and an error in it is told by the next flush, as one of any write-back.
 */
#ifndef DM_STREAMS_H
#define DM_STREAMS_H

#include "dm-internal.h"

struct dm_streams;

/* For the file or block device FD.  LANE does the work.  Both stay until dm_streams_end().  Control
 * context. */
struct dm_streams *dm_streams_new(int fd, struct dm_lane *lane);
/* Nobody writes any more.  Waits half a second at most for what is under way, which keeps the file open: its
 * file system may be unmounted next.  Control context. */
void dm_streams_end(struct dm_streams *streams);

/* LEN bytes were written at OFFSET, through the page cache.  I/O plane, and the backing's lane. */
void dm_streams_wrote(struct dm_streams *streams, uint64_t offset, uint64_t len);
/* All is about to be flushed.  I/O plane, and the lane. */
void dm_streams_flush(struct dm_streams *streams);

#endif
