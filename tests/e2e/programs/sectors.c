/* SPDX-License-Identifier: BSD-3-Clause */
/* sectors FILE: writers of parts of one sector do not undo each other's. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

#define WRITERS 8
#define ROUNDS 300
#define CELL 24 /* bytes; does not divide a sector: some cells lie across two */
#define STRIDE (CELL * WRITERS)
#define CELLS 8 /* of each writer */

static const char *path;

static off_t place(unsigned writer, unsigned cell)
{
        return 512 * 7 - 100 + (off_t)cell * STRIDE + writer * CELL;
}

static void *writer(void *arg)
{
        unsigned me = (unsigned)(uintptr_t)arg;
        int fd = open(path, O_RDWR);
        char cell[CELL], back[CELL];

        CHECK(fd >= 0);
        for (unsigned round = 1; round <= ROUNDS; round++) {
                off_t at = place(me, round % CELLS);

                memset(cell, (char)(me + round), CELL);
                CHECK_GIVES(pwrite(fd, cell, CELL, at), CELL);
                CHECK_GIVES(pread(fd, back, CELL, at), CELL);
                CHECK(!memcmp(cell, back, CELL));
        }
        close(fd);
        return NULL;
}

static unsigned last_round(unsigned cell)
{
        return ROUNDS - (ROUNDS - cell) % CELLS;
}

static void check_all(int fd)
{
        static char buf[65536];
        char cell[CELL];

        CHECK_GIVES(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
        for (unsigned w = 0; w < WRITERS; w++) {
                for (unsigned c = 0; c < CELLS; c++) {
                        memset(cell, (char)(w + last_round(c)), CELL);
                        CHECK(!memcmp(buf + place(w, c), cell, CELL));
                }
        }
}

int main(int argc, char **argv)
{
        pthread_t threads[WRITERS];
        int fd;

        path = argv[1];
        for (uintptr_t i = 0; i < WRITERS; i++)
                CHECK(pthread_create(&threads[i], NULL, writer, (void *)i) == 0);
        for (unsigned i = 0; i < WRITERS; i++)
                CHECK(pthread_join(threads[i], NULL) == 0);
        fd = open(path, O_RDONLY);
        CHECK(fd >= 0);
        check_all(fd);
        CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
        check_all(fd);
        return 0;
}
