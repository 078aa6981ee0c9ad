/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FUSE session: the mount, and the workers that read its requests.
 *
 * Each worker waits on a /dev/fuse descriptor of its own (FUSE_DEV_IOC_CLONE), so that the kernel wakes
 * one, where the program runs, or polls another for a while (polling.c).  An answer has to go where the
 * request came from, whichever thread gives it: hence the route, a thread's variable that the write hook
 * uses.
 *
 * Where it was asked for and the kernel offers it, requests come through rings (ring/) instead; the
 * workers stay for what does not.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "descriptors.h"
#include "fs.h"
#include "log.h"
#include "polling.h"
#include "priority.h"
#include "ring/abi.h"
#include "ring/ring.h"

#define JOIN_NS (20 * (uint64_t)DM_NS_PER_MS)

/* linux/fuse.h since 6.6: mmap(MAP_SHARED) of files opened with FOPEN_DIRECT_IO */
#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)
#endif
#define ALLOW_MMAP_2 ((uint32_t)(FUSE_DIRECT_IO_ALLOW_MMAP >> 32)) /* in flags2 */

struct session {
        struct fuse_session *fuse;
        unsigned threads, max_background;
        struct dm_workers *workers;
        bool want_rings, direct_io;
        _Atomic(struct rings *) rings; /* NULL: all requests come by /dev/fuse */
        _Atomic bool ended;
        _Atomic bool aborted; /* set before the kernel ends requests that are still on their way here */
        struct descriptors *descriptors;
        struct polling *polling;
        struct dm_mutex lock;
        GArray *threads_running; /* guarded: lock; pthread_t of the workers */
};

static __thread struct route route = {NULL, -1};

/* ---- hooks of libfuse ----------------------------------------------------------------------------------- */

static ssize_t read_hook(int fd, void *buf, size_t len, void *userdata)
{
        return read(route.fd >= 0 ? route.fd : fd, buf, len);
}

/* libfuse 3.14 knows the first 32 flags only: what more the kernel offers is asked for here. */
static void patch_init(struct iovec *iov, int count, uint32_t flags2, struct fuse_init_out *patched)
{
        struct fuse_out_header *header = iov[0].iov_base;

        if (count != 2 || header->error || iov[1].iov_len < offsetof(struct fuse_init_out, flags2))
                return;
        memset(patched, 0, sizeof(*patched));
        memcpy(patched, iov[1].iov_base, MIN(iov[1].iov_len, sizeof(*patched)));
        patched->flags |= FUSE_INIT_EXT;
        patched->flags2 |= flags2;
        iov[1].iov_base = patched;
        iov[1].iov_len = sizeof(*patched);
        header->len = (uint32_t)(sizeof(*header) + sizeof(*patched));
}

static __thread uint32_t accepted; /* flags2, when the request being processed is FUSE_INIT */

static ssize_t write_hook(int fd, struct iovec *iov, int count, void *userdata)
{
        struct fuse_init_out patched;

        if (accepted)
                patch_init(iov, count, accepted, &patched);
        if (route.entry)
                return ring_answer(route.entry, iov, count);
        return writev(route.fd >= 0 ? route.fd : fd, iov, count);
}

struct route session_route(void)
{
        return route;
}

/* The kernel refuses an answer when the program was interrupted or the mount has ended: nobody wants it
 * then. */
void session_answer(struct route to, uint64_t unique, int error, const void *data, size_t size)
{
        struct fuse_out_header header = {
                .len = (uint32_t)(sizeof(header) + size),
                .error = error,
                .unique = unique,
        };
        struct iovec iov[] = {
                {&header, sizeof(header)},
                {(void *)(uintptr_t)data, size}, /* iov_base is for reads too, hence not const */
        };
        int count = size ? 2 : 1;

        if (to.entry)
                ring_answer(to.entry, iov, count);
        else if (writev(to.fd, iov, count) < 0)
                return;
}

/* ---- workers ------------------------------------------------------------------------------------------------ */

/* The flags2 of a FUSE_INIT. */
static uint32_t offered(const struct fuse_in_header *header)
{
        const struct fuse_init_in *init = (const struct fuse_init_in *)(header + 1);

        if (header->len < sizeof(*header) + sizeof(*init) || !(init->flags & FUSE_INIT_EXT))
                return 0;
        return init->flags2;
}

/* Once rings are accepted, the kernel lets no request through before they work: so they are made first. */
static bool make_rings(struct session *s, bool are_offered)
{
        struct rings *rings = NULL;

        if (are_offered)
                rings = ring_new(s, fuse_session_fd(s->fuse), s->max_background);

        if (!rings)
                log_line("io_uring: the %s does not offer it to FUSE: requests come by /dev/fuse",
                         are_offered ? "system" : "kernel");
        atomic_store(&s->rings, rings);
        return rings;
}

static void process_init(struct session *s, const struct fuse_buf *buf)
{
        uint32_t flags2 = offered(buf->mem);

        accepted = flags2 & ALLOW_MMAP_2;
        if (s->want_rings && make_rings(s, flags2 & RING_INIT_FLAG_2))
                accepted |= RING_INIT_FLAG_2;
        fuse_session_process_buf(s->fuse, buf);
        if (accepted & RING_INIT_FLAG_2)
                ring_begin(atomic_load(&s->rings));
        accepted = 0;
}

static void process_interrupt(const struct fuse_in_header *header, size_t size)
{
        const struct fuse_interrupt_in *in = (const struct fuse_interrupt_in *)(header + 1);

        if (size >= sizeof(*header) + sizeof(*in))
                interrupt_request(in->unique);
}

/* The message in the thread's buffer, of SIZE bytes.  What is not I/O is libfuse's. */
static void process(struct session *s, size_t size)
{
        struct fuse_buf buf = {.size = size, .mem = worker_request_buffer()};
        const struct fuse_in_header *header = buf.mem;

        if (data_process(header, size))
                return;
        request_enter();
        if (header->opcode == FUSE_INTERRUPT)
                process_interrupt(header, size);
        else if (header->opcode == FUSE_INIT)
                process_init(s, &buf);
        else
                fuse_session_process_buf(s->fuse, &buf);
        request_leave();
}

void session_process(struct session *s, size_t size, struct route from)
{
        route = from;
        process(s, size);
        route = (struct route){NULL, -1};
}

static void enlist(struct session *s)
{
        pthread_t self = pthread_self();

        DM_LOCK_SCOPE(&s->lock);
        g_array_append_val(s->threads_running, self);
}

static void discharge(struct session *s)
{
        DM_LOCK_SCOPE(&s->lock);
        for (unsigned i = 0; i < s->threads_running->len; i++) {
                if (pthread_equal(g_array_index(s->threads_running, pthread_t, i),
                                  pthread_self())) {
                        g_array_remove_index_fast(s->threads_running, i);
                        return;
                }
        }
}

/* Reads the next request, from FD or where one is polled for; its size, or 0 when the mount has ended.
 * (fuse_session_receive_buf() would put it at the begin of a buffer.)
 *
 * A descriptor that goes takes along the requests that were read from it, before their workers are done with
 * them; then their programs close the file, and another descriptor may bring the release.  So of what comes
 * then nothing is done: handles stay until all workers have left. */
static size_t receive(struct session *s, int fd)
{
        char *buffer = worker_request_buffer();
        ssize_t n;

        while (!fuse_session_exited(s->fuse)) {
                route.fd = fd;
                n = polling_read(s->polling, &route.fd, buffer, SESSION_REQUEST_MAX);
                if (atomic_load(&s->aborted))
                        return 0;
                if (n >= (ssize_t)sizeof(struct fuse_in_header))
                        return (size_t)n;
                /* ENOENT: the program was interrupted before we could read its request */
                if (n >= 0 || (errno != EINTR && errno != EAGAIN && errno != ENOENT))
                        return 0;
        }
        return 0;
}

static void work(void *user, unsigned number)
{
        struct session *s = user;
        int fd = descriptors_take(s->descriptors);
        size_t size;

        priority_take();
        enlist(s);
        while ((size = receive(s, fd))) {
                process(s, size);
                if (dm_worker_surplus())
                        goto out;
        }
        polling_end(s->polling);
        if (!atomic_exchange(&s->ended, true))
                dm_wake_all();
        fuse_session_exit(s->fuse);
out:
        worker_drop_buffers();
        route.fd = -1;
        discharge(s);
        descriptors_give(s->descriptors, fd);
}

/* ---- the mount ------------------------------------------------------------------------------------------------ */

static const struct fuse_custom_io hooks = {.read = read_hook, .writev = write_hook};

static struct fuse_session *new_fuse_session(const struct session_options *o, void *userdata)
{
        struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
        struct fuse_session *fuse;

        fuse_opt_add_arg(&args, "fusemap");
        fuse_opt_add_arg(&args, "-ofsname=fusemap,subtype=fusemap,default_permissions,max_read="
                                G_STRINGIFY(SESSION_IO_MAX));
        if (o->fuse_options && *o->fuse_options) {
                fuse_opt_add_arg(&args, "-o");
                fuse_opt_add_arg(&args, o->fuse_options);
        }
        fuse = fuse_session_new(&args, &fusemap_ops, sizeof(fusemap_ops), userdata);
        fuse_opt_free_args(&args);
        return fuse;
}

/* -1: there is only the one in which workers sleep. */
static int descriptor_to_poll(struct session *s)
{
        int fd = descriptors_take(s->descriptors);

        return fd == fuse_session_fd(s->fuse) ? -1 : fd;
}

struct session *session_mount(const struct session_options *o, GError **error)
{
        struct session *s = g_new0(struct session, 1);

        dm_mutex_init(&s->lock);
        s->threads_running = g_array_new(FALSE, FALSE, sizeof(pthread_t));
        s->threads = o->threads;
        s->max_background = o->max_background;
        s->want_rings = o->io_uring;
        s->direct_io = o->direct_io;
        s->fuse = new_fuse_session(o, s);
        if (!s->fuse) {
                g_set_error(error, DM_ERROR, EINVAL, "libfuse refuses the options");
                session_free(s);
                return NULL;
        }
        if (fuse_session_mount(s->fuse, o->mountpoint) < 0) {
                g_set_error(error, DM_ERROR, EIO, "cannot mount on %s", o->mountpoint);
                session_free(s);
                return NULL;
        }
        fuse_session_custom_io(s->fuse, &hooks, fuse_session_fd(s->fuse));
        s->descriptors = descriptors_new(fuse_session_fd(s->fuse));
        s->polling = polling_new(o->poll_us ? descriptor_to_poll(s) : -1, o->poll_us);
        return s;
}

unsigned session_max_background(const struct session *s)
{
        return s->max_background;
}

bool session_direct_io(const struct session *s)
{
        return s->direct_io;
}

struct fuse_session *session_fuse(struct session *s)
{
        return s->fuse;
}

static void do_nothing(int signal)
{
}

void session_start(struct session *s)
{
        struct sigaction action = {.sa_handler = do_nothing}; /* no SA_RESTART: read() returns */

        sigaction(SIGUSR1, &action, NULL);
        s->workers = dm_workers_start(s->threads, work, s);
}

bool session_ended(struct session *s)
{
        return atomic_load(&s->ended);
}

void session_unmount(struct session *s)
{
        fuse_session_unmount(s->fuse);
}

static void stop_rings(struct session *s)
{
        struct rings *rings = atomic_load(&s->rings);

        if (rings)
                ring_stop(rings);
}

void session_abort(struct session *s)
{
        atomic_store(&s->aborted, true);
        fuse_session_exit(s->fuse);
        polling_end(s->polling);
        stop_rings(s); /* they have the session's */
        descriptors_break(s->descriptors);
}

/* Workers wait in read(), and keep the descriptor's file meanwhile.  A signal may come just before the
 * read, so it is sent again. */
static void interrupt_workers(struct session *s)
{
        DM_LOCK_SCOPE(&s->lock);
        for (unsigned i = 0; i < s->threads_running->len; i++)
                pthread_kill(g_array_index(s->threads_running, pthread_t, i), SIGUSR1);
}

/* The workers first: none of them makes rings any more then. */
void session_join(struct session *s)
{
        while (s->workers) {
                polling_end(s->polling);
                interrupt_workers(s);
                if (!dm_workers_join(s->workers, dm_clock_real_ns() + JOIN_NS))
                        s->workers = NULL;
        }
        stop_rings(s);
        if (atomic_load(&s->rings))
                ring_join(atomic_load(&s->rings));
}

void session_free(struct session *s)
{
        ring_free(atomic_load(&s->rings));
        polling_free(s->polling);
        descriptors_free(s->descriptors);
        g_array_unref(s->threads_running);
        if (s->fuse) {
                /* it has ended: this only lets go of what libfuse keeps for it */
                fuse_session_unmount(s->fuse);
                fuse_session_destroy(s->fuse);
        }
        g_free(s);
        buffer_free_all();
}
