/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <string.h>

#include "ctl/place.h"
#include "find.h"

#define INTERFACE "org.fusemap.Control1"

struct client {
        char *socket, *mount;
        GDBusConnection *connection;
        char *mountpoint;
};

struct client *client_new(const char *socket, const char *mount)
{
        struct client *client = g_new0(struct client, 1);

        client->socket = g_strdup(socket);
        client->mount = g_strdup(mount);
        return client;
}

void client_free(struct client *client)
{
        if (client->connection)
                g_dbus_connection_close_sync(client->connection, NULL, NULL);
        g_clear_object(&client->connection);
        g_free(client->socket);
        g_free(client->mount);
        g_free(client->mountpoint);
        g_free(client);
}

GDBusConnection *client_connection(struct client *client, GError **error)
{
        if (!client->connection)
                client->connection = find_daemon(client->socket, client->mount, error);
        return client->connection;
}

GVariant *client_call(struct client *client, const char *method, GVariant *params,
                      const char *reply_type, GError **error)
{
        GDBusConnection *connection = client_connection(client, error);

        if (!connection) {
                if (params)
                        g_variant_unref(g_variant_ref_sink(params));
                return NULL;
        }
        return g_dbus_connection_call_sync(connection, NULL, CTL_OBJECT_PATH, INTERFACE, method,
                                           params, G_VARIANT_TYPE(reply_type),
                                           G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, error);
}

/* ---- errors ---------------------------------------------------------------------------------- */

int client_errno_of_name(const char *name)
{
        if (!*name)
                return 0;
        for (int number = 1; number < 256; number++) {
                const char *known = strerrorname_np(number);

                if (known && !strcmp(known, name))
                        return number;
        }
        return EIO;
}

int client_errno(const GError *error)
{
        g_autofree char *name =
                g_dbus_error_is_remote_error(error) ? g_dbus_error_get_remote_error(error) : NULL;

        if (!name || !g_str_has_prefix(name, CTL_ERROR_PREFIX))
                return 0;
        return client_errno_of_name(name + strlen(CTL_ERROR_PREFIX));
}

const char *client_message(GError *error)
{
        g_dbus_error_strip_remote_error(error);
        return error->message;
}

/* ---- the rest -------------------------------------------------------------------------------- */

const char *client_mountpoint(struct client *client, GError **error)
{
        g_autoptr(GVariant) reply = NULL;

        if (client->mountpoint)
                return client->mountpoint;
        reply = client_call(client, "Version", NULL, "(sss)", error);
        if (reply)
                g_variant_get(reply, "(&s&ss)", NULL, NULL, &client->mountpoint);
        return client->mountpoint;
}

bool client_can_carry(const char *text)
{
        return g_utf8_validate(text, -1, NULL);
}
