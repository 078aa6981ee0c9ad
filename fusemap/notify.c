/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine changed, the kernel is told: a swapped table drops the cached pages of the file.
 *
 * Never in the thread of the change or of a request, for the kernel may wait for a read that is under way.
 * Such a wait can be long (a suspended device), so each notification has a thread of its own.
 */
#include <errno.h>

#include "fs.h"

#define SETTLE_NS (2 * 1000000000ull)

struct notification {
        struct fuse_session *fuse;
        uint64_t id;
        bool killed;
};

static struct dm_mutex notify = DM_MUTEX_INIT;
static unsigned pending; /* guarded: notify */
static unsigned subscription;
static struct session *session;

static void done(void)
{
        {
                DM_LOCK_SCOPE(&notify);
                pending--;
        }
        dm_wake_all();
}

static void *tell(void *arg)
{
        struct notification *n = arg;

        if (n->killed)
                request_abandon(n->id);
        /* ENOENT: the kernel does not know the file, so has no pages of it */
        fuse_lowlevel_notify_inval_inode(n->fuse, n->id + FUSE_ROOT_ID, 0, 0);
        g_free(n);
        done();
        return NULL;
}

static void on_event(const struct dm_event *event, void *unused)
{
        struct notification *n;
        pthread_t thread;

        if (event->type != DM_EVENT_TABLE && event->type != DM_EVENT_KILLED)
                return;
        n = g_new0(struct notification, 1);
        n->fuse = session_fuse(session);
        n->id = event->id;
        n->killed = event->type == DM_EVENT_KILLED;
        {
                DM_LOCK_SCOPE(&notify);
                pending++;
        }
        if (pthread_create(&thread, NULL, tell, n)) {
                g_free(n);
                done();
        } else {
                pthread_detach(thread);
        }
}

static bool is_settled(void)
{
        DM_LOCK_SCOPE(&notify);
        return !pending;
}

static bool settle_until(uint64_t deadline)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (is_settled())
                        return true;
                if (!dm_wake_wait(seen, deadline))
                        return is_settled();
        }
}

void notify_settle(void)
{
        settle_until(dm_clock_real_ns() + SETTLE_NS);
}

void notify_start(struct session *s)
{
        session = s;
        subscription = dm_subscribe(on_event, NULL);
}

bool notify_stop(void)
{
        dm_unsubscribe(subscription);
        return settle_until(dm_clock_real_ns() + SETTLE_NS);
}
