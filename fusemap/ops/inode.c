/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names and attributes.
 *
 * The inode number of a device's file is its id plus one, so that a name used again is another file.
 * What a lookup gives the kernel does not keep, so a swap, a rename and a removal show at once.
 */
#include "fusemap/ops/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOT_KEEP_S 0.1 /* each path needs it; so long stat() of a mount whose server died succeeds */

static fuse_ino_t ino_of(uint64_t id)
{
        return id + FUSE_ROOT_ID;
}

struct mapped_device *inode_device(fuse_ino_t ino)
{
        return ino > FUSE_ROOT_ID ? dm_get_by_id(ino - FUSE_ROOT_ID) : NULL;
}

static struct timespec mounted; /* as near as the first question about it */

static void note_mounted(void)
{
        clock_gettime(CLOCK_REALTIME, &mounted);
}

void inode_root_stat(struct stat *st)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, note_mounted);
        *st = (struct stat){
                .st_ino = FUSE_ROOT_ID,
                .st_mode = S_IFDIR | 0755,
                .st_nlink = 2,
                .st_uid = getuid(),
                .st_gid = getgid(),
                .st_atim = mounted,
                .st_mtim = mounted,
                .st_ctim = mounted,
        };
}

void inode_info_stat(const struct dm_info *info, struct stat *st)
{
        *st = (struct stat){
                .st_ino = ino_of(info->id),
                .st_mode = S_IFREG | info->mode,
                .st_nlink = 1,
                .st_uid = info->uid,
                .st_gid = info->gid,
                .st_size = (off_t)info->size,
                .st_blksize = OPS_IO_SIZE,
                .st_blocks = (blkcnt_t)(info->size / 512),
                .st_atim = info->created,
                .st_mtim = info->created,
                .st_ctim = info->created,
        };
}

/* Fills ST; false when the file is not there (yet, or any more). */
static bool device_stat(struct mapped_device *md, struct stat *st)
{
        struct dm_info info;

        dm_get_info(md, &info);
        inode_info_stat(&info, st);
        dm_info_clear(&info);
        return info.visible;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        struct mapped_device *md = parent == FUSE_ROOT_ID ? dm_get_by_name(name) : NULL;
        struct fuse_entry_param entry = {0};
        bool there = md && device_stat(md, &entry.attr);

        if (md)
                dm_put(md);
        entry.ino = entry.attr.st_ino;
        if (there)
                fuse_reply_entry(req, &entry);
        else
                fuse_reply_err(req, ENOENT);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct mapped_device *md;
        struct stat st;

        if (ino == FUSE_ROOT_ID) {
                inode_root_stat(&st);
                fuse_reply_attr(req, &st, ROOT_KEEP_S);
                return;
        }
        md = inode_device(ino);
        if (!md) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        device_stat(md, &st); /* who has it open asks on, hidden or not */
        dm_put(md);
        fuse_reply_attr(req, &st, 0);
}

/* A size is taken and ignored, as a block device's node does; owner and mode are the device's. */
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
        struct mapped_device *md = inode_device(ino);
        struct stat st;

        if (!md) {
                fuse_reply_err(req, ino == FUSE_ROOT_ID ? EPERM : ENOENT);
                return;
        }
        if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
                dm_set_attributes(md, to_set & FUSE_SET_ATTR_MODE ? attr->st_mode : (mode_t)-1,
                                  to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
                                  to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1);
        device_stat(md, &st);
        dm_put(md);
        fuse_reply_attr(req, &st, 0);
}
