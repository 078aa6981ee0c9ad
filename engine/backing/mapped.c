/* SPDX-License-Identifier: BSD-3-Clause */
#include "backing/mapped.h"

#include <glib.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

#define TRIAL 64u /* reads that found their data, before the mapping is used */
#define SLOW_NS 50000u /* of a read: its data was not there... */
#define SLOW_NS_PER_BYTE 2u /* ...however long it is */
#define SIZE_MAX_MAPPED (64ull << 30) /* the page tables of more would be large */
#define MAPPINGS_MAX 256u /* the kernel has a limit for the process (vm.max_map_count) */

struct dm_mapped {
        int fd;
        uint64_t size;
        _Atomic unsigned trial;      /* reads by system call that are left of it */
        _Atomic bool claimed;        /* somebody maps it, or has done so, or could not */
        _Atomic(const char *) start; /* NULL: not mapped */
};

static _Atomic unsigned mappings;

/* ---- what is not there any more ----------------------------------------------------------------------- */

/* The kernel's answer to a copy from a page which the file has lost, or the disk cannot read. */
static __thread sigjmp_buf *way_out; /* NULL: the thread does not copy */
static struct sigaction before;

static void on_bus_error(int signal)
{
        if (way_out)
                siglongjmp(*way_out, 1);
        sigaction(SIGBUS, &before, NULL); /* not ours: it happens again, and is somebody else's */
}

static void catch_bus_errors(void)
{
        /* the handler is left by a jump: the signal must not stay blocked */
        struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};

        sigaction(SIGBUS, &action, &before);
}

/* False when some of it cannot be read. */
static bool copy(void *to, const char *from, uint64_t len)
{
        sigjmp_buf out;

        if (sigsetjmp(out, 0)) {
                way_out = NULL;
                return false;
        }
        way_out = &out;
        atomic_signal_fence(memory_order_seq_cst);
        memcpy(to, from, len);
        atomic_signal_fence(memory_order_seq_cst);
        way_out = NULL;
        return true;
}

/* ---- mapping --------------------------------------------------------------------------------------------- */

struct dm_mapped *dm_mapped_new(int fd, uint64_t size)
{
        struct dm_mapped *m = g_new0(struct dm_mapped, 1);

        m->fd = fd;
        m->size = size;
        atomic_init(&m->trial, TRIAL);
        return m;
}

void dm_mapped_free(struct dm_mapped *m)
{
        const char *start = m ? atomic_load(&m->start) : NULL;

        if (start) {
                munmap((void *)(uintptr_t)start, m->size);
                atomic_fetch_sub(&mappings, 1);
        }
        g_free(m);
}

/* NULL when it cannot be. */
static void *map(const struct dm_mapped *m)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        void *start;

        if (!m->size || m->size > SIZE_MAX_MAPPED)
                return NULL;
        pthread_once(&once, catch_bus_errors);
        start = mmap(NULL, m->size, PROT_READ, MAP_SHARED, m->fd, 0);
        return start == MAP_FAILED ? NULL : start;
}

/* Maps it, if the process has not too many already. */
static void claim(struct dm_mapped *m)
{
        bool has_room = atomic_fetch_add(&mappings, 1) < MAPPINGS_MAX;
        void *start = has_room ? map(m) : NULL;

        if (start)
                atomic_store(&m->start, start);
        else
                atomic_fetch_sub(&mappings, 1);
}

void dm_mapped_learn(struct dm_mapped *m, bool cached)
{
        unsigned trial = atomic_load_explicit(&m->trial, memory_order_relaxed);

        if (!cached)
                atomic_store_explicit(&m->trial, TRIAL, memory_order_relaxed);
        else if (trial)
                atomic_compare_exchange_strong(&m->trial, &trial, trial - 1);
        else if (!atomic_exchange(&m->claimed, true))
                claim(m);
}

bool dm_mapped_read(struct dm_mapped *m, void *buf, uint64_t offset, uint64_t len)
{
        const char *start = atomic_load_explicit(&m->start, memory_order_acquire);
        uint64_t begun;

        if (!start || atomic_load_explicit(&m->trial, memory_order_relaxed) ||
            offset > m->size || len > m->size - offset)
                return false;
        begun = dm_clock_real_ns();
        if (!copy(buf, start + offset, len))
                return false;
        if (dm_clock_real_ns() - begun > SLOW_NS + len * SLOW_NS_PER_BYTE)
                dm_mapped_learn(m, false);
        return true;
}
