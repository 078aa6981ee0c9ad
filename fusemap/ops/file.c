/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's file, but for its I/O (data.c). */
#include "fusemap/ops/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <sys/uio.h>

/* Cached pages go with the last close, as a block device's do: whoever opens the file when nobody has it
 * open reads afresh.  Otherwise they stay: an open that drops them would wait, and could not even be
 * killed, for a page that is being read from a suspended device. */
static uint32_t cache_flags(const struct handle *h)
{
        return h->first ? 0 : FOPEN_KEEP_CACHE;
}

/* Past the page cache goes direct I/O, or all of it (--direct-io); and what will be refused anyway, for the
 * kernel copies a write into the cache first, where a mapping shows it even when it failed. */
static uint32_t direct_flags(const struct session *s, const struct handle *h, int flags)
{
        bool refused = dm_read_only(h->md) && (flags & O_ACCMODE) != O_RDONLY;

        if (refused || (flags & O_DIRECT) || session_direct_io(s))
                return FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
        return 0;
}

/* libfuse 3.14 has no field for FOPEN_PARALLEL_DIRECT_WRITES, so the answer is built here. */
static int reply_open(fuse_req_t req, struct handle *h, int flags)
{
        struct fuse_open_out out = {
                .open_flags = FOPEN_NOFLUSH | cache_flags(h) |
                              direct_flags(fuse_req_userdata(req), h, flags),
        };
        struct iovec iov = {&out, sizeof(out)};

        out.fh = handle_pass(h);
        return fuse_reply_iov(req, &iov, 1);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct mapped_device *md = inode_device(ino);
        struct handle *h;
        int r = md ? handle_open(md, &h) : -ENXIO;

        if (md)
                dm_put(md);
        if (r)
                fuse_reply_err(req, -r);
        else if (reply_open(req, h, fi->flags))
                handle_close(h); /* the program was interrupted: no release will come */
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        handle_close(handle_receive(fi->fh));
        fuse_reply_err(req, 0);
}

/* Closing flushes nothing, as with a block device that others have open: an error shows at fsync. */
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        fuse_reply_err(req, 0);
}

/* ---- ioctl --------------------------------------------------------------------------------------------- */

static void reply_ioctl(fuse_req_t req, const void *value, size_t size, size_t room)
{
        if (room < size)
                fuse_reply_err(req, EINVAL);
        else
                fuse_reply_ioctl(req, 0, value, size);
}

/* The unit in which the kernel caches a block device: at most a page, and the size a multiple of it. */
static int soft_block_size(uint64_t size)
{
        return size % OPS_IO_SIZE ? (int)(size & -size) : OPS_IO_SIZE;
}

/* Those whose number says how large their argument is; the others come without a buffer for it. */
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
                     size_t out_size)
{
        struct mapped_device *md = ino == FUSE_ROOT_ID ? NULL : handle_device(fi->fh);
        uint64_t size = md ? dm_size(md) : 0;
        int block_size = soft_block_size(size);

        switch (md ? cmd : 0) {
        case BLKGETSIZE64:
                reply_ioctl(req, &size, sizeof(size), out_size);
                break;
        case BLKBSZGET: /* an int, whatever its number says */
                reply_ioctl(req, &block_size, sizeof(block_size), out_size);
                break;
        case BLKFLSBUF:
                fuse_reply_ioctl(req, 0, NULL, 0);
                break;
        default:
                fuse_reply_err(req, ENOTTY);
        }
}
