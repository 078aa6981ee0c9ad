/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The race that the design exists for.  A worker is held between "the opener has its answer" and "the
 * worker drops its reference" (inside the io's end callback, which is the answer); the opener closes
 * and removes.  dm_destroy() has to wait for the worker, and may free only after it;
 * dm_destroy_immediate() has to return at once, with nobody touching freed memory.
 *
 * Linked with an engine whose I/O takes no reference (race-without-references) this must fail.
 */
#include "support/engine.h"

static struct gate answered = GATE_INIT, release = GATE_INIT;
static struct gate destroyed = GATE_INIT;

static void answer_and_linger(struct dm_io *io, int error)
{
        CHECK(error == 0);
        gate_pass(&answered);
        gate_wait(&release, 1);
}

struct opener {
        struct mapped_device *md;
        struct dm_io io;
        char buf[4096];
};

/* The worker: does the io and gets stuck on its way out. */
static void *worker(void *arg)
{
        struct opener *o = arg;

        dm_submit(o->md, &o->io);
        return NULL;
}

static void *destroyer(void *md)
{
        CHECK(dm_destroy(md, 0, NULL));
        gate_pass(&destroyed);
        return NULL;
}

static void begin(struct opener *o, pthread_t *thread)
{
        answered.count = release.count = destroyed.count = 0;
        *o = (struct opener){.md = run_device("raced", "0 64 zero")};
        o->io = (struct dm_io){.op = DM_OP_READ, .len = 4096, .buf = o->buf,
                               .end = answer_and_linger};
        CHECK(dm_open(o->md) == 0);
        CHECK(pthread_create(thread, NULL, worker, o) == 0);
        gate_wait(&answered, 1);
        dm_close(o->md); /* the opener has its answer and goes */
}

static void destroy_waits_for_the_worker(void)
{
        pthread_t in_io, in_destroy;
        struct opener o;

        begin(&o, &in_io);
        CHECK(pthread_create(&in_destroy, NULL, destroyer, o.md) == 0);
        /* the name goes first, and then it waits: or, without references, is through */
        for (;;) {
                uint32_t seen = dm_wake_prepare();
                struct mapped_device *md = dm_get_by_name("raced");

                if (!md)
                        break;
                dm_put(md);
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
        /* the worker holds the only reference, so the word of a waiting destroyer shows it */
        while (gate_count(&destroyed) == 0 && !(atomic_load(&o.md->word) & DM_WORD_WAITED))
                sched_yield();
        CHECK(gate_count(&destroyed) == 0);
        CHECK((atomic_load(&o.md->word) & DM_WORD_REFS) == 1);
        gate_pass(&release);
        gate_wait(&destroyed, 1);
        pthread_join(in_io, NULL);
        pthread_join(in_destroy, NULL);
}

static void destroy_immediate_does_not_wait(void)
{
        g_autoptr(GArray) corpses = NULL;
        pthread_t in_io;
        struct opener o;

        begin(&o, &in_io);
        dm_destroy_immediate(o.md);
        CHECK(!dm_get_by_name("raced"));
        /* it lies in the graveyard with the worker's reference */
        corpses = dm_graveyard();
        CHECK(corpses->len == 1);
        CHECK(g_array_index(corpses, struct dm_corpse, 0).references == 1);
        /* the name is free for another at once */
        CHECK(dm_destroy(run_device("raced", "0 8 error"), 0, NULL));
        gate_pass(&release);
        pthread_join(in_io, NULL);
}

int main(void)
{
        dm_init();
        destroy_waits_for_the_worker();
        destroy_immediate_does_not_wait();
        CHECK(dm_exit() == 0);
        return 0;
}
