/* SPDX-License-Identifier: BSD-3-Clause */
/* ioctls FILE: a block device's ioctls, as far as FUSE carries them. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "check.h"

int main(int argc, char **argv)
{
        int fd = open(argv[1], O_RDONLY), block_size = 0, unused = 0;
        uint64_t size = 0;
        struct stat st;

        CHECK(fd >= 0 && fstat(fd, &st) == 0);
        CHECK_GIVES(ioctl(fd, BLKGETSIZE64, &size), 0);
        CHECK_GIVES(size, st.st_size);
        CHECK_GIVES(ioctl(fd, BLKBSZGET, &block_size), 0);
        CHECK_GIVES(block_size, 512); /* the size is an odd number of sectors */
        CHECK_GIVES(ioctl(fd, BLKFLSBUF, 0), 0);
        /* these come without a place for the answer */
        CHECK_FAILS(ioctl(fd, BLKSSZGET, &unused), ENOTTY);
        CHECK_FAILS(ioctl(fd, BLKROGET, &unused), ENOTTY);
        CHECK_FAILS(ioctl(fd, 0x5401 /* TCGETS: isatty() */, &unused), ENOTTY);
        return 0;
}
