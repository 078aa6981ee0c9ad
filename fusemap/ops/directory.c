/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory.  What a listing gives the kernel it keeps for a while, or else `ls -l' would ask twice for
 * each file; notify.c takes it back. */
#include "fusemap/ops/internal.h"

#include <errno.h>
#include <string.h>

#define LISTED_KEEP_S 5.0

static void clear_info(gpointer info)
{
        dm_info_clear(info);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        list_close((GArray *)(uintptr_t)fi->fh);
        fuse_reply_err(req, 0);
}

/* Entry N of the directory: its name and ST; NULL after the last. */
static const char *entry_at(GArray *entries, uint64_t n, struct stat *st)
{
        if (n < 2) {
                inode_root_stat(st);
                return n ? ".." : ".";
        }
        if (n - 2 >= entries->len)
                return NULL;
        inode_info_stat(&g_array_index(entries, struct dm_info, n - 2), st);
        return g_array_index(entries, struct dm_info, n - 2).name;
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
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
        md = name ? inode_device(entry->attr.st_ino) : NULL;
        if (!md)
                return name;
        dm_get_info(md, &info);
        if (info.visible && strcmp(info.name, name) == 0) {
                inode_info_stat(&info, &entry->attr);
                entry->ino = entry->attr.st_ino;
                entry->attr_timeout = entry->entry_timeout = LISTED_KEEP_S;
        }
        dm_info_clear(&info);
        dm_put(md);
        return name;
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
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
