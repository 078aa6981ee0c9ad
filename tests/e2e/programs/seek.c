/* SPDX-License-Identifier: BSD-3-Clause */
/* seek FILE: looks for its first data. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv)
{
        int fd = open(argv[1], O_RDONLY);

        CHECK(fd >= 0);
        CHECK(lseek(fd, 0, SEEK_DATA) >= 0 || errno == ENXIO);
        return 0;
}
