/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O requests: from the kernel's question through the engine to the answer.
 *
 * A request is answered once: by its I/O's completion, or before that by request_abandon(), when the
 * device was killed and the I/O hangs; what completes later is dropped.  It has a reference for the
 * I/O and one for whoever looks at it meanwhile.
 *
 * The table of requests comes in parts, one for each worker as far as they reach, so that workers do not
 * meet at a lock.
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

#define PARTS 8u

/* How far the answer is; above LEFT an answer was left, see give_answer(). */
enum {
        OPEN,     /* whoever has the answer gives it */
        HELD,     /* whoever has the answer leaves it to the submitter, who uses `req' */
        ANSWERED,
        LEFT,     /* with error 0; with -errno: LEFT + errno */
};

struct request {
        struct request *next, **link; /* guarded: part; link is NULL outside the table */
        uint64_t number, device;
        struct mapped_device *md; /* alive while the request is in the table */
        pid_t thread;  /* that asked */
        bool watched;  /* guarded: part; a signal came that was not fatal */
        _Atomic unsigned refs;
        _Atomic int state;
        _Atomic bool over; /* the I/O is */
        fuse_req_t req;
        struct route route; /* where the kernel waits for the answer */
        void *own_buffer;  /* given back with the request */
        size_t own_size;
        struct dm_io io;
        bool seeks;        /* a thread of its own instead of the I/O; it has a reference of the device */
        enum dm_seek_what what;
        uint64_t found;
};

struct part {
        _Alignas(64) struct dm_mutex lock;
        struct request *all;    /* guarded: lock */
        uint64_t last_number;   /* guarded: lock; of this part's, which are PARTS apart */
        _Atomic unsigned alive; /* requests: being looked at, in the table, or not answered yet */
};

#define EMPTY {.lock = DM_MUTEX_INIT}
static struct part table[PARTS] = {EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY};

static struct dm_mutex watch_lock = DM_MUTEX_INIT;
static unsigned watched; /* guarded: watch_lock; requests that are */
static bool watching;    /* guarded: watch_lock; the watcher's thread runs */

/* ---- the table -------------------------------------------------------------------------------------- */

static struct part *part_of(uint64_t number)
{
        return &table[number % PARTS];
}

/* The calling worker's. */
static unsigned own_part(void)
{
        static _Atomic unsigned threads;
        static __thread unsigned mine; /* and one */

        if (!mine)
                mine = atomic_fetch_add(&threads, 1) % PARTS + 1;
        return mine - 1;
}

static void link_request(struct request *r)
{
        unsigned index = own_part();
        struct part *p = &table[index];

        atomic_fetch_add(&p->alive, 1);

        DM_LOCK_SCOPE(&p->lock);
        p->last_number += PARTS;
        r->number = p->last_number + index;
        r->next = p->all;
        r->link = &p->all;
        if (p->all)
                p->all->link = &r->next;
        p->all = r;
}

static void count_watched(int change)
{
        DM_LOCK_SCOPE(&watch_lock);
        watched += (unsigned)change;
}

static void unlink_request(struct request *r)
{
        bool was_watched;

        {
                DM_LOCK_SCOPE(&part_of(r->number)->lock);
                *r->link = r->next;
                if (r->next)
                        r->next->link = r->link;
                r->link = NULL;
                was_watched = r->watched;
        }
        if (was_watched)
                count_watched(-1);
}

/* A drain waits for the last one; before that, a wake-up would cost more than the request. */
static void drop_alive(struct part *p)
{
        atomic_fetch_sub(&p->alive, 1);
        if (teardown_refuses_io())
                dm_wake_all();
}

void request_enter(void)
{
        atomic_fetch_add(&table[own_part()].alive, 1);
}

void request_leave(void)
{
        drop_alive(&table[own_part()]);
}

static void unref(struct request *r)
{
        struct part *p = part_of(r->number);

        if (atomic_fetch_sub(&r->refs, 1) != 1)
                return;
        buffer_put(r->own_buffer, r->own_size);
        g_free(r);
        drop_alive(p);
}

unsigned request_count(void)
{
        unsigned count = 0;

        for (unsigned i = 0; i < PARTS; i++)
                count += atomic_load(&table[i].alive);
        return count;
}

/* References to the requests that MATCH; the caller drops them. */
static GPtrArray *collect(bool (*match)(const struct request *r, uint64_t value), uint64_t value)
{
        GPtrArray *found = g_ptr_array_new();

        for (unsigned i = 0; i < PARTS; i++) {
                DM_LOCK_SCOPE(&table[i].lock);
                for (struct request *r = table[i].all; r; r = r->next) {
                        if (!match(r, value))
                                continue;
                        atomic_fetch_add(&r->refs, 1);
                        g_ptr_array_add(found, r);
                }
        }
        return found;
}

/* ---- completion -------------------------------------------------------------------------------------- */

static void answer(struct request *r, int error)
{
        struct route before = session_set_route(r->route);

        if (error) {
                fuse_reply_err(r->req, -error);
        } else if (r->seeks) {
                fuse_reply_lseek(r->req, (off_t)r->found);
        } else if (r->io.op == DM_OP_READ) {
                fuse_reply_buf(r->req, r->io.buf, r->io.len);
        } else if (r->io.op == DM_OP_WRITE) {
                fuse_reply_write(r->req, r->io.len);
        } else {
                fuse_reply_err(r->req, 0);
        }
        session_set_route(before);
}

/* Gives R its answer, unless it has one; while the submitter holds it, the answer is left to him. */
static void give_answer(struct request *r, int error)
{
        int state = OPEN;

        while (state == OPEN || state == HELD) {
                if (atomic_compare_exchange_weak(&r->state, &state,
                                                 state == OPEN ? ANSWERED : LEFT - error)) {
                        if (state == OPEN)
                                answer(r, error);
                        return;
                }
        }
}

static void ended(struct dm_io *io, int error)
{
        struct request *r = io->user;

        unlink_request(r);
        give_answer(r, error);
        atomic_store(&r->over, true);
        unref(r);
}

static bool is_of_device(const struct request *r, uint64_t id)
{
        return !id || r->device == id;
}

void request_abandon(uint64_t id)
{
        g_autoptr(GPtrArray) found = collect(is_of_device, id);

        for (unsigned i = 0; i < found->len; i++) {
                give_answer(found->pdata[i], -EIO);
                unref(found->pdata[i]);
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

/* The request NUMBER, referenced, with its device; NULL if it is over. */
static struct request *find(uint64_t number, struct mapped_device **ret_md)
{
        struct part *p = part_of(number);

        DM_LOCK_SCOPE(&p->lock);
        for (struct request *r = p->all; r; r = r->next) {
                /* in the table its I/O is not over, so its device is there */
                if (r->number == number && dm_get(r->md)) {
                        atomic_fetch_add(&r->refs, 1);
                        *ret_md = r->md;
                        return r;
                }
        }
        return NULL;
}

static bool is_watched(const struct request *r, uint64_t unused)
{
        return r->watched;
}

/* Whether to go on watching. */
static bool any_watched(void)
{
        DM_LOCK_SCOPE(&watch_lock);
        watching = watched > 0;
        return watching;
}

static void start_watching(struct request *r);

/* Ends R for a program that is being killed.  What is not parked goes on in the engine: a read's answer is
 * not needed any more, but a write's is waited for, lest it overtakes one that is made later; it may be
 * parked yet, so it is watched.  The caller has a reference of R, and MD of its device. */
static void cancel(struct request *r, struct mapped_device *md)
{
        if (!dm_cancel(md, &r->io)) {
                if (r->io.op == DM_OP_READ)
                        give_answer(r, -EINTR);
                else
                        start_watching(r);
        }
        dm_put(md);
        unref(r);
}

static void cancel_if_killed(uint64_t number)
{
        struct mapped_device *md;
        struct request *r = find(number, &md);

        if (!r)
                return;
        if (is_being_killed(r->thread)) {
                cancel(r, md);
        } else {
                dm_put(md);
                unref(r);
        }
}

static void look_at_watched(void)
{
        g_autoptr(GPtrArray) found = collect(is_watched, 0);

        for (unsigned i = 0; i < found->len; i++) {
                struct request *r = found->pdata[i];

                cancel_if_killed(r->number);
                unref(r);
        }
}

/* The kernel tells of a request's first signal only: after one that was not fatal, somebody has to look
 * whether a fatal one follows. */
static void *watch(void *unused)
{
        const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

        while (any_watched()) {
                look_at_watched();
                nanosleep(&pause, NULL);
        }
        return NULL;
}

static bool mark_watched(struct request *r)
{
        DM_LOCK_SCOPE(&part_of(r->number)->lock);
        if (r->watched || !r->link)
                return false;
        r->watched = true;
        return true;
}

static bool claim_watch(void)
{
        DM_LOCK_SCOPE(&watch_lock);
        if (watching)
                return false;
        watching = true;
        return true;
}

static void start_watching(struct request *r)
{
        pthread_t thread;

        if (!mark_watched(r))
                return;
        count_watched(1);
        if (claim_watch() && !pthread_create(&thread, NULL, watch, NULL))
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

/* Called by libfuse.  It gets the number, for the request may be over by now. */
static void interrupted(fuse_req_t req, void *number)
{
        try_cancel((uint64_t)(uintptr_t)number);
}

/* ---- submission --------------------------------------------------------------------------------------- */

/* A request that has a reference to its device until submit() is through: once it is in the table, somebody
 * may answer it, and with that the handle may go.  NULL: the device is dead, and REQ is answered. */
static struct request *request_new(fuse_req_t req, struct handle *h, enum dm_op op, uint64_t offset,
                                   uint64_t len, void *buf)
{
        struct request *r;

        if (!dm_get(h->md)) {
                fuse_reply_err(req, EIO);
                return NULL;
        }
        r = g_new0(struct request, 1);
        r->req = req;
        r->route = session_route();
        r->md = h->md;
        r->device = dm_id(h->md);
        r->thread = fuse_req_ctx(req)->pid;
        atomic_init(&r->refs, 2); /* its I/O's, and the submitter's */
        r->io = (struct dm_io){
                .op = op, .offset = offset, .len = len, .buf = buf, .end = ended, .user = r};
        return r;
}

/* Lets R be interrupted from now on; or now, if the kernel has asked already.  Meanwhile libfuse's request
 * must not be answered, which is its end. */
static void allow_interrupts(struct request *r)
{
        int state = OPEN;

        if (!atomic_compare_exchange_strong(&r->state, &state, HELD))
                return;
        fuse_req_interrupt_func(r->req, interrupted, (void *)(uintptr_t)r->number);
        state = HELD;
        if (atomic_compare_exchange_strong(&r->state, &state, OPEN))
                return;
        atomic_store(&r->state, ANSWERED);
        answer(r, LEFT - state);
}

/* Submits R; true when its I/O is over already, so that nobody uses its buffer any more.  That is so nearly
 * always, and then there was nothing to interrupt. */
static bool submit(struct request *r)
{
        struct mapped_device *md = r->md;

        link_request(r);
        dm_submit(md, &r->io);
        if (!atomic_load(&r->over))
                allow_interrupts(r);
        dm_put(md);
        return atomic_load(&r->over);
}

void request_read(fuse_req_t req, struct handle *h, uint64_t offset, size_t size)
{
        struct request *r = request_new(req, h, DM_OP_READ, offset, size, session_read_buffer(size));

        if (!r)
                return;
        if (!submit(r))
                r->own_buffer = session_steal_read_buffer(&r->own_size);
        unref(r);
}

void request_write(fuse_req_t req, struct handle *h, const char *buf, size_t size, uint64_t offset,
                   unsigned flags)
{
        struct request *r = request_new(req, h, DM_OP_WRITE, offset, size, (void *)(uintptr_t)buf);

        if (!r)
                return;
        r->io.flags = flags;
        if (!submit(r))
                r->own_buffer = session_steal_request_buffer(&r->own_size);
        unref(r);
}

void request_simple(fuse_req_t req, struct handle *h, enum dm_op op, uint64_t offset, uint64_t len)
{
        struct request *r = request_new(req, h, op, offset, len, NULL);

        if (!r)
                return;
        submit(r);
        unref(r);
}

/* ---- seeking -------------------------------------------------------------------------------------------- */

static void *seek(void *arg)
{
        struct request *r = arg;
        struct mapped_device *md = r->md;
        int error = dm_seek(md, r->what, r->io.offset, &r->found);

        unlink_request(r);
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

void request_seek(fuse_req_t req, struct handle *h, enum dm_seek_what what, uint64_t offset)
{
        struct request *r = request_new(req, h, DM_OP_READ, offset, 0, NULL);

        if (!r)
                return;
        r->seeks = true;
        r->what = what;
        link_request(r);
        if (!start_seek(r))
                seek(r);
        allow_interrupts(r);
        unref(r);
}
