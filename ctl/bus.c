/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tools that take every address for a message bus say first: gdbus(1) and busctl(1) call Hello before
 * anything else, and name the matches that they want.  We answer as a bus with one service would (D-Bus
 * Specification, "Message Bus Messages").
 */
#include "ctl/server-internal.h"

static const char bus_xml[] =
        "<node><interface name='org.freedesktop.DBus'>"
        "<method name='Hello'><arg type='s' direction='out'/></method>"
        "<method name='AddMatch'><arg type='s' direction='in'/></method>"
        "<method name='RemoveMatch'><arg type='s' direction='in'/></method>"
        "<method name='GetNameOwner'><arg type='s' direction='in'/>"
        "<arg type='s' direction='out'/></method>"
        "</interface></node>";

static void on_call(GDBusConnection *connection, const char *sender, const char *path,
                    const char *interface, const char *method, GVariant *arguments,
                    GDBusMethodInvocation *invocation, gpointer unused)
{
        GVariant *answer = NULL;

        if (g_str_equal(method, "Hello"))
                answer = g_variant_new("(s)", ":1.1");
        else if (g_str_equal(method, "GetNameOwner"))
                answer = g_variant_new("(s)", ":1.0");
        g_dbus_method_invocation_return_value(invocation, answer);
}

void ctl_bus_register(GDBusConnection *connection)
{
        static const GDBusInterfaceVTable vtable = {.method_call = on_call};
        GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(bus_xml, NULL);

        g_dbus_connection_register_object(connection, "/org/freedesktop/DBus", node->interfaces[0],
                                          &vtable, NULL, NULL, NULL);
        g_dbus_node_info_unref(node);
}
