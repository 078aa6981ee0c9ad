/* SPDX-License-Identifier: BSD-3-Clause */
/* holes FILE: data and holes of a device over sparse images.  64 KiB of data at 1 MiB and at 3 MiB, else
 * holes, in 4 MiB; the last MiB is zeroes that are nowhere. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

#define K 1024l
#define M (1024 * K)

int main(int argc, char **argv)
{
        int fd = open(argv[1], O_RDWR);
        static char data[64 * K];

        CHECK(fd >= 0);
        memset(data, 'd', sizeof(data));
        CHECK_GIVES(pwrite(fd, data, sizeof(data), 1 * M), sizeof(data));
        CHECK_GIVES(pwrite(fd, data, sizeof(data), 3 * M), sizeof(data));
        CHECK_GIVES(lseek(fd, 0, SEEK_DATA), 1 * M);
        CHECK_GIVES(lseek(fd, 0, SEEK_HOLE), 0);
        CHECK_GIVES(lseek(fd, 1 * M + 5, SEEK_DATA), 1 * M + 5);
        CHECK_GIVES(lseek(fd, 1 * M + 5, SEEK_HOLE), 1 * M + 64 * K);
        CHECK_GIVES(lseek(fd, 1 * M + 64 * K, SEEK_DATA), 3 * M);
        CHECK_GIVES(lseek(fd, 3 * M, SEEK_HOLE), 3 * M + 64 * K);
        CHECK_FAILS(lseek(fd, 3 * M + 64 * K, SEEK_DATA), ENXIO);
        CHECK_GIVES(lseek(fd, 4 * M + 1, SEEK_HOLE), 4 * M + 1);
        CHECK_FAILS(lseek(fd, 4 * M + 1, SEEK_DATA), ENXIO);
        CHECK_FAILS(lseek(fd, 5 * M, SEEK_HOLE), ENXIO);
        CHECK_FAILS(lseek(fd, 6 * M, SEEK_DATA), ENXIO);
        return 0;
}
