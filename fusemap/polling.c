/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that waits for each answer gives its worker nothing to do in between, so that both are woken for
 * every request.  In a virtual machine, above all, a wake-up takes longer than the request.
 *
 * So one worker, the poller, looks for the next request for a while before it sleeps.  The others rest
 * meanwhile, for the kernel would wake one that sleeps in read() for nothing.  That is worth it as long as
 * the poller keeps up: it ends when requests come faster, when they come too late to be seen, or when
 * somebody else wants the CPU; and it begins when workers, as they look at the time now and then, have waited
 * for each request.
 */
#include "polling.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wake.h"
#include "dm.h"

#define NS_PER_US 1000u

/* Of so many requests a worker asks for the first few if they were waited for. */
#define SAMPLE_EVERY 64u
#define SAMPLE 8u
#define WAITED_NS 2000 /* a read() that takes so long has slept */

#define AT_ONCE_MAX 16u /* so many that need not be waited for, one after the other, are too many for one */
#define MISSES_MAX 2u   /* times in a row that polling was in vain */
#define OTHERS_NS 10000 /* a sched_yield() that takes so long has let somebody else run */
#define AWAY_NS (2 * (uint64_t)DM_NS_PER_MS) /* a poller that is at a request for so long is stuck in it */
#define GUARD_NS (100 * (uint64_t)DM_NS_PER_MS) /* so often the others ask whether somebody looks after it */

struct polling {
        int fd;
        uint64_t ns;
        _Atomic bool on;      /* a poller is enough */
        _Atomic bool manned;  /* there is one, in polling_read() */
        _Atomic bool waits;   /* it has no request */
        _Atomic bool guarded; /* one of those that rest looks after it */
        _Atomic uint32_t reads; /* that it has begun */
        unsigned at_once, misses; /* the poller's */
};

static __thread unsigned sampled, waited;

struct polling *polling_new(int fd, unsigned us)
{
        struct polling *p = g_new0(struct polling, 1);

        p->fd = fd >= 0 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0 ? fd : -1;
        p->ns = us * (uint64_t)NS_PER_US;
        return p;
}

void polling_free(struct polling *p)
{
        g_free(p);
}

static void turn_off(struct polling *p)
{
        atomic_store(&p->on, false);
        dm_workers_call();
}

void polling_end(struct polling *p)
{
        if (p)
                turn_off(p);
}

/* ---- the others ------------------------------------------------------------------------------------- */

/* Sleeps in read().  Polling begins when all of a sample had to. */
static ssize_t sleep_in_read(struct polling *p, int fd, void *buf, size_t size)
{
        unsigned nth = sampled++ % SAMPLE_EVERY;
        uint64_t begin;
        ssize_t n;

        if (nth >= SAMPLE || atomic_load_explicit(&p->on, memory_order_relaxed))
                return read(fd, buf, size);
        if (!nth)
                waited = 0;
        begin = dm_clock_real_ns();
        n = read(fd, buf, size);
        if (n > 0 && dm_clock_real_ns() - begin >= WAITED_NS && ++waited == SAMPLE)
                atomic_store(&p->on, true);
        return n;
}

/* Returns when the caller is needed, or may be.  One of those that rest looks after the poller; when that
 * waits for long, they had better sleep in read(), where the kernel wakes them. */
static void rest(struct polling *p)
{
        bool guards = false;

        for (;;) {
                uint32_t reads = atomic_load(&p->reads);

                guards = guards || !atomic_exchange(&p->guarded, true);
                if (dm_worker_rest(&p->on, dm_clock_real_ns() + (guards ? AWAY_NS : GUARD_NS)))
                        break;
                if (guards && atomic_load(&p->reads) == reads) {
                        if (!atomic_load(&p->waits))
                                atomic_store(&p->on, false);
                        dm_workers_call();
                        break;
                }
        }
        if (guards)
                atomic_store(&p->guarded, false);
}

/* ---- the poller --------------------------------------------------------------------------------------- */

static bool was_in_vain(ssize_t n)
{
        return n < 0 && errno == EAGAIN;
}

/* Leaves the CPU to whoever wants it, the program above all. */
static ssize_t poll_for(struct polling *p, void *buf, size_t size)
{
        uint64_t begin = dm_clock_real_ns(), last = begin, now;
        ssize_t n;

        for (;;) {
                sched_yield();
                n = read(p->fd, buf, size);
                if (!was_in_vain(n))
                        return n;
                now = dm_clock_real_ns();
                if (now - begin > p->ns || now - last > OTHERS_NS)
                        break;
                last = now;
        }
        errno = EAGAIN;
        return -1;
}

/* Counts what speaks AGAINST polling: so often, one after the other, is the end of it. */
static void judge(struct polling *p, bool against, unsigned *count, unsigned max)
{
        *count = against ? *count + 1 : 0;
        if (*count >= max) {
                *count = 0;
                turn_off(p);
        }
}

static ssize_t wait_as_poller(struct polling *p, int *fd, void *buf, size_t size)
{
        ssize_t n = poll_for(p, buf, size);
        bool in_vain = was_in_vain(n);

        judge(p, in_vain, &p->misses, MISSES_MAX);
        if (in_vain)
                return sleep_in_read(p, *fd, buf, size);
        *fd = p->fd;
        return n;
}

static ssize_t read_as_poller(struct polling *p, int *fd, void *buf, size_t size)
{
        ssize_t n;
        bool at_once;

        atomic_fetch_add_explicit(&p->reads, 1, memory_order_relaxed);
        n = read(p->fd, buf, size);
        at_once = !was_in_vain(n);
        judge(p, at_once, &p->at_once, AT_ONCE_MAX);
        if (at_once) {
                *fd = p->fd;
                return n;
        }
        atomic_store(&p->waits, true);
        n = wait_as_poller(p, fd, buf, size);
        atomic_store(&p->waits, false);
        return n;
}

ssize_t polling_read(struct polling *p, int *fd, void *buf, size_t size)
{
        ssize_t n;

        if (p->fd < 0)
                return read(*fd, buf, size);
        if (!atomic_load_explicit(&p->on, memory_order_relaxed))
                return sleep_in_read(p, *fd, buf, size);
        if (atomic_exchange(&p->manned, true)) {
                rest(p);
                return sleep_in_read(p, *fd, buf, size);
        }
        n = read_as_poller(p, fd, buf, size);
        atomic_store(&p->manned, false);
        return n;
}
