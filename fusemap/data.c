/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages that become I/O (linux/fuse.h): read off the wire here, without libfuse, for they are the
 * many.  They are checked in the order in which the kernel checks for a block device.
 *
 * O_DIRECT is asked for anew each time, for fcntl(F_SETFL) changes it: dd takes it away for a last odd
 * piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <unistd.h>

#include "fs.h"
#include "teardown.h"

#define SECTOR_MASK ((uint64_t)DM_SECTOR_SIZE - 1)

static bool refuses(const struct mapped_device *md)
{
        return teardown_refuses_io() || dm_is_dead(md);
}

/* A block device refuses direct I/O that is not made of whole sectors. */
static bool misaligned(uint32_t flags, uint64_t offset, uint64_t size)
{
        return (flags & O_DIRECT) && ((offset | size) & SECTOR_MASK);
}

/* Answers R at once, and is done with MD. */
static void finish(struct request *r, const struct mapped_device *md, int error)
{
        DM_PASS(md);
        request_end(r, error);
}

static void do_read(struct request *r, const void *body, size_t room)
{
        const struct fuse_read_in *in = body;
        struct mapped_device *md = handle_device(in->fh);
        uint64_t end = dm_size(md), size = MIN(in->size, SESSION_IO_MAX);

        if (refuses(md)) {
                finish(r, md, -EIO);
                return;
        }
        if (in->offset >= end) {
                finish(r, md, 0); /* nothing was read */
                return;
        }
        size = MIN(size, end - in->offset);
        if (misaligned(in->flags, in->offset, size))
                finish(r, md, -EINVAL);
        else
                request_read(r, md, in->offset, size);
}

static void do_write(struct request *r, const void *body, size_t room)
{
        const struct fuse_write_in *in = body;
        struct mapped_device *md = handle_device(in->fh);
        uint64_t end = dm_size(md), size = in->size;

        if (size > room - sizeof(*in) || refuses(md)) {
                finish(r, md, -EIO);
                return;
        }
        if (dm_read_only(md)) {
                finish(r, md, -EPERM);
                return;
        }
        if (in->offset >= end) {
                finish(r, md, -ENOSPC);
                return;
        }
        size = MIN(size, end - in->offset);
        if (misaligned(in->flags, in->offset, size))
                finish(r, md, -EINVAL);
        else
                request_write(r, md, (const char *)(in + 1), size, in->offset,
                              in->flags & (O_DSYNC | O_SYNC) ? DM_IO_FUA : 0);
}

static void do_fsync(struct request *r, const void *body, size_t room)
{
        const struct fuse_fsync_in *in = body;

        request_simple(r, handle_device(in->fh), DM_OP_FLUSH, 0, 0);
}

/* False: not a mode that a block device knows. */
static bool op_of_mode(uint32_t mode, enum dm_op *ret_op)
{
        switch (mode) {
        case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
                *ret_op = DM_OP_DISCARD;
                return true;
        case FALLOC_FL_ZERO_RANGE:
        case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
                *ret_op = DM_OP_WRITE_ZEROES;
                return true;
        default:
                return false;
        }
}

/* The order of the checks is the kernel's blkdev_fallocate(). */
static void do_fallocate(struct request *r, const void *body, size_t room)
{
        const struct fuse_fallocate_in *in = body;
        struct mapped_device *md = handle_device(in->fh);
        uint64_t end = dm_size(md), at = in->offset, len = in->length;
        enum dm_op op;

        if (refuses(md)) {
                finish(r, md, -EIO);
                return;
        }
        if (at >= end || (len > end - at && !(in->mode & FALLOC_FL_KEEP_SIZE))) {
                finish(r, md, -EINVAL);
                return;
        }
        len = MIN(len, end - at);
        if ((at | len) & SECTOR_MASK)
                finish(r, md, -EINVAL);
        else if (!op_of_mode(in->mode, &op))
                finish(r, md, -EOPNOTSUPP);
        else if (dm_read_only(md))
                finish(r, md, -EPERM);
        else
                request_simple(r, md, op, at, len);
}

static void do_lseek(struct request *r, const void *body, size_t room)
{
        const struct fuse_lseek_in *in = body;
        struct mapped_device *md = handle_device(in->fh);

        if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
                finish(r, md, -EINVAL);
        else if (refuses(md))
                finish(r, md, -EIO);
        else
                request_seek(r, md, in->whence == SEEK_DATA ? DM_SEEK_DATA : DM_SEEK_HOLE,
                             in->offset);
}

/* BODY has ROOM bytes, NEEDED or more. */
struct opcode {
        void (*run)(struct request *r, const void *body, size_t room);
        size_t needed;
};

static const struct opcode opcodes[] = {
        [FUSE_READ] = {do_read, sizeof(struct fuse_read_in)},
        [FUSE_WRITE] = {do_write, sizeof(struct fuse_write_in)},
        [FUSE_FSYNC] = {do_fsync, sizeof(struct fuse_fsync_in)},
        [FUSE_FALLOCATE] = {do_fallocate, sizeof(struct fuse_fallocate_in)},
        [FUSE_LSEEK] = {do_lseek, sizeof(struct fuse_lseek_in)},
};

bool data_process(const struct fuse_in_header *header, size_t size)
{
        const struct opcode *op = header->opcode < G_N_ELEMENTS(opcodes) ? &opcodes[header->opcode]
                                                                         : NULL;
        size_t room = size - sizeof(*header);
        struct request *r;

        if (!op || !op->run)
                return false;
        r = request_begin(header);
        if (room < op->needed)
                request_end(r, -EIO);
        else
                op->run(r, header + 1, room);
        return true;
}
