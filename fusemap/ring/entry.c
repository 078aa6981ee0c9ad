/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries.  A queue's thread answers with a submission that goes to the kernel together with the next wait,
 * so that a batch of requests costs one system call; others put what they have answered on a list without
 * a lock, and wake the thread by an eventfd.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fusemap/ring/internal.h"

#define HEADER_ROOM 4096u
#define PAYLOAD_ROOM ((size_t)SESSION_IO_MAX) /* the kernel wants as much as a request may have */

static __thread struct queue *own;        /* that the calling thread serves */
static __thread struct queue *deputy_for;
static __thread bool unannounced; /* the deputy's answers of late: it wakes the thread after a batch */

void ring_serve_here(struct queue *q)
{
        own = q;
}

void ring_act_here(struct queue *q)
{
        deputy_for = q;
}

void ring_announce(struct queue *q)
{
        if (unannounced)
                ring_wake(q);
        unannounced = false;
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

struct io_uring_sqe *ring_next_sqe(struct queue *q)
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
        struct io_uring_sqe *sqe = ring_next_sqe(e->queue);

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

void ring_wake(struct queue *q)
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
                ring_wake(q);
}

static void put_header(struct ring_entry *e, const struct fuse_out_header *out, size_t payload)
{
        memcpy(e->header->in_out, out, sizeof(*out));
        e->header->payload_size = (uint32_t)payload;
}

void ring_answer_error(struct ring_entry *e, int error)
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
                        ring_answer_error(e, -EIO);
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

void ring_commit_answered(struct queue *q)
{
        struct ring_entry *e, *next;

        if (!atomic_load_explicit(&q->answered, memory_order_relaxed))
                return;
        for (e = atomic_exchange(&q->answered, NULL); e; e = next) {
                next = e->next;
                commit(e);
        }
}

/* ---- requests ---------------------------------------------------------------------------------------------- */

/* Puts E's request together as /dev/fuse would have given it, into the thread's buffer.  Its size; 0: that
 * cannot be. */
static size_t assemble(const struct ring_entry *e)
{
        const struct ring_header *header = e->header;
        struct fuse_in_header in;
        size_t payload = header->payload_size, op_in;
        char *to = worker_request_buffer();

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

void ring_process(struct ring_entry *e)
{
        size_t size = assemble(e);

        if (size)
                session_process(e->queue->rings->session, size, (struct route){e, -1});
        else
                ring_answer_error(e, -EIO);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

bool ring_add_chunk(struct queue *q)
{
        const size_t room = HEADER_ROOM + PAYLOAD_ROOM;
        void *memory = mmap(NULL, RING_CHUNK * room, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        struct chunk *chunk;

        if (memory == MAP_FAILED)
                return false;
        chunk = g_new0(struct chunk, 1);
        chunk->memory = memory;
        chunk->next = q->chunks;
        q->chunks = chunk;
        q->entries += RING_CHUNK;
        for (unsigned i = 0; i < RING_CHUNK; i++) {
                struct ring_entry *e = &chunk->entries[i];

                e->queue = q;
                e->header = (struct ring_header *)(void *)(chunk->memory + i * room);
                e->payload = chunk->memory + i * room + HEADER_ROOM;
                e->buffers[0] = (struct iovec){e->header, sizeof(*e->header)};
                e->buffers[1] = (struct iovec){e->payload, PAYLOAD_ROOM};
        }
        return true;
}

void ring_register_chunk(struct chunk *chunk)
{
        for (unsigned i = 0; i < RING_CHUNK; i++)
                submit_command(&chunk->entries[i], RING_REGISTER, 0);
}

void ring_free_chunks(struct queue *q)
{
        struct chunk *chunk, *next;

        for (chunk = q->chunks; chunk; chunk = next) {
                next = chunk->next;
                munmap(chunk->memory, RING_CHUNK * (HEADER_ROOM + PAYLOAD_ROOM));
                g_free(chunk);
        }
}
