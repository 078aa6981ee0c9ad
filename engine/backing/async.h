/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous reads and writes: an io_uring, with a thread of its own that drives it, where the build has
 * liburing and the kernel lets us.  Each file that is used so has one, for a submission may block after
 * all, or keep the kernel's helpers busy, when the device hangs.
 */
#ifndef DM_ASYNC_H
#define DM_ASYNC_H

#include <stdbool.h>
#include <stdint.h>

struct dm_ring;

struct dm_async {
        int fd;
        bool write;
        char *buf;
        uint64_t offset, len; /* bytes; both move on as parts are done */
        /* Called once, in the ring's thread: 0 or -errno; the end of the file is -EIO.  Must not
         * block. */
        void (*done)(struct dm_async *async, int error);
        struct dm_async *next; /* the engine's own */
};

/* NULL when there is no io_uring to be had.  Control context. */
struct dm_ring *dm_ring_new(void);
/* NULL is fine.  Nothing may be under way, but for the end of the last one's `done', which is waited for.
 * Control context, not the ring's thread. */
void dm_ring_free(struct dm_ring *ring);

/* True when nothing is under way, as far as one can tell.  Any thread. */
bool dm_ring_is_idle(struct dm_ring *ring);

/* Starts the transfer, all of it; ASYNC stays in place until done.  Any thread; does not block. */
void dm_ring_submit(struct dm_ring *ring, struct dm_async *async);

#endif
