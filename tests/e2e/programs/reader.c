/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader DIRECTORY NAME... until standard input ends
 *
 * Threads that open, read, write, sync and close these devices all the time, which come and go meanwhile.
 * Every byte of a device is the same; a read that mixes two is an error.  So is any errno but those that a
 * device on its way gives.  Prints how many calls succeeded.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

#define THREADS 4
#define LEN 8192

static const char *directory;
static char **names;
static int name_count;
static atomic_bool over;
static atomic_ulong done, refused;

static void allow(long result)
{
        if (result >= 0) {
                atomic_fetch_add(&done, 1);
                return;
        }
        CHECK(errno == EIO || errno == ENOENT || errno == ENXIO);
        atomic_fetch_add(&refused, 1);
}

static void use(int fd, char *buf)
{
        for (int i = 0; i < 20 && !atomic_load(&over); i++) {
                ssize_t n = pread(fd, buf, LEN, (i % 4) * LEN);

                allow(n);
                for (ssize_t j = 1; j < n; j++)
                        CHECK(buf[j] == buf[0]);
                if (n == LEN)
                        allow(pwrite(fd, buf, LEN, 65536));
                allow(fdatasync(fd));
        }
}

static void *read_all(void *arg)
{
        unsigned turn = (unsigned)(uintptr_t)arg;
        char *buf;

        CHECK(posix_memalign((void **)&buf, 4096, LEN) == 0);
        for (; !atomic_load(&over); turn++) {
                char path[4096];
                int fd;

                snprintf(path, sizeof(path), "%s/%s", directory, names[turn % (unsigned)name_count]);
                fd = open(path, O_RDWR | (turn % 3 ? 0 : O_DIRECT));
                allow(fd);
                if (fd < 0)
                        continue;
                use(fd, buf);
                close(fd);
        }
        free(buf);
        return NULL;
}

int main(int argc, char **argv)
{
        pthread_t threads[THREADS];
        char byte;

        CHECK(argc >= 3);
        directory = argv[1];
        names = argv + 2;
        name_count = argc - 2;
        for (uintptr_t i = 0; i < THREADS; i++)
                CHECK(pthread_create(&threads[i], NULL, read_all, (void *)i) == 0);
        while (read(0, &byte, 1) > 0)
                ;
        atomic_store(&over, true);
        for (unsigned i = 0; i < THREADS; i++)
                CHECK(pthread_join(threads[i], NULL) == 0);
        printf("%lu calls succeeded, %lu were refused\n", done, refused);
        CHECK(done > 0);
        return 0;
}
