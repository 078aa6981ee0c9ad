/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FUSE operations but for I/O (data.c): one directory, and in it one regular file a mapped device,
 * which behaves as a block device's node would.
 */
#include <errno.h>

#include "fusemap/ops/internal.h"

/* ---- the connection ------------------------------------------------------------------------------------- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
        conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE |
                                  FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA);
        conn->want |= conn->capable & (FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ |
                                       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPLICIT_INVAL_DATA);
        conn->max_write = SESSION_IO_MAX;
        conn->max_read = SESSION_IO_MAX;
        conn->max_background = session_max_background(userdata);
        conn->congestion_threshold = conn->max_background * 3 / 4;
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
        struct statvfs st = {.f_bsize = OPS_IO_SIZE, .f_frsize = OPS_IO_SIZE, .f_namemax = DM_NAME_MAX};

        fuse_reply_statfs(req, &st);
}

/* A file is found by its number, so nobody counts what the kernel has looked up. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
        fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
        fuse_reply_none(req);
}

/* ---- what a directory of devices does not do -------------------------------------------------------------- */

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
        fuse_reply_err(req, EPERM); /* devices are made with fusemapctl */
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
        fuse_reply_err(req, EPERM);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        fuse_reply_err(req, EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned flags)
{
        fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
        fuse_reply_err(req, EPERM);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
        fuse_reply_err(req, EPERM);
}

const struct fuse_lowlevel_ops fusemap_ops = {
        .init = op_init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .setattr = op_setattr,
        .statfs = op_statfs,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .releasedir = op_releasedir,
        .open = op_open,
        .release = op_release,
        .flush = op_flush,
        .ioctl = op_ioctl,
        .mknod = op_mknod,
        .mkdir = op_mkdir,
        .unlink = op_unlink,
        .rmdir = op_unlink,
        .rename = op_rename,
        .symlink = op_symlink,
        .link = op_link,
};
