/* SPDX-License-Identifier: BSD-3-Clause */
/* direct FILE: O_DIRECT takes whole sectors, and sees what was written through the cache; and the reverse. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

#define SECTOR 512
#define LEN (8 * SECTOR)

static char *buf;

static void alignment(int direct)
{
        CHECK_FAILS(pread(direct, buf, 100, 0), EINVAL);
        CHECK_FAILS(pread(direct, buf, SECTOR, 1), EINVAL);
        CHECK_FAILS(pwrite(direct, buf, SECTOR + 1, 0), EINVAL);
        CHECK_FAILS(pwrite(direct, buf, SECTOR, 256), EINVAL);
        CHECK_GIVES(pwrite(direct, buf, SECTOR, SECTOR), SECTOR);
        CHECK_GIVES(pread(direct, buf, LEN, 3 * SECTOR), LEN);
}

/* What dd does for a last piece that is no whole sector. */
static void taken_away(int direct)
{
        int flags = fcntl(direct, F_GETFL);

        CHECK_FAILS(pwrite(direct, "odd", 3, 10), EINVAL);
        CHECK(fcntl(direct, F_SETFL, flags & ~O_DIRECT) == 0);
        CHECK_GIVES(pwrite(direct, "odd", 3, 10), 3);
        CHECK_GIVES(pread(direct, buf, 5, 9), 5);
        CHECK(!memcmp(buf + 1, "odd", 3));
        CHECK(fcntl(direct, F_SETFL, flags) == 0);
        CHECK_FAILS(pwrite(direct, "odd", 3, 10), EINVAL);
}

static void coherence(int cached, int direct)
{
        CHECK_GIVES(pread(cached, buf, LEN, 0), LEN);
        memset(buf, 'd', LEN);
        CHECK_GIVES(pwrite(direct, buf, LEN, 0), LEN);
        memset(buf, 0, LEN);
        CHECK_GIVES(pread(cached, buf, LEN, 0), LEN);
        CHECK(buf[0] == 'd' && buf[LEN - 1] == 'd');

        CHECK_GIVES(pwrite(cached, "cache", 5, 700), 5);
        CHECK_GIVES(pread(direct, buf, LEN, 0), LEN);
        CHECK(!memcmp(buf + 699, "dcached", 7));
}

int main(int argc, char **argv)
{
        int cached = open(argv[1], O_RDWR), direct = open(argv[1], O_RDWR | O_DIRECT);

        CHECK(cached >= 0 && direct >= 0);
        CHECK(posix_memalign((void **)&buf, 4096, LEN) == 0);
        alignment(direct);
        coherence(cached, direct);
        taken_away(direct);
        return 0;
}
