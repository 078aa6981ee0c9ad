/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backings: regular files and block devices, opened once per access mode and shared by all tables.
 *
 * I/O goes three ways.  dm_backing_try_io() does in the calling thread what should not block: reads
 * with RWF_NOWAIT or, while all is in the page cache, from a mapping (mapped.h), and buffered writes to
 * local file systems.  What dm_backing_ring() takes goes to the
 * backing's ring.  dm_backing_io() does anything, in the backing's lane, for as long as it takes.
 *
 * A direct backing (dm_set_direct()) is open twice: what is aligned bypasses the page cache, the rest
 * does not, and the kernel keeps the two coherent.
 */
#include "async.h"
#include "dm-internal.h"
#include "mapped.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_RESERVED 32u

/* What makes two opens the same. */
struct identity {
        dev_t dev; /* a block device: its own number */
        ino_t ino; /* a block device: 0 */
        bool block;
        bool read_only;
};

enum read_way {
        READ_NOWAIT, /* try it; the way at first */
        READ_INLINE, /* memory: plain reads do not wait for a device */
        READ_LANE,
};

struct dm_backing {
        struct identity id;
        unsigned users; /* guarded: backings */
        int fd;
        int direct_fd;                        /* -1: not direct */
        uint64_t memory_align, offset_align; /* of direct I/O; bytes, powers of two */
        struct dm_ring *ring;                /* for direct I/O; NULL: the lane does it */
        struct dm_mapped *mapped;            /* NULL: its page cache is read by system calls alone */
        bool write_inline;
        bool memory;
        _Atomic int read_way;
        _Atomic int lost; /* the first error of a sync, for ever: see sync_file() */
        unsigned slow;
        struct dm_lane *lane;
};

static struct dm_mutex backings = DM_MUTEX_INIT;
static GHashTable *shared; /* guarded: backings; a set of struct dm_backing *, by their id */
static _Atomic bool direct;

void dm_set_direct(bool on)
{
        atomic_store(&direct, on);
}

/* ---- opening ---------------------------------------------------------------------------------- */

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
        look_around(b);
        return b;
}

static void unmake(struct dm_backing *b)
{
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
static int read_all(struct dm_backing *b, const struct dm_bio *bio, int flags)
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

static int write_at(int fd, const char *buf, uint64_t offset, uint64_t len, int flags)
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

static int write_all(struct dm_backing *b, const struct dm_bio *bio, int flags)
{
        return write_at(fd_for(b, bio), bio->buf, bio->offset, bio->len, flags);
}

static bool is_unsupported(int error)
{
        return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENOTTY;
}

static int try_read(struct dm_backing *b, const struct dm_bio *bio)
{
        int way = atomic_load_explicit(&b->read_way, memory_order_relaxed), r;

        if (way == READ_NOWAIT) {
                if (b->mapped && dm_mapped_read(b->mapped, bio->buf, bio->offset, bio->len))
                        return 0;
                r = read_all(b, bio, RWF_NOWAIT);
                if (b->mapped)
                        dm_mapped_learn(b->mapped, r == 0);
                if (!is_unsupported(r))
                        return r;
                way = b->memory ? READ_INLINE : READ_LANE;
                atomic_store_explicit(&b->read_way, way, memory_order_relaxed);
        }
        return way == READ_INLINE ? read_all(b, bio, 0) : -EAGAIN;
}

/* One that is alone waits for the device here: two changes of threads less.  While it does, others go to the
 * ring. */
static int try_direct(struct dm_backing *b, const struct dm_bio *bio)
{
        int r;

        if (!b->ring || !dm_ring_is_idle(b->ring) || !dm_inline_begin_waiting(b->slow))
                return -EAGAIN;
        r = bio->op == DM_OP_READ ? read_all(b, bio, 0) : write_all(b, bio, 0);
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
        r = is_read ? try_read(b, bio) : write_all(b, bio, 0);
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

/* ---- durability ------------------------------------------------------------------------------- */

/* The kernel tells of a failed write-back once for each open file, and then forgets the data.  This
 * file is shared: so from then on nobody is told that all is well. */
static int note_lost(struct dm_backing *b, int error)
{
        int none = 0;

        if (error && !is_unsupported(error))
                atomic_compare_exchange_strong(&b->lost, &none, error);
        return error;
}

/* fdatasync() brings all that is needed to find the data again: sizes and extents too. */
static int sync_file(struct dm_backing *b)
{
        int r, lost = atomic_load(&b->lost);

        if (lost)
                return lost;
        do
                r = fdatasync(b->fd) < 0 ? -errno : 0;
        while (r == -EINTR);
        note_lost(b, r);
        return atomic_load(&b->lost);
}

int dm_backing_sync(struct dm_backing *b)
{
        return sync_file(b);
}

static int write_durably(struct dm_backing *b, const struct dm_bio *bio)
{
        int r = atomic_load(&b->lost);

        if (r)
                return r;
        r = write_all(b, bio, RWF_DSYNC);
        if (!is_unsupported(r))
                return note_lost(b, r);
        r = write_all(b, bio, 0);
        return r ? r : sync_file(b);
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
        return is_unsupported(r) ? -EOPNOTSUPP : r;
}

static int write_zeroes_by_hand(struct dm_backing *b, uint64_t offset, uint64_t len)
{
        static char zeroes[1 << 20];
        int r = 0;

        for (uint64_t n; len && !r; offset += n, len -= n) {
                n = MIN(len, sizeof(zeroes));
                r = write_at(b->fd, zeroes, offset, n, 0);
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

        if (is_unsupported(r))
                r = write_zeroes_by_hand(b, bio->offset, bio->len);
        if (!r && (bio->flags & DM_IO_FUA))
                r = sync_file(b);
        return r;
}

int dm_backing_io(struct dm_backing *b, const struct dm_bio *bio)
{
        switch (bio->op) {
        case DM_OP_READ:
                return read_all(b, bio, 0);
        case DM_OP_WRITE:
                return bio->flags & DM_IO_FUA
                               ? write_durably(b, bio)
                               : write_all(b, bio, 0);
        case DM_OP_FLUSH:
                return sync_file(b);
        case DM_OP_DISCARD:
                return discard(b, bio);
        case DM_OP_WRITE_ZEROES:
                return write_zeroes(b, bio);
        }
        return -EOPNOTSUPP;
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
