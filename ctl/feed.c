/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals to one subscriber.  GIO would queue without end for a client that does not read, so only a batch
 * at a time is handed to it, the next one when that is written; what does not fit the queue meanwhile is
 * dropped, and the client is told so.
 */
#include "ctl/place.h"
#include "ctl/server-internal.h"

#define QUEUE_MAX 16384u
#define BATCH 64u

struct ctl_feed {
        _Atomic unsigned refs;
        GDBusConnection *connection;
        struct dm_mutex lock; /* a leaf */
        GQueue queue;         /* guarded: lock; GVariant * */
        bool lost;            /* guarded: lock */
        bool sending;         /* guarded: lock; a batch is under way, or asked for */
};

struct ctl_feed *ctl_feed_new(GDBusConnection *connection)
{
        struct ctl_feed *feed = g_new0(struct ctl_feed, 1);

        atomic_init(&feed->refs, 1);
        feed->connection = g_object_ref(connection);
        dm_mutex_init(&feed->lock);
        g_queue_init(&feed->queue);
        return feed;
}

struct ctl_feed *ctl_feed_ref(struct ctl_feed *feed)
{
        atomic_fetch_add(&feed->refs, 1);
        return feed;
}

void ctl_feed_unref(struct ctl_feed *feed)
{
        if (atomic_fetch_sub(&feed->refs, 1) != 1)
                return;
        g_queue_clear_full(&feed->queue, (GDestroyNotify)g_variant_unref);
        dm_mutex_destroy(&feed->lock);
        g_object_unref(feed->connection);
        g_free(feed);
}

bool ctl_feed_is_for(const struct ctl_feed *feed, const GDBusConnection *connection)
{
        return feed->connection == connection;
}

bool ctl_feed_push(struct ctl_feed *feed, GVariant *arguments)
{
        bool start;

        g_variant_ref_sink(arguments);

        DM_LOCK_SCOPE(&feed->lock);
        if (g_queue_get_length(&feed->queue) < QUEUE_MAX) {
                g_queue_push_tail(&feed->queue, arguments);
        } else {
                feed->lost = true;
                g_variant_unref(arguments);
        }
        start = !feed->sending;
        feed->sending = true;
        if (start)
                ctl_feed_ref(feed); /* for ctl_feed_send() */
        return start;
}

/* Up to a batch of what is queued; false: there is nothing, and the sending ends. */
static bool take_batch(struct ctl_feed *feed, GQueue *batch)
{
        DM_LOCK_SCOPE(&feed->lock);
        while (g_queue_get_length(batch) < BATCH && g_queue_get_length(&feed->queue))
                g_queue_push_tail(batch, g_queue_pop_head(&feed->queue));
        if (feed->lost && g_queue_is_empty(&feed->queue)) {
                feed->lost = false;
                g_queue_push_tail(batch, g_variant_ref_sink(g_variant_new("(ssst)", "lost", "", "",
                                                                          (uint64_t)0)));
        }
        feed->sending = !g_queue_is_empty(batch);
        return feed->sending;
}

static void written(GObject *connection, GAsyncResult *result, gpointer feed)
{
        if (g_dbus_connection_flush_finish(G_DBUS_CONNECTION(connection), result, NULL))
                ctl_feed_send(feed);
        else
                ctl_feed_unref(feed); /* closed: `sending' stays, so that nothing more is tried */
}

void ctl_feed_send(void *user)
{
        struct ctl_feed *feed = user;
        GQueue batch = G_QUEUE_INIT;
        GVariant *arguments;

        if (!take_batch(feed, &batch)) {
                ctl_feed_unref(feed);
                return;
        }
        while ((arguments = g_queue_pop_head(&batch))) {
                g_dbus_connection_emit_signal(feed->connection, NULL, CTL_OBJECT_PATH,
                                              "org.fusemap.Control1", "Changed", arguments, NULL);
                g_variant_unref(arguments);
        }
        g_dbus_connection_flush(feed->connection, NULL, written, feed);
}
