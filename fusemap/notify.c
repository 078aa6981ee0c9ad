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
        struct notification *next, **link; /* guarded: notify */
        struct fuse_session *fuse;
        uint64_t id;
        bool killed;
};

static struct dm_mutex notify = DM_MUTEX_INIT;
static struct notification *pending; /* guarded: notify */
static unsigned subscription;
static struct session *session;

static void enlist(struct notification *n)
{
        DM_LOCK_SCOPE(&notify);
        n->next = pending;
        n->link = &pending;
        if (pending)
                pending->link = &n->next;
        pending = n;
}

static void done(struct notification *n)
{
        {
                DM_LOCK_SCOPE(&notify);
                *n->link = n->next;
                if (n->next)
                        n->next->link = n->link;
        }
        g_free(n);
        dm_wake_all();
}

static void *tell(void *arg)
{
        struct notification *n = arg;

        if (n->killed)
                request_abandon(n->id);
        /* ENOENT: the kernel does not know the file, so has no pages of it */
        fuse_lowlevel_notify_inval_inode(n->fuse, n->id + FUSE_ROOT_ID, 0, 0);
        done(n);
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
        enlist(n);
        if (pthread_create(&thread, NULL, tell, n))
                done(n);
        else
                pthread_detach(thread);
}

/* Whether nothing is under way for device ID, or with 0 for any. */
static bool is_settled(uint64_t id)
{
        DM_LOCK_SCOPE(&notify);
        for (struct notification *n = pending; n; n = n->next)
                if (!id || n->id == id)
                        return false;
        return true;
}

static bool settle_until(uint64_t id, uint64_t deadline)
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (is_settled(id))
                        return true;
                if (!dm_wake_wait(seen, deadline))
                        return is_settled(id);
        }
}

void notify_settle(uint64_t id)
{
        settle_until(id, dm_clock_real_ns() + SETTLE_NS);
}

void notify_start(struct session *s)
{
        session = s;
        subscription = dm_subscribe(on_event, NULL);
}

bool notify_stop(void)
{
        dm_unsubscribe(subscription);
        return settle_until(0, dm_clock_real_ns() + SETTLE_NS);
}
