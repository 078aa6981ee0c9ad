/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine costs alone, without FUSE.
 *
 *   bench-engine                nanoseconds an operation, the best of several rounds
 *   bench-engine WHAT COUNT     does WHAT so often and prints nothing: for counting instructions
 *   bench-engine list           names what there is for WHAT
 */
#include "support/engine.h"

static unsigned rounds_wanted = 5;

static uint64_t best(uint64_t (*measure)(unsigned n, void *arg), unsigned n, void *arg)
{
        uint64_t least = UINT64_MAX;

        for (unsigned i = 0; i < rounds_wanted; i++)
                least = MIN(least, measure(n, arg));
        return least;
}

static uint64_t get_put(unsigned n, void *md)
{
        uint64_t begin = dm_clock_real_ns();

        for (unsigned i = 0; i < n; i++) {
                CHECK(dm_get(md));
                dm_put(md);
        }
        return dm_clock_real_ns() - begin;
}

struct shared {
        struct mapped_device *md;
        unsigned n;
};

static void *get_put_thread(void *arg)
{
        struct shared *s = arg;

        get_put(s->n, s->md);
        return NULL;
}

static uint64_t get_put_shared(unsigned n, void *md)
{
        struct shared s = {md, n / 2};
        uint64_t begin = dm_clock_real_ns();
        pthread_t threads[2];

        for (int i = 0; i < 2; i++)
                CHECK(!pthread_create(&threads[i], NULL, get_put_thread, &s));
        for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        return dm_clock_real_ns() - begin;
}

static void count_end(struct dm_io *io, int error)
{
        CHECK(!error);
        ++*(unsigned *)io->user;
}

/* Without a backing this is a write that zero forgets: a read would measure memset(). */
static uint64_t io_random(unsigned n, struct mapped_device *md, enum dm_op op)
{
        uint64_t blocks = dm_size(md) / 4096, x = 88172645463325252u, begin;
        static char buf[4096];
        unsigned done = 0;

        begin = dm_clock_real_ns();
        for (unsigned i = 0; i < n; i++) {
                struct dm_io io = {.op = op, .len = sizeof(buf), .buf = buf,
                                   .end = count_end, .user = &done};

                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                io.offset = x % blocks * 4096;
                dm_submit(md, &io);
        }
        CHECK(done == n);
        return dm_clock_real_ns() - begin;
}

static uint64_t write_random(unsigned n, void *md)
{
        return io_random(n, md, DM_OP_WRITE);
}

static uint64_t read_random(unsigned n, void *md)
{
        return io_random(n, md, DM_OP_READ);
}

static struct mapped_device *new_zero(const char *name)
{
        return run_device(name, "0 8000000 zero");
}

/* Takes the device and the reference that the caller has. */
static void destroy_device(struct mapped_device *md)
{
        CHECK(dm_destroy(md, 0, NULL));
}

static uint64_t with_zero(uint64_t (*measure)(unsigned n, void *arg), unsigned n)
{
        struct mapped_device *zero = new_zero("zero");
        uint64_t ns = best(measure, n, zero);

        destroy_device(zero);
        return ns;
}

static uint64_t bench_get_put(unsigned n)
{
        return with_zero(get_put, n);
}

static uint64_t bench_get_put_shared(unsigned n)
{
        return with_zero(get_put_shared, n);
}

static uint64_t bench_zero(unsigned n)
{
        return with_zero(write_random, n);
}

static uint64_t bench_stack(unsigned n)
{
        struct mapped_device *bottom = new_zero("bottom"), *middle, *top;
        uint64_t ns;

        middle = run_device("middle", "0 8000000 linear bottom 0");
        top = run_device("top", "0 8000000 linear middle 0");
        ns = best(write_random, n, top);
        destroy_device(top);
        destroy_device(middle);
        destroy_device(bottom);
        return ns;
}

static char *many_lines(unsigned count)
{
        GString *table = g_string_new(NULL);

        for (unsigned i = 0; i < count; i++)
                g_string_append_printf(table, "%u 8 zero\n", i * 8);
        return g_string_free(table, FALSE);
}

static uint64_t bench_segments(unsigned n)
{
        g_autofree char *table = many_lines(1000000);
        struct mapped_device *many = run_device("many", table);
        uint64_t ns = best(write_random, n, many);

        destroy_device(many);
        return ns;
}

static uint64_t bench_load(unsigned n)
{
        g_autofree char *table = many_lines(n);
        struct mapped_device *md = new_device("many");
        uint64_t begin = dm_clock_real_ns();

        load(md, table);
        begin = dm_clock_real_ns() - begin;
        destroy_device(md);
        return begin;
}

/* A file that is in the page cache. */
static uint64_t bench_file(unsigned n)
{
        g_autofree char *path = temp_file(1 << 20), *table = g_strdup_printf("0 2048 linear %s 0", path);
        static char block[1 << 20];
        struct mapped_device *md;
        uint64_t ns;

        CHECK(g_file_set_contents(path, block, sizeof(block), NULL));
        md = run_device("file", table);
        ns = best(read_random, n, md);
        destroy_device(md);
        unlink(path);
        return ns;
}

static uint64_t bench_create(unsigned n)
{
        g_autofree struct mapped_device **all = g_new(struct mapped_device *, n);
        uint64_t begin = dm_clock_real_ns();
        char name[32];

        for (unsigned i = 0; i < n; i++) {
                g_snprintf(name, sizeof(name), "d%u", i);
                all[i] = new_zero(name);
        }
        begin = dm_clock_real_ns() - begin;
        for (unsigned i = 0; i < n; i++)
                destroy_device(all[i]);
        return begin;
}

struct holder {
        struct mapped_device *md;
        uint64_t put_at;
};

static void *put_when_waited(void *arg)
{
        struct holder *h = arg;

        while (!(atomic_load(&h->md->word) & DM_WORD_WAITED))
                sched_yield();
        h->put_at = dm_clock_real_ns();
        dm_put(h->md);
        return NULL;
}

/* From the last put to the return of dm_destroy(), which waits for it. */
static uint64_t bench_destroy(unsigned n)
{
        uint64_t total = 0;

        for (unsigned i = 0; i < n; i++) {
                struct holder h = {.md = run_device("short-lived", "0 8 zero")};
                pthread_t thread;

                CHECK(dm_get(h.md));
                CHECK(!pthread_create(&thread, NULL, put_when_waited, &h));
                CHECK(dm_destroy(h.md, 0, NULL));
                total += dm_clock_real_ns();
                pthread_join(thread, NULL);
                total -= h.put_at;
        }
        return total;
}

static const struct bench {
        const char *name, *what;
        uint64_t (*run)(unsigned n);
        unsigned count;
} benches[] = {
        {"get-put", "a reference taken and dropped", bench_get_put, 5000000},
        {"get-put-shared", "the same, two threads on one device", bench_get_put_shared, 5000000},
        {"zero", "4 KiB write, zero", bench_zero, 2000000},
        {"stack", "4 KiB write, zero under two linears", bench_stack, 2000000},
        {"segments", "4 KiB write, zero, table of 1000000 lines", bench_segments, 2000000},
        {"file", "4 KiB read, linear on a cached file", bench_file, 500000},
        {"load", "loading a table, for each line", bench_load, 1000000},
        {"create", "creating a device with a table", bench_create, 20000},
        {"destroy", "dm_destroy() after the last put", bench_destroy, 200},
};

static void show_all(void)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(benches); i++) {
                const struct bench *b = &benches[i];

                printf("%-16s %-40s %10.1f ns\n", b->name, b->what,
                       (double)b->run(b->count) / b->count);
        }
}

static const struct bench *find(const char *name)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(benches); i++)
                if (!strcmp(benches[i].name, name))
                        return &benches[i];
        fprintf(stderr, "bench-engine: nothing is called '%s'\n", name);
        exit(2);
}

static void list(void)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(benches); i++)
                printf("%-16s %s\n", benches[i].name, benches[i].what);
}

int main(int argc, char **argv)
{
        if (argc == 2 && !strcmp(argv[1], "list")) {
                list();
                return 0;
        }
        dm_init();
        if (argc == 1) {
                show_all();
        } else if (argc == 3) {
                rounds_wanted = 1;
                find(argv[1])->run((unsigned)atoi(argv[2]));
        } else {
                fprintf(stderr, "usage: bench-engine [WHAT COUNT | list]\n");
                return 2;
        }
        return (int)dm_exit();
}
