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

static _Atomic bool wanted, forced, refusing;
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
        return atomic_load_explicit(&refusing, memory_order_relaxed);
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

/* One pass over all devices: destroys those that none is stacked on.  How many are left. */
static unsigned destroy_pass(unsigned *ret_destroyed)
{
        GPtrArray *list = dm_list();
        unsigned left = 0;

        *ret_destroyed = 0;
        g_ptr_array_set_free_func(list, NULL);
        for (unsigned i = 0; i < list->len; i++) {
                struct mapped_device *md = list->pdata[i];
                struct dm_info info;
                bool open;

                dm_get_info(md, &info);
                open = info.open_count;
                dm_info_clear(&info);
                if (!open)
                        sync_device(md);
                if (!open && dm_destroy(md, 0, NULL)) {
                        ++*ret_destroyed;
                } else {
                        dm_put(md);
                        left++;
                }
        }
        g_ptr_array_unref(list);
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

static void *drain(void *arg)
{
        struct drain *d = arg;

        if (!session_ended(d->session)) {
                write_back(d->mountpoint);
                atomic_store(&refusing, true);
                wait_for_requests();
                mountpoint_detach(d->mountpoint);
                session_abort(d->session);
        }
        session_join(d->session, DM_WAKE_FOREVER);
        handle_close_all();
        destroy_all();
        atomic_store(&drained, true);
        dm_wake_all();
        return NULL;
}

/* ---- force ------------------------------------------------------------------------------------------------ */

static char *report_given_up(void)
{
        g_autoptr(GArray) corpses = dm_graveyard();
        GString *report = g_string_new(NULL);

        for (unsigned i = 0; i < corpses->len; i++) {
                struct dm_corpse *corpse = &g_array_index(corpses, struct dm_corpse, i);

                if (corpse->references)
                        g_string_append_printf(report, "%s: given up with %u reference%s\n",
                                               corpse->name, corpse->references,
                                               corpse->references == 1 ? "" : "s");
        }
        return g_string_free(report, FALSE);
}

static bool force(struct drain *d, char **ret_report)
{
        uint64_t deadline = dm_clock_real_ns() + FORCE_GRACE_NS;
        bool clean;

        atomic_store(&refusing, true);
        dm_destroy_all_immediate();
        request_abandon(0);
        mountpoint_detach(d->mountpoint);
        session_abort(d->session);
        clean = session_join(d->session, deadline) == 0;
        if (clean)
                handle_close_all();
        *ret_report = report_given_up();
        return clean;
}

/* ---- both ------------------------------------------------------------------------------------------------- */

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

/* True when the drain is through, false when it is to turn into force. */
static bool wait_for_drain(uint64_t deadline)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (atomic_load(&drained))
                        return true;
                if (atomic_load(&forced) || is_time(deadline))
                        return false;
                dm_wake_wait(seen, deadline);
        }
}

bool teardown_run(struct session *s, const char *mountpoint, bool force_always, unsigned timeout_s,
                  char **ret_report)
{
        static struct drain d;
        uint64_t deadline;
        pthread_t thread;

        d = (struct drain){s, mountpoint};
        wait_for_wish(s);
        if (force_always)
                atomic_store(&forced, true);
        deadline = timeout_s ? dm_clock_real_ns() + timeout_s * (uint64_t)DM_NS_PER_S
                             : DM_WAKE_FOREVER;
        if (!atomic_load(&forced) && !pthread_create(&thread, NULL, drain, &d)) {
                if (wait_for_drain(deadline)) {
                        pthread_join(thread, NULL);
                        *ret_report = g_strdup(atomic_load(&sync_failed)
                                                       ? "flushing a backing failed: see the log\n"
                                                       : "");
                        return true;
                }
                pthread_detach(thread);
                atomic_store(&forced, true);
                force(&d, ret_report);
                return false; /* the drain's thread may hang */
        }
        return force(&d, ret_report);
}
