/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing a backing, and what of it is done where the caller stands. */
#include "backing/internal.h"

#include <sys/uio.h>
#include <unistd.h>

/* ---- reading and writing ---------------------------------------------------------------------- */

/* Where BIO's data is read or written: past the page cache if that was asked for and can be. */
static int fd_for(const struct dm_backing *b, const struct dm_bio *bio)
{
        if (b->direct_fd < 0 || ((bio->offset | bio->len) & (b->offset_align - 1)) ||
            ((uintptr_t)bio->buf & (b->memory_align - 1)))
                return b->fd;
        return b->direct_fd;
}

/* All of a read with preadv2() FLAGS; the end of the file is an error, for the table was checked
 * against its size. */
int dm_backing_read_all(struct dm_backing *b, const struct dm_bio *bio, int flags)
{
        int fd = fd_for(b, bio);
        uint64_t done = 0;

        while (done < bio->len) {
                struct iovec iov = {bio->buf + done, bio->len - done};
                off_t at = (off_t)(bio->offset + done);
                ssize_t n = flags ? preadv2(fd, &iov, 1, at, flags)
                                  : pread(fd, iov.iov_base, iov.iov_len, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (uint64_t)n;
        }
        return 0;
}

int dm_write_at(int fd, const char *buf, uint64_t offset, uint64_t len, int flags)
{
        uint64_t done = 0;

        while (done < len) {
                /* iov_base is for reads too, hence not const; pwritev2() only reads */
                struct iovec iov = {(void *)(uintptr_t)(buf + done), len - done};
                off_t at = (off_t)(offset + done);
                ssize_t n = flags ? pwritev2(fd, &iov, 1, at, flags)
                                  : pwrite(fd, iov.iov_base, iov.iov_len, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (uint64_t)n;
        }
        return 0;
}

int dm_backing_write_all(struct dm_backing *b, const struct dm_bio *bio, int flags)
{
        int fd = fd_for(b, bio), r = dm_write_at(fd, bio->buf, bio->offset, bio->len, flags);

        if (!r && fd == b->fd)
                dm_streams_wrote(b->streams, bio->offset, bio->len);
        return r;
}

static int try_read(struct dm_backing *b, const struct dm_bio *bio)
{
        int way = atomic_load_explicit(&b->read_way, memory_order_relaxed), r;

        if (way == READ_NOWAIT) {
                if (b->mapped && dm_mapped_read(b->mapped, bio->buf, bio->offset, bio->len))
                        return 0;
                r = dm_backing_read_all(b, bio, RWF_NOWAIT);
                if (b->mapped)
                        dm_mapped_learn(b->mapped, r == 0);
                if (!dm_is_unsupported(r))
                        return r;
                way = b->memory ? READ_INLINE : READ_LANE;
                atomic_store_explicit(&b->read_way, way, memory_order_relaxed);
        }
        return way == READ_INLINE ? dm_backing_read_all(b, bio, 0) : -EAGAIN;
}

/* One that is alone waits for the device here: two changes of threads less.  While it does, others go to the
 * ring. */
static int try_direct(struct dm_backing *b, const struct dm_bio *bio)
{
        int r;

        if (!b->ring || !dm_ring_is_idle(b->ring) || !dm_inline_begin_waiting(b->slow))
                return -EAGAIN;
        r = bio->op == DM_OP_READ ? dm_backing_read_all(b, bio, 0) : dm_backing_write_all(b, bio, 0);
        dm_inline_end_waiting();
        return r;
}

int dm_backing_try_io(struct dm_backing *b, const struct dm_bio *bio)
{
        bool is_read = bio->op == DM_OP_READ;
        int r;

        if (is_read && atomic_load_explicit(&b->read_way, memory_order_relaxed) == READ_LANE)
                return -EAGAIN;
        if (!is_read &&
            (bio->op != DM_OP_WRITE || (bio->flags & DM_IO_FUA) || !b->write_inline))
                return -EAGAIN;
        if (dm_is_slow(b->slow))
                return -EAGAIN;
        if (b->direct_fd >= 0)
                return try_direct(b, bio);

        dm_inline_begin(b->slow);
        r = is_read ? try_read(b, bio) : dm_backing_write_all(b, bio, 0);
        dm_inline_end();
        return r;
}

/* Direct I/O waits for the device alone. */
struct dm_ring *dm_backing_ring(struct dm_backing *b, const struct dm_bio *bio, int *ret_fd)
{
        bool plain_write = bio->op == DM_OP_WRITE && !(bio->flags & DM_IO_FUA);

        if (!b->ring || !(plain_write || bio->op == DM_OP_READ))
                return NULL;
        *ret_fd = fd_for(b, bio);
        return *ret_fd == b->direct_fd ? b->ring : NULL;
}

/* ---- holes ------------------------------------------------------------------------------------ */

/* The shared file position moves, but nothing here uses it. */
int dm_backing_seek(struct dm_backing *b, enum dm_seek_what what, uint64_t offset,
                    uint64_t *ret_offset)
{
        off_t found = -1;

        errno = EINVAL;
        if (!b->id.block && !dm_is_slow(b->slow)) {
                dm_inline_begin(b->slow);
                found = lseek(b->fd, (off_t)offset, what == DM_SEEK_DATA ? SEEK_DATA : SEEK_HOLE);
                dm_inline_end();
        }
        if (found >= 0) {
                *ret_offset = (uint64_t)found;
                return 0;
        }
        if (errno != EINVAL && errno != EOPNOTSUPP)
                return errno == ENXIO ? -ENXIO : -EIO;

        /* it cannot tell, or would not in time: all data up to the end */
        *ret_offset = dm_backing_size(b);
        if (offset >= *ret_offset)
                return -ENXIO;
        if (what == DM_SEEK_DATA)
                *ret_offset = offset;
        return 0;
}
