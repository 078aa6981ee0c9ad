/* SPDX-License-Identifier: BSD-3-Clause */
#include "teardown.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fs.h"
#include "log.h"
#include "mountpoint.h"

/* How long forced removal waits for threads that are about to end. */
#define FORCE_GRACE_NS (300 * (uint64_t)DM_NS_PER_MS)

static _Atomic bool wanted, forced, refusing, detached;
static _Atomic bool drained; /* the drain's thread is through */
static _Atomic bool sync_failed;

void teardown_request(bool force)
{
        if (force)
                atomic_store(&forced, true);
        atomic_store(&wanted, true);
        dm_wake_all();
}

void teardown_signal(void)
{
        teardown_request(atomic_load(&wanted));
}

bool teardown_lost_data(void)
{
        return atomic_load(&sync_failed);
}

bool teardown_refuses_io(void)
{
        return atomic_load(&refusing);
}

/* ---- drain ------------------------------------------------------------------------------------------------ */

/* What programs have written by mmap is in the page cache still. */
static void write_back(const char *mountpoint)
{
        int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return;
        syncfs(fd);
        close(fd);
}

static void wait_for_requests(void)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (!request_count() || atomic_load(&forced))
                        return;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

static void sync_device(struct mapped_device *md)
{
        g_autoptr(GError) error = NULL;

        if (dm_suspend(md, 0, &error) || dm_is_dead(md))
                return;
        log_line("%s", error->message);
        atomic_store(&sync_failed, true);
}

static bool is_open(struct mapped_device *md)
{
        struct dm_info info;

        dm_get_info(md, &info);
        dm_info_clear(&info);
        return info.open_count;
}

/* Consumes the reference to MD; false when it stays. */
static bool sync_and_destroy(struct mapped_device *md)
{
        if (!is_open(md)) {
                sync_device(md);
                if (dm_destroy(md, 0, NULL))
                        return true;
        }
        dm_put(md);
        return false;
}

/* One pass over all devices: destroys those that none is stacked on.  How many are left. */
static unsigned destroy_pass(unsigned *ret_destroyed)
{
        g_autoptr(GArray) ids = dm_list_ids();
        unsigned left = 0;

        *ret_destroyed = 0;
        for (unsigned i = 0; i < ids->len; i++) {
                struct mapped_device *md = dm_get_by_id(g_array_index(ids, uint64_t, i));

                if (!md)
                        continue; /* a client has removed it */
                if (sync_and_destroy(md))
                        ++*ret_destroyed;
                else
                        left++;
        }
        return left;
}

static void destroy_all(void)
{
        unsigned destroyed;

        while (destroy_pass(&destroyed) && destroyed && !atomic_load(&forced))
                ;
}

struct drain {
        struct session *session;
        const char *mountpoint;
};

/* The mount is taken away once: what would be the second time is somebody else's.  A notification may wait in
 * the kernel for a page that is being read, and would keep the connection: so it is over before those go who
 * answer the read. */
static void detach(const struct drain *d)
{
        if (!atomic_exchange(&detached, true))
                mountpoint_detach(d->mountpoint);
        notify_stop();
        session_abort(d->session);
}

/* After the last request: only one thread may do this. */
static void close_session(const struct drain *d)
{
        session_join(d->session);
        handle_close_all();
}

static void *drain(void *arg)
{
        struct drain *d = arg;

        if (!session_ended(d->session)) {
                write_back(d->mountpoint);
                atomic_store(&refusing, true);
                wait_for_requests();
                detach(d);
        }
        close_session(d);
        destroy_all();
        atomic_store(&drained, true);
        dm_wake_all();
        return NULL;
}

/* ---- force ------------------------------------------------------------------------------------------------ */

static void append_given_up(GString *report)
{
        g_autoptr(GArray) corpses = dm_graveyard();

        for (unsigned i = 0; i < corpses->len; i++) {
                struct dm_corpse *corpse = &g_array_index(corpses, struct dm_corpse, i);

                if (corpse->references)
                        g_string_append_printf(report, "%s: given up with %u reference%s\n",
                                               corpse->name, corpse->references,
                                               corpse->references == 1 ? "" : "s");
        }
}

static char *make_report(void)
{
        GString *report = g_string_new(NULL);

        append_given_up(report);
        if (atomic_load(&sync_failed))
                g_string_append(report, "flushing a backing failed: see the log\n");
        return g_string_free(report, FALSE);
}

/* Ends all that can be ended now; what hangs goes on. */
static void kill_all(const struct drain *d)
{
        atomic_store(&refusing, true);
        notify_close();
        dm_destroy_all_immediate();
        request_abandon(0);
        detach(d);
}

/* ---- both ------------------------------------------------------------------------------------------------- */

static void *wait_until_gone(void *mountpoint)
{
        mountpoint_wait_gone(mountpoint);
        teardown_request(true);
        return NULL;
}

/* A lazy unmount (umount -l) leaves the connection to those who have files open: we would not hear of it. */
static void watch_mount(const char *mountpoint)
{
        pthread_t thread;

        if (!pthread_create(&thread, NULL, wait_until_gone, (void *)(uintptr_t)mountpoint))
                pthread_detach(thread);
}

static bool is_time(uint64_t deadline)
{
        return dm_clock_real_ns() >= deadline;
}

static void wait_for_wish(struct session *s)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (atomic_load(&wanted) || session_ended(s))
                        return;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

/* True when the drain is through; false when the time is over or, UNLESS_FORCED, force is wanted. */
static bool wait_for_drain(uint64_t deadline, bool unless_forced)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (atomic_load(&drained))
                        return true;
                if ((unless_forced && atomic_load(&forced)) || is_time(deadline))
                        return false;
                dm_wake_wait(seen, deadline);
        }
}

/* Force is a drain that finds nothing left to wait for; what hangs is given up, with the drain's thread
 * that waits for it. */
bool teardown_run(struct session *s, const char *mountpoint, bool force_always, unsigned timeout_s,
                  char **ret_report)
{
        static struct drain d;
        uint64_t deadline;
        pthread_t thread;
        bool clean;

        d = (struct drain){s, mountpoint};
        if (force_always)
                watch_mount(mountpoint);
        wait_for_wish(s);
        if (force_always)
                atomic_store(&forced, true);
        deadline = timeout_s ? dm_clock_real_ns() + timeout_s * (uint64_t)DM_NS_PER_S
                             : DM_WAKE_FOREVER;
        if (pthread_create(&thread, NULL, drain, &d))
                g_error("cannot start the drain's thread");
        clean = wait_for_drain(deadline, true);
        if (!clean) {
                atomic_store(&forced, true);
                dm_wake_all();
                kill_all(&d);
                clean = wait_for_drain(dm_clock_real_ns() + FORCE_GRACE_NS, false);
        }
        if (clean)
                pthread_join(thread, NULL);
        else
                pthread_detach(thread);
        *ret_report = make_report();
        return clean;
}
