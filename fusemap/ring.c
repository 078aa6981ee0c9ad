/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue's thread alone touches its io_uring.  It answers with a submission that goes to the kernel
 * together with the next wait, so that a batch of requests costs one system call; others put what they
 * have answered on a list without a lock, and wake the thread by an eventfd.
 *
 * What hangs in a queue's thread would hold up every program on its CPU, and no other thread can take its
 * place.  So writes, which may wait, go to the queue's deputy, a thread that is replaced
 * when it does not come back.  What is left does not wait: reads of what is cached (all others go to a
 * lane), and questions that the engine answers itself.
 *
 * I/O that is under way keeps its entry.  There are more entries than the kernel sends requests in the
 * background, and more are made before the others use them up: else a suspended device would shut out
 * the programs of a CPU.
 */
#include "ring.h"

#include <errno.h>
#include <liburing.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs.h"
#include "log.h"
#include "ring-abi.h"

#define CHUNK 32u       /* entries are made by so many */
#define SPARE 256u      /* so many are kept free: what comes at once before the thread's next turn */
#define SUBMISSIONS 64u /* at once */
#define COMPLETIONS 1024u
#define HEADER_ROOM 4096u
#define PAYLOAD_ROOM ((size_t)SESSION_IO_MAX) /* the kernel wants as much as a request may have */
#define GRACE_NS (200 * (uint64_t)DM_NS_PER_MS)
#define STUCK_NS (20 * (long long)DM_NS_PER_MS)

struct ring_entry {
        struct queue *queue;
        struct ring_header *header; /* the kernel's to write, unless a request is here */
        char *payload;
        struct iovec buffers[2]; /* header and payload, for the registration */
        uint64_t unique;         /* of the request that is here */
        struct ring_entry *next; /* of those to be done, or that others have answered */
};

/* Memory and entries; memory is used as requests come, the latest free entry first. */
struct chunk {
        struct chunk *next;
        char *memory;
        struct ring_entry entries[CHUNK];
};

struct queue {
        struct rings *rings;
        unsigned number; /* of its CPU */
        struct io_uring uring; /* the thread's own */
        struct chunk *chunks;  /* the thread's own, as all to the next blank line */
        bool registered;
        unsigned entries, taken;
        bool over;             /* the connection is */
        uint64_t deadline;     /* when to leave at last; 0: not set */
        bool watching;         /* looks after the deputy now and then */
        struct ring_entry *handed, **handed_end; /* for the deputy, of this batch */

        int wake_fd;
        uint64_t wake_value;
        _Atomic(struct ring_entry *) answered; /* by others; the latest first */

        struct dm_mutex lock;
        pthread_cond_t work;               /* there is something to do, or to leave for */
        struct ring_entry *todo, **todo_end; /* guarded: lock; in order */
        bool has_deputy;                   /* guarded: lock */
        uint64_t deputy;                   /* guarded: lock; the number of the present one */
        uint64_t began;                    /* guarded: lock; when it began what it does; 0: nothing */
};

struct rings {
        struct session *session;
        int fd;
        unsigned count, entries; /* of queues; of a queue at first */
        _Atomic bool begun, stopping, complained;
        struct dm_mutex lock;
        pthread_cond_t changed;
        unsigned ready, failed; /* guarded: lock; queues that have an io_uring, and that have none */
        unsigned threads;       /* guarded: lock */
        struct queue *queues;
};

static __thread struct queue *own;        /* that the calling thread serves */
static __thread struct queue *deputy_for;
static __thread bool unannounced; /* the deputy's answers of late: it wakes the thread after a batch */

static void complain(struct rings *rings, const char *what, int error)
{
        if (!atomic_exchange(&rings->complained, true))
                log_line("FUSE over io_uring: %s: %s", what, g_strerror(error));
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

static struct io_uring_sqe *next_sqe(struct queue *q)
{
        struct io_uring_sqe *sqe;

        while (!(sqe = io_uring_get_sqe(&q->uring)))
                io_uring_submit(&q->uring);
        memset(sqe, 0, 2 * sizeof(*sqe)); /* of 128 bytes */
        return sqe;
}

static void submit_command(struct ring_entry *e, enum ring_command command, uint64_t commit_id)
{
        struct ring_command_data data = {
                .commit_id = commit_id,
                .queue = (uint16_t)e->queue->number,
        };
        struct io_uring_sqe *sqe = next_sqe(e->queue);

        sqe->opcode = IORING_OP_URING_CMD;
        sqe->flags = IOSQE_FIXED_FILE;
        sqe->fd = 0; /* the first, and only, registered file */
        sqe->cmd_op = command;
        if (command == RING_REGISTER) {
                sqe->addr = (uint64_t)(uintptr_t)e->buffers;
                sqe->len = G_N_ELEMENTS(e->buffers);
        }
        memcpy(sqe->cmd, &data, sizeof(data));
        io_uring_sqe_set_data(sqe, e);
}

static void wake_thread(struct queue *q)
{
        const uint64_t one = 1;
        ssize_t n;

        do
                n = write(q->wake_fd, &one, sizeof(one));
        while (n < 0 && errno == EINTR);
}

static void commit(struct ring_entry *e)
{
        e->queue->taken--;
        submit_command(e, RING_COMMIT_AND_FETCH, e->unique);
}

/* E's answer is complete, and E is not the caller's any more. */
static void hand_in(struct ring_entry *e)
{
        struct queue *q = e->queue;
        struct ring_entry *before;

        if (own == q) {
                commit(e);
                return;
        }
        before = atomic_load_explicit(&q->answered, memory_order_relaxed);
        do
                e->next = before;
        while (!atomic_compare_exchange_weak(&q->answered, &before, e));
        if (deputy_for == q)
                unannounced = true;
        else if (!before)
                wake_thread(q);
}

static void put_header(struct ring_entry *e, const struct fuse_out_header *out, size_t payload)
{
        memcpy(e->header->in_out, out, sizeof(*out));
        e->header->payload_size = (uint32_t)payload;
}

static void answer_error(struct ring_entry *e, int error)
{
        const struct fuse_out_header out = {
                .len = sizeof(out),
                .error = error,
                .unique = e->unique,
        };

        put_header(e, &out, 0);
        hand_in(e);
}

ssize_t ring_answer(struct ring_entry *e, const struct iovec *iov, int count)
{
        size_t size = 0;

        for (int i = 1; i < count; i++) {
                if (iov[i].iov_len > PAYLOAD_ROOM - size) {
                        answer_error(e, -EIO);
                        errno = EINVAL;
                        return -1;
                }
                if (iov[i].iov_len)
                        memcpy(e->payload + size, iov[i].iov_base, iov[i].iov_len);
                size += iov[i].iov_len;
        }
        put_header(e, iov[0].iov_base, size);
        hand_in(e);
        return (ssize_t)(iov[0].iov_len + size);
}

/* ---- requests ---------------------------------------------------------------------------------------------- */

/* Puts E's request together as /dev/fuse would have given it, into the thread's buffer.  Its size; 0: that
 * cannot be. */
static size_t assemble(const struct ring_entry *e)
{
        const struct ring_header *header = e->header;
        struct fuse_in_header in;
        size_t payload = header->payload_size, op_in;
        char *to = session_request_buffer();

        memcpy(&in, header->in_out, sizeof(in));
        if (payload > PAYLOAD_ROOM || in.len > SESSION_REQUEST_MAX ||
            in.len < sizeof(in) + payload || in.len - sizeof(in) - payload > sizeof(header->op_in))
                return 0;
        op_in = in.len - sizeof(in) - payload;
        memcpy(to, &in, sizeof(in));
        memcpy(to + sizeof(in), header->op_in, op_in);
        memcpy(to + sizeof(in) + op_in, e->payload, payload);
        return in.len;
}

static void process(struct ring_entry *e)
{
        size_t size = assemble(e);

        if (size)
                session_process(e->queue->rings->session, size, (struct route){e, -1});
        else
                answer_error(e, -EIO);
}

static void leave(struct rings *rings)
{
        DM_LOCK_SCOPE(&rings->lock);
        rings->threads--;
        pthread_cond_broadcast(&rings->changed);
}

static bool start_thread(struct rings *rings, void *(*run)(void *), void *arg)
{
        pthread_t thread;

        {
                DM_LOCK_SCOPE(&rings->lock);
                rings->threads++;
        }
        if (pthread_create(&thread, NULL, run, arg)) {
                leave(rings);
                return false;
        }
        pthread_detach(thread);
        return true;
}

/* Keeps the calling thread on the CPU of Q, where it does not take the CPU from the program that asks: that
 * goes on to ask for more, and the thread finds many requests at once. */
static void settle(const struct queue *q)
{
        const struct sched_param none = {0};
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET(q->number, &cpus);
        pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
        pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

/* ---- the deputy -------------------------------------------------------------------------------------------- */

/* For write-back, whatever the backing. */
static bool may_wait(const struct ring_entry *e)
{
        struct fuse_in_header in;

        memcpy(&in, e->header->in_out, sizeof(in));
        return in.opcode == FUSE_WRITE;
}

/* What the deputy NUMBER is to do next; NULL: nothing now, or it has been replaced. */
static struct ring_entry *next_todo(struct queue *q, uint64_t number)
{
        struct ring_entry *e;

        DM_LOCK_SCOPE(&q->lock);
        if (q->deputy != number)
                return NULL;
        e = q->todo;
        q->began = e ? dm_clock_real_ns() : 0;
        if (e) {
                q->todo = e->next;
                if (!q->todo)
                        q->todo_end = &q->todo;
        }
        return e;
}

/* False: the deputy NUMBER is to leave. */
static bool await_todo(struct queue *q, uint64_t number)
{
        DM_LOCK_SCOPE(&q->lock);
        while (!q->todo && q->deputy == number && !atomic_load(&q->rings->stopping))
                dm_cond_wait(&q->work, &q->lock);
        return q->deputy == number && (q->todo || !atomic_load(&q->rings->stopping));
}

static void announce(struct queue *q)
{
        if (unannounced)
                wake_thread(q);
        unannounced = false;
}

struct deputy {
        struct queue *queue;
        uint64_t number;
};

static void *act(void *user)
{
        g_autofree struct deputy *self = user;
        struct queue *q = self->queue;
        struct ring_entry *e;

        deputy_for = q;
        settle(q);
        pthread_setname_np(pthread_self(), "deputy");
        do {
                while ((e = next_todo(q, self->number)))
                        process(e);
                announce(q);
        } while (await_todo(q, self->number));
        session_drop_buffers();
        leave(q->rings);
        return NULL;
}

/* Whoever was deputy before is so no more. */
static void start_deputy(struct queue *q)
{
        struct deputy *deputy = g_new0(struct deputy, 1);

        deputy->queue = q;
        {
                DM_LOCK_SCOPE(&q->lock);
                deputy->number = ++q->deputy;
                q->began = 0;
                q->has_deputy = true;
        }
        if (start_thread(q->rings, act, deputy))
                return;
        g_free(deputy);
        DM_LOCK_SCOPE(&q->lock);
        q->has_deputy = false;
}

static void hand_over(struct queue *q)
{
        DM_LOCK_SCOPE(&q->lock);
        *q->todo_end = q->handed;
        q->todo_end = q->handed_end;
        if (!q->began)
                pthread_cond_signal(&q->work);
        q->handed = NULL;
        q->handed_end = &q->handed;
}

/* Hands over what came for the deputy, and sees to it that there is one who is not stuck. */
static void look_after_deputy(struct queue *q)
{
        bool wanted;

        if (q->handed)
                hand_over(q);
        else if (!q->watching)
                return;
        {
                DM_LOCK_SCOPE(&q->lock);
                q->watching = q->todo || q->began;
                wanted = q->todo && (!q->has_deputy ||
                                     (q->began && dm_clock_real_ns() > q->began + STUCK_NS));
        }
        if (wanted)
                start_deputy(q);
}

/* ---- the thread -------------------------------------------------------------------------------------------- */

static void watch_wakeups(struct queue *q)
{
        struct io_uring_sqe *sqe = next_sqe(q);

        io_uring_prep_read(sqe, q->wake_fd, &q->wake_value, sizeof(q->wake_value), 0);
        io_uring_sqe_set_data(sqe, NULL);
}

static bool add_chunk(struct queue *q)
{
        const size_t room = HEADER_ROOM + PAYLOAD_ROOM;
        void *memory = mmap(NULL, CHUNK * room, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        struct chunk *chunk;

        if (memory == MAP_FAILED)
                return false;
        chunk = g_new0(struct chunk, 1);
        chunk->memory = memory;
        chunk->next = q->chunks;
        q->chunks = chunk;
        q->entries += CHUNK;
        for (unsigned i = 0; i < CHUNK; i++) {
                struct ring_entry *e = &chunk->entries[i];

                e->queue = q;
                e->header = (struct ring_header *)(void *)(chunk->memory + i * room);
                e->payload = chunk->memory + i * room + HEADER_ROOM;
                e->buffers[0] = (struct iovec){e->header, sizeof(*e->header)};
                e->buffers[1] = (struct iovec){e->payload, PAYLOAD_ROOM};
        }
        return true;
}

static void register_chunk(struct chunk *chunk)
{
        for (unsigned i = 0; i < CHUNK; i++)
                submit_command(&chunk->entries[i], RING_REGISTER, 0);
}

/* An entry that is registered late gets new requests only, not those that wait: they come when another one is
 * answered.  So many are always free. */
static void take_request(struct ring_entry *e)
{
        struct queue *q = e->queue;

        e->unique = e->header->commit_id;
        if (++q->taken + SPARE > q->entries && add_chunk(q))
                register_chunk(q->chunks);
        if (atomic_load(&q->rings->stopping)) {
                answer_error(e, -ENOTCONN);
                return;
        }
        if (!may_wait(e)) {
                process(e);
                return;
        }
        e->next = NULL;
        *q->handed_end = e;
        q->handed_end = &e->next;
}

static void commit_answered(struct queue *q)
{
        struct ring_entry *e, *next;

        if (!atomic_load_explicit(&q->answered, memory_order_relaxed))
                return;
        for (e = atomic_exchange(&q->answered, NULL); e; e = next) {
                next = e->next;
                commit(e);
        }
}

static void on_wakeup(struct queue *q)
{
        watch_wakeups(q);
        if (!q->registered && atomic_load(&q->rings->begun)) {
                q->registered = true;
                for (struct chunk *chunk = q->chunks; chunk; chunk = chunk->next)
                        register_chunk(chunk);
        }
}

static void on_entry(struct ring_entry *e, int result)
{
        struct queue *q = e->queue;

        if (result == 0) {
                take_request(e);
                return;
        }
        if (result != -ENOTCONN && result != -ECONNABORTED && result != -ECANCELED &&
            !session_ended(q->rings->session))
                complain(q->rings, "an entry was refused", -result);
        else
                q->over = true;
}

static void handle(struct queue *q, struct io_uring_cqe *cqe)
{
        struct ring_entry *e = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&q->uring, cqe);
        if (e)
                on_entry(e, result);
        else
                on_wakeup(q);
}

static bool make_uring(struct queue *q)
{
        static const unsigned flags[] = {
                IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                0,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
                struct io_uring_params params = {
                        .flags = flags[i] | IORING_SETUP_SQE128 | IORING_SETUP_CQSIZE,
                        .cq_entries = COMPLETIONS,
                };

                if (io_uring_queue_init_params(SUBMISSIONS, &q->uring, &params))
                        continue;
                if (!io_uring_register_files(&q->uring, &q->rings->fd, 1))
                        return true;
                io_uring_queue_exit(&q->uring);
        }
        return false;
}

static void report(struct rings *rings, bool works)
{
        DM_LOCK_SCOPE(&rings->lock);
        if (works)
                rings->ready++;
        else
                rings->failed++;
        pthread_cond_broadcast(&rings->changed);
}

/* To the CPU that the queue is for, where we may run on it. */
static void wait_for_entries(struct queue *q)
{
        struct __kernel_timespec soon = {.tv_nsec = STUCK_NS};
        struct io_uring_cqe *cqe;

        if (q->watching || atomic_load(&q->rings->stopping))
                io_uring_submit_and_wait_timeout(&q->uring, &cqe, 1, &soon, NULL);
        else
                io_uring_submit_and_wait(&q->uring, 1);
}

/* Whoever ends the connection has answered what can be answered, and programs, and threads that wait for
 * locked pages, are to see it: all is handed in that comes soon. */
static bool goes_on(struct queue *q)
{
        uint64_t now;

        if (q->over || !atomic_load(&q->rings->stopping))
                return !q->over;
        now = dm_clock_real_ns();
        if (!q->deadline)
                q->deadline = now + GRACE_NS;
        return q->taken && now < q->deadline;
}

static void serve_queue(struct queue *q)
{
        struct io_uring_cqe *cqe;

        watch_wakeups(q);
        while (goes_on(q)) {
                wait_for_entries(q);
                while (!q->over && !io_uring_peek_cqe(&q->uring, &cqe))
                        handle(q, cqe);
                look_after_deputy(q);
                commit_answered(q);
        }
        io_uring_submit(&q->uring);
}

static void *serve(void *user)
{
        struct queue *q = user;
        struct rings *rings = q->rings;
        bool works;

        own = q;
        pthread_setname_np(pthread_self(), "queue");
        settle(q);
        /* here, for the one that makes a ring is the one that may submit to it */
        works = make_uring(q);
        report(rings, works);
        if (works) {
                io_uring_register_ring_fd(&q->uring);
                serve_queue(q);
                io_uring_queue_exit(&q->uring);
        }
        session_drop_buffers();
        leave(rings);
        return NULL;
}

/* ---- lifetime ---------------------------------------------------------------------------------------------- */

/* How many CPUs there may ever be, as the kernel counts its queues: from a list like 0-3,8-11. */
static unsigned possible_cpus(void)
{
        g_autofree char *text = NULL;
        unsigned count = 0;

        if (!g_file_get_contents("/sys/devices/system/cpu/possible", &text, NULL, NULL))
                return 0;
        for (char *at = text; g_ascii_isdigit(*at); at += *at == ',') {
                unsigned long first = strtoul(at, &at, 10), last = first;

                if (*at == '-')
                        last = strtoul(at + 1, &at, 10);
                if (last < first || last >= CPU_SETSIZE)
                        return 0;
                count += (unsigned)(last - first) + 1;
        }
        return count;
}

static bool prepare_queue(struct rings *rings, unsigned number)
{
        struct queue *q = &rings->queues[number];

        q->rings = rings;
        q->number = number;
        q->wake_fd = eventfd(0, EFD_CLOEXEC);
        q->handed_end = &q->handed;
        q->todo_end = &q->todo;
        if (q->wake_fd < 0)
                return false;
        while (q->entries < rings->entries)
                if (!add_chunk(q))
                        return false;
        return true;
}

static bool start_all(struct rings *rings)
{
        unsigned started = 0;

        while (started < rings->count && prepare_queue(rings, started) &&
               start_thread(rings, serve, &rings->queues[started]))
                started++;

        DM_LOCK_SCOPE(&rings->lock);
        while (rings->ready + rings->failed < started)
                dm_cond_wait(&rings->changed, &rings->lock);
        return rings->ready == rings->count;
}

struct rings *ring_new(struct session *session, int fd, unsigned background)
{
        struct rings *rings = g_new0(struct rings, 1);

        rings->session = session;
        rings->fd = fd;
        rings->count = possible_cpus();
        rings->entries = background + SPARE;
        rings->queues = g_new0(struct queue, rings->count);
        for (unsigned i = 0; i < rings->count; i++) {
                rings->queues[i].wake_fd = -1;
                dm_mutex_init(&rings->queues[i].lock);
                dm_cond_init(&rings->queues[i].work);
        }
        dm_mutex_init(&rings->lock);
        dm_cond_init(&rings->changed);
        if (rings->count && start_all(rings))
                return rings;
        ring_stop(rings);
        ring_join(rings);
        ring_free(rings);
        return NULL;
}

static void wake_all_threads(struct rings *rings)
{
        for (unsigned i = 0; i < rings->count; i++)
                if (rings->queues[i].wake_fd >= 0)
                        wake_thread(&rings->queues[i]);
}

void ring_begin(struct rings *rings)
{
        atomic_store(&rings->begun, true);
        wake_all_threads(rings);
}

void ring_stop(struct rings *rings)
{
        atomic_store(&rings->stopping, true);
        wake_all_threads(rings);
        for (unsigned i = 0; i < rings->count; i++) {
                DM_LOCK_SCOPE(&rings->queues[i].lock);
                pthread_cond_broadcast(&rings->queues[i].work);
        }
}

void ring_join(struct rings *rings)
{
        DM_LOCK_SCOPE(&rings->lock);
        while (rings->threads)
                dm_cond_wait(&rings->changed, &rings->lock);
}

static void free_queue(struct queue *q)
{
        struct chunk *chunk, *next;

        for (chunk = q->chunks; chunk; chunk = next) {
                next = chunk->next;
                munmap(chunk->memory, CHUNK * (HEADER_ROOM + PAYLOAD_ROOM));
                g_free(chunk);
        }
        if (q->wake_fd >= 0)
                close(q->wake_fd);
        pthread_cond_destroy(&q->work);
        dm_mutex_destroy(&q->lock);
}

void ring_free(struct rings *rings)
{
        if (!rings)
                return;
        for (unsigned i = 0; i < rings->count; i++)
                free_queue(&rings->queues[i]);
        pthread_cond_destroy(&rings->changed);
        dm_mutex_destroy(&rings->lock);
        g_free(rings->queues);
        g_free(rings);
}
