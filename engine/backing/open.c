/* SPDX-License-Identifier: BSD-3-Clause */
/* What a backing is, how it is opened, and that all who open the same share it. */
#include "backing/internal.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define FDS_RESERVED 32u

static struct dm_mutex backings = DM_MUTEX_INIT;
static GHashTable *shared; /* guarded: backings; a set of struct dm_backing *, by their id */
static _Atomic bool direct;

void dm_set_direct(bool on)
{
        atomic_store(&direct, on);
}

/* File systems without a network or another program behind them, where a buffered write seldom
 * waits.  Elsewhere writes go to the lane at once. */
static const struct file_system {
        uint32_t magic;
        bool memory;  /* a read through a mapping would give memory to a hole */
        bool layered; /* a file that is read only is another one as soon as somebody writes to it */
} local_file_systems[] = {
        {0xef53, false, false},     /* ext2, ext3, ext4 */
        {0x58465342, false, false}, /* xfs */
        {0x9123683e, false, false}, /* btrfs */
        {0xf2f52010, false, false}, /* f2fs */
        {0x794c7630, false, true},  /* overlayfs */
        {0x01021994, true, false},  /* tmpfs */
        {0x858458f6, true, false},  /* ramfs */
};

/* NULL: another one. */
static const struct file_system *local_file_system(int fd)
{
        struct statfs st;

        if (fstatfs(fd, &st) < 0)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(local_file_systems); i++)
                if ((uint32_t)st.f_type == local_file_systems[i].magic)
                        return &local_file_systems[i];
        return NULL;
}

/* Decides how to do I/O where B lies. */
static void look_around(struct dm_backing *b)
{
        const struct file_system *fs = b->id.block ? NULL : local_file_system(b->fd);

        b->write_inline = b->id.block || fs;
        b->memory = fs && fs->memory;
        if (b->id.block || (fs && !fs->memory && !(fs->layered && b->id.read_only)))
                b->mapped = dm_mapped_new(b->fd, dm_backing_size(b));
}

static bool fail_errno(GError **error, const char *path, int code)
{
        return dm_fail(error, code, "%s: %s", path, g_strerror(code));
}

static bool check_kind(const struct stat *st, const char *path, GError **error)
{
        return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) ||
               dm_fail(error, ENOTBLK, "%s: neither a regular file nor a block device", path);
}

/* Looks before it opens: opening a FIFO or a tape may hang or do something.  O_NONBLOCK is for the
 * case that PATH becomes one in between. */
static int open_file(const char *path, bool read_only, struct stat *st, GError **error)
{
        int fd;

        if (stat(path, st) < 0) {
                fail_errno(error, path, errno);
                return -1;
        }
        if (!check_kind(st, path, error))
                return -1;
        do
                fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
        while (fd < 0 && errno == EINTR);
        if (fd < 0 || fstat(fd, st) < 0 || fcntl(fd, F_SETFL, 0) < 0)
                fail_errno(error, path, errno);
        else if (check_kind(st, path, error))
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

static unsigned id_hash(const void *backing)
{
        const struct identity *id = &((const struct dm_backing *)backing)->id;
        uint64_t mixed = ((uint64_t)id->dev << 32) ^ (uint64_t)id->ino ^ id->read_only;

        return g_int64_hash(&mixed);
}

static gboolean id_equal(const void *a, const void *b)
{
        const struct identity *x = &((const struct dm_backing *)a)->id;
        const struct identity *y = &((const struct dm_backing *)b)->id;

        return x->dev == y->dev && x->ino == y->ino && x->block == y->block &&
               x->read_only == y->read_only;
}

static void learn_alignment(struct dm_backing *b)
{
        struct statx st;

        b->memory_align = b->offset_align = (uint64_t)sysconf(_SC_PAGESIZE);
        if (statx(b->direct_fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 &&
            (st.stx_mask & STATX_DIOALIGN) && st.stx_dio_offset_align) {
                b->memory_align = st.stx_dio_mem_align;
                b->offset_align = st.stx_dio_offset_align;
        }
}

/* Opens B's file once more, for direct I/O. */
static bool open_direct(struct dm_backing *b, const char *path, GError **error)
{
        g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", b->fd);

        b->direct_fd = open(self, (b->id.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_DIRECT);
        if (b->direct_fd < 0)
                return dm_fail(error, errno, "%s: no direct I/O there: %s", path, g_strerror(errno));
        learn_alignment(b);
        b->ring = dm_ring_new();
        return true;
}

static struct dm_backing *make(int fd, const struct stat *st, const char *path, bool read_only)
{
        struct dm_backing *b = g_new0(struct dm_backing, 1);
        g_autofree char *name = g_path_get_basename(path);

        b->id.block = S_ISBLK(st->st_mode);
        b->id.dev = b->id.block ? st->st_rdev : st->st_dev;
        b->id.ino = b->id.block ? 0 : st->st_ino;
        b->id.read_only = read_only;
        b->users = 1;
        b->fd = fd;
        b->direct_fd = -1;
        b->slow = dm_slow_slot();
        b->lane = dm_lane_new(name);
        b->streams = dm_streams_new(fd, b->lane);
        look_around(b);
        return b;
}

static void unmake(struct dm_backing *b)
{
        dm_streams_end(b->streams);
        dm_lane_unref(b->lane);
        dm_ring_free(b->ring);
        dm_mapped_free(b->mapped);
        if (b->direct_fd >= 0)
                close(b->direct_fd);
        close(b->fd);
        g_free(b);
}

/* Shares what there is already, or makes MINE known. */
static struct dm_backing *share(struct dm_backing *mine)
{
        struct dm_backing *there;

        DM_LOCK_SCOPE(&backings);
        if (!shared)
                shared = g_hash_table_new(id_hash, id_equal);
        there = g_hash_table_lookup(shared, mine);
        if (there)
                there->users++;
        else
                g_hash_table_add(shared, mine);
        return there ? there : mine;
}

/* Whether FD is one of the last: those are left for clients of the control socket and for libraries, of which
 * some end the process when they get none.  The kernel gives the lowest that is free. */
static bool is_reserved(int fd)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
               (rlim_t)fd >= limit.rlim_cur - MIN(FDS_RESERVED, limit.rlim_cur / 4);
}

struct dm_backing *dm_backing_open(const char *path, bool read_only, GError **error)
{
        struct dm_backing *mine, *b;
        struct stat st;
        int fd = open_file(path, read_only, &st, error);

        if (fd < 0)
                return NULL;
        mine = make(fd, &st, path, read_only);
        if (atomic_load(&direct) && !open_direct(mine, path, error)) {
                unmake(mine);
                return NULL;
        }
        b = share(mine);
        if (b != mine) {
                unmake(mine);
        } else if (is_reserved(fd)) {
                dm_backing_close(b);
                fail_errno(error, path, EMFILE);
                return NULL;
        }
        return b;
}

static bool drop_user(struct dm_backing *b)
{
        DM_LOCK_SCOPE(&backings);
        if (--b->users)
                return false;
        g_hash_table_remove(shared, b);
        if (g_hash_table_size(shared) == 0)
                g_clear_pointer(&shared, g_hash_table_unref);
        return true;
}

void dm_backing_close(struct dm_backing *b)
{
        if (drop_user(b))
                unmake(b);
}

uint64_t dm_backing_size(struct dm_backing *b)
{
        struct stat st;
        uint64_t size;

        if (b->id.block)
                return ioctl(b->fd, BLKGETSIZE64, &size) < 0 ? 0 : size;
        return fstat(b->fd, &st) < 0 || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

dev_t dm_backing_rdev(const struct dm_backing *b)
{
        return b->id.block ? b->id.dev : 0;
}

struct dm_lane *dm_backing_lane(struct dm_backing *b)
{
        return b->lane;
}
