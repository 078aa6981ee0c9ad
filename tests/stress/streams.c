/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of several threads are written out while somebody flushes, and while their device is removed. */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "support/engine.h"

#define MIB ((uint64_t)1 << 20)
#define ZONE (32 * MIB) /* as in backing/streams.c */
#define WRITERS 2u

static _Atomic unsigned write_outs;
static char data[WRITERS][1 << 20];

/* Instead of the C library's. */
int sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
        atomic_fetch_add(&write_outs, 1);
        return (int)syscall(SYS_sync_file_range, fd, offset, len, flags);
}

struct writer {
        struct mapped_device *md;
        unsigned number;
};

static void *write_zone(void *arg)
{
        struct writer *w = arg;

        for (uint64_t done = 0; done < ZONE; done += MIB)
                CHECK(do_io(w->md, DM_OP_WRITE, w->number * ZONE + done, MIB, data[w->number]) == 0);
        return NULL;
}

static void *flush(void *md)
{
        CHECK(do_io(md, DM_OP_FLUSH, 0, 0, NULL) == 0);
        return NULL;
}

static void write_flush_remove(const char *table)
{
        struct mapped_device *md = run_device("streams", table);
        struct writer writers[WRITERS];
        pthread_t threads[WRITERS], flusher;

        flush(md); /* from now on streams count */
        for (unsigned i = 0; i < WRITERS; i++) {
                writers[i] = (struct writer){md, i};
                CHECK(!pthread_create(&threads[i], NULL, write_zone, &writers[i]));
        }
        CHECK(!pthread_create(&flusher, NULL, flush, md));
        for (unsigned i = 0; i < WRITERS; i++)
                pthread_join(threads[i], NULL);
        pthread_join(flusher, NULL);
        CHECK(dm_destroy(md, 0, NULL));
}

int main(void)
{
        char *file = temp_file(WRITERS * ZONE);
        char *table = g_strdup_printf("0 %llu linear %s 0", (unsigned long long)(WRITERS * ZONE / 512), file);
        unsigned n = rounds(12);
        gsize size;
        char *content;

        dm_init();
        for (unsigned i = 0; i < n || !atomic_load(&write_outs); i++) {
                for (unsigned w = 0; w < WRITERS; w++)
                        memset(data[w], (int)(i * WRITERS + w + 1), MIB);
                write_flush_remove(table);
                CHECK(g_file_get_contents(file, &content, &size, NULL));
                for (unsigned w = 0; w < WRITERS; w++)
                        for (uint64_t at = 0; at < ZONE; at += MIB)
                                CHECK(!memcmp(content + w * ZONE + at, data[w], MIB));
                g_free(content);
        }
        CHECK(dm_exit() == 0);
        unlink(file);
        g_free(table);
        g_free(file);
        return 0;
}
