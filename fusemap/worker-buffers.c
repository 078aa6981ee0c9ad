/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that answers requests keeps a buffer to read the next one into, and one for the data of a read. */
#include <linux/fuse.h>

#include "fs.h"

/* A write's data lies aligned in the buffer, as direct I/O wants it, when the headers end there. */
#define ALIGNMENT 4096
#define REQUEST_OFFSET (ALIGNMENT - sizeof(struct fuse_in_header) - sizeof(struct fuse_write_in))

#define REQUEST_SIZE (REQUEST_OFFSET + SESSION_REQUEST_MAX) /* of the buffer */
G_STATIC_ASSERT(SESSION_REQUEST_MAX ==
                SESSION_IO_MAX + sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in));

static __thread void *read_buffer;
static __thread size_t read_buffer_size;
static __thread char *request_base; /* the buffer that requests are read into, at REQUEST_OFFSET */

void *worker_read_buffer(size_t size)
{
        if (read_buffer_size != buffer_size_for(size))
                buffer_put(g_steal_pointer(&read_buffer), read_buffer_size);
        if (!read_buffer) {
                read_buffer = buffer_get(size);
                read_buffer_size = buffer_size_for(size);
        }
        return read_buffer;
}

void *worker_steal_read_buffer(size_t *ret_size)
{
        *ret_size = read_buffer_size;
        return g_steal_pointer(&read_buffer);
}

void *worker_steal_request_buffer(size_t *ret_size)
{
        *ret_size = REQUEST_SIZE;
        return g_steal_pointer(&request_base);
}

char *worker_request_buffer(void)
{
        if (!request_base)
                request_base = buffer_get(REQUEST_SIZE);
        return request_base + REQUEST_OFFSET;
}

void worker_drop_buffers(void)
{
        buffer_put(g_steal_pointer(&read_buffer), read_buffer_size);
        buffer_put(g_steal_pointer(&request_base), REQUEST_SIZE);
        request_drop_spare();
}
