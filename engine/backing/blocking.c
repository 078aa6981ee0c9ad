/* SPDX-License-Identifier: BSD-3-Clause */
/* All that can be done to a backing, for as long as it takes: what runs in its lane. */
#include "backing/internal.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- durability ------------------------------------------------------------------------------- */

/* The kernel tells of a failed write-back once for each open file, and then forgets the data.  This
 * file is shared: so from then on nobody is told that all is well. */
static int note_lost(struct dm_backing *b, int error)
{
        int none = 0;

        if (error && !dm_is_unsupported(error))
                atomic_compare_exchange_strong(&b->lost, &none, error);
        return error;
}

/* fdatasync() brings all that is needed to find the data again: sizes and extents too. */
int dm_backing_sync(struct dm_backing *b)
{
        int r, lost = atomic_load(&b->lost);

        if (lost)
                return lost;
        dm_streams_flush(b->streams);
        do
                r = fdatasync(b->fd) < 0 ? -errno : 0;
        while (r == -EINTR);
        note_lost(b, r);
        return atomic_load(&b->lost);
}

static int write_durably(struct dm_backing *b, const struct dm_bio *bio)
{
        int r = atomic_load(&b->lost);

        if (r)
                return r;
        r = dm_backing_write_all(b, bio, RWF_DSYNC);
        if (!dm_is_unsupported(r))
                return note_lost(b, r);
        r = dm_backing_write_all(b, bio, 0);
        return r ? r : dm_backing_sync(b);
}

/* ---- discards and zeroes ---------------------------------------------------------------------- */

static int allocate(struct dm_backing *b, int mode, uint64_t offset, uint64_t len)
{
        int r;

        do
                r = fallocate(b->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) < 0
                            ? -errno
                            : 0;
        while (r == -EINTR);
        return r;
}

static int block_ioctl(struct dm_backing *b, unsigned long request, uint64_t offset, uint64_t len)
{
        uint64_t range[2] = {offset, len};
        int r;

        if (!len)
                return 0;
        do
                r = ioctl(b->fd, request, range) < 0 ? -errno : 0;
        while (r == -EINTR);
        return r;
}

/* The whole sectors within LEN bytes from OFFSET: what a block device takes. */
static void whole_sectors(uint64_t offset, uint64_t len, uint64_t *ret_first, uint64_t *ret_end)
{
        const uint64_t mask = DM_SECTOR_SIZE - 1;

        *ret_first = (offset + mask) & ~mask;
        *ret_end = MAX((offset + len) & ~mask, *ret_first);
}

/* A discard is a hint: of a block device's odd ends nothing is discarded. */
static int discard(struct dm_backing *b, const struct dm_bio *bio)
{
        uint64_t first, end;
        int r;

        if (b->id.block) {
                whole_sectors(bio->offset, bio->len, &first, &end);
                r = block_ioctl(b, BLKDISCARD, first, end - first);
        } else {
                r = allocate(b, FALLOC_FL_PUNCH_HOLE, bio->offset, bio->len);
        }
        return dm_is_unsupported(r) ? -EOPNOTSUPP : r;
}

static int write_zeroes_by_hand(struct dm_backing *b, uint64_t offset, uint64_t len)
{
        static char zeroes[1 << 20];
        int r = 0;

        for (uint64_t n; len && !r; offset += n, len -= n) {
                n = MIN(len, sizeof(zeroes));
                r = dm_write_at(b->fd, zeroes, offset, n, 0);
        }
        return r;
}

static int zero_block_device(struct dm_backing *b, uint64_t offset, uint64_t len)
{
        uint64_t first, end;
        int r;

        whole_sectors(offset, len, &first, &end);
        if (first == end)
                return write_zeroes_by_hand(b, offset, len);
        r = block_ioctl(b, BLKZEROOUT, first, end - first);
        if (!r)
                r = write_zeroes_by_hand(b, offset, first - offset);
        if (!r)
                r = write_zeroes_by_hand(b, end, offset + len - end);
        return r;
}

static int write_zeroes(struct dm_backing *b, const struct dm_bio *bio)
{
        int r = b->id.block ? zero_block_device(b, bio->offset, bio->len)
                            : allocate(b, FALLOC_FL_ZERO_RANGE, bio->offset, bio->len);

        if (dm_is_unsupported(r))
                r = write_zeroes_by_hand(b, bio->offset, bio->len);
        if (!r && (bio->flags & DM_IO_FUA))
                r = dm_backing_sync(b);
        return r;
}

/* ---- anything ---------------------------------------------------------------------------------- */

int dm_backing_io(struct dm_backing *b, const struct dm_bio *bio)
{
        switch (bio->op) {
        case DM_OP_READ:
                return dm_backing_read_all(b, bio, 0);
        case DM_OP_WRITE:
                return bio->flags & DM_IO_FUA
                               ? write_durably(b, bio)
                               : dm_backing_write_all(b, bio, 0);
        case DM_OP_FLUSH:
                return dm_backing_sync(b);
        case DM_OP_DISCARD:
                return discard(b, bio);
        case DM_OP_WRITE_ZEROES:
                return write_zeroes(b, bio);
        }
        return -EOPNOTSUPP;
}
