/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes for the control socket: what a client of D-Bus would send, changed here and there, cut off, or not
 * D-Bus at all.  Whatever comes, the server stays, answers another client, and leaks nothing.
 */
#include "fuzz.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctl/place.h"
#include "ctl/server.h"

static char *directory, *path;
static struct ctl_server *server;
static GDBusConnection *other; /* the client that behaves */
static GByteArray *session;    /* what an untouched client sends */

static void on_unmount(bool force, void *unused)
{
}

/* ---- the untouched session -------------------------------------------------------------------------------- */

static void add_call(const char *object, const char *interface, const char *method,
                     GVariant *arguments)
{
        static unsigned serial;
        g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(NULL, object, interface, method);
        g_autofree unsigned char *blob = NULL;
        gsize size;

        if (arguments)
                g_dbus_message_set_body(message, arguments);
        g_dbus_message_set_serial(message, ++serial);
        blob = g_dbus_message_to_blob(message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
        CHECK(blob);
        g_byte_array_append(session, blob, (guint)size);
}

static void add_control(const char *method, GVariant *arguments)
{
        add_call(CTL_OBJECT_PATH, "org.fusemap.Control1", method, arguments);
}

static GVariant *one_option(const char *name, GVariant *value)
{
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
        g_variant_builder_add(&builder, "{sv}", name, value);
        return g_variant_builder_end(&builder);
}

/* No Unmount: its connection stays until the end. */
static void record(void)
{
        g_autofree char *uid = g_strdup_printf("%u", (unsigned)getuid());
        GString *start = g_string_new("AUTH EXTERNAL ");

        session = g_byte_array_new();
        for (const char *c = uid; *c; c++)
                g_string_append_printf(start, "%02x", (unsigned)*c);
        g_string_append(start, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        g_byte_array_append(session, (const uint8_t *)"", 1); /* a NUL: the credentials' byte */
        g_byte_array_append(session, (const uint8_t *)start->str, (guint)start->len);
        g_string_free(start, TRUE);

        add_call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", NULL);
        add_call(CTL_OBJECT_PATH, "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
        add_call(CTL_OBJECT_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                 g_variant_new("(s)", "org.fusemap.Control1"));
        add_control("Subscribe", g_variant_new("(b)", TRUE));
        add_control("Create", g_variant_new("(ss@a{sv})", "a", "0 8 zero",
                                            one_option("uuid", g_variant_new_string("U"))));
        add_control("CreateMany", g_variant_new_parsed("([('b', '0 8 error', @a{sv} {})],)"));
        add_control("List", NULL);
        add_control("Load", g_variant_new("(ssa{sv})", "a", "0 8 zero\n8 8 error", NULL));
        add_control("Resume", g_variant_new("(sa{sv})", "/uuid/U", NULL));
        add_control("Table", g_variant_new("(s@a{sv})", "a",
                                           one_option("status", g_variant_new_boolean(TRUE))));
        add_control("Message", g_variant_new("(sts)", "a", (guint64)0, "@stats_create - /4"));
        add_control("WaitEvent", g_variant_new("(su)", "a", 7u));
        add_control("Rename", g_variant_new("(ss)", "a", "c"));
        add_control("Suspend", g_variant_new("(sa{sv})", "/minor/0", NULL));
        add_control("Targets", NULL);
        add_control("RemoveAll", g_variant_new("(a{sv})", NULL));
}

/* GIO tells of each message that is none. */
static void say_nothing(const char *domain, GLogLevelFlags level, const char *message, gpointer unused)
{
}

/* ---- start and end ------------------------------------------------------------------------------------------- */

static void begin(void)
{
        const struct ctl_server_hooks hooks = {.unmount = on_unmount};
        g_autofree char *address = NULL;

        directory = g_dir_make_tmp("fusemap-fuzz-XXXXXX", NULL);
        CHECK(directory);
        path = g_build_filename(directory, "socket", NULL);
        g_log_set_handler("GLib-GIO", G_LOG_LEVEL_WARNING, say_nothing, NULL);
        dm_init();
        server = ctl_server_start("/nowhere", path, &hooks, NULL);
        CHECK(server);
        address = g_strconcat("unix:path=", path, NULL);
        other = g_dbus_connection_new_for_address_sync(
                address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);
        CHECK(other);
        record();
}

static void fuzz_end(void)
{
        CHECK(g_dbus_connection_close_sync(other, NULL, NULL));
        g_object_unref(other);
        ctl_server_quiesce(server);
        dm_destroy_all_immediate();
        CHECK(ctl_server_stop(server, "", 60 * (uint64_t)DM_NS_PER_S) == 0);
        CHECK(dm_exit() == 0);
        CHECK(rmdir(directory) == 0);
        g_byte_array_unref(session);
        g_free(directory);
        g_free(path);
}

/* ---- making inputs --------------------------------------------------------------------------------------------- */

static void fuzz_make(GByteArray *out, uint64_t number)
{
        if (!directory)
                begin();
        if (random_below(8) == 0) { /* noise */
                for (uint64_t i = random_below(512); i; i--) {
                        uint8_t byte = (uint8_t)random_below(256);

                        g_byte_array_append(out, &byte, 1);
                }
                return;
        }
        g_byte_array_append(out, session->data, session->len);
        for (uint64_t i = number ? random_below(6) + 1 : 0; i; i--)
                mutate(out);
}

/* ---- trying one -------------------------------------------------------------------------------------------------- */

static int connect_raw(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
        return fd;
}

/* Sends all of it, as long as the server takes it, and reads until it hangs up. */
static void converse(int fd, const uint8_t *data, size_t size)
{
        char answers[4096];
        ssize_t n;

        for (;;) {
                struct pollfd p = {.fd = fd, .events = POLLIN | (size ? POLLOUT : 0)};

                CHECK(poll(&p, 1, -1) == 1);
                if (size && (p.revents & (POLLOUT | POLLERR | POLLHUP))) {
                        n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
                        if (n < 0 && errno != EAGAIN)
                                size = 0; /* it has hung up */
                        if (n > 0) {
                                data += n;
                                size -= (size_t)n;
                        }
                        if (!size)
                                shutdown(fd, SHUT_WR);
                }
                if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
                        n = recv(fd, answers, sizeof(answers), MSG_DONTWAIT);
                        if (n == 0 || (n < 0 && errno != EAGAIN))
                                return;
                }
        }
}

static void ask_other(void)
{
        GVariant *answer = g_dbus_connection_call_sync(
                other, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1", "RemoveAll",
                g_variant_new("(a{sv})", NULL), G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                NULL, NULL);

        CHECK(answer);
        g_variant_unref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd;

        if (!directory)
                begin();
        fd = connect_raw();
        if (!size)
                shutdown(fd, SHUT_WR);
        converse(fd, data, size);
        close(fd);
        ask_other();
        return 0;
}
