/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine costs alone, without FUSE.  Prints nanoseconds an operation, the best of several
 * rounds; run it under callgrind for the repeatable figure.
 *
 *   get+put               a reference taken and dropped, one thread; and two threads on one device
 *   zero read             dm_submit() to the end callback, 4 KiB of the zero target
 *   1000000 segments      the same, at random places of a table that long
 *   stack of 3            zero under two linears
 *   destroy               from the last put to the return of dm_destroy()
 */
#include "support/engine.h"

#define ROUNDS 5

static uint64_t best(uint64_t (*measure)(unsigned n, void *arg), unsigned n, void *arg)
{
        uint64_t least = UINT64_MAX;

        for (unsigned i = 0; i < ROUNDS; i++)
                least = MIN(least, measure(n, arg));
        return least;
}

static void show(const char *what, uint64_t ns, unsigned n)
{
        printf("%-28s %10.1f ns\n", what, (double)ns / n);
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

static uint64_t read_random(unsigned n, void *arg)
{
        struct mapped_device *md = arg;
        uint64_t blocks = dm_size(md) / 4096, x = 88172645463325252u, begin;
        static char buf[4096];
        unsigned done = 0;

        begin = dm_clock_real_ns();
        for (unsigned i = 0; i < n; i++) {
                struct dm_io io = {.op = DM_OP_READ, .len = sizeof(buf), .buf = buf,
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

static struct mapped_device *many_segments(unsigned count)
{
        GString *table = g_string_new(NULL);
        struct mapped_device *md;
        uint64_t begin;

        for (unsigned i = 0; i < count; i++)
                g_string_append_printf(table, "%u 8 zero\n", i * 8);
        begin = dm_clock_real_ns();
        md = run_device("many", table->str);
        show("loading 1000000 segments", dm_clock_real_ns() - begin, 1);
        g_string_free(table, TRUE);
        return md;
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

static uint64_t destroy(unsigned n, void *unused)
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

int main(void)
{
        struct mapped_device *zero, *many, *middle, *top;

        dm_init();
        zero = run_device("zero", "0 8000000 zero");
        middle = run_device("middle", "0 8000000 linear zero 0");
        top = run_device("top", "0 8000000 linear middle 0");
        show("get+put", best(get_put, 5000000, zero), 5000000);
        show("get+put, two threads", best(get_put_shared, 5000000, zero), 5000000);
        show("zero read", best(read_random, 2000000, zero), 2000000);
        show("stack of 3 read", best(read_random, 2000000, top), 2000000);
        many = many_segments(1000000);
        show("1000000 segments read", best(read_random, 2000000, many), 2000000);
        show("destroy after the last put", best(destroy, 200, NULL), 200);
        CHECK(dm_destroy(top, 0, NULL) && dm_destroy(middle, 0, NULL) &&
              dm_destroy(zero, 0, NULL) && dm_destroy(many, 0, NULL));
        return (int)dm_exit();
}
