/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the control server share. */
#ifndef CTL_SERVER_INTERNAL_H
#define CTL_SERVER_INTERNAL_H

#include <gio/gio.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/sync.h"
#include "ctl/server.h"
#include "dm.h"

struct ctl_listener;

struct ctl_server {
        char *mountpoint;
        struct ctl_server_hooks hooks;
        struct ctl_listener *listener;
        unsigned subscription; /* to the engine's events */

        struct dm_mutex feeds_lock; /* a leaf: events come with the events lock held */
        GPtrArray *feeds;           /* guarded: feeds_lock; struct ctl_feed *, each a reference */

        struct dm_mutex lock;       /* "ctl" in the lock order */
        GPtrArray *clients;         /* guarded: lock; struct ctl_client *, each a reference */
        GPtrArray *unmounts;        /* guarded: lock; GDBusMethodInvocation *, to be answered at the end */
        unsigned running;           /* guarded: lock; threads that carry out calls */
        _Atomic bool quiesced;
};

/* One connection. */
struct ctl_client {
        _Atomic unsigned refs;
        struct ctl_server *server;
        GDBusConnection *connection;
        _Atomic bool closed;

        /* guarded: lock of the server */
        struct ctl_call *first, **last; /* calls that wait for a thread */
        unsigned threads;
};

/* One call on its way. */
struct ctl_call {
        struct ctl_call *next;
        struct ctl_client *client;
        GDBusMethodInvocation *invocation;
        char *method;
        GVariant *arguments;
        struct mapped_device *md; /* for methods on a device: a reference, that they may consume */
        bool deferred;    /* set by a method that answers later by itself */
        uint64_t changed; /* whose change the kernel has to hear of: an id, CTL_ALL_DEVICES, 0 */
};

/* ---- server.c ----------------------------------------------------------------------------------- */

/* The name of ERROR's errno: "EBUSY" ...  Static. */
const char *ctl_error_name(const GError *error);
/* Begins or ends the signals of CLIENT.  Any thread. */
void ctl_client_subscribe(struct ctl_client *client, bool on);

/* ---- listen.c: the socket, and the thread that GIO delivers in ------------------------------------ */

/* FN gets each new connection, CALL each method call, in the listener's thread. */
struct ctl_listener_hooks {
        void *(*connected)(GDBusConnection *connection, void *user); /* gives what CALL is told */
        void (*disconnected)(void *client);
        void (*call)(void *client, GDBusMethodInvocation *invocation, const char *method,
                     GVariant *arguments);
        void *user;
};

/* Makes the socket and the thread.  Errors: what making the socket gives.  Control context. */
struct ctl_listener *ctl_listener_start(const char *mountpoint, const char *socket_path,
                                        const struct ctl_listener_hooks *hooks, GError **error);
const char *ctl_listener_socket(const struct ctl_listener *listener);
/* Runs FN(USER) in the listener's thread, soon.  Any thread. */
void ctl_listener_invoke(struct ctl_listener *listener, void (*fn)(void *user), void *user);
/* Removes the socket, ends the thread and frees.  Control context, not the thread itself. */
void ctl_listener_stop(struct ctl_listener *listener);

/* ---- bus.c ---------------------------------------------------------------------------------------- */

/* Answers on CONNECTION what a client of a message bus asks first. */
void ctl_bus_register(GDBusConnection *connection);

/* ---- methods/ ------------------------------------------------------------------------------------- */

/* Carries out CALL: its answer, or NULL with ERROR, or NULL without when `deferred' is set.  May wait
 * for long.  A call's own thread. */
GVariant *ctl_method_run(struct ctl_call *call, GError **error);

/* ---- dict.c ----------------------------------------------------------------------------------------- */

/* A key that an options dictionary may have.  TYPE is 'b' (VALUE: bool *), 'u' (uint32_t *), or 's'
 * (const char **, which lives as long as the dictionary). */
struct ctl_key {
        const char *name;
        char type;
        void *value;
};

/* Reads DICT, an a{sv}, into the values of KEYS; those that are not in it stay as they are.  The error
 * (DM_ERROR, EINVAL) names an unknown key or one of another type.  Any thread. */
bool ctl_dict_read(GVariant *dict, const struct ctl_key *keys, size_t count, GError **error);

/* ---- feed.c: the signals of one subscriber ---------------------------------------------------------- */

/* What is to be sent is kept here, in order and bounded, and goes out as fast as the client reads. */
struct ctl_feed *ctl_feed_new(GDBusConnection *connection);
struct ctl_feed *ctl_feed_ref(struct ctl_feed *feed);
void ctl_feed_unref(struct ctl_feed *feed);
bool ctl_feed_is_for(const struct ctl_feed *feed, const GDBusConnection *connection);
/* Queues a signal's arguments (sunk).  True when ctl_feed_send() has to be called.  Any thread; takes a leaf
 * lock only. */
bool ctl_feed_push(struct ctl_feed *feed, GVariant *arguments);
/* Sends what is queued.  The listener's thread. */
void ctl_feed_send(void *feed);

#endif
