/* SPDX-License-Identifier: BSD-3-Clause */
/* resizing FILE SMALL LARGE: a mapping of FILE, whose size another changes from SMALL bytes to LARGE and
 * back.  Prints a line when it is to be changed, and goes on with one from stdin. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static sigjmp_buf back;

static void on_bus(int signal)
{
        siglongjmp(back, 1);
}

/* Whether a byte can be read; which comes into *BYTE. */
static bool is_there(const char *at, char *byte)
{
        if (sigsetjmp(back, 1))
                return false;
        *byte = *(const volatile char *)at;
        return true;
}

static void let_it_change(const char *how)
{
        printf("%s\n", how);
        fflush(stdout);
        CHECK(getchar() != EOF);
}

int main(int argc, char **argv)
{
        long small = atol(argv[2]), large = atol(argv[3]);
        int fd = open(argv[1], O_RDWR);
        char *window, byte;
        struct stat st;

        CHECK(fd >= 0);
        window = mmap(NULL, (size_t)large, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(window != MAP_FAILED);
        signal(SIGBUS, on_bus);
        CHECK(is_there(window + small - 1, &byte) && byte == 'a');
        CHECK(!is_there(window + large - 1, &byte));

        let_it_change("larger");
        CHECK(is_there(window, &byte) && byte == 'b');
        /* behind the old end not before somebody has asked for the size */
        CHECK(!fstat(fd, &st) && st.st_size == large);
        CHECK(is_there(window + large - 2, &byte) && byte == 'b');
        memcpy(window + large - 6, "stored", 6);
        CHECK(!msync(window, (size_t)large, MS_SYNC));

        let_it_change("smaller");
        CHECK(!fstat(fd, &st) && st.st_size == small);
        CHECK(is_there(window + small - 1, &byte) && byte == 'a');
        CHECK(!is_there(window + large - 1, &byte));
        return 0;
}
