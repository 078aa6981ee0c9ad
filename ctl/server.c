/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control server: connections, and the threads that carry out their calls.
 *
 * Calls are queued in the order in which they come; each connection has threads of its own, made on
 * demand, so that a call which waits holds up none of another client, and of its own only when there are
 * very many.
 */
#include "ctl/server-internal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/wake.h"
#include "ctl/place.h"

#define CLIENT_THREADS_MAX 32u
#define MESSAGE_MAX (128u << 20) /* bytes; D-Bus Specification, "Message Format" */

/* ---- clients ------------------------------------------------------------------------------------ */

static struct ctl_client *client_ref(struct ctl_client *client)
{
        atomic_fetch_add(&client->refs, 1);
        return client;
}

static void client_unref(struct ctl_client *client)
{
        if (atomic_fetch_sub(&client->refs, 1) != 1)
                return;
        g_object_unref(client->connection);
        g_free(client);
}

static void *on_connected(GDBusConnection *connection, void *user)
{
        struct ctl_server *server = user;
        struct ctl_client *client = g_new0(struct ctl_client, 1);

        atomic_init(&client->refs, 1);
        client->server = server;
        client->connection = g_object_ref(connection);
        client->last = &client->first;

        DM_LOCK_SCOPE(&server->lock);
        g_ptr_array_add(server->clients, client);
        return client;
}

static void on_disconnected(void *user)
{
        struct ctl_client *client = user;

        atomic_store(&client->closed, true);
        {
                DM_LOCK_SCOPE(&client->server->lock);
                g_ptr_array_remove_fast(client->server->clients, client);
        }
        ctl_client_subscribe(client, false);
        dm_wake_all(); /* a wait for an event ends */
        client_unref(client);
}

/* ---- calls ---------------------------------------------------------------------------------------- */

const char *ctl_error_name(const GError *error)
{
        const char *name = error->domain == DM_ERROR ? strerrorname_np(error->code) : NULL;

        return name ? name : "EIO";
}

static void answer_error(GDBusMethodInvocation *invocation, const GError *error)
{
        g_autofree char *name = g_strconcat(CTL_ERROR_PREFIX, ctl_error_name(error), NULL);
        g_autofree char *message = g_utf8_make_valid(error->message, -1);

        g_dbus_method_invocation_return_dbus_error(invocation, name, message);
}

/* Whether ANSWER fits into a message: GIO sends one that is too long, and then the client hangs up. */
static bool fits(GDBusMethodInvocation *invocation, GVariant *answer)
{
        g_autoptr(GDBusMessage) reply = NULL;
        g_autofree unsigned char *blob = NULL;
        size_t size;

        if (g_variant_get_size(answer) <= MESSAGE_MAX / 4)
                return true;
        reply = g_dbus_message_new_method_reply(g_dbus_method_invocation_get_message(invocation));
        g_dbus_message_set_body(reply, answer);
        blob = g_dbus_message_to_blob(reply, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
        return blob && size <= MESSAGE_MAX;
}

static void answer(GDBusMethodInvocation *invocation, GVariant *value)
{
        g_autoptr(GVariant) sunk = g_variant_ref_sink(value);
        g_autoptr(GError) error = NULL;

        if (fits(invocation, sunk)) {
                g_dbus_method_invocation_return_value(invocation, sunk);
                return;
        }
        g_set_error(&error, DM_ERROR, EMSGSIZE, "the answer is longer than %u MiB",
                    MESSAGE_MAX >> 20);
        answer_error(invocation, error);
}

static void call_free(struct ctl_call *call)
{
        g_variant_unref(call->arguments);
        g_free(call->method);
        g_free(call);
}

static void carry_out(struct ctl_call *call)
{
        struct ctl_server *server = call->client->server;
        g_autoptr(GError) error = NULL;
        GVariant *value;

        if (atomic_load(&server->quiesced)) {
                value = NULL;
                g_set_error(&error, DM_ERROR, ESHUTDOWN, "the mount is ending");
        } else {
                value = ctl_method_run(call, &error);
        }
        if (call->changed && server->hooks.settle)
                server->hooks.settle(call->changed, server->hooks.user);
        if (error)
                answer_error(call->invocation, error);
        else if (!call->deferred)
                answer(call->invocation, value);
        call_free(call);
}

/* The next call of CLIENT; NULL: its thread is not needed any more, and does not count from now on. */
static struct ctl_call *next_call(struct ctl_client *client)
{
        struct ctl_server *server = client->server;
        struct ctl_call *call;

        DM_LOCK_SCOPE(&server->lock);
        call = client->first;
        if (!call) {
                client->threads--;
                server->running--;
                return NULL;
        }
        client->first = call->next;
        if (!client->first)
                client->last = &client->first;
        return call;
}

static void *run_calls(void *user)
{
        struct ctl_client *client = user;
        struct ctl_call *call;

        pthread_setname_np(pthread_self(), "ctl-call");
        while ((call = next_call(client)))
                carry_out(call);
        dm_wake_all(); /* ctl_server_stop() may wait; SERVER may be gone from here on */
        client_unref(client);
        return NULL;
}

static bool start_thread(struct ctl_client *client)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, run_calls, client_ref(client))) {
                client_unref(client);
                return false;
        }
        pthread_detach(thread);
        return true;
}

/* Queues CALL; true when a thread has to be started for it, which is counted already. */
static bool queue(struct ctl_client *client, struct ctl_call *call)
{
        DM_LOCK_SCOPE(&client->server->lock);
        *client->last = call;
        client->last = &call->next;
        if (client->threads >= CLIENT_THREADS_MAX)
                return false;
        client->threads++;
        client->server->running++;
        return true;
}

static void on_call(void *user, GDBusMethodInvocation *invocation, const char *method,
                    GVariant *arguments)
{
        struct ctl_client *client = user;
        struct ctl_call *call;

        if (!client) { /* closed meanwhile */
                g_object_unref(invocation);
                return;
        }
        call = g_new0(struct ctl_call, 1);
        call->client = client;
        call->invocation = invocation;
        call->method = g_strdup(method);
        call->arguments = g_variant_ref(arguments);
        if (queue(client, call) && !start_thread(client))
                run_calls(client_ref(client)); /* out of threads: then here */
}

/* ---- events for subscribers ----------------------------------------------------------------------------- */

static const char *const event_names[] = {
        [DM_EVENT_CREATED] = "created",       [DM_EVENT_APPEARED] = "appeared",
        [DM_EVENT_HIDDEN] = "hidden",         [DM_EVENT_RENAMED] = "renamed",
        [DM_EVENT_TABLE] = "table",           [DM_EVENT_SUSPENDED] = "suspended",
        [DM_EVENT_RESUMED] = "resumed",       [DM_EVENT_ATTRIBUTES] = "attributes",
        [DM_EVENT_KILLED] = "killed",         [DM_EVENT_TARGET] = "event",
};

static void unref_feed(gpointer feed)
{
        ctl_feed_unref(feed);
}

static GPtrArray *feeds_now(struct ctl_server *server)
{
        GPtrArray *feeds = g_ptr_array_new_with_free_func(unref_feed);

        DM_LOCK_SCOPE(&server->feeds_lock);
        for (unsigned i = 0; i < server->feeds->len; i++)
                g_ptr_array_add(feeds, ctl_feed_ref(server->feeds->pdata[i]));
        return feeds;
}

/* In the thread of the change, with the events lock held. */
static void on_event(const struct dm_event *event, void *user)
{
        struct ctl_server *server = user;
        g_autoptr(GPtrArray) feeds = feeds_now(server);

        for (unsigned i = 0; i < feeds->len; i++) {
                GVariant *arguments = g_variant_new("(ssst)", event_names[event->type], event->name,
                                                    event->old_name ? event->old_name : "",
                                                    event->id);

                if (ctl_feed_push(feeds->pdata[i], arguments))
                        ctl_listener_invoke(server->listener, ctl_feed_send, feeds->pdata[i]);
        }
}

static void drop_feed(struct ctl_server *server, const GDBusConnection *connection)
{
        DM_LOCK_SCOPE(&server->feeds_lock);
        for (unsigned i = 0; i < server->feeds->len; i++) {
                if (ctl_feed_is_for(server->feeds->pdata[i], connection)) {
                        g_ptr_array_remove_index_fast(server->feeds, i);
                        return;
                }
        }
}

void ctl_client_subscribe(struct ctl_client *client, bool on)
{
        struct ctl_server *server = client->server;

        drop_feed(server, client->connection);
        if (!on)
                return;
        {
                DM_LOCK_SCOPE(&server->feeds_lock);
                g_ptr_array_add(server->feeds, ctl_feed_new(client->connection));
        }
        if (atomic_load(&client->closed))
                drop_feed(server, client->connection); /* it closed just now */
}

/* ---- start and stop ------------------------------------------------------------------------------------- */

static struct ctl_server *server_new(const char *mountpoint, const struct ctl_server_hooks *hooks)
{
        struct ctl_server *server = g_new0(struct ctl_server, 1);

        server->mountpoint = g_strdup(mountpoint);
        server->hooks = *hooks;
        dm_mutex_init(&server->lock);
        dm_mutex_init(&server->feeds_lock);
        server->clients = g_ptr_array_new();
        server->unmounts = g_ptr_array_new();
        server->feeds = g_ptr_array_new_with_free_func(unref_feed);
        return server;
}

static void server_free(struct ctl_server *server)
{
        g_ptr_array_unref(server->feeds);
        g_ptr_array_unref(server->unmounts);
        g_ptr_array_unref(server->clients);
        dm_mutex_destroy(&server->feeds_lock);
        dm_mutex_destroy(&server->lock);
        g_free(server->mountpoint);
        g_free(server);
}

struct ctl_server *ctl_server_start(const char *mountpoint, const char *socket_path,
                                    const struct ctl_server_hooks *hooks, GError **error)
{
        struct ctl_server *server = server_new(mountpoint, hooks);
        const struct ctl_listener_hooks listener_hooks = {
                .connected = on_connected,
                .disconnected = on_disconnected,
                .call = on_call,
                .user = server,
        };

        server->listener = ctl_listener_start(mountpoint, socket_path, &listener_hooks, error);
        if (!server->listener) {
                server_free(server);
                return NULL;
        }
        server->subscription = dm_subscribe(on_event, server);
        return server;
}

const char *ctl_server_socket(const struct ctl_server *server)
{
        return ctl_listener_socket(server->listener);
}

void ctl_server_quiesce(struct ctl_server *server)
{
        atomic_store(&server->quiesced, true);
        dm_wake_all();
}

static unsigned running(struct ctl_server *server)
{
        DM_LOCK_SCOPE(&server->lock);
        return server->running;
}

/* Gives the calls in progress GRACE_NS; how many are left. */
static unsigned wait_for_calls(struct ctl_server *server, uint64_t grace_ns)
{
        uint64_t deadline = dm_clock_real_ns() + grace_ns;

        for (;;) {
                uint32_t seen = dm_wake_prepare();
                unsigned left = running(server);

                if (!left || !dm_wake_wait(seen, deadline))
                        return left;
        }
}

static GPtrArray *take_unmounts(struct ctl_server *server)
{
        GPtrArray *taken;

        DM_LOCK_SCOPE(&server->lock);
        taken = server->unmounts;
        server->unmounts = g_ptr_array_new();
        return taken;
}

unsigned ctl_server_stop(struct ctl_server *server, const char *report, uint64_t grace_ns)
{
        unsigned left = wait_for_calls(server, grace_ns);
        g_autoptr(GPtrArray) unmounts = take_unmounts(server);

        dm_unsubscribe(server->subscription);
        for (unsigned i = 0; i < unmounts->len; i++)
                g_dbus_method_invocation_return_value(unmounts->pdata[i],
                                                      g_variant_new("(s)", report));
        ctl_listener_stop(server->listener);
        /* calls may have come up to now */
        if (!left)
                left = wait_for_calls(server, grace_ns);
        if (!left)
                server_free(server);
        return left;
}
