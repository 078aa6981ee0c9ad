/* SPDX-License-Identifier: BSD-3-Clause */
/* Suspend and resume under load.  While a device is suspended nothing reaches its target; parked I/O
 * holds no thread, can be cancelled, and ends with EIO when the device is killed. */
#include "support/engine.h"

static _Atomic bool stop;

static void *submitter(void *md)
{
        char buf[512];

        while (!atomic_load(&stop))
                CHECK(do_io(md, DM_OP_READ, 0, sizeof(buf), buf) == 0);
        return NULL;
}

static void under_load(void)
{
        struct mapped_device *md = run_device("loaded", "0 8 zero");
        unsigned n = rounds(5000);
        pthread_t threads[2];

        atomic_store(&stop, false);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                CHECK(!pthread_create(&threads[i], NULL, submitter, md));
        for (unsigned i = 0; i < n; i++) {
                CHECK(dm_suspend(md, i & 1 ? DM_SUSPEND_NOFLUSH : 0, NULL));
                CHECK(!(atomic_load(&md->word) & DM_WORD_IOS));
                CHECK(dm_resume(md, 0, NULL));
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        CHECK(dm_destroy(md, 0, NULL));
}

#define PARKED 1000

static struct waited_io *park_many(struct mapped_device *md)
{
        static char buf[512];
        struct waited_io *ios = g_new0(struct waited_io, PARKED);

        CHECK(dm_suspend(md, 0, NULL));
        for (unsigned i = 0; i < PARKED; i++) {
                waited_init(&ios[i], DM_OP_WRITE, 0, sizeof(buf), buf);
                dm_submit(md, &ios[i].io); /* in this one thread: parking holds none */
                CHECK(gate_count(&ios[i].done) == 0);
        }
        return ios;
}

static void expect_all(struct waited_io *ios, unsigned from, int error)
{
        for (unsigned i = from; i < PARKED; i++) {
                CHECK(gate_count(&ios[i].done) == 1);
                CHECK(ios[i].error == error);
        }
        g_free(ios);
}

static void parked_io_runs_after_resume(void)
{
        struct mapped_device *md = run_device("parked", "0 8 zero");
        struct waited_io *ios = park_many(md);

        CHECK(dm_cancel(&ios[0].io));
        CHECK(gate_count(&ios[0].done) == 1 && ios[0].error == -EINTR);
        CHECK(!dm_cancel(&ios[0].io));
        CHECK(dm_resume(md, 0, NULL));
        expect_all(ios, 1, 0);
        CHECK(dm_destroy(md, 0, NULL));
}

static void parked_io_fails_when_killed(void)
{
        struct mapped_device *md = run_device("killed", "0 8 zero");
        struct waited_io *ios = park_many(md);

        dm_destroy_immediate(md);
        expect_all(ios, 0, -EIO);
}

static void parked_io_fails_when_destroyed(void)
{
        struct mapped_device *md = run_device("destroyed", "0 8 zero");
        struct waited_io *ios = park_many(md);

        CHECK(dm_destroy(md, 0, NULL));
        expect_all(ios, 0, -EIO);
}

int main(void)
{
        dm_init();
        under_load();
        parked_io_runs_after_resume();
        parked_io_fails_when_killed();
        parked_io_fails_when_destroyed();
        CHECK(dm_exit() == 0);
        return 0;
}
