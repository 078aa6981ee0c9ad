/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables are swapped under full load, and no request sees two of them: each of two tables is striped
 * over its own pair of files, one filled with A, the other with B, so that a read of many chunks is
 * all A or all B. */
#include "support/engine.h"

#define SIZE (64 * 1024u)

static _Atomic bool stop;
static _Atomic unsigned reads[2];

static char *filled_file(char byte)
{
        char *path = temp_file(SIZE), *data = g_malloc(SIZE);

        memset(data, byte, SIZE);
        CHECK(g_file_set_contents(path, data, SIZE, NULL));
        g_free(data);
        return path;
}

static void *reader(void *md)
{
        char *buf = g_malloc(SIZE);

        while (!atomic_load(&stop)) {
                CHECK(do_io(md, DM_OP_READ, 0, SIZE, buf) == 0);
                CHECK(buf[0] == 'A' || buf[0] == 'B');
                for (unsigned i = 1; i < SIZE; i += 512)
                        CHECK(buf[i] == buf[0]);
                atomic_fetch_add(&reads[buf[0] - 'A'], 1);
        }
        g_free(buf);
        return NULL;
}

int main(void)
{
        char *files[4] = {filled_file('A'), filled_file('A'), filled_file('B'), filled_file('B')};
        unsigned n = rounds(2000);
        struct mapped_device *md;
        pthread_t threads[3];
        char *tables[2];

        dm_init();
        for (unsigned i = 0; i < 2; i++)
                tables[i] = g_strdup_printf("0 128 striped 2 4 %s 0 %s 0", files[2 * i],
                                            files[2 * i + 1]);
        md = run_device("swapped", tables[0]);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                CHECK(!pthread_create(&threads[i], NULL, reader, md));
        for (unsigned i = 0; i < n || !atomic_load(&reads[0]) || !atomic_load(&reads[1]); i++) {
                load(md, tables[i % 2]);
                CHECK(dm_resume(md, 0, NULL));
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        CHECK(dm_destroy(md, 0, NULL));
        CHECK(dm_exit() == 0);
        for (unsigned i = 0; i < 4; i++) {
                unlink(files[i]);
                g_free(files[i]);
        }
        g_free(tables[0]);
        g_free(tables[1]);
        return 0;
}
