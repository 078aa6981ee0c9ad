/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults are swapped in and out under full load while messages change them: every request ends, with
 * success or with EIO, and at the end a killed device ends all of them at once. */
#include "support/engine.h"

#define SIZE (256 * 1024u)
#define SECTORS (SIZE / 512)

static _Atomic bool stop;
static char *disk, *log_disk;

static const struct {
        const char *table; /* %s: the disk */
        const char *messages[4];
} faults[] = {
        {"linear %s 0", {NULL}},
        {"delay %s 0 1 %s 0 2 %s 0 1", {NULL}},
        {"flakey %s 0 0 1 4 random_read_corrupt 1000 random_write_corrupt 500000000", {NULL}},
        {"flakey %s 0 0 1", {NULL}},
        {"dust %s 0 4096", {"addbadblock 3 1", "enable", "listbadblocks", "clearbadblocks"}},
        {"log-writes %s LOG", {"mark one", "mark two"}},
        {"unstriped 2 8 0 %s 0", {NULL}},
        {"switch 2 64 0 %s 0 %s 0", {"set_region_mappings 0:1 :0 R1,2", "set_region_mappings 1:1"}},
        {"powercut %s 0 cache_mb 1", {"cut seed 1", "power-on", "cut keep none", "power-on"}},
        {"chaos %s 0 read_error 0.1 write_error 0.1 corrupt 0.1 delay 1 0.1 torn 0.1 misdirect 0.1",
         {"trace", "delay 2 0.2", "seed 4", "reset"}},
};

static char *table_of(unsigned i)
{
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_append_printf(text, "0 %u %s", SECTORS / 2, faults[i].table);
        g_string_replace(text, "%s", disk, 0);
        g_string_replace(text, "LOG", log_disk, 0);
        return g_strdup(text->str);
}

static void *load_it(void *arg)
{
        struct mapped_device *md = arg;
        GRand *rand = g_rand_new_with_seed((guint32)(uintptr_t)&rand);
        char *buf = g_malloc0(65536);

        while (!atomic_load(&stop)) {
                enum dm_op op = (enum dm_op)g_rand_int_range(rand, 0, 5);
                unsigned len = (unsigned)g_rand_int_range(rand, 1, 65536);
                unsigned offset = (unsigned)g_rand_int_range(rand, 0, (int)(SIZE / 2 - len));
                struct waited_io w;

                if (g_rand_boolean(rand)) {
                        offset &= ~511u;
                        len = (len + 511) & ~511u;
                        len = MIN(len, SIZE / 2 - offset);
                }
                if (op == DM_OP_FLUSH)
                        waited_init(&w, op, 0, 0, NULL);
                else
                        waited_init(&w, op, offset, len, buf);
                if (op == DM_OP_WRITE && g_rand_int_range(rand, 0, 8) == 0)
                        w.io.flags = DM_IO_FUA;
                dm_submit(md, &w.io);
                gate_wait(&w.done, 1);
                CHECK(w.error == 0 || w.error == -EIO);
        }
        g_rand_free(rand);
        g_free(buf);
        return NULL;
}

static void *send_messages(void *arg)
{
        struct mapped_device *md = arg;

        for (unsigned i = 0; !atomic_load(&stop); i++) {
                const char *text = faults[i / 4 % G_N_ELEMENTS(faults)].messages[i % 4];
                g_auto(GStrv) words = text ? g_strsplit(text, " ", -1) : NULL;
                g_autofree char *reply = NULL;

                /* to another target it is an error, which is fine */
                if (words)
                        dm_message(md, 0, (int)g_strv_length(words), words, &reply, NULL);
                g_array_unref(dm_table_text(md, i % 2 ? DM_TEXT_STATUS : 0));
        }
        return NULL;
}

static void swap_under_load(struct mapped_device *md, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *table = table_of(i % G_N_ELEMENTS(faults));

                load(md, table);
                CHECK(dm_suspend(md, DM_SUSPEND_NOFLUSH, NULL));
                CHECK(dm_resume(md, 0, NULL));
        }
}

int main(void)
{
        pthread_t threads[4];
        unsigned n = rounds(400);

        disk = temp_file(SIZE);
        log_disk = temp_file(64 << 20);
        dm_init();
        /* killed in the middle of each kind of fault */
        for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
                g_autofree char *table = table_of(i);
                struct mapped_device *md = run_device("faulty", table);

                CHECK(dm_open(md) == 0);
                atomic_store(&stop, false);
                for (unsigned t = 0; t < 3; t++)
                        CHECK(!pthread_create(&threads[t], NULL, load_it, md));
                CHECK(dm_get(md));
                CHECK(!pthread_create(&threads[3], NULL, send_messages, md));
                swap_under_load(md, n / G_N_ELEMENTS(faults) + i);
                atomic_store(&stop, i % 2);
                dm_destroy_immediate(md);
                atomic_store(&stop, true);
                for (unsigned t = 0; t < 4; t++)
                        pthread_join(threads[t], NULL);
                dm_put(md);
                dm_close(md);
        }
        CHECK(dm_exit() == 0);
        unlink(disk);
        unlink(log_disk);
        g_free(disk);
        g_free(log_disk);
        return 0;
}
