/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * differential [--seed N] [--count N] REFERENCE MAPPED
 *
 * Makes the same random system calls on a block device's node and on a mapped device's file of equal
 * size and content, and ends with 1 at the first that differs in result, errno, file position or byte.
 * The seed is printed, and decides everything.
 *
 * What cannot be equal through FUSE is left out where it is drawn, with the reason; what differs in a
 * way that is documented is a call of its own under "exceptions", and checked against the document.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

#define SLOTS 8u
#define PAGE 4096u
#define SECTOR 512u
#define REQUEST (1u << 20)   /* what FUSE takes in one request */
#define BUFFER (3 * REQUEST)
#define WINDOW (64u * PAGE)
#define SEGMENTS 6u
#define COMPARE_EVERY 5000u
#define SIGNALLED (-2) /* SIGBUS instead of a result */

/* What both files have in common. */
struct slot {
        bool open, mapped;
        bool direct_at_open;
        int flags;               /* of open, and by F_SETFL */
        uint64_t window_offset;
        size_t window_len;
        bool window_writes;
};

struct side {
        const char *path;
        int fd[SLOTS];
        char *window[SLOTS];
        char *buf;
        long result;
        int error;
        off_t position; /* afterwards */
};

struct call {
        unsigned slot;
        uint64_t offset;
        size_t len;
        int flags;
        unsigned segments;
        size_t segment[SEGMENTS];
        unsigned misalign; /* of the buffer in memory */
};

struct op {
        const char *name;
        unsigned weight;
        enum { CLOSED_TOO = 1, READS = 2, MOVES = 4, WANTS_WINDOW = 8, DIFFERS = 16 } kind;
        void (*draw)(struct call *c);
        long (*run)(struct side *s, const struct call *c);
};

static struct random rng;
static struct slot slots[SLOTS];
static struct side sides[2];
static char *source; /* what is written */
static uint64_t size;
static int read_only; /* the reference is */
static bool stored;   /* something through a mapping, perhaps not written back yet */

static void die(const char *what)
{
        perror(what);
        exit(2);
}

/* ---- drawing ------------------------------------------------------------------------------------ */

static uint64_t smaller(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static uint64_t below(uint64_t n)
{
        return random_below(&rng, n);
}

static bool chance(unsigned percent)
{
        return random_chance(&rng, percent);
}

static uint64_t draw_alignment(bool direct)
{
        if (chance(direct ? 90 : 35))
                return chance(50) ? PAGE : SECTOR;
        return 1;
}

static uint64_t draw_offset(bool direct)
{
        uint64_t align = draw_alignment(direct), offset;
        unsigned kind = (unsigned)below(100);

        if (kind < 40)
                offset = size - 3 * PAGE + below(5 * PAGE);
        else if (kind < 55)
                offset = below(3 * PAGE);
        else if (kind < 97)
                offset = below(size);
        else if (kind < 98)
                offset = size + below(1ull << 40);
        else if (kind < 99)
                offset = INT64_MAX - below(2 * PAGE);
        else
                offset = (uint64_t)-(int64_t)(1 + below(PAGE)); /* negative */
        return kind < 98 ? offset / align * align : offset;
}

static size_t draw_len(bool direct)
{
        uint64_t align = draw_alignment(direct), len;
        unsigned kind = (unsigned)below(100);

        if (kind < 3)
                return 0;
        if (kind < 25)
                len = 1 + below(2 * SECTOR);
        else if (kind < 75)
                len = 1 + below(3 * PAGE);
        else if (kind < 98)
                len = 1 + below(32 * PAGE);
        else
                len = 1 + below(BUFFER - PAGE);
        return (len + align - 1) / align * align;
}

static bool is_direct(const struct call *c)
{
        return slots[c->slot].flags & O_DIRECT;
}

/* A block device refuses direct I/O from memory that is not aligned; a FUSE server never sees addresses.
 * So only buffered calls get an odd buffer. */
static void draw_buffer(struct call *c)
{
        c->misalign = is_direct(c) || chance(60) ? 0 : (unsigned)below(PAGE);
}

/* With O_DIRECT set by fcntl() the kernel makes EIO of a write across the end that was cut short. */
static void keep_off_the_end(struct call *c)
{
        if (is_direct(c) && !slots[c->slot].direct_at_open && c->offset < size)
                c->len = smaller(c->len, size - c->offset);
}

/* More than one request of FUSE is refused piece by piece, when the first pieces are done.  A request has
 * pages, and each of SEGMENTS may share its last one with the next. */
static void avoid_long_odd_direct(struct call *c, unsigned segments)
{
        if (is_direct(c) && c->len + (segments - 1) * PAGE > REQUEST)
                c->len = c->len / SECTOR * SECTOR;
}

static void draw_len_and_buffer(struct call *c)
{
        c->len = draw_len(is_direct(c));
        keep_off_the_end(c);
        avoid_long_odd_direct(c, 1);
        if (read_only && !c->len)
                c->len = SECTOR; /* of writing nothing the kernel does not tell us */
        draw_buffer(c);
}

static void draw_range(struct call *c)
{
        c->offset = draw_offset(is_direct(c));
        draw_len_and_buffer(c);
}

/* At the file position. */
static void draw_here(struct call *c)
{
        c->offset = (uint64_t)lseek(sides[0].fd[c->slot], 0, SEEK_CUR);
        draw_len_and_buffer(c);
}

/* For the same reason the segments of direct I/O are whole sectors, but for the last. */
static void split(struct call *c)
{
        size_t left;

        c->segments = 1 + (unsigned)below(SEGMENTS);
        avoid_long_odd_direct(c, c->segments);
        left = c->len;
        for (unsigned i = 0; i < c->segments; i++) {
                size_t n = i + 1 == c->segments ? left : below(left + 1);

                if (is_direct(c) && i + 1 < c->segments)
                        n = n / SECTOR * SECTOR;
                c->segment[i] = n;
                left -= n;
        }
}

static void draw_segments(struct call *c)
{
        draw_range(c);
        split(c);
}

static void draw_segments_here(struct call *c)
{
        draw_here(c);
        split(c);
}

/* RWF_APPEND is O_APPEND, RWF_NOWAIT is refused for files of FUSE, RWF_ATOMIC and RWF_DONTCACHE too. */
static void draw_segments_and_flags(struct call *c)
{
        static const int flags[] = {0, RWF_DSYNC, RWF_SYNC};

        draw_segments(c);
        c->flags = flags[below(3)];
}

/* ---- open --------------------------------------------------------------------------------------- */

/* O_APPEND: see the exceptions.  O_EXCL claims a block device for oneself, which a file cannot have. */
static void draw_open(struct call *c)
{
        static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR};
        static const int extra[] = {O_DIRECT, O_SYNC, O_DSYNC, O_TRUNC, O_CREAT, O_NONBLOCK, O_NOATIME};

        c->flags = modes[below(sizeof(modes) / sizeof(*modes))];
        for (unsigned i = 0; i < sizeof(extra) / sizeof(*extra); i++)
                if (chance(extra[i] == O_DIRECT ? 40 : 8))
                        c->flags |= extra[i];
}

static void close_slot(struct side *s, unsigned slot)
{
        if (slots[slot].mapped && munmap(s->window[slot], slots[slot].window_len) < 0)
                die("munmap");
        if (slots[slot].open && close(s->fd[slot]) < 0)
                die("close");
        s->fd[slot] = -1;
}

static long run_open(struct side *s, const struct call *c)
{
        close_slot(s, c->slot);
        s->fd[c->slot] = open(s->path, c->flags | O_CLOEXEC, 0600);
        return s->fd[c->slot] < 0 ? -1 : 0;
}

static void note_open(const struct call *c)
{
        slots[c->slot] = (struct slot){.open = sides[0].result == 0,
                                        .flags = c->flags,
                                        .direct_at_open = c->flags & O_DIRECT};
}

static void draw_toggle(struct call *c)
{
        c->flags = slots[c->slot].flags ^ O_DIRECT;
}

static long run_toggle(struct side *s, const struct call *c)
{
        return fcntl(s->fd[c->slot], F_SETFL, c->flags & (O_DIRECT | O_NONBLOCK | O_NOATIME));
}

static void note_toggle(const struct call *c)
{
        if (sides[0].result == 0)
                slots[c->slot].flags = c->flags;
}

/* ---- reading and writing ------------------------------------------------------------------------ */

static char *buffer(struct side *s, const struct call *c)
{
        return s->buf + c->misalign;
}

static int vector(char *base, const struct call *c, struct iovec *iov)
{
        for (unsigned i = 0; i < c->segments; i++) {
                iov[i] = (struct iovec){base, c->segment[i]};
                base += c->segment[i];
        }
        return (int)c->segments;
}

static long run_read(struct side *s, const struct call *c)
{
        return read(s->fd[c->slot], buffer(s, c), c->len);
}

static long run_pread(struct side *s, const struct call *c)
{
        return pread(s->fd[c->slot], buffer(s, c), c->len, (off_t)c->offset);
}

static long run_readv(struct side *s, const struct call *c)
{
        struct iovec iov[SEGMENTS];

        return readv(s->fd[c->slot], iov, vector(buffer(s, c), c, iov));
}

static long run_preadv(struct side *s, const struct call *c)
{
        struct iovec iov[SEGMENTS];

        return preadv(s->fd[c->slot], iov, vector(buffer(s, c), c, iov), (off_t)c->offset);
}

static long run_write(struct side *s, const struct call *c)
{
        return write(s->fd[c->slot], source + c->misalign, c->len);
}

static long run_pwrite(struct side *s, const struct call *c)
{
        return pwrite(s->fd[c->slot], source + c->misalign, c->len, (off_t)c->offset);
}

static long run_writev(struct side *s, const struct call *c)
{
        struct iovec iov[SEGMENTS];

        return writev(s->fd[c->slot], iov, vector(source + c->misalign, c, iov));
}

static long run_pwritev2(struct side *s, const struct call *c)
{
        struct iovec iov[SEGMENTS];

        return pwritev2(s->fd[c->slot], iov, vector(source + c->misalign, c, iov), (off_t)c->offset,
                        c->flags);
}

/* Within the device and in whole sectors, for the kernel looks at the memory before we see the rest. */
static void draw_nowhere(struct call *c)
{
        c->offset = below(size - 3 * PAGE) / SECTOR * SECTOR;
        c->len = (1 + below(3 * PAGE / SECTOR)) * SECTOR;
}

static long run_read_to_nowhere(struct side *s, const struct call *c)
{
        return pread(s->fd[c->slot], NULL, c->len, (off_t)c->offset);
}

static long run_write_from_nowhere(struct side *s, const struct call *c)
{
        if (read_only)
                return 0; /* for the same reason */
        return pwrite(s->fd[c->slot], NULL, c->len, (off_t)c->offset);
}

/* ---- the rest of what acts on a file ------------------------------------------------------------ */

/* Not beyond the end: see the exceptions. */
static void draw_seek(struct call *c)
{
        static const int whences[] = {SEEK_SET, SEEK_END};

        c->flags = whences[below(2)];
        c->offset = smaller(draw_offset(is_direct(c)), size);
        if (c->flags == SEEK_END)
                c->offset = chance(95) ? c->offset - size : -size - 1 - c->offset;
}

static long run_seek(struct side *s, const struct call *c)
{
        return lseek(s->fd[c->slot], (off_t)c->offset, c->flags);
}

static long run_fsync(struct side *s, const struct call *c)
{
        return fsync(s->fd[c->slot]);
}

static long run_fdatasync(struct side *s, const struct call *c)
{
        return fdatasync(s->fd[c->slot]);
}

static long run_sync_range(struct side *s, const struct call *c)
{
        return sync_file_range(s->fd[c->slot], (off_t)c->offset, (off_t)c->len,
                               SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                       SYNC_FILE_RANGE_WAIT_AFTER);
}

static void draw_advice(struct call *c)
{
        static const int advice[] = {POSIX_FADV_DONTNEED, POSIX_FADV_WILLNEED, POSIX_FADV_RANDOM,
                                     POSIX_FADV_SEQUENTIAL};

        draw_range(c);
        c->flags = advice[below(4)];
}

static long run_advice(struct side *s, const struct call *c)
{
        errno = posix_fadvise(s->fd[c->slot], (off_t)c->offset, (off_t)c->len, c->flags);
        return errno ? -1 : 0;
}

/* Among the modes are such as nobody supports.  FALLOC_FL_WRITE_ZEROES (Linux 6.17) FUSE does not
 * carry. */
static void draw_fallocate(struct call *c)
{
        static const int modes[] = {
                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                FALLOC_FL_ZERO_RANGE,
                FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                FALLOC_FL_PUNCH_HOLE,
                0,
                FALLOC_FL_KEEP_SIZE,
                FALLOC_FL_COLLAPSE_RANGE,
                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE,
        };

        draw_range(c);
        if (chance(60)) {
                c->offset = c->offset / SECTOR * SECTOR;
                c->len = (c->len + SECTOR - 1) / SECTOR * SECTOR;
        }
        c->flags = modes[chance(75) ? below(3) : below(sizeof(modes) / sizeof(*modes))];
}

static long run_fallocate(struct side *s, const struct call *c)
{
        return fallocate(s->fd[c->slot], c->flags, (off_t)c->offset, (off_t)c->len);
}

/* Those whose numbers carry a size; the others FUSE brings without a place for the answer. */
static long run_size_ioctl(struct side *s, const struct call *c)
{
        return ioctl(s->fd[c->slot], BLKGETSIZE64, s->buf);
}

/* BLKBSZGET is not compared: on a block device it is what whoever opened it first found. */
static long run_flush_ioctl(struct side *s, const struct call *c)
{
        return ioctl(s->fd[c->slot], BLKFLSBUF, 0);
}

static void draw_long(struct call *c)
{
        c->len = sizeof(long);
}

/* ---- mmap --------------------------------------------------------------------------------------- */

static sigjmp_buf bus_error;

static void on_sigbus(int signal)
{
        siglongjmp(bus_error, 1);
}

static void draw_mmap(struct call *c)
{
        static const int protections[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};

        c->offset = smaller(draw_offset(false), size + PAGE) / PAGE * PAGE;
        c->len = (1 + below(WINDOW / PAGE)) * PAGE;
        c->flags = protections[below(3)];
        /* A read-only block device refuses what could write; of a mapping FUSE does not tell us, and the
         * error comes at msync(): so nothing is mapped here, which both refuse. */
        if (read_only && (slots[c->slot].flags & O_ACCMODE) != O_RDONLY)
                c->len = 0;
}

static long run_mmap(struct side *s, const struct call *c)
{
        char *window;

        if (slots[c->slot].mapped && munmap(s->window[c->slot], slots[c->slot].window_len) < 0)
                die("munmap");
        window = mmap(NULL, c->len, c->flags, MAP_SHARED, s->fd[c->slot], (off_t)c->offset);
        s->window[c->slot] = window;
        return window == MAP_FAILED ? -1 : 0;
}

static void note_mmap(const struct call *c)
{
        struct slot *slot = &slots[c->slot];

        slot->mapped = sides[0].result == 0;
        slot->window_offset = c->offset;
        slot->window_len = c->len;
        slot->window_writes = c->flags & PROT_WRITE;
}

/* A place in the slot's window, as an offset into it.  What lies behind the end in the last page is
 * nobody's: left out. */
static void draw_in_window(struct call *c)
{
        const struct slot *slot = &slots[c->slot];
        uint64_t at, last_page_end = (size + PAGE - 1) / PAGE * PAGE;

        c->offset = below(slot->window_len);
        c->len = smaller(1 + below(3 * PAGE), slot->window_len - c->offset);
        at = slot->window_offset + c->offset;
        if (at < size)
                c->len = smaller(c->len, size - at);
        else if (at < last_page_end)
                c->len = 0;
}

static long run_load(struct side *s, const struct call *c)
{
        if (sigsetjmp(bus_error, 1))
                return SIGNALLED;
        memcpy(s->buf, s->window[c->slot] + c->offset, c->len);
        return 0;
}

static long run_store(struct side *s, const struct call *c)
{
        if (!slots[c->slot].window_writes)
                return 0;
        if (sigsetjmp(bus_error, 1))
                return SIGNALLED;
        memcpy(s->window[c->slot] + c->offset, source, c->len);
        stored = true;
        return 0;
}

static long run_msync(struct side *s, const struct call *c)
{
        return msync(s->window[c->slot], slots[c->slot].window_len, MS_SYNC);
}

/* ---- exceptions: what differs, as doc/differences.md has it ------------------------------------- */

static bool is_mapped_side(const struct side *s)
{
        return s == &sides[1];
}

/* A block device has no SEEK_DATA and SEEK_HOLE (EINVAL); ours knows. */
static void draw_sparse_seek(struct call *c)
{
        c->flags = chance(50) ? SEEK_DATA : SEEK_HOLE;
        c->offset = draw_offset(false);
}

static bool sparse_seek_is_right(int fd, const struct call *c, off_t found)
{
        if (c->offset >= size)
                return found < 0 && errno == ENXIO;
        if (found < 0)
                return c->flags == SEEK_DATA && errno == ENXIO;
        return (uint64_t)found >= c->offset && (uint64_t)found <= size &&
               (c->flags == SEEK_HOLE || (uint64_t)found < size);
}

static long run_sparse_seek(struct side *s, const struct call *c)
{
        int fd = s->fd[c->slot];
        off_t before = lseek(fd, 0, SEEK_CUR), found = lseek(fd, (off_t)c->offset, c->flags);
        bool right = is_mapped_side(s) ? sparse_seek_is_right(fd, c, found)
                                       : found < 0 && errno == EINVAL;

        if (lseek(fd, before, SEEK_SET) != before)
                die("lseek");
        return right;
}

/* A position beyond the end: a block device refuses to go there; a regular file's the kernel sets
 * without asking us. */
static void draw_far_seek(struct call *c)
{
        c->offset = size + 1 + below(1ull << 30);
}

static long run_far_seek(struct side *s, const struct call *c)
{
        int fd = s->fd[c->slot];
        off_t before = lseek(fd, 0, SEEK_CUR), found = lseek(fd, (off_t)c->offset, SEEK_SET);
        bool right = is_mapped_side(s) ? found == (off_t)c->offset : found < 0 && errno == EINVAL;

        if (lseek(fd, before, SEEK_SET) != before)
                die("lseek");
        return right;
}

/* A block device cannot be truncated (EINVAL); here it is accepted and does nothing, for programs do it
 * to regular files. */
static void draw_truncate(struct call *c)
{
        c->offset = below(2 * size);
}

static long run_truncate(struct side *s, const struct call *c)
{
        bool writes = (slots[c->slot].flags & O_ACCMODE) != O_RDONLY;
        int r = ftruncate(s->fd[c->slot], (off_t)c->offset);

        return is_mapped_side(s) && writes ? r == 0 : r < 0 && errno == EINVAL;
}

/* With O_APPEND every write to a regular file goes to its end, where there is no room; a block device
 * ignores the flag. */
static void draw_append(struct call *c)
{
        c->len = 1 + below(PAGE);
}

static long run_append(struct side *s, const struct call *c)
{
        int fd;
        long r;

        if (!is_mapped_side(s))
                return true;
        fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0)
                return errno == EACCES;
        r = write(fd, source, c->len);
        r = r < 0 && (errno == ENOSPC || errno == EPERM);
        close(fd);
        return r;
}

/* ---- the loop ----------------------------------------------------------------------------------- */

static const struct op ops[] = {
        {"open", 50, CLOSED_TOO, draw_open, run_open},
        {"fcntl F_SETFL", 5, 0, draw_toggle, run_toggle},
        {"read", 60, READS | MOVES, draw_here, run_read},
        {"pread", 160, READS, draw_range, run_pread},
        {"readv", 30, READS | MOVES, draw_segments_here, run_readv},
        {"preadv", 60, READS, draw_segments, run_preadv},
        {"write", 60, MOVES, draw_here, run_write},
        {"pwrite", 160, 0, draw_range, run_pwrite},
        {"writev", 30, MOVES, draw_segments_here, run_writev},
        {"pwritev2", 60, 0, draw_segments_and_flags, run_pwritev2},
        {"pread to NULL", 4, 0, draw_nowhere, run_read_to_nowhere},
        {"pwrite from NULL", 4, 0, draw_nowhere, run_write_from_nowhere},
        {"lseek", 60, MOVES, draw_seek, run_seek},
        {"fsync", 4, 0, NULL, run_fsync},
        {"fdatasync", 4, 0, NULL, run_fdatasync},
        {"sync_file_range", 8, 0, draw_range, run_sync_range},
        {"posix_fadvise", 20, 0, draw_advice, run_advice},
        {"fallocate", 60, 0, draw_fallocate, run_fallocate},
        {"ioctl BLKGETSIZE64", 10, READS, draw_long, run_size_ioctl},
        {"ioctl BLKFLSBUF", 4, 0, NULL, run_flush_ioctl},
        {"mmap", 20, 0, draw_mmap, run_mmap},
        {"load", 60, READS | WANTS_WINDOW, draw_in_window, run_load},
        {"store", 60, WANTS_WINDOW, draw_in_window, run_store},
        {"msync", 6, WANTS_WINDOW, NULL, run_msync},
        {"lseek SEEK_DATA/SEEK_HOLE", 10, DIFFERS, draw_sparse_seek, run_sparse_seek},
        {"lseek beyond the end", 5, DIFFERS, draw_far_seek, run_far_seek},
        {"ftruncate", 10, DIFFERS, draw_truncate, run_truncate},
        {"write with O_APPEND", 5, DIFFERS | CLOSED_TOO, draw_append, run_append},
};

static const struct op *draw_op(const struct call *c)
{
        unsigned total = 0, n;
        const struct op *op;

        for (unsigned i = 0; i < sizeof(ops) / sizeof(*ops); i++)
                total += ops[i].weight;
        n = (unsigned)below(total);
        for (op = ops; n >= op->weight; op++)
                n -= op->weight;
        if (!slots[c->slot].open && !(op->kind & CLOSED_TOO))
                return &ops[0];
        if (!slots[c->slot].mapped && (op->kind & WANTS_WINDOW))
                return &ops[0];
        return op;
}

static void run_on(struct side *s, const struct op *op, const struct call *c)
{
        errno = 0;
        s->result = op->run(s, c);
        s->error = s->result == -1 ? errno : 0;
        s->position = op->kind & MOVES ? lseek(s->fd[c->slot], 0, SEEK_CUR) : 0;
}

static void note(const struct op *op, const struct call *c)
{
        if (op->run == run_open)
                note_open(c);
        else if (op->run == run_toggle)
                note_toggle(c);
        else if (op->run == run_mmap)
                note_mmap(c);
}

static size_t first_difference(const char *a, const char *b, size_t len)
{
        size_t i = 0;

        while (i < len && a[i] == b[i])
                i++;
        return i;
}

static void print_side(const char *name, const struct side *s)
{
        fprintf(stderr, "  %-9s result %ld, errno %d (%s), position %jd\n", name, s->result, s->error,
                s->error ? strerror(s->error) : "none", (intmax_t)s->position);
}

static bool compare(uint64_t number, const struct op *op, const struct call *c)
{
        size_t len = op->kind & READS ? c->len : 0;
        char *a = buffer(&sides[0], c), *b = buffer(&sides[1], c);
        bool equal = sides[0].result == sides[1].result && sides[0].error == sides[1].error &&
                     sides[0].position == sides[1].position && !memcmp(a, b, len) &&
                     (!(op->kind & DIFFERS) || sides[0].result == 1);

        if (equal)
                return true;
        fprintf(stderr,
                "call %" PRIu64 ": %s on slot %u (open flags %#x): offset %" PRId64 " (size%+" PRId64
                "), length %zu, flags %#x, segments %u, buffer +%u\n",
                number, op->name, c->slot, (unsigned)slots[c->slot].flags, (int64_t)c->offset,
                (int64_t)(c->offset - size), c->len, (unsigned)c->flags, c->segments, c->misalign);
        print_side("reference", &sides[0]);
        print_side("mapped", &sides[1]);
        if (memcmp(a, b, len)) {
                size_t at = first_difference(a, b, len);

                fprintf(stderr, "  bytes differ from %zu on: %#x and %#x\n", at, a[at] & 0xff,
                        b[at] & 0xff);
        }
        return false;
}

static bool may_write(const struct op *op)
{
        return op->run == run_write || op->run == run_pwrite || op->run == run_writev ||
               op->run == run_pwritev2 || op->run == run_append;
}

static bool is_cut_short(const struct op *op, const struct call *c)
{
        bool reaches_end = op->run == run_append || c->offset + c->len > size;

        return size % PAGE && may_write(op) && reaches_end;
}

static void on_both(int (*act)(int fd))
{
        for (unsigned i = 0; i < 2; i++) {
                int fd = open(sides[i].path, O_RDONLY | O_CLOEXEC);

                if (fd < 0 || act(fd) < 0)
                        die(sides[i].path);
                close(fd);
        }
}

static int read_last_page(int fd)
{
        char byte;

        return pread(fd, &byte, 1, (off_t)(size - 1)) == 1 ? 0 : -1;
}

/* When a buffered write is cut short or refused at the end, FUSE takes the last page for unread from then on.
 * What was stored there through a mapping before, or is after, is lost when it is read again.  So stores are
 * written back before, and the page is read after. */
static void save_stores(const struct op *op, const struct call *c)
{
        if (!stored || !is_cut_short(op, c))
                return;
        on_both(fdatasync);
        stored = false;
}

static void read_again(const struct op *op, const struct call *c)
{
        if (is_cut_short(op, c))
                on_both(read_last_page);
}

static bool make_call(uint64_t number)
{
        struct call c = {.slot = (unsigned)below(SLOTS)};
        const struct op *op = draw_op(&c);

        if (op->draw)
                op->draw(&c);
        if (op->kind & READS)
                for (unsigned i = 0; i < 2; i++)
                        memset(buffer(&sides[i], &c), 0xa5, c.len);
        else if (c.len && !(op->kind & DIFFERS))
                random_fill(&rng, source, smaller(c.len + PAGE, BUFFER));
        save_stores(op, &c);
        for (unsigned i = 0; i < 2; i++)
                run_on(&sides[i], op, &c);
        if (!compare(number, op, &c))
                return false;
        read_again(op, &c);
        note(op, &c);
        return true;
}

/* ---- the whole content -------------------------------------------------------------------------- */

static void read_all(const char *path, int flags, char *into)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
        ssize_t n;

        if (fd < 0)
                die(path);
        for (uint64_t at = 0; at < size; at += (uint64_t)n) {
                n = pread(fd, into + at, size - at, (off_t)at);
                if (n <= 0)
                        die(path);
        }
        close(fd);
}

static bool contents_agree(char *a, char *b, int flags, const char *how)
{
        read_all(sides[0].path, flags, a);
        read_all(sides[1].path, flags, b);
        if (!memcmp(a, b, size))
                return true;
        fprintf(stderr, "the contents, read %s, differ from %zu on\n", how,
                first_difference(a, b, size));
        return false;
}

static bool all_agrees(char *a, char *b)
{
        return contents_agree(a, b, 0, "through the cache") &&
               contents_agree(a, b, O_DIRECT, "directly");
}

static void prepare(struct side *s, const char *path)
{
        s->path = path;
        for (unsigned i = 0; i < SLOTS; i++)
                s->fd[i] = -1;
        if (posix_memalign((void **)&s->buf, PAGE, BUFFER + PAGE))
                die("memory");
}

static uint64_t size_of(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

        if (end < 0)
                die(path);
        ioctl(fd, BLKROGET, &read_only);
        close(fd);
        return (uint64_t)end;
}

static uint64_t number_option(const char *text)
{
        char *end;
        uint64_t n = strtoull(text, &end, 0);

        if (!*text || *end) {
                fprintf(stderr, "not a number: %s\n", text);
                exit(2);
        }
        return n;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"seed", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'c'}, {0}};
        uint64_t count = 100000, seed = (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
        char *a, *b;

        for (int o; (o = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
                if (o == 's')
                        seed = number_option(optarg);
                else if (o == 'c')
                        count = number_option(optarg);
                else
                        return 2;
        }
        if (argc - optind != 2) {
                fprintf(stderr, "usage: differential [--seed N] [--count N] REFERENCE MAPPED\n");
                return 2;
        }
        prepare(&sides[0], argv[optind]);
        prepare(&sides[1], argv[optind + 1]);
        size = size_of(sides[0].path);
        if (size != size_of(sides[1].path) || size < 8 * PAGE) {
                fprintf(stderr, "the sizes differ, or are too small\n");
                return 2;
        }
        if (posix_memalign((void **)&source, PAGE, BUFFER + PAGE) ||
            posix_memalign((void **)&a, PAGE, size) || posix_memalign((void **)&b, PAGE, size))
                die("memory");
        signal(SIGBUS, on_sigbus);
        rng.state = seed;
        printf("seed %" PRIu64 ", %" PRIu64 " calls, size %" PRIu64 "\n", seed, count, size);
        fflush(stdout);

        for (uint64_t i = 0; i < count; i++)
                if (!make_call(i) || (i % COMPARE_EVERY == COMPARE_EVERY - 1 && !all_agrees(a, b)))
                        return 1;
        for (unsigned i = 0; i < SLOTS; i++)
                for (unsigned j = 0; j < 2; j++)
                        close_slot(&sides[j], i);
        if (!all_agrees(a, b))
                return 1;
        free(source);
        free(a);
        free(b);
        printf("no difference\n");
        return 0;
}
