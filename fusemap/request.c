/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O requests: from the kernel's question through the engine to the answer.
 *
 * A request is answered once: by its I/O's completion, or before that by request_abandon(), when the
 * device was killed and the I/O hangs; what completes later is dropped.  It has a reference for the
 * I/O and one for whoever looks at it meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "teardown.h"

struct request {
        struct request *next, **link; /* guarded: requests */
        uint64_t number, device;
        struct mapped_device *md; /* alive while the request is in the table */
        pid_t thread;  /* that asked */
        bool watched;  /* guarded: requests; a signal came that was not fatal */
        _Atomic unsigned refs;
        _Atomic bool answered, interrupted;
        _Atomic bool over; /* the I/O is */
        fuse_req_t req;
        int reply_fd;      /* where the kernel waits for the answer */
        void *own_buffer;  /* freed with the request */
        struct dm_io io;
};

static struct dm_mutex requests = DM_MUTEX_INIT;
static struct request *all;      /* guarded: requests */
static unsigned count;           /* guarded: requests */
static uint64_t last_number;     /* guarded: requests */
static unsigned watched;         /* guarded: requests */
static bool watching;            /* guarded: requests; the watcher's thread runs */

/* ---- the table -------------------------------------------------------------------------------------- */

static void link_request(struct request *r)
{
        DM_LOCK_SCOPE(&requests);
        r->number = ++last_number;
        r->next = all;
        r->link = &all;
        if (all)
                all->link = &r->next;
        all = r;
        count++;
}

static void unlink_request(struct request *r)
{
        bool last;

        {
                DM_LOCK_SCOPE(&requests);
                *r->link = r->next;
                if (r->next)
                        r->next->link = r->link;
                last = --count == 0;
                if (r->watched)
                        watched--;
        }
        /* nobody else waits for it, and a wake-up for each request would cost more than the request */
        if (last && teardown_refuses_io())
                dm_wake_all();
}

static void unref(struct request *r)
{
        if (atomic_fetch_sub(&r->refs, 1) != 1)
                return;
        free(r->own_buffer);
        g_free(r);
}

unsigned request_count(void)
{
        DM_LOCK_SCOPE(&requests);
        return count;
}

static bool claim_answer(struct request *r)
{
        return !atomic_exchange(&r->answered, true);
}

/* ---- completion -------------------------------------------------------------------------------------- */

static void answer(struct request *r, int error)
{
        int fd = session_set_reply_fd(r->reply_fd);

        if (error) {
                fuse_reply_err(r->req, -error);
        } else if (r->io.op == DM_OP_READ) {
                fuse_reply_buf(r->req, r->io.buf, r->io.len);
        } else if (r->io.op == DM_OP_WRITE) {
                fuse_reply_write(r->req, r->io.len);
        } else {
                fuse_reply_err(r->req, 0);
        }
        session_set_reply_fd(fd);
}

static void ended(struct dm_io *io, int error)
{
        struct request *r = io->user;

        unlink_request(r);
        if (claim_answer(r))
                answer(r, error);
        atomic_store(&r->over, true);
        unref(r);
}

void request_abandon(uint64_t id)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new();

        {
                DM_LOCK_SCOPE(&requests);
                for (struct request *r = all; r; r = r->next) {
                        if (id && r->device != id)
                                continue;
                        atomic_fetch_add(&r->refs, 1);
                        g_ptr_array_add(found, r);
                }
        }
        for (unsigned i = 0; i < found->len; i++) {
                struct request *r = found->pdata[i];

                if (claim_answer(r))
                        answer(r, -EIO);
                unref(r);
        }
}

/* ---- interruption ------------------------------------------------------------------------------------ */

/* The kernel asks to interrupt for any signal; a block device's I/O ends for a fatal one only.  Every
 * fatal signal has become a pending SIGKILL of each thread by the time it gets here. */
static bool is_being_killed(pid_t thread)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)thread);
        g_autofree char *text = NULL;
        const char *line;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return true; /* it is gone */
        line = strstr(text, "\nSigPnd:");
        return line && (strtoull(line + strlen("\nSigPnd:"), NULL, 16) & (1u << (9 - 1)));
}

/* Ends R for a program that is being killed.  What is not parked goes on in the engine: a read's answer is
 * not needed any more, but a write's is waited for, lest it overtakes one that is made later.  The caller
 * has a reference of R, and MD of its device. */
static void cancel(struct request *r, struct mapped_device *md)
{
        if (!dm_cancel(md, &r->io) && r->io.op == DM_OP_READ && claim_answer(r))
                answer(r, -EINTR);
        dm_put(md);
        unref(r);
}

/* The request NUMBER, referenced, with its device; NULL if it is over. */
static struct request *find(uint64_t number, struct mapped_device **ret_md)
{
        DM_LOCK_SCOPE(&requests);
        for (struct request *r = all; r; r = r->next) {
                /* in the table its I/O is not over, so its device is there */
                if (r->number == number && dm_get(r->md)) {
                        atomic_fetch_add(&r->refs, 1);
                        *ret_md = r->md;
                        return r;
                }
        }
        return NULL;
}

/* Cancels those of the watched requests whose program is being killed; false when none is left. */
static bool look_at_watched(void)
{
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));

        {
                DM_LOCK_SCOPE(&requests);
                if (!watched) {
                        watching = false;
                        return false;
                }
                for (struct request *r = all; r; r = r->next)
                        if (r->watched)
                                g_array_append_val(numbers, r->number);
        }
        for (unsigned i = 0; i < numbers->len; i++) {
                struct mapped_device *md;
                struct request *r = find(g_array_index(numbers, uint64_t, i), &md);

                if (!r)
                        continue;
                if (is_being_killed(r->thread)) {
                        cancel(r, md);
                } else {
                        dm_put(md);
                        unref(r);
                }
        }
        return true;
}

/* The kernel tells of a request's first signal only: after one that was not fatal, somebody has to look
 * whether a fatal one follows. */
static void *watch(void *unused)
{
        const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

        while (look_at_watched())
                nanosleep(&pause, NULL);
        return NULL;
}

static void start_watching(struct request *r)
{
        pthread_t thread;
        bool start = false;

        {
                DM_LOCK_SCOPE(&requests);
                if (!r->watched && !atomic_load(&r->answered)) {
                        r->watched = true;
                        watched++;
                        start = !watching;
                        watching = true;
                }
        }
        if (start && !pthread_create(&thread, NULL, watch, NULL))
                pthread_detach(thread);
}

static void try_cancel(uint64_t number)
{
        struct mapped_device *md;
        struct request *r = find(number, &md);

        if (!r)
                return;
        if (is_being_killed(r->thread)) {
                cancel(r, md);
                return;
        }
        start_watching(r);
        dm_put(md);
        unref(r);
}

static void note_interrupt(uint64_t number)
{
        DM_LOCK_SCOPE(&requests);
        for (struct request *r = all; r; r = r->next)
                if (r->number == number)
                        atomic_store(&r->interrupted, true);
}

/* Called by libfuse with its lock of the request held, perhaps before the I/O was submitted.  It gets
 * the number, for the request may be over by now. */
static void interrupted(fuse_req_t req, void *number)
{
        note_interrupt((uint64_t)(uintptr_t)number);
        try_cancel((uint64_t)(uintptr_t)number);
}

/* ---- submission --------------------------------------------------------------------------------------- */

static struct request *request_new(fuse_req_t req, struct handle *h, enum dm_op op, uint64_t offset,
                                   uint64_t len, void *buf)
{
        struct request *r = g_new0(struct request, 1);

        r->req = req;
        r->reply_fd = session_reply_fd();
        r->md = h->md;
        r->device = dm_id(h->md);
        r->thread = fuse_req_ctx(req)->pid;
        atomic_init(&r->refs, 2); /* its I/O's, and the submitter's */
        r->io = (struct dm_io){
                .op = op, .offset = offset, .len = len, .buf = buf, .end = ended, .user = r};
        return r;
}

/* Submits R; true when its I/O is over already, so that nobody uses its buffer any more. */
static bool submit(struct request *r)
{
        link_request(r);
        fuse_req_interrupt_func(r->req, interrupted, (void *)(uintptr_t)r->number);
        dm_submit(r->md, &r->io);
        if (atomic_load(&r->interrupted))
                try_cancel(r->number); /* it came before there was anything to cancel */
        return atomic_load(&r->over);
}

void request_read(fuse_req_t req, struct handle *h, uint64_t offset, size_t size)
{
        struct request *r = request_new(req, h, DM_OP_READ, offset, size, session_read_buffer());

        if (!submit(r))
                r->own_buffer = session_steal_read_buffer();
        unref(r);
}

void request_write(fuse_req_t req, struct handle *h, const char *buf, size_t size, uint64_t offset,
                   unsigned flags)
{
        struct request *r = request_new(req, h, DM_OP_WRITE, offset, size, (void *)(uintptr_t)buf);

        r->io.flags = flags;
        if (!submit(r))
                r->own_buffer = session_steal_request_buffer();
        unref(r);
}

void request_simple(fuse_req_t req, struct handle *h, enum dm_op op, uint64_t offset, uint64_t len)
{
        struct request *r = request_new(req, h, op, offset, len, NULL);

        submit(r);
        unref(r);
}
