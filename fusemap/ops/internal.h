/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the FUSE operations share.  Nothing here is for others. */
#ifndef FUSEMAP_OPS_INTERNAL_H
#define FUSEMAP_OPS_INTERNAL_H

#include "fusemap/fs.h"

#define OPS_IO_SIZE 4096

/* ---- inode.c ------------------------------------------------------------------------------------------ */

/* The device of INO, referenced; NULL when it has gone. */
struct mapped_device *inode_device(fuse_ino_t ino);
void inode_root_stat(struct stat *st);
void inode_info_stat(const struct dm_info *info, struct stat *st);

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi);

/* ---- directory.c -------------------------------------------------------------------------------------- */

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi);

/* ---- file.c ------------------------------------------------------------------------------------------- */

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg, struct fuse_file_info *fi,
              unsigned flags, const void *in, size_t in_size, size_t out_size);

#endif
