/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine changed, the kernel is told: a swapped table drops the cached pages of the file; and what
 * a listing has said of names and sizes is taken back when it is not so any more.
 *
 * A listing that was answered before a change may come to be kept after the kernel was told of it.  Who
 * lists holds the directory's lock until all is kept, and taking back a name takes that lock: so a name comes
 * first, if need be one that nothing has, and the file then.
 *
 * Never in the thread of the change or of a request, for the kernel may wait for a read that is under way.
 * Such a wait can be long (a suspended device).  So two threads share the work: one tells the kernel, and
 * when it does not come back for a while, the other takes its place and a new one stands by.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "fs.h"

#define SETTLE_NS (2 * 1000000000ull)
#define STOP_NS (300 * (uint64_t)DM_NS_PER_MS)
#define STUCK_NS (10 * (uint64_t)DM_NS_PER_MS)

struct notification {
        struct notification *next, **link;
        uint64_t id;
        uint64_t number; /* in the order in which they came */
        char *name;    /* to be taken back; NULL: none */
        bool contents; /* and the size */
        bool killed;
};

static struct dm_mutex notify = DM_MUTEX_INIT;

/* guarded: notify */
static struct notification *queue, **queue_end = &queue; /* to be told, in order */
static struct notification *told;                        /* being told: one, and those that are stuck */
static pthread_cond_t work;                              /* the queue has grown; the end has come */
static uint64_t last_number;
static uint64_t turn;       /* counts the notifications begun */
static uint64_t turn_began; /* when the last of them was, if it goes on; 0: no thread tells */
static bool watched;        /* the other thread looks at the clock already */
static unsigned settling;   /* how many wait for notifications to be over */
static bool stopping;
static unsigned threads;

static _Atomic bool listed; /* ever */
static unsigned subscription;
static struct session *session;

/* ---- the threads -------------------------------------------------------------------------------- */

static void *tell_all(void *unused);

static void start_thread(void)
{
        pthread_t thread;

        dm_assert_held(&notify);
        if (pthread_create(&thread, NULL, tell_all, NULL))
                return;
        pthread_detach(thread);
        threads++;
}

static void append(struct notification *n)
{
        n->next = NULL;
        n->link = queue_end;
        *queue_end = n;
        queue_end = &n->next;
}

static struct notification *pop(void)
{
        struct notification *n = queue;

        queue = n->next;
        if (queue)
                queue->link = &queue;
        else
                queue_end = &queue;
        return n;
}

static void move_to_told(struct notification *n)
{
        n->next = told;
        n->link = &told;
        if (told)
                told->link = &n->next;
        told = n;
}

/* Whether the thread that tells is stuck, so that the caller is to take its place. */
static bool is_time(void)
{
        return dm_clock_real_ns() >= turn_began + STUCK_NS;
}

/* The next notification, the caller's to tell now; NULL at the end. */
static struct notification *next_turn(void)
{
        dm_assert_held(&notify);
        for (;;) {
                if (stopping)
                        return NULL;
                if (queue && !turn_began)
                        break;
                if (queue && is_time()) {
                        start_thread();
                        break;
                }
                watched = queue != NULL;
                if (queue)
                        dm_cond_wait_until(&work, &notify, turn_began + STUCK_NS);
                else
                        dm_cond_wait(&work, &notify);
                watched = false;
        }
        turn++;
        turn_began = dm_clock_real_ns();
        return pop();
}

static void tell(const struct notification *n)
{
        if (n->killed)
                request_abandon(n->id);
        /* ENOENT: the kernel does not know the name; or the file, so has no pages of it */
        if (n->name)
                fuse_lowlevel_notify_inval_entry(session_fuse(session), FUSE_ROOT_ID, n->name,
                                                 strlen(n->name));
        if (n->contents)
                fuse_lowlevel_notify_inval_inode(session_fuse(session), n->id + FUSE_ROOT_ID, 0, 0);
}

static void take_out(struct notification *n)
{
        *n->link = n->next;
        if (n->next)
                n->next->link = n->link;
        g_free(n->name);
        g_free(n);
        if (settling)
                dm_wake_all();
}

static void *tell_all(void *unused)
{
        struct notification *n;

        pthread_setname_np(pthread_self(), "notify");
        dm_mutex_lock(&notify);
        while ((n = next_turn())) {
                uint64_t mine = turn;

                move_to_told(n);
                dm_mutex_unlock(&notify);
                tell(n);
                dm_mutex_lock(&notify);
                take_out(n);
                if (turn != mine)
                        break; /* it took too long: others go on */
                turn_began = 0;
        }
        threads--;
        if (settling)
                dm_wake_all();
        dm_mutex_unlock(&notify);
        return NULL;
}

/* The name to be taken back; NULL: none.  Owner and mode the kernel has changed itself. */
static char *name_to_take_back(const struct dm_event *event)
{
        if (!atomic_load(&listed))
                return NULL;
        switch (event->type) {
        case DM_EVENT_HIDDEN:
                return g_strdup(event->name);
        case DM_EVENT_RENAMED:
                return g_strdup(event->old_name);
        case DM_EVENT_TABLE:
                return g_strnfill(DM_NAME_MAX + 1, '-'); /* too long for any device */
        default:
                return NULL;
        }
}

static void on_event(const struct dm_event *event, void *unused)
{
        struct notification *n;
        bool killed = event->type == DM_EVENT_KILLED;
        bool contents = killed || event->type == DM_EVENT_TABLE;
        char *name = name_to_take_back(event);

        if (!contents && !name)
                return;
        n = g_new0(struct notification, 1);
        n->id = event->id;
        n->name = name;
        n->contents = contents;
        n->killed = killed;

        DM_LOCK_SCOPE(&notify);
        n->number = ++last_number;
        append(n);
        if (!turn_began || !watched)
                pthread_cond_signal(&work);
}

void notify_listed(void)
{
        if (!atomic_load(&listed))
                atomic_store(&listed, true);
}

/* ---- waiting ------------------------------------------------------------------------------------ */

/* What is to be over. */
struct awaited {
        uint64_t id;     /* of this device; 0: of any */
        uint64_t number; /* up to this one: those that came later do not matter */
        bool threads;    /* and no thread is left */
};

static bool is_in(const struct notification *n, const struct awaited *what)
{
        for (; n; n = n->next)
                if ((!what->id || n->id == what->id) && n->number <= what->number)
                        return true;
        return false;
}

static bool is_settled(const struct awaited *what)
{
        DM_LOCK_SCOPE(&notify);
        return !is_in(queue, what) && !is_in(told, what) && !(what->threads && threads);
}

/* Begins to wait: threads say from now on when one is over.  The number of the latest. */
static uint64_t begin_settling(void)
{
        DM_LOCK_SCOPE(&notify);
        settling++;
        return last_number;
}

static void end_settling(void)
{
        DM_LOCK_SCOPE(&notify);
        settling--;
}

/* All that has come up to now of device ID, or of any (0), and that of the threads; false: not in time. */
static bool settle_until(uint64_t id, bool end_of_threads, uint64_t deadline)
{
        const struct awaited what = {id, begin_settling(), end_of_threads};
        bool settled, in_time = true;

        for (;;) {
                uint32_t seen = dm_wake_prepare();

                settled = is_settled(&what);
                if (settled || !in_time)
                        break;
                in_time = dm_wake_wait(seen, deadline);
        }
        end_settling();
        return settled;
}

void notify_settle(uint64_t id)
{
        settle_until(id, false, dm_clock_real_ns() + SETTLE_NS);
}

void notify_start(struct session *s)
{
        session = s;
        dm_cond_init(&work);
        {
                DM_LOCK_SCOPE(&notify);
                start_thread();
                start_thread();
                if (!threads)
                        g_error("cannot start the notifications' thread");
        }
        subscription = dm_subscribe(on_event, NULL);
}

static void drop_queue(void)
{
        dm_assert_held(&notify);
        while (queue) {
                struct notification *n = pop();

                g_free(n->name);
                g_free(n);
        }
        if (settling)
                dm_wake_all();
}

void notify_close(void)
{
        static _Atomic bool closed;

        if (!atomic_exchange(&closed, true))
                dm_unsubscribe(subscription);

        DM_LOCK_SCOPE(&notify);
        drop_queue();
        stopping = true;
        pthread_cond_broadcast(&work);
}

bool notify_stop(void)
{
        notify_close();
        return settle_until(0, true, dm_clock_real_ns() + STOP_NS);
}
