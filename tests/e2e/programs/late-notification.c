/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into the daemon: the kernel is long about a notification, which takes back the name $LATE_NAME.
 * $LATE_NOTIFICATION.begun is made when the daemon begins to tell, and the kernel hears of it when
 * $LATE_NOTIFICATION is there.
 */
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "late.h"

/* A header, what the notification is of, and the name with its end. */
static int takes_back(const struct iovec *iov, int count, const char *name)
{
        const struct fuse_out_header *header = iov[0].iov_base;

        return count == 3 && iov[0].iov_len == sizeof(*header) && !header->unique &&
               header->error == FUSE_NOTIFY_INVAL_ENTRY && iov[2].iov_len == strlen(name) + 1 &&
               memcmp(iov[2].iov_base, name, iov[2].iov_len) == 0;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
        const char *told = getenv("LATE_NOTIFICATION"), *name = getenv("LATE_NAME");

        if (told && name && takes_back(iov, count, name))
                wait_until_told(told);
        return syscall(SYS_writev, fd, iov, count);
}
