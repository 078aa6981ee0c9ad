/* SPDX-License-Identifier: BSD-3-Clause */
#include "find.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wake.h"
#include "ctl/place.h"

#define PATIENCE_MS 3000 /* with a fusemap that nobody has chosen */

struct found {
        char *socket;
        char *mountpoint; /* NULL: it does not answer */
        GDBusConnection *connection;
};

static void found_free(gpointer data)
{
        struct found *f = data;

        g_free(f->socket);
        g_free(f->mountpoint);
        g_clear_object(&f->connection);
        g_free(f);
}

static GDBusConnection *connect_to(const char *socket, GCancellable *cancellable, GError **error)
{
        g_autofree char *escaped = g_dbus_address_escape_value(socket);
        g_autofree char *address = g_strdup_printf("unix:path=%s", escaped);

        return g_dbus_connection_new_for_address_sync(
                address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, cancellable, error);
}

/* ---- one that may not answer ----------------------------------------------------------------- */

/* The handshake knows no time limit, so a thread ends it. */
struct deadline {
        GCancellable *cancellable;
        _Atomic bool over;
};

static gpointer wait_for_deadline(gpointer user)
{
        struct deadline *d = user;
        uint64_t end = dm_clock_real_ns() + PATIENCE_MS * (uint64_t)DM_NS_PER_MS;

        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (atomic_load(&d->over))
                        return NULL;
                if (!dm_wake_wait(seen, end)) {
                        g_cancellable_cancel(d->cancellable);
                        return NULL;
                }
        }
}

static GDBusConnection *connect_in_time(const char *socket, GError **error)
{
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        struct deadline d = {.cancellable = cancellable};
        GThread *thread = g_thread_new("deadline", wait_for_deadline, &d);
        GDBusConnection *connection = connect_to(socket, cancellable, error);

        atomic_store(&d.over, true);
        dm_wake_all();
        g_thread_join(thread);
        return connection;
}

static char *ask_mountpoint(GDBusConnection *connection)
{
        g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
                connection, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1", "Version", NULL,
                G_VARIANT_TYPE("(sss)"), G_DBUS_CALL_FLAGS_NONE, PATIENCE_MS, NULL, NULL);
        char *mountpoint = NULL;

        if (reply)
                g_variant_get(reply, "(&s&ss)", NULL, NULL, &mountpoint);
        return mountpoint;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A socket that nobody listens on was left by a crash, and is passed over. */
static void try_socket(GPtrArray *all, const char *socket)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDBusConnection) connection = connect_in_time(socket, &error);
        struct found *f;

        if (!connection && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;
        f = g_new0(struct found, 1);
        f->socket = g_strdup(socket);
        f->mountpoint = connection ? ask_mountpoint(connection) : NULL;
        f->connection = g_steal_pointer(&connection);
        g_ptr_array_add(all, f);
}

static void look_into(GPtrArray *all, const char *directory)
{
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *socket = g_build_filename(directory, name, NULL);

                if (g_str_has_suffix(name, ".socket"))
                        try_socket(all, socket);
        }
}

static int by_mountpoint(gconstpointer a, gconstpointer b)
{
        const struct found *const *x = a, *const *y = b;

        return g_strcmp0((*x)->mountpoint, (*y)->mountpoint);
}

static GPtrArray *find_all(void)
{
        g_auto(GStrv) directories = ctl_place_directories();
        GPtrArray *all = g_ptr_array_new_with_free_func(found_free);

        for (char **d = directories; *d; d++)
                look_into(all, *d);
        g_ptr_array_sort(all, by_mountpoint);
        return all;
}

static void list_them(GString *text, const GPtrArray *all)
{
        for (unsigned i = 0; i < all->len; i++) {
                const struct found *f = all->pdata[i];

                if (f->mountpoint)
                        g_string_append_printf(text, "\n  --mount %s", f->mountpoint);
                else
                        g_string_append_printf(text, "\n  --socket %s (does not answer)",
                                               f->socket);
        }
}

static GDBusConnection *fail(GString *text, GError **error)
{
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, text->str);
        return NULL;
}

static struct found *only_one_that_answers(const GPtrArray *all)
{
        struct found *only = NULL;

        for (unsigned i = 0; i < all->len; i++) {
                struct found *f = all->pdata[i];

                if (f->mountpoint && only)
                        return NULL;
                if (f->mountpoint)
                        only = f;
        }
        return only;
}

static GDBusConnection *find_only(GError **error)
{
        g_autoptr(GPtrArray) all = find_all();
        struct found *only = only_one_that_answers(all);
        g_autoptr(GString) text = NULL;

        if (only)
                return g_steal_pointer(&only->connection);
        if (!all->len) {
                text = g_string_new("no fusemap is running; start one with: fusemap MOUNTPOINT");
                return fail(text, error);
        }
        text = g_string_new(
                "several fusemaps are running; choose one with --mount or $FUSEMAP_SOCKET:");
        if (all->len == 1)
                g_string_assign(text, "the only fusemap that is running is stuck:");
        list_them(text, all);
        return fail(text, error);
}

static GDBusConnection *connect_to_mount(const char *path)
{
        g_auto(GStrv) directories = ctl_place_directories();
        GDBusConnection *connection = NULL;

        for (char **d = directories; !connection && *d; d++) {
                g_autofree char *socket = ctl_place_socket(*d, path);

                connection = connect_to(socket, NULL, NULL);
        }
        return connection;
}

static GDBusConnection *find_mount(const char *mount, GError **error)
{
        g_autofree char *path = g_canonicalize_filename(mount, NULL);
        GDBusConnection *connection = connect_to_mount(path);
        char *real = connection ? NULL : realpath(path, NULL); /* behind symbolic links */
        g_autoptr(GPtrArray) all = NULL;
        g_autoptr(GString) text = NULL;

        if (real && strcmp(real, path))
                connection = connect_to_mount(real);
        free(real);
        if (connection)
                return connection;
        all = find_all();
        text = g_string_new(NULL);
        g_string_printf(text, "no fusemap is mounted on %s%s", path, all->len ? "; there is:" : "");
        list_them(text, all);
        return fail(text, error);
}

static GDBusConnection *find_socket(const char *socket, GError **error)
{
        g_autoptr(GError) why = NULL;
        GDBusConnection *connection = connect_to(socket, NULL, &why);

        if (!connection)
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no fusemap listens on %s: %s",
                            socket, why->message);
        return connection;
}

GDBusConnection *find_daemon(const char *socket, const char *mount, GError **error)
{
        const char *wish = g_getenv("FUSEMAP_SOCKET");

        if (socket)
                return find_socket(socket, error);
        if (mount)
                return find_mount(mount, error);
        if (wish && *wish)
                return find_socket(wish, error);
        return find_only(error);
}
