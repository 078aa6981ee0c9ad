/* SPDX-License-Identifier: BSD-3-Clause */
/* When the system gives no more threads: I/O that needs one fails, other I/O goes on, and workers that could
 * not be started are started later. */
#include <dlfcn.h>

#include "support/engine.h"

static _Atomic bool none;

typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* In the place of the C library's. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
        create_fn real = (create_fn)(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");

        return atomic_load(&none) ? EAGAIN : real(thread, attr, fn, arg);
}

static void io_without_threads(void)
{
        g_autofree char *file = temp_file(1 << 16);
        g_autofree char *table = g_strdup_printf("0 128 linear %s 0", file);
        struct mapped_device *md = run_device("a", table);

        atomic_store(&none, true);
        CHECK(do_io(md, DM_OP_FLUSH, 0, 0, NULL) == -EIO);
        CHECK(do_io(md, DM_OP_DISCARD, 0, 512, NULL) == -EIO);
        CHECK(do_io(md, DM_OP_FLUSH, 0, 0, NULL) == -EIO);
        atomic_store(&none, false);
        CHECK(do_io(md, DM_OP_FLUSH, 0, 0, NULL) == 0);
        CHECK(dm_destroy(md, 0, NULL));
        unlink(file);
}

static struct gate working = GATE_INIT, end = GATE_INIT;

static void work(void *user, unsigned number)
{
        gate_pass(&working);
        gate_wait(&end, 1);
}

static void workers_come_later(void)
{
        struct dm_workers *pool;

        atomic_store(&none, true);
        pool = dm_workers_start(2, work, NULL);
        CHECK(gate_count(&working) == 0);
        atomic_store(&none, false);
        gate_wait(&working, 2);
        gate_pass(&end);
        CHECK(dm_workers_join(pool, DM_WAKE_FOREVER) == 0);
}

int main(void)
{
        dm_init();
        io_without_threads();
        workers_come_later();
        CHECK(dm_exit() == 0);
        return 0;
}
