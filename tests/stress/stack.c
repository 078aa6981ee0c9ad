/* SPDX-License-Identifier: BSD-3-Clause */
/* A stack of devices under load: killed from below, from above, all at once; and two loads that would
 * make a circle between them. */
#include "support/engine.h"

#define DEPTH 4

static struct mapped_device *layers[DEPTH];
static _Atomic unsigned answers;

static void build(void)
{
        layers[0] = run_device("layer0", "0 64 zero");
        for (unsigned i = 1; i < DEPTH; i++) {
                g_autofree char *name = g_strdup_printf("layer%u", i);
                g_autofree char *table = g_strdup_printf("0 64 linear layer%u 0", i - 1);

                layers[i] = run_device(name, table);
        }
}

static void *reader(void *arg)
{
        struct mapped_device *top = arg;
        char buf[4096];
        int error;

        do {
                error = do_io(top, DM_OP_READ, 0, sizeof(buf), buf);
                atomic_fetch_add(&answers, 1);
        } while (error == 0);
        CHECK(error == -EIO);
        dm_close(top);
        return NULL;
}

static void kill_in_order(const unsigned *order)
{
        pthread_t threads[2];

        build();
        atomic_store(&answers, 0);
        for (unsigned i = 0; i < 2; i++) {
                CHECK(dm_open(layers[DEPTH - 1]) == 0);
                CHECK(!pthread_create(&threads[i], NULL, reader, layers[DEPTH - 1]));
        }
        while (atomic_load(&answers) < 100)
                sched_yield();
        for (unsigned i = 0; i < DEPTH; i++)
                dm_destroy_immediate(layers[order[i]]);
        for (unsigned i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
}

static void destroyed_from_the_top(void)
{
        build();
        for (unsigned i = 0; i + 1 < DEPTH; i++) {
                GError *error = NULL;

                CHECK(!dm_destroy(layers[i], 0, &error)); /* the one above has it open */
                CHECK(g_error_matches(error, DM_ERROR, EBUSY));
                g_error_free(error);
        }
        for (unsigned i = DEPTH; i-- > 0;)
                CHECK(dm_destroy(layers[i], 0, NULL));
}

struct loader {
        struct mapped_device *md;
        const char *table;
        bool ok;
};

static void *try_load(void *arg)
{
        struct loader *l = arg;

        l->ok = dm_load(l->md, l->table, 0, NULL);
        return NULL;
}

static void no_circle(void)
{
        unsigned n = rounds(2000);

        for (unsigned i = 0; i < n; i++) {
                struct loader a = {.md = new_device("a"), .table = "0 8 linear b 0"};
                struct loader b = {.md = new_device("b"), .table = "0 8 linear a 0"};
                pthread_t thread;

                load(a.md, "0 8 zero");
                load(b.md, "0 8 zero");
                CHECK(dm_resume(a.md, 0, NULL) && dm_resume(b.md, 0, NULL));
                CHECK(!pthread_create(&thread, NULL, try_load, &a));
                try_load(&b);
                pthread_join(thread, NULL);
                CHECK(!(a.ok && b.ok));
                dm_clear(a.md);
                dm_clear(b.md);
                CHECK(dm_destroy(a.md, 0, NULL) && dm_destroy(b.md, 0, NULL));
        }
}

/* All orders of the devices from ORDER[AT] on. */
static void kill_in_every_order(unsigned *order, unsigned at)
{
        if (at == DEPTH)
                kill_in_order(order);
        for (unsigned i = at; i < DEPTH; i++) {
                unsigned first = order[i];

                order[i] = order[at];
                order[at] = first;
                kill_in_every_order(order, at + 1);
                order[at] = order[i];
                order[i] = first;
        }
}

#define HIGH 128 /* as many as may stand on each other */
#define PARKED 100000

/* One more is refused; and so many requests, parked below, run after the resume, in one thread. */
static void as_high_as_may_be(void)
{
        struct mapped_device *devices[HIGH + 1];
        unsigned parked = MIN(rounds(PARKED), PARKED);
        struct waited_io *ios = g_new0(struct waited_io, parked);
        GError *error = NULL;
        static char buf[512];

        devices[0] = run_device("0", "0 8 zero");
        for (unsigned i = 1; i <= HIGH; i++) {
                g_autofree char *name = g_strdup_printf("%u", i);
                g_autofree char *table = g_strdup_printf("0 8 linear %u 0", i - 1);

                devices[i] = new_device(name);
                if (i == HIGH)
                        break;
                load(devices[i], table);
                CHECK(dm_resume(devices[i], 0, NULL));
        }
        CHECK(!dm_load(devices[HIGH], "0 8 linear 127 0", 0, &error));
        CHECK(g_error_matches(error, DM_ERROR, ELOOP));
        g_error_free(error);

        CHECK(dm_suspend(devices[0], 0, NULL));
        for (unsigned i = 0; i < parked; i++) {
                waited_init(&ios[i], DM_OP_READ, 0, sizeof(buf), buf);
                dm_submit(devices[i < 100 ? HIGH - 1 : 1], &ios[i].io);
        }
        CHECK(dm_resume(devices[0], 0, NULL));
        for (unsigned i = 0; i < parked; i++)
                CHECK(gate_count(&ios[i].done) == 1 && ios[i].error == 0);
        g_free(ios);
        for (unsigned i = HIGH + 1; i-- > 0;)
                CHECK(dm_destroy(devices[i], 0, NULL));
}

int main(void)
{
        unsigned order[DEPTH] = {0, 1, 2, 3};
        unsigned n = rounds(15);

        dm_init();
        for (unsigned i = 0; i < n; i++) {
                kill_in_every_order(order, 0);
                destroyed_from_the_top();
        }
        no_circle();
        as_high_as_may_be();
        CHECK(dm_exit() == 0);
        return 0;
}
