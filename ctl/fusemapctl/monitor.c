/* SPDX-License-Identifier: BSD-3-Clause */
/* monitor: a line for each thing that happens. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "ctl/place.h"
#include "mangle.h"
#include "say.h"

struct monitor {
        bool json;
        GMainLoop *loop;
};

static char *shown(const char *name)
{
        char *plain = unmangle_output(name, "name", dm_get_name_mangling_mode());

        return plain ? plain : g_strdup(name);
}

static void print_json(const char *type, const char *name, const char *old_name, guint64 id)
{
        struct json *json = json_new();

        json_begin_object(json, NULL);
        json_string(json, "event", type);
        json_string(json, "name", name);
        if (*old_name)
                json_string(json, "old_name", old_name);
        json_number(json, "id", id);
        json_end_object(json);
        puts(json_text(json));
        json_free(json);
}

static void on_changed(GDBusConnection *connection, const char *sender, const char *path,
                       const char *interface, const char *signal, GVariant *params, gpointer user)
{
        const struct monitor *m = user;
        g_autofree char *name = NULL, *old_name = NULL;
        const char *type, *wire_name, *wire_old_name;
        guint64 id;

        g_variant_get(params, "(&s&s&st)", &type, &wire_name, &wire_old_name, &id);
        name = shown(wire_name);
        old_name = shown(wire_old_name);
        if (m->json)
                print_json(type, name, old_name, id);
        else if (*old_name)
                printf("%s %s (was %s)\n", type, name, old_name);
        else
                printf("%s %s\n", type, name);
        fflush(stdout);
        if (ferror(stdout))
                g_main_loop_quit(m->loop);
}

static void on_closed(GDBusConnection *connection, gboolean vanished, GError *error, gpointer user)
{
        g_main_loop_quit(((struct monitor *)user)->loop);
}

/* Until the daemon ends. */
bool verb_monitor(struct ctl *ctl, int argc, char **argv)
{
        struct monitor m = {.json = ctl_given(ctl, OPT_JSON)};
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        GDBusConnection *connection = client_connection(ctl->client, &error);
        guint subscription;

        if (!connection)
                return ctl_fail(error);
        m.loop = g_main_loop_new(NULL, FALSE);
        g_signal_connect(connection, "closed", G_CALLBACK(on_closed), &m);
        subscription = g_dbus_connection_signal_subscribe(
                connection, NULL, "org.fusemap.Control1", "Changed", CTL_OBJECT_PATH, NULL,
                G_DBUS_SIGNAL_FLAGS_NONE, on_changed, &m, NULL);
        reply = client_call(ctl->client, "Subscribe", g_variant_new("(b)", TRUE), "()", &error);
        if (reply && !g_dbus_connection_is_closed(connection))
                g_main_loop_run(m.loop);
        g_dbus_connection_signal_unsubscribe(connection, subscription);
        g_signal_handlers_disconnect_by_data(connection, &m);
        g_main_loop_unref(m.loop);
        return reply || ctl_fail(error);
}
