/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O requests: from the kernel's message through the engine to the answer.
 *
 * A request is answered once: by its I/O's completion, or before that by request_abandon(), when the
 * device was killed and the I/O hangs; what completes later is dropped.
 *
 * The memory of a request is used again for others, and never given back: so whoever looks for one goes
 * through all there ever were, without a lock, and takes a reference of what he finds in use.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "teardown.h"

enum phase {
        PREPARED, /* the submitter has it, and relies on the device's being open */
        OPEN,     /* whoever has an answer gives it */
        ANSWERED,
};

struct request {
        struct request *next; /* constant: of all */
        struct request *next_unused; /* guarded: requests */
        _Atomic unsigned refs; /* 0: unused.  One each: its I/O, the submitter, who looks at it */
        _Atomic int phase;

        /* Constant while it is referenced. */
        uint64_t unique; /* the kernel's number for it */
        pid_t thread;    /* that asked */
        struct route route; /* where the kernel waits for the answer */

        /* Constant from OPEN on. */
        uint64_t device; /* its id */
        struct dm_io io;
        struct mapped_device *seeks_in; /* a thread asks it instead of the I/O; NULL: none */
        enum dm_seek_what what;

        bool over;        /* the I/O is, in the submitter's own thread; his alone */
        uint64_t found;   /* what the answer to a seek is */
        void *own_buffer; /* given back with the request */
        size_t own_size;
};

static _Atomic(struct request *) all;
static struct dm_mutex requests = DM_MUTEX_INIT;
static struct request *unused; /* guarded: requests */

static __thread struct request *spare;      /* what this thread's last request was */
static __thread struct request *submitting; /* which this thread is in dm_submit() with */

/* Messages being looked at that may become requests: in parts, so that threads do not meet there. */
#define PARTS 8u
static struct {
        _Alignas(64) _Atomic unsigned messages;
} parts[PARTS];

/* ---- memory and references -------------------------------------------------------------------------- */

static struct request *take_unused(void)
{
        struct request *r;

        DM_LOCK_SCOPE(&requests);
        r = unused;
        if (r)
                unused = r->next_unused;
        return r;
}

static struct request *make(void)
{
        struct request *r = g_new0(struct request, 1);

        r->next = atomic_load(&all);
        while (!atomic_compare_exchange_weak(&all, &r->next, r))
                ;
        return r;
}

static void recycle(struct request *r)
{
        DM_LOCK_SCOPE(&requests);
        r->next_unused = unused;
        unused = r;
}

/* Drops COUNT references; true when they were the last. */
static bool drop(struct request *r, unsigned count)
{
        if (atomic_fetch_sub(&r->refs, count) != count)
                return false;
        buffer_put(r->own_buffer, r->own_size);
        /* A drain waits for the last one; before that, a wake-up would cost more than the request. */
        if (teardown_refuses_io())
                dm_wake_all();
        return true;
}

static void unref(struct request *r)
{
        if (drop(r, 1))
                recycle(r);
}

/* Both references of one that is over while the submitter has it: his thread will have use for it. */
static void end(struct request *r)
{
        if (!drop(r, 2))
                return;
        if (spare)
                recycle(r);
        else
                spare = r;
}

void request_drop_spare(void)
{
        if (spare)
                recycle(g_steal_pointer(&spare));
}

/* A reference of R, if it is in use. */
static bool hold(struct request *r)
{
        unsigned refs = atomic_load(&r->refs);

        while (refs)
                if (atomic_compare_exchange_weak(&r->refs, &refs, refs + 1))
                        return true;
        return false;
}

/* ---- counting ----------------------------------------------------------------------------------------- */

/* The calling thread's. */
static _Atomic unsigned *own_part(void)
{
        static _Atomic unsigned threads;
        static __thread unsigned mine; /* and one */

        if (!mine)
                mine = atomic_fetch_add(&threads, 1) % PARTS + 1;
        return &parts[mine - 1].messages;
}

void request_enter(void)
{
        atomic_fetch_add(own_part(), 1);
}

void request_leave(void)
{
        atomic_fetch_sub(own_part(), 1);
        if (teardown_refuses_io())
                dm_wake_all();
}

unsigned request_count(void)
{
        unsigned count = 0;

        for (unsigned i = 0; i < PARTS; i++)
                count += atomic_load(&parts[i].messages);
        for (struct request *r = atomic_load(&all); r; r = r->next)
                count += atomic_load(&r->refs) > 0;
        return count;
}

/* ---- completion -------------------------------------------------------------------------------------- */

static void answer(struct request *r, int error)
{
        const struct dm_io *io = &r->io;

        if (error) {
                session_answer(r->route, r->unique, error, NULL, 0);
        } else if (r->seeks_in) {
                struct fuse_lseek_out out = {.offset = r->found};

                session_answer(r->route, r->unique, 0, &out, sizeof(out));
        } else if (io->op == DM_OP_READ) {
                session_answer(r->route, r->unique, 0, io->buf, io->len);
        } else if (io->op == DM_OP_WRITE) {
                struct fuse_write_out out = {.size = (uint32_t)io->len};

                session_answer(r->route, r->unique, 0, &out, sizeof(out));
        } else {
                session_answer(r->route, r->unique, 0, NULL, 0);
        }
}

/* Gives R its answer, unless it has one. */
static void give_answer(struct request *r, int error)
{
        if (atomic_exchange(&r->phase, ANSWERED) != ANSWERED)
                answer(r, error);
}

static void ended(struct dm_io *io, int error)
{
        struct request *r = io->user;

        give_answer(r, error);
        if (r == submitting)
                r->over = true;
        else
                unref(r);
}

/* From now on the device stays without the handle, which may go when somebody else answers.  He looks for
 * open requests when the device is dead: so either he sees this one, or it sees the device. */
static void open_request(struct request *r, const struct mapped_device *md)
{
        atomic_store(&r->phase, OPEN);
        if (dm_is_dead(md))
                give_answer(r, -EIO);
}

static void begun(struct dm_io *io)
{
        open_request(io->user, io->md);
}

void request_abandon(uint64_t id)
{
        for (struct request *r = atomic_load(&all); r; r = r->next) {
                if (!hold(r))
                        continue;
                if (atomic_load(&r->phase) == OPEN && (!id || r->device == id))
                        give_answer(r, -EIO);
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

/* The open request UNIQUE, referenced; NULL if there is none. */
static struct request *find(uint64_t unique)
{
        for (struct request *r = atomic_load(&all); r; r = r->next) {
                if (!hold(r))
                        continue;
                if (r->unique == unique && atomic_load(&r->phase) == OPEN)
                        return r;
                unref(r);
        }
        return NULL;
}

/* Ends R for a program that is being killed.  What is not parked goes on in the engine: a read's answer is
 * not needed any more, but a write's is waited for, lest it overtakes one that is made later. */
static bool cancel(struct request *r)
{
        if (dm_cancel(&r->io))
                return true;
        if (r->io.op != DM_OP_READ)
                return false;
        give_answer(r, -EINTR);
        return true;
}

enum request_interrupted request_interrupt(uint64_t unique)
{
        enum request_interrupted result = REQUEST_UNKNOWN;
        struct request *r = find(unique);

        if (!r)
                return result;
        result = is_being_killed(r->thread) && cancel(r) ? REQUEST_CANCELLED : REQUEST_GOES_ON;
        unref(r);
        return result;
}

/* ---- submission --------------------------------------------------------------------------------------- */

struct request *request_begin(const struct fuse_in_header *header)
{
        struct request *r = g_steal_pointer(&spare);

        if (!r)
                r = take_unused();
        if (!r)
                r = make();
        r->unique = header->unique;
        r->thread = (pid_t)header->pid;
        r->route = session_route();
        r->over = false;
        r->seeks_in = NULL;
        r->own_buffer = NULL;
        atomic_store_explicit(&r->phase, PREPARED, memory_order_relaxed);
        atomic_store(&r->refs, 2); /* its I/O's, and the submitter's */
        return r;
}

void request_end(struct request *r, int error)
{
        session_answer(r->route, r->unique, error, NULL, 0);
        end(r);
}

static void prepare(struct request *r, struct mapped_device *md, enum dm_op op, uint64_t offset,
                    uint64_t len, void *buf)
{
        r->device = dm_id(md);
        r->io = (struct dm_io){
                .op = op,
                .offset = offset,
                .len = len,
                .buf = buf,
                .begun = begun,
                .end = ended,
                .user = r,
        };
}

/* Submits R; true when its I/O is over already, nearly always: then R is gone, and nobody uses its buffer.
 * Otherwise the caller drops his reference. */
static bool submit(struct request *r, struct mapped_device *md)
{
        submitting = r;
        dm_submit(md, &r->io);
        submitting = NULL;
        if (!r->over)
                return false;
        end(r);
        return true;
}

void request_read(struct request *r, struct mapped_device *md, uint64_t offset, size_t size)
{
        prepare(r, md, DM_OP_READ, offset, size, worker_read_buffer(size));
        if (submit(r, md))
                return;
        r->own_buffer = worker_steal_read_buffer(&r->own_size);
        unref(r);
}

void request_write(struct request *r, struct mapped_device *md, const char *buf, size_t size,
                   uint64_t offset, unsigned flags)
{
        prepare(r, md, DM_OP_WRITE, offset, size, (void *)(uintptr_t)buf);
        r->io.flags = flags;
        if (submit(r, md))
                return;
        r->own_buffer = worker_steal_request_buffer(&r->own_size);
        unref(r);
}

void request_simple(struct request *r, struct mapped_device *md, enum dm_op op, uint64_t offset,
                    uint64_t len)
{
        prepare(r, md, op, offset, len, NULL);
        if (!submit(r, md))
                unref(r);
}

/* ---- seeking -------------------------------------------------------------------------------------------- */

static void *seek(void *arg)
{
        struct request *r = arg;
        struct mapped_device *md = r->seeks_in;
        int error = dm_seek(md, r->what, r->io.offset, &r->found);

        give_answer(r, error);
        unref(r);
        dm_put(md); /* that the request came with; the session is there as long as its devices are */
        return NULL;
}

static bool start_seek(struct request *r)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, seek, r))
                return false;
        pthread_detach(thread);
        return true;
}

void request_seek(struct request *r, struct mapped_device *md, enum dm_seek_what what, uint64_t offset)
{
        if (!dm_get(md)) {
                request_end(r, -EIO);
                return;
        }
        prepare(r, md, DM_OP_READ, offset, 0, NULL);
        r->seeks_in = md;
        r->what = what;
        open_request(r, md);
        if (!start_seek(r))
                seek(r);
        unref(r);
}
