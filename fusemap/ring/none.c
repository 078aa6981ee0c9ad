/* SPDX-License-Identifier: BSD-3-Clause */
/* Without liburing: requests come by /dev/fuse. */
#include "fusemap/ring/ring.h"

#include <errno.h>
#include <stddef.h>

struct rings *ring_new(struct session *session, int fd, unsigned background)
{
        return NULL;
}

void ring_begin(struct rings *rings)
{
}

void ring_stop(struct rings *rings)
{
}

void ring_join(struct rings *rings)
{
}

void ring_free(struct rings *rings)
{
}

ssize_t ring_answer(struct ring_entry *entry, const struct iovec *iov, int count)
{
        errno = ENOSYS;
        return -1;
}
