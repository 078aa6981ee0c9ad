/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a FUSE server: a file system with one file, `floor', whose server answers at once from
 * memory.  Low-level libfuse, and a session set up as fusemap's is: threads that each wait on a cloned
 * /dev/fuse descriptor, at the same priority, the same kernel options, answers that are copied and not
 * spliced.  What fusemap adds to it is its own cost.
 *
 *   floor [--poll] MOUNTPOINT BYTES [FILE]      until it is unmounted
 *
 * With --poll its threads wait for requests as fusemap's do; else they sleep in read().
 * With a FILE it reads and writes that, with one pread() or pwrite() for each request and nothing else: what
 * there is to gain for a server that stands on a file.
 */
#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fusemap/polling.h"
#include "fusemap/priority.h"

#define IO_MAX (1u << 20)
#define FILE_INO 2
#define FILE_NAME "floor"
#define THREADS 2
#define BACKGROUND 128

static off_t file_size;
static struct fuse_session *session;
static struct polling *polling; /* NULL: threads sleep */
static _Alignas(4096) char memory[IO_MAX];
static int backing = -1;
static __thread char *own_memory; /* what is read from the backing */
static __thread int own_fd = -1;
static __thread int from_fd = -1; /* where the request came from, and its answer goes */

/* ---- the session -------------------------------------------------------------------------------- */

static ssize_t read_hook(int fd, void *buf, size_t len, void *unused)
{
        from_fd = own_fd;
        return polling ? polling_read(polling, &from_fd, buf, len) : read(own_fd, buf, len);
}

static ssize_t write_hook(int fd, struct iovec *iov, int count, void *unused)
{
        return writev(from_fd, iov, count);
}

static const struct fuse_custom_io hooks = {.read = read_hook, .writev = write_hook};

static int clone_fd(void)
{
        unsigned master = (unsigned)fuse_session_fd(session);
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0 || ioctl(fd, FUSE_DEV_IOC_CLONE, &master) < 0) {
                perror("floor: /dev/fuse");
                exit(1);
        }
        return fd;
}

static void *serve(void *unused)
{
        struct fuse_buf buf = {0};
        int r;

        own_fd = clone_fd();
        priority_take();
        own_memory = aligned_alloc(4096, IO_MAX);
        while (!fuse_session_exited(session)) {
                r = fuse_session_receive_buf(session, &buf);
                if (r == -EINTR || r == -EAGAIN || r == -ENOENT)
                        continue;
                if (r <= 0)
                        break;
                fuse_session_process_buf(session, &buf);
        }
        fuse_session_exit(session);
        polling_end(polling);
        free(own_memory);
        free(buf.mem);
        close(own_fd);
        return NULL;
}

/* ---- operations ---------------------------------------------------------------------------------- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
        conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE |
                                  FUSE_CAP_AUTO_INVAL_DATA);
        conn->want |= conn->capable & (FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ |
                                       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPLICIT_INVAL_DATA);
        conn->max_write = conn->max_read = IO_MAX;
        conn->max_background = BACKGROUND;
        conn->congestion_threshold = BACKGROUND * 3 / 4;
}

static void fill_stat(fuse_ino_t ino, struct stat *st)
{
        *st = (struct stat){
                .st_ino = ino,
                .st_mode = ino == FILE_INO ? S_IFREG | 0600 : S_IFDIR | 0755,
                .st_nlink = 1,
                .st_uid = getuid(),
                .st_gid = getgid(),
                .st_size = ino == FILE_INO ? file_size : 0,
                .st_blksize = 4096,
        };
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        struct fuse_entry_param entry = {.ino = FILE_INO};

        if (parent != FUSE_ROOT_ID || strcmp(name, FILE_NAME) != 0) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        fill_stat(FILE_INO, &entry.attr);
        fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct stat st;

        fill_stat(ino, &st);
        fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
        op_getattr(req, ino, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        struct fuse_open_out out = {.open_flags = FOPEN_NOFLUSH};
        struct iovec iov = {&out, sizeof(out)};

        if (fi->flags & O_DIRECT)
                out.open_flags |= FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
        fuse_reply_iov(req, &iov, 1); /* libfuse 3.14 has no field for the last flag */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
        fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
        fuse_reply_err(req, backing < 0 || !fdatasync(backing) ? 0 : EIO);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
        off_t left = offset < file_size ? file_size - offset : 0;

        if (size > IO_MAX)
                size = IO_MAX;
        if ((off_t)size > left)
                size = (size_t)left;
        if (backing < 0)
                fuse_reply_buf(req, memory, size);
        else if (pread(backing, own_memory, size, offset) == (ssize_t)size)
                fuse_reply_buf(req, own_memory, size);
        else
                fuse_reply_err(req, EIO);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
        if (backing < 0 || pwrite(backing, buf, size, offset) == (ssize_t)size)
                fuse_reply_write(req, size);
        else
                fuse_reply_err(req, EIO);
}

static const struct fuse_lowlevel_ops ops = {
        .init = op_init,
        .lookup = op_lookup,
        .getattr = op_getattr,
        .setattr = op_setattr,
        .open = op_open,
        .release = op_release,
        .fsync = op_fsync,
        .read = op_read,
        .write = op_write,
};

/* ---- main ------------------------------------------------------------------------------------------ */

static int run(const char *mountpoint, bool polls)
{
        char *argv[] = {(char[]){"floor"}, (char[]){"-ofsname=floor,subtype=floor,"
                                                    "default_permissions,max_read=1048576"}};
        struct fuse_args args = FUSE_ARGS_INIT(2, argv);
        pthread_t threads[THREADS];

        memset(memory, 'x', sizeof(memory));
        session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
        if (!session || fuse_session_mount(session, mountpoint) < 0)
                return 1;
        fuse_session_custom_io(session, &hooks, fuse_session_fd(session));
        priority_set(PRIORITY_NICE, false);
        if (polls)
                polling = polling_new(clone_fd(), POLLING_US);
        for (unsigned i = 0; i < THREADS; i++)
                if (pthread_create(&threads[i], NULL, serve, NULL))
                        return 1;
        for (unsigned i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        fuse_session_unmount(session);
        fuse_session_destroy(session);
        fuse_opt_free_args(&args);
        return 0;
}

int main(int argc, char **argv)
{
        bool polls = argc > 1 && !strcmp(argv[1], "--poll");

        argv += polls;
        argc -= polls;
        file_size = argc > 2 ? atoll(argv[2]) : 0;
        if (argc < 3 || argc > 4 || file_size <= 0) {
                fprintf(stderr, "usage: floor [--poll] MOUNTPOINT BYTES [FILE]\n");
                return 2;
        }
        if (argc > 3 && (backing = open(argv[3], O_RDWR | O_CLOEXEC)) < 0) {
                perror(argv[3]);
                return 1;
        }
        return run(argv[1], polls);
}
