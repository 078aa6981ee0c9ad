/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into the daemon: who has read a request of $LATE_OPCODE, a number of linux/fuse.h, from /dev/fuse
 * comes to it late.  $LATE_REQUEST.begun is made when one was read, and the reader goes on when $LATE_REQUEST
 * is there.
 */
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "late.h"

ssize_t read(int fd, void *buf, size_t size)
{
        ssize_t n = syscall(SYS_read, fd, buf, size);
        const struct fuse_in_header *header = buf;
        const char *told = getenv("LATE_REQUEST"), *opcode = getenv("LATE_OPCODE");

        if (told && opcode && n >= (ssize_t)sizeof(*header) && header->len == (uint32_t)n &&
            header->opcode == (uint32_t)atoi(opcode))
                wait_until_told(told);
        return n;
}
