/* SPDX-License-Identifier: BSD-3-Clause */
/* ends FILE: reading and writing at the ends of a device, buffered and direct. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define SECTOR 512
#define LEN (16 * SECTOR)

static const char *path;
static off_t size;
static char *buf;

static off_t size_now(int fd)
{
        struct stat st;

        CHECK(fstat(fd, &st) == 0);
        return st.st_size;
}

static void reading(int fd)
{
        CHECK_GIVES(pread(fd, buf, LEN, size - LEN), LEN);
        CHECK_GIVES(pread(fd, buf, LEN, size - SECTOR), SECTOR);
        CHECK_GIVES(pread(fd, buf, LEN, size), 0);
        CHECK_GIVES(pread(fd, buf, LEN, size + SECTOR), 0);
        CHECK_GIVES(pread(fd, buf, LEN, size + 12345), 0);
        CHECK_GIVES(pread(fd, buf, 0, size), 0);
}

static void writing(int fd)
{
        memset(buf, 'w', LEN);
        CHECK_GIVES(pwrite(fd, buf, LEN, size - LEN), LEN);
        CHECK_GIVES(pwrite(fd, buf, LEN, size - SECTOR), SECTOR);
        CHECK_FAILS(pwrite(fd, buf, LEN, size), ENOSPC);
        CHECK_FAILS(pwrite(fd, buf, SECTOR, size + LEN), ENOSPC);
        CHECK_GIVES(pwrite(fd, buf, 0, size), 0);
        CHECK_GIVES(size_now(fd), size);
        CHECK_GIVES(lseek(fd, 0, SEEK_END), size);
        CHECK_FAILS(write(fd, buf, SECTOR), ENOSPC);
}

static void odd_writing(int fd)
{
        memset(buf, 'o', LEN);
        CHECK_GIVES(pwrite(fd, buf, LEN, size - 1), 1);
        CHECK_GIVES(pwrite(fd, buf, 100, size - 700), 100);
        CHECK_GIVES(pwrite(fd, buf, 1, 0), 1);
        CHECK_GIVES(pread(fd, buf, LEN, size - 1), 1);
        CHECK(buf[0] == 'o');
        CHECK_GIVES(pread(fd, buf, 200, size - 750), 200);
        CHECK(buf[49] == 'w' && buf[50] == 'o' && buf[149] == 'o' && buf[150] == 'w');
}

static void truncating(void)
{
        int fd = open(path, O_RDWR | O_TRUNC);

        CHECK(fd >= 0);
        CHECK_GIVES(size_now(fd), size);
        CHECK_GIVES(pread(fd, buf, 1, size - 1), 1);
        CHECK(buf[0] == 'o');
        CHECK_GIVES(ftruncate(fd, 0), 0);
        CHECK_GIVES(ftruncate(fd, 2 * size), 0);
        CHECK_GIVES(truncate(path, 1), 0);
        CHECK_GIVES(size_now(fd), size);
        CHECK_GIVES(pread(fd, buf, 1, size - 1), 1);
        CHECK(buf[0] == 'o');
        close(fd);
}

static void allocating(int fd)
{
        CHECK_FAILS(fallocate(fd, 0, 0, SECTOR), EOPNOTSUPP);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, SECTOR), EOPNOTSUPP);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_ZERO_RANGE, size, SECTOR), EINVAL);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_ZERO_RANGE, size - SECTOR, LEN), EINVAL);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_ZERO_RANGE, 1, SECTOR), EINVAL);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 100), EINVAL);
        CHECK_GIVES(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, size - SECTOR, LEN), 0);
        CHECK_GIVES(pread(fd, buf, LEN, size - SECTOR), SECTOR);
        for (int i = 0; i < SECTOR; i++)
                CHECK(buf[i] == 0);
        CHECK_GIVES(size_now(fd), size);
}

int main(int argc, char **argv)
{
        int fd, direct, append;

        path = argv[1];
        fd = open(path, O_RDWR);
        direct = open(path, O_RDWR | O_DIRECT);
        append = open(path, O_WRONLY | O_APPEND);
        CHECK(fd >= 0 && direct >= 0 && append >= 0);
        size = size_now(fd);
        CHECK(posix_memalign((void **)&buf, 4096, LEN) == 0);
        writing(fd);
        reading(fd);
        writing(direct);
        reading(direct);
        odd_writing(fd);
        truncating();
        allocating(fd);
        CHECK_FAILS(write(append, "a", 1), ENOSPC);
        return 0;
}
