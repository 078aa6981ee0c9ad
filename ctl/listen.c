/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket, and the thread that GIO delivers in: it runs the default main context, for GIO makes the
 * connections of a GDBusServer in threads of its own and tells of their end in that context.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/control.h"
#include "ctl/place.h"
#include "ctl/server-internal.h"

/* How many may be connected at a time; fewer where descriptors are few, for backings need them. */
#define CONNECTIONS_MAX 1024u
/* So many more are told that they are too many, when they call. */
#define REFUSED_MAX 16u
/* How long the end waits for clients that do not read their answers. */
#define CLOSE_MS 500

struct ctl_listener {
        struct ctl_listener_hooks hooks;
        char *path;
        GMainContext *context;
        GMainLoop *loop;
        GDBusServer *server;
        GDBusAuthObserver *observer;
        pthread_t thread;
        unsigned allowed;        /* connections; constant */
        GHashTable *connections; /* the thread's own: GDBusConnection * -> struct peer * */
        bool closing;            /* the thread's own */

        struct dm_mutex lock;             /* a leaf */
        struct invocation *first, **last; /* guarded: lock */
};

struct peer {
        void *client;          /* of the hooks; NULL: one too many */
        unsigned registration; /* of our object */
};

static bool fail(GError **error, int code, const char *what)
{
        g_set_error(error, DM_ERROR, code, "%s: %s", what, g_strerror(code));
        return false;
}

/* ---- the place -------------------------------------------------------------------------------------- */

/* DIR is there, ours alone. */
static bool own_directory(const char *dir, GError **error)
{
        struct stat st;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return fail(error, errno, dir);
        if (lstat(dir, &st) < 0)
                return fail(error, errno, dir);
        if (!S_ISDIR(st.st_mode))
                return fail(error, ENOTDIR, dir);
        if (st.st_uid != getuid() || (st.st_mode & 077)) {
                g_set_error(error, DM_ERROR, EACCES,
                            "%s: must belong to this user alone (mode 0700)", dir);
                return false;
        }
        return true;
}

static char *default_path(const char *mountpoint, GError **error)
{
        g_auto(GStrv) dirs = ctl_place_directories();
        g_autoptr(GError) first = NULL;

        for (char **dir = dirs; *dir; dir++) {
                if (own_directory(*dir, first ? NULL : &first))
                        return ctl_place_socket(*dir, mountpoint);
        }
        g_propagate_error(error, g_steal_pointer(&first));
        return NULL;
}

/* Whether somebody answers at PATH. */
static bool is_live(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool live;

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        live = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        if (fd >= 0)
                close(fd);
        return live;
}

/* ---- GIO's calls, in the thread ----------------------------------------------------------------------- */

/* The same user, or root. */
static gboolean on_authorize(GDBusAuthObserver *observer, GIOStream *stream, GCredentials *who,
                             gpointer unused)
{
        uid_t uid = who ? g_credentials_get_unix_user(who, NULL) : (uid_t)-1;

        return uid == getuid() || uid == 0;
}

static gboolean on_mechanism(GDBusAuthObserver *observer, const char *mechanism, gpointer unused)
{
        return g_str_equal(mechanism, "EXTERNAL");
}

static void flushed(GObject *connection, GAsyncResult *result, gpointer unused)
{
        g_dbus_connection_flush_finish(G_DBUS_CONNECTION(connection), result, NULL);
        g_dbus_connection_close(G_DBUS_CONNECTION(connection), NULL, NULL, NULL);
}

/* Says why, and hangs up. */
static void refuse(struct ctl_listener *l, GDBusConnection *connection,
                   GDBusMethodInvocation *invocation)
{
        g_autofree char *why = g_strdup_printf("%u clients are connected, and no more may be",
                                               l->allowed);

        g_dbus_method_invocation_return_dbus_error(invocation, CTL_ERROR_PREFIX "EUSERS", why);
        g_dbus_connection_flush(connection, NULL, flushed, NULL);
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path,
                    const char *interface, const char *method, GVariant *arguments,
                    GDBusMethodInvocation *invocation, gpointer user)
{
        struct ctl_listener *l = user;
        struct peer *peer = g_hash_table_lookup(l->connections, connection);

        if (peer && !peer->client)
                refuse(l, connection, invocation);
        else
                l->hooks.call(peer ? peer->client : NULL, invocation, method, arguments);
}

/* Lets go of CONNECTION: nothing that it brings reaches us from here on. */
static void forget(struct ctl_listener *l, GDBusConnection *connection)
{
        struct peer *peer = g_hash_table_lookup(l->connections, connection);

        g_hash_table_steal(l->connections, connection);
        g_signal_handlers_disconnect_by_data(connection, l);
        g_dbus_connection_unregister_object(connection, peer->registration);
        if (peer->client)
                l->hooks.disconnected(peer->client);
        g_object_unref(connection);
        g_free(peer);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer l)
{
        forget(l, connection);
}

static gboolean on_connection(GDBusServer *server, GDBusConnection *connection, gpointer user)
{
        static const GDBusInterfaceVTable vtable = {.method_call = on_call};
        struct ctl_listener *l = user;
        unsigned count = g_hash_table_size(l->connections);
        struct peer *peer;

        if (l->closing || count >= l->allowed + REFUSED_MAX) {
                g_dbus_connection_close(connection, NULL, NULL, NULL);
                return TRUE;
        }
        peer = g_new0(struct peer, 1);
        g_object_ref(connection);
        g_hash_table_insert(l->connections, connection, peer);
        if (count < l->allowed)
                peer->client = l->hooks.connected(connection, l->hooks.user);
        g_signal_connect(connection, "closed", G_CALLBACK(on_closed), l);
        peer->registration = g_dbus_connection_register_object(connection, CTL_OBJECT_PATH,
                                                               ctl_control1_interface_info(),
                                                               &vtable, l, NULL, NULL);
        ctl_bus_register(connection);
        /* it may have closed before there was anybody to be told */
        if (g_dbus_connection_is_closed(connection))
                forget(l, connection);
        return TRUE;
}

static void *run(void *user)
{
        struct ctl_listener *l = user;

        pthread_setname_np(pthread_self(), "ctl");
        g_main_loop_run(l->loop);
        return NULL;
}

/* ---- start and stop --------------------------------------------------------------------------------------- */

static unsigned connections_allowed(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return CONNECTIONS_MAX;
        return (unsigned)MIN(CONNECTIONS_MAX, limit.rlim_cur / 4);
}

/* Listens at PATH, in the place of a socket that nobody listens on. */
static bool listen_at(struct ctl_listener *l, GError **error)
{
        g_autofree char *escaped = g_dbus_address_escape_value(l->path);
        g_autofree char *address = g_strconcat("unix:path=", escaped, NULL);
        g_autofree char *guid = g_dbus_generate_guid();
        mode_t mask;

        if (strlen(l->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return fail(error, ENAMETOOLONG, l->path);
        if (is_live(l->path))
                return fail(error, EADDRINUSE, l->path);
        unlink(l->path);
        l->observer = g_dbus_auth_observer_new();
        g_signal_connect(l->observer, "authorize-authenticated-peer", G_CALLBACK(on_authorize), NULL);
        g_signal_connect(l->observer, "allow-mechanism", G_CALLBACK(on_mechanism), NULL);
        mask = umask(0177);
        l->server = g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_NONE, guid, l->observer, NULL,
                                           error);
        umask(mask);
        if (!l->server) {
                g_prefix_error(error, "%s: ", l->path);
                return false;
        }
        g_signal_connect(l->server, "new-connection", G_CALLBACK(on_connection), l);
        g_dbus_server_start(l->server);
        return true;
}

static void listener_free(struct ctl_listener *l)
{
        if (l->server) {
                g_signal_handlers_disconnect_by_data(l->server, l); /* one may be on its way still */
                g_dbus_server_stop(l->server);
        }
        g_clear_object(&l->server);
        g_clear_object(&l->observer);
        g_main_loop_unref(l->loop);
        g_main_context_unref(l->context);
        g_hash_table_unref(l->connections);
        dm_mutex_destroy(&l->lock);
        g_free(l->path);
        g_free(l);
}

struct ctl_listener *ctl_listener_start(const char *mountpoint, const char *socket_path,
                                        const struct ctl_listener_hooks *hooks, GError **error)
{
        char *path = socket_path ? g_canonicalize_filename(socket_path, NULL)
                                 : default_path(mountpoint, error);
        struct ctl_listener *l;

        if (!path)
                return NULL;
        l = g_new0(struct ctl_listener, 1);
        l->hooks = *hooks;
        l->path = path;
        l->context = g_main_context_ref(g_main_context_default());
        l->loop = g_main_loop_new(l->context, FALSE);
        l->allowed = connections_allowed();
        l->connections = g_hash_table_new(g_direct_hash, g_direct_equal);
        dm_mutex_init(&l->lock);
        l->last = &l->first;
        if (!listen_at(l, error)) {
                listener_free(l);
                return NULL;
        }
        if (pthread_create(&l->thread, NULL, run, l))
                g_error("cannot start the control server's thread");
        return l;
}

const char *ctl_listener_socket(const struct ctl_listener *l)
{
        return l->path;
}

/* Handed over through a lock of our own, which the tools that look for races see. */
struct invocation {
        struct invocation *next;
        void (*fn)(void *user);
        void *user;
};

static gboolean invoke_all(gpointer user)
{
        struct ctl_listener *l = user;
        struct invocation *i, *next;

        {
                DM_LOCK_SCOPE(&l->lock);
                i = l->first;
                l->first = NULL;
                l->last = &l->first;
        }
        for (; i; i = next) {
                next = i->next;
                i->fn(i->user);
                g_free(i);
        }
        return G_SOURCE_REMOVE;
}

void ctl_listener_invoke(struct ctl_listener *l, void (*fn)(void *user), void *user)
{
        struct invocation *i = g_new(struct invocation, 1);
        GSource *source;

        *i = (struct invocation){NULL, fn, user};
        {
                DM_LOCK_SCOPE(&l->lock);
                *l->last = i;
                l->last = &i->next;
        }
        source = g_idle_source_new();
        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, invoke_all, l, NULL);
        g_source_attach(source, l->context);
        g_source_unref(source);
}

/* ---- the end: write what is still to be written, but not for ever ---------------------------------------------- */

static gboolean give_up(gpointer patience)
{
        *(bool *)patience = false;
        return G_SOURCE_REMOVE;
}

static void close_all(void *user)
{
        struct ctl_listener *l = user;
        g_autoptr(GList) connections = g_hash_table_get_keys(l->connections);
        bool patience = true;
        guint timer = g_timeout_add(CLOSE_MS, give_up, &patience);

        l->closing = true; /* GIO may be about to bring one more */
        for (GList *c = connections; c; c = c->next)
                g_dbus_connection_flush(c->data, NULL, flushed, NULL);
        while (g_hash_table_size(l->connections) && patience)
                g_main_context_iteration(l->context, TRUE); /* "closed" comes for each */
        if (patience) {
                g_source_remove(timer);
        } else {
                for (GList *c = connections; c; c = c->next) {
                        if (g_hash_table_contains(l->connections, c->data)) {
                                g_dbus_connection_close(c->data, NULL, NULL, NULL);
                                forget(l, c->data);
                        }
                }
        }
        g_main_loop_quit(l->loop);
}

void ctl_listener_stop(struct ctl_listener *l)
{
        /* this removes the socket too, while it is still live: it is never one of a successor's */
        g_dbus_server_stop(l->server);
        ctl_listener_invoke(l, close_all, l);
        pthread_join(l->thread, NULL);
        /* what GIO and ctl_listener_invoke() have left in the context is for us */
        while (g_main_context_iteration(l->context, FALSE))
                ;
        listener_free(l);
}
