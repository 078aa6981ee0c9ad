/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backings: regular files and block devices, opened once per access mode and shared by all tables.
 *
 * I/O goes three ways.  dm_backing_try_io() does in the calling thread what should not block: reads
 * with RWF_NOWAIT or, while all is in the page cache, from a mapping (mapped.h), and buffered writes to
 * local file systems.  What dm_backing_ring() takes goes to the backing's ring.  dm_backing_io() does
 * anything, in the backing's lane, for as long as it takes.
 *
 * A direct backing (dm_set_direct()) is open twice: what is aligned bypasses the page cache, the rest
 * does not, and the kernel keeps the two coherent.
 */
#ifndef DM_BACKING_INTERNAL_H
#define DM_BACKING_INTERNAL_H

#include "backing/async.h"
#include "backing/mapped.h"
#include "backing/streams.h"
#include "dm-internal.h"

#include <sys/types.h>

/* What makes two opens the same. */
struct identity {
        dev_t dev; /* a block device: its own number */
        ino_t ino; /* a block device: 0 */
        bool block;
        bool read_only;
};

enum read_way {
        READ_NOWAIT, /* try it; the way at first */
        READ_INLINE, /* memory: plain reads do not wait for a device */
        READ_LANE,
};

struct dm_backing {
        struct identity id;
        unsigned users; /* guarded: backings */
        int fd;
        int direct_fd;                        /* -1: not direct */
        uint64_t memory_align, offset_align; /* of direct I/O; bytes, powers of two */
        struct dm_ring *ring;                /* for direct I/O; NULL: the lane does it */
        struct dm_mapped *mapped;            /* NULL: its page cache is read by system calls alone */
        struct dm_streams *streams;          /* of buffered writes */
        bool write_inline;
        bool memory;
        _Atomic int read_way;
        _Atomic int lost; /* the first error of a sync, for ever: see note_lost() */
        unsigned slow;
        struct dm_lane *lane;
};

static inline bool dm_is_unsupported(int error)
{
        return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENOTTY;
}

/* All of a read or a write, with the FLAGS of preadv2() and pwritev2(); 0 or -errno.  They may block. */
int dm_backing_read_all(struct dm_backing *backing, const struct dm_bio *bio, int flags);
int dm_backing_write_all(struct dm_backing *backing, const struct dm_bio *bio, int flags);
int dm_write_at(int fd, const char *buf, uint64_t offset, uint64_t len, int flags);

#endif
