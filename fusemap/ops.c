/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FUSE operations but for I/O (data.c): one directory, and in it one regular file a mapped device,
 * which behaves as a block device's node would.
 *
 * The inode number of a device's file is its id plus one, so that a name used again is another file.
 * What a lookup gives the kernel does not keep, so a swap, a rename and a removal show at once.  What a
 * listing gives it keeps for a while, or else `ls -l' would ask twice for each file; notify.c takes it back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs.h"
#include "teardown.h"

#define IO_SIZE 4096
#define ROOT_KEEP_S 0.1 /* each path needs it; so long stat() of a mount whose server died succeeds */
#define LISTED_KEEP_S 5.0

/* ---- inodes ------------------------------------------------------------------------------------------- */

static fuse_ino_t ino_of(uint64_t id)
{
        return id + FUSE_ROOT_ID;
}

/* The device of INO, referenced; NULL when it has gone. */
static struct mapped_device *device_of(fuse_ino_t ino)
{
        return ino > FUSE_ROOT_ID ? dm_get_by_id(ino - FUSE_ROOT_ID) : NULL;
}

static struct timespec mounted; /* as near as the first question about it */

static void note_mounted(void)
{
        clock_gettime(CLOCK_REALTIME, &mounted);
}

static void root_stat(struct stat *st)
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

static void info_stat(const struct dm_info *info, struct stat *st)
{
        *st = (struct stat){
                .st_ino = ino_of(info->id),
                .st_mode = S_IFREG | info->mode,
                .st_nlink = 1,
                .st_uid = info->uid,
                .st_gid = info->gid,
                .st_size = (off_t)info->size,
                .st_blksize = IO_SIZE,
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
        info_stat(&info, st);
        dm_info_clear(&info);
        return info.visible;
}

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

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
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

/* A file is found by its number, so nobody counts what the kernel has looked up. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
        fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
        fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct mapped_device *md;
        struct stat st;

        if (ino == FUSE_ROOT_ID) {
                root_stat(&st);
                fuse_reply_attr(req, &st, ROOT_KEEP_S);
                return;
        }
        md = device_of(ino);
        if (!md) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        device_stat(md, &st); /* who has it open asks on, hidden or not */
        dm_put(md);
        fuse_reply_attr(req, &st, 0);
}

/* A size is taken and ignored, as a block device's node does; owner and mode are the device's. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
        struct mapped_device *md = device_of(ino);
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

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
        struct statvfs st = {.f_bsize = IO_SIZE, .f_frsize = IO_SIZE, .f_namemax = DM_NAME_MAX};

        fuse_reply_statfs(req, &st);
}

/* ---- the directory -------------------------------------------------------------------------------------- */


static void clear_info(gpointer info)
{
        dm_info_clear(info);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        GArray *entries;
        g_autoptr(GPtrArray) devices = NULL;

        if (ino != FUSE_ROOT_ID) {
                fuse_reply_err(req, ENOTDIR);
                return;
        }
        entries = g_array_new(FALSE, FALSE, sizeof(struct dm_info));
        g_array_set_clear_func(entries, clear_info);
        devices = dm_list();
        for (unsigned i = 0; i < devices->len; i++) {
                struct dm_info info;

                dm_get_info(devices->pdata[i], &info);
                if (info.visible)
                        g_array_append_val(entries, info);
                else
                        dm_info_clear(&info);
        }
        list_open(entries);
        fi->fh = (uint64_t)(uintptr_t)entries;
        if (fuse_reply_open(req, fi))
                list_close(entries); /* the program was interrupted: no release will come */
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        list_close((GArray *)(uintptr_t)fi->fh);
        fuse_reply_err(req, 0);
}

/* Entry N of the directory: its name and ST; NULL after the last. */
static const char *entry_at(GArray *entries, uint64_t n, struct stat *st)
{
        if (n < 2) {
                root_stat(st);
                return n ? ".." : ".";
        }
        if (n - 2 >= entries->len)
                return NULL;
        info_stat(&g_array_index(entries, struct dm_info, n - 2), st);
        return g_array_index(entries, struct dm_info, n - 2).name;
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
        GArray *entries = (GArray *)(uintptr_t)fi->fh;
        g_autofree char *buf = g_malloc(size);
        size_t used = 0, need;
        const char *name;
        struct stat st;

        for (uint64_t n = (uint64_t)offset; (name = entry_at(entries, n, &st)); n++, used += need) {
                need = fuse_add_direntry(req, buf + used, size - used, name, &st, (off_t)(n + 1));
                if (need > size - used)
                        break;
        }
        fuse_reply_buf(req, buf, used);
}

/* Entry N as a lookup would give it now, with its name; no more than the name where the device has gone or
 * is called otherwise, and for "." and "..". */
static const char *full_entry_at(GArray *entries, uint64_t n, struct fuse_entry_param *entry)
{
        const char *name;
        struct mapped_device *md;
        struct dm_info info;

        *entry = (struct fuse_entry_param){0};
        name = entry_at(entries, n, &entry->attr);
        md = name ? device_of(entry->attr.st_ino) : NULL;
        if (!md)
                return name;
        dm_get_info(md, &info);
        if (info.visible && strcmp(info.name, name) == 0) {
                info_stat(&info, &entry->attr);
                entry->ino = entry->attr.st_ino;
                entry->attr_timeout = entry->entry_timeout = LISTED_KEEP_S;
        }
        dm_info_clear(&info);
        dm_put(md);
        return name;
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
        GArray *entries = (GArray *)(uintptr_t)fi->fh;
        g_autofree char *buf = g_malloc(size);
        struct fuse_entry_param entry;
        size_t used = 0, need;
        const char *name;

        notify_listed();
        for (uint64_t n = (uint64_t)offset; (name = full_entry_at(entries, n, &entry));
             n++, used += need) {
                need = fuse_add_direntry_plus(req, buf + used, size - used, name, &entry,
                                              (off_t)(n + 1));
                if (need > size - used)
                        break;
        }
        fuse_reply_buf(req, buf, used);
}

/* ---- open and release ------------------------------------------------------------------------------------ */

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

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct mapped_device *md = device_of(ino);
        struct handle *h;
        int r = md ? handle_open(md, &h) : -ENXIO;

        if (md)
                dm_put(md);
        if (r)
                fuse_reply_err(req, -r);
        else if (reply_open(req, h, fi->flags))
                handle_close(h); /* the program was interrupted: no release will come */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        handle_close(handle_receive(fi->fh));
        fuse_reply_err(req, 0);
}

/* Closing flushes nothing, as with a block device that others have open: an error shows at fsync. */
static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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
        return size % IO_SIZE ? (int)(size & -size) : IO_SIZE;
}

/* Those whose number says how large their argument is; the others come without a buffer for it. */
static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
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
