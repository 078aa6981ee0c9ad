/* SPDX-License-Identifier: BSD-3-Clause */
/* mapping FILE IMAGE: mmap of a device's file, which is a linear mapping of IMAGE. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define LEN 65536

static const char *path;

static char *map(int flags, int prot)
{
        int fd = open(path, flags);
        char *window = fd < 0 ? MAP_FAILED : mmap(NULL, LEN, prot, MAP_SHARED, fd, 4096);

        CHECK(window != MAP_FAILED);
        close(fd);
        return window;
}

/* What one process stores the other sees, and write() and read() see both. */
static void shared_between_processes(char *window)
{
        int fd = open(path, O_RDWR), status;
        char back[6];
        pid_t child = fork();

        if (!child) {
                char *theirs = map(O_RDWR, PROT_READ | PROT_WRITE);

                memcpy(theirs + 5000, "child", 5);
                _exit(memcmp(window + 5000, "child", 5) != 0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(!memcmp(window + 5000, "child", 5));
        CHECK_GIVES(pread(fd, back, 5, 4096 + 5000), 5);
        CHECK(!memcmp(back, "child", 5));
        CHECK_GIVES(pwrite(fd, "write", 5, 4096 + 5000), 5);
        CHECK(!memcmp(window + 5000, "write", 5));
        close(fd);
}

static void check_image(const char *image, off_t at, const char *expected)
{
        char back[16] = "";
        int fd = open(image, O_RDONLY);

        CHECK(fd >= 0);
        CHECK_GIVES(pread(fd, back, strlen(expected), at), strlen(expected));
        CHECK(!strcmp(back, expected));
        close(fd);
}

static void reaches_the_backing(char *window, const char *image)
{
        int fd;

        memcpy(window + 100, "msync", 5);
        CHECK(msync(window, LEN, MS_SYNC) == 0);
        check_image(image, 4096 + 100, "msync");

        memcpy(window + 9000, "fsync", 5);
        fd = open(path, O_RDWR);
        CHECK(fd >= 0 && fsync(fd) == 0);
        close(fd);
        check_image(image, 4096 + 9000, "fsync");
}

/* A direct read and write meet what lies in the mapping only. */
static void seen_by_direct_io(char *window)
{
        int fd = open(path, O_RDWR | O_DIRECT);
        char *buf;

        CHECK(fd >= 0 && posix_memalign((void **)&buf, 4096, 4096) == 0);
        memcpy(window + 4096 * 3, "stored", 6);
        CHECK_GIVES(pread(fd, buf, 4096, 4096 * 4), 4096);
        CHECK(!memcmp(buf, "stored", 6));
        memcpy(buf, "direct", 6);
        CHECK_GIVES(pwrite(fd, buf, 4096, 4096 * 4), 4096);
        CHECK(!memcmp(window + 4096 * 3, "direct", 6));
        free(buf);
        close(fd);
}

int main(int argc, char **argv)
{
        char *window, *direct, *reader;

        path = argv[1];
        window = map(O_RDWR, PROT_READ | PROT_WRITE);
        shared_between_processes(window);
        reaches_the_backing(window, argv[2]);
        seen_by_direct_io(window);

        /* of a file opened with O_DIRECT too, as of a block device */
        direct = map(O_RDWR | O_DIRECT, PROT_READ | PROT_WRITE);
        reader = map(O_RDONLY, PROT_READ);
        memcpy(direct + 20000, "mapped", 6);
        CHECK(!memcmp(reader + 20000, "mapped", 6));
        return 0;
}
