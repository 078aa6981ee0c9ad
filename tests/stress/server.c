/* SPDX-License-Identifier: BSD-3-Clause */
/* The control server with many clients: who waits holds up nobody, who leaves or does not read harms nobody,
 * and the end comes whatever is under way. */
#include "support/engine.h"

#include <gio/gio.h>
#include <sys/resource.h>

#include "ctl/place.h"
#include "ctl/server.h"

#define CLIENTS 8
#define WAITERS 40 /* more than a connection has threads */
#define PATIENCE_NS (60 * (uint64_t)DM_NS_PER_S) /* a call that takes so long hangs */

static struct ctl_server *server;
static char *directory, *address;
static _Atomic int unmounts_asked;

static void on_unmount(bool force, void *unused)
{
        atomic_fetch_add(&unmounts_asked, force ? 100 : 1);
}

static GDBusConnection *client(void)
{
        GError *error = NULL;
        GDBusConnection *c = g_dbus_connection_new_for_address_sync(
                address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);

        if (!c) {
                fprintf(stderr, "connect: %s\n", error->message);
                abort();
        }
        return c;
}

static void hang_up(GDBusConnection *c)
{
        CHECK(g_dbus_connection_close_sync(c, NULL, NULL));
        g_object_unref(c);
}

/* The answer to METHOD, or NULL with *RET_ERROR the name of the error. */
static GVariant *call(GDBusConnection *c, const char *method, GVariant *arguments, char **ret_error)
{
        g_autoptr(GError) error = NULL;
        GVariant *answer = g_dbus_connection_call_sync(c, NULL, CTL_OBJECT_PATH,
                                                       "org.fusemap.Control1", method, arguments,
                                                       NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL,
                                                       &error);

        if (ret_error)
                *ret_error = error ? g_dbus_error_get_remote_error(error) : NULL;
        return answer;
}

static void must(GDBusConnection *c, const char *method, GVariant *arguments)
{
        g_autofree char *error = NULL;
        GVariant *answer = call(c, method, arguments, &error);

        if (!answer) {
                fprintf(stderr, "%s: %s\n", method, error ? error : "no answer");
                abort();
        }
        g_variant_unref(answer);
}

static void must_fail(GDBusConnection *c, const char *method, GVariant *arguments, const char *wanted)
{
        g_autofree char *error = NULL;
        GVariant *answer = call(c, method, arguments, &error);

        CHECK(!answer);
        if (!error || !g_str_has_suffix(error, wanted)) {
                fprintf(stderr, "%s: got %s, not %s\n", method, error ? error : "nothing", wanted);
                abort();
        }
}

static GVariant *create_arguments(const char *name, const char *table)
{
        return g_variant_new("(ssa{sv})", name, table, NULL);
}

static void start(void)
{
        const struct ctl_server_hooks hooks = {.unmount = on_unmount};
        g_autofree char *path = g_build_filename(directory, "socket", NULL);
        GError *error = NULL;

        dm_init();
        server = ctl_server_start("/nowhere", path, &hooks, &error);
        if (!server) {
                fprintf(stderr, "start: %s\n", error->message);
                abort();
        }
        CHECK(!ctl_server_start("/elsewhere", path, &hooks, &error));
        CHECK(error->code == EADDRINUSE);
        g_clear_error(&error);
}

static void stop(const char *report)
{
        g_autofree char *path = g_strdup(ctl_server_socket(server));

        ctl_server_quiesce(server);
        dm_destroy_all_immediate();
        CHECK(ctl_server_stop(server, report, PATIENCE_NS) == 0);
        CHECK(!g_file_test(path, G_FILE_TEST_EXISTS));
        CHECK(dm_exit() == 0);
}

/* ---- many at once --------------------------------------------------------------------------------- */

static void *churn(void *arg)
{
        unsigned rounds = *(unsigned *)arg;
        g_autofree char *name = g_strdup_printf("d%p", arg);
        GDBusConnection *c = client();

        for (unsigned i = 0; i < rounds; i++) {
                must(c, "Create", create_arguments(name, "0 8 zero"));
                must_fail(c, "Create", create_arguments(name, "0 8 zero"), "EBUSY");
                must(c, "Load", g_variant_new("(ssa{sv})", name, "0 16 zero", NULL));
                must(c, "Suspend", g_variant_new("(sa{sv})", name, NULL));
                must(c, "Resume", g_variant_new("(sa{sv})", name, NULL));
                must(c, "List", NULL);
                must(c, "Remove", g_variant_new("(sa{sv})", name, NULL));
                must_fail(c, "Info", g_variant_new("(s)", name), "ENXIO");
        }
        hang_up(c);
        return NULL;
}

static void clients_side_by_side(void)
{
        pthread_t threads[CLIENTS];
        unsigned rounds[CLIENTS];

        for (unsigned i = 0; i < CLIENTS; i++) {
                rounds[i] = 20;
                CHECK(!pthread_create(&threads[i], NULL, churn, &rounds[i]));
        }
        for (unsigned i = 0; i < CLIENTS; i++)
                pthread_join(threads[i], NULL);
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static _Atomic unsigned answered;

static void on_answer(GObject *c, GAsyncResult *result, gpointer unused)
{
        GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(c), result, NULL);

        if (answer)
                g_variant_unref(answer);
        atomic_fetch_add(&answered, 1);
}

static void call_async(GDBusConnection *c, const char *method, GVariant *arguments)
{
        g_dbus_connection_call(c, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1", method, arguments,
                               NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, on_answer, NULL);
}

/* Runs the thread's context until COUNT asynchronous calls are answered. */
static void await(GMainContext *context, unsigned count)
{
        while (atomic_load(&answered) < count)
                g_main_context_iteration(context, TRUE);
}

static void who_waits_holds_up_nobody(void)
{
        GMainContext *context = g_main_context_new();
        GDBusConnection *waiter, *other = client();

        g_main_context_push_thread_default(context);
        waiter = client();
        must(other, "Create", create_arguments("w", "0 8 zero"));
        atomic_store(&answered, 0);
        for (unsigned i = 0; i < WAITERS; i++)
                call_async(waiter, "WaitEvent", g_variant_new("(su)", "w", 0u));
        CHECK(g_dbus_connection_flush_sync(waiter, NULL, NULL));
        for (unsigned i = 0; i < 20; i++)
                must(other, "Info", g_variant_new("(s)", "w"));
        CHECK(atomic_load(&answered) == 0);
        must(other, "Rename", g_variant_new("(ss)", "w", "w2"));
        await(context, WAITERS);
        hang_up(waiter);
        must(other, "Remove", g_variant_new("(sa{sv})", "w2", NULL));
        hang_up(other);
        g_main_context_pop_thread_default(context);
        g_main_context_unref(context);
}

/* A removal waits for I/O that is in progress; its caller alone waits. */
static void a_removal_drains(void)
{
        GMainContext *context = g_main_context_new();
        GDBusConnection *remover, *other = client();
        struct mapped_device *bottom, *top;
        struct waited_io read;
        char buf[512];

        g_main_context_push_thread_default(context);
        remover = client();
        must(other, "Create", create_arguments("bottom", "0 8 zero"));
        must(other, "Create", create_arguments("top", "0 8 linear bottom 0"));
        must(other, "Suspend", g_variant_new("(sa{sv})", "bottom", NULL));
        bottom = dm_get_by_name("bottom");
        top = dm_get_by_name("top");
        waited_init(&read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read.io);
        dm_put(top);

        atomic_store(&answered, 0);
        call_async(remover, "Remove", g_variant_new("(sa{sv})", "top", NULL));
        CHECK(g_dbus_connection_flush_sync(remover, NULL, NULL));
        must(other, "List", NULL);
        CHECK(atomic_load(&answered) == 0 && gate_count(&read.done) == 0);
        must(other, "Resume", g_variant_new("(sa{sv})", "bottom", NULL));
        await(context, 1);
        CHECK(gate_count(&read.done) == 1 && read.error == 0);
        dm_put(bottom);
        must(other, "Remove", g_variant_new("(sa{sv})", "bottom", NULL));
        hang_up(remover);
        hang_up(other);
        g_main_context_pop_thread_default(context);
        g_main_context_unref(context);
}

static bool is_there(const char *name)
{
        struct mapped_device *md = dm_get_by_name(name);

        if (md)
                dm_put(md);
        return md;
}

/* RemoveAll waits for the I/O of one device: another client removes another one meanwhile. */
static void a_removal_of_all_holds_up_nobody(void)
{
        GMainContext *context = g_main_context_new();
        GDBusConnection *remover, *other = client();
        struct mapped_device *top;
        struct waited_io read;
        char buf[512];

        g_main_context_push_thread_default(context);
        remover = client();
        must(other, "Create", create_arguments("bottom", "0 8 zero"));
        must(other, "Create", create_arguments("top", "0 8 linear bottom 0"));
        must(other, "Create", create_arguments("zero", "0 8 zero"));
        must(other, "Suspend", g_variant_new("(sa{sv})", "bottom", NULL));
        top = dm_get_by_name("top");
        waited_init(&read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read.io);
        dm_put(top);

        atomic_store(&answered, 0);
        call_async(remover, "RemoveAll", g_variant_new("(a{sv})", NULL));
        CHECK(g_dbus_connection_flush_sync(remover, NULL, NULL));
        while (is_there("top"))
                sched_yield();
        must(other, "Remove", g_variant_new("(sa{sv})", "zero", NULL));
        CHECK(atomic_load(&answered) == 0);
        must(other, "Resume", g_variant_new("(sa{sv})", "bottom", NULL));
        await(context, 1);
        CHECK(gate_count(&read.done) == 1 && read.error == 0);
        CHECK(!is_there("bottom"));
        hang_up(remover);
        hang_up(other);
        g_main_context_pop_thread_default(context);
        g_main_context_unref(context);
}

/* ---- leaving and not reading ---------------------------------------------------------------------------- */

static void who_leaves_takes_its_waits_along(void)
{
        GDBusConnection *c = client();

        must(c, "Create", create_arguments("left", "0 8 zero"));
        for (unsigned i = 0; i < 5; i++) {
                GDBusConnection *waiter = client();

                for (unsigned k = 0; k < WAITERS; k++)
                        g_dbus_connection_call(waiter, NULL, CTL_OBJECT_PATH,
                                               "org.fusemap.Control1", "WaitEvent",
                                               g_variant_new("(su)", "left", 0u), NULL,
                                               G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, NULL, NULL);
                CHECK(g_dbus_connection_flush_sync(waiter, NULL, NULL));
                hang_up(waiter);
        }
        must(c, "Remove", g_variant_new("(sa{sv})", "left", NULL));
        hang_up(c);
}

static struct gate heard;

static void on_signal(GDBusConnection *c, const char *sender, const char *path, const char *interface,
                      const char *name, GVariant *arguments, gpointer seen)
{
        const char *type, *device;

        g_variant_get(arguments, "(&s&s&st)", &type, &device, NULL, NULL);
        g_string_append_printf(seen, "%s %s, ", type, device);
        gate_pass(&heard);
}

static void subscribers_hear_of_changes(void)
{
        GMainContext *context = g_main_context_new();
        g_autoptr(GString) seen = g_string_new(NULL);
        GDBusConnection *c;

        heard = (struct gate)GATE_INIT;
        g_main_context_push_thread_default(context);
        c = client();
        g_dbus_connection_signal_subscribe(c, NULL, "org.fusemap.Control1", "Changed",
                                           CTL_OBJECT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal,
                                           seen, NULL);
        must(c, "Create", create_arguments("silent", "0 8 zero"));
        must(c, "Subscribe", g_variant_new("(b)", TRUE));
        must(c, "Create", create_arguments("loud", "0 8 zero"));
        must(c, "Remove", g_variant_new("(sa{sv})", "loud", NULL));
        while (gate_count(&heard) < 5)
                g_main_context_iteration(context, TRUE);
        if (strcmp(seen->str, "created loud, appeared loud, table loud, resumed loud, hidden loud, ")) {
                fprintf(stderr, "heard: %s\n", seen->str);
                abort();
        }
        must(c, "Subscribe", g_variant_new("(b)", FALSE));
        must(c, "Remove", g_variant_new("(sa{sv})", "silent", NULL));
        hang_up(c);
        g_main_context_pop_thread_default(context);
        g_main_context_unref(context);
}

/* ---- refusals --------------------------------------------------------------------------------------------- */

static GVariant *one_option(const char *name, GVariant *value)
{
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
        g_variant_builder_add(&builder, "{sv}", name, value);
        return g_variant_builder_end(&builder);
}

/* TableMany and DepsMany give TEXT for NAMES. */
static void must_give(GDBusConnection *c, const char *method, const char *const *names,
                      const char *wanted)
{
        g_autoptr(GVariant) answer = call(c, method, g_variant_new("(^asa{sv})", names, NULL), NULL);
        g_autofree char *text = answer ? g_variant_print(answer, FALSE) : NULL;

        if (!text || strcmp(text, wanted)) {
                fprintf(stderr, "%s: got %s\n", method, text ? text : "an error");
                abort();
        }
}

static void many_tables_in_one_call(void)
{
        static const char *const none[] = {NULL}, *const two[] = {"b", "c", NULL};
        GDBusConnection *c = client();

        must(c, "Create", create_arguments("a", "0 8 zero"));
        must(c, "Create", create_arguments("b", "0 8 linear a 0"));
        must_give(c, "TableMany", none,
                  "([('a', '', '0 8 zero \\n'), ('b', '', '0 8 linear a 0\\n')],)");
        must_give(c, "TableMany", two, "([('b', '', '0 8 linear a 0\\n'), ('c', 'ENXIO', '')],)");
        must_give(c, "DepsMany", none, "([('a', '', []), ('b', '', [('a', 253, 0, true)])],)");
        must(c, "RemoveAll", g_variant_new("(a{sv})", NULL));
        hang_up(c);
}

/* A line of about 3.5 million bytes, and a call for so many of it that the answer does not fit. */
static void an_answer_that_is_too_long_is_an_error(void)
{
        g_autofree char *file = temp_file(1 << 20), *dots = g_strnfill(3400, '/');
        g_autoptr(GString) table = g_string_new("0 2000 striped 1000 2");
        const char *names[41] = {NULL};
        GDBusConnection *c = client();

        for (unsigned i = 0; i < 1000; i++)
                g_string_append_printf(table, " %s%s 0", dots, file);
        must(c, "Create", create_arguments("long", table->str));
        for (unsigned i = 0; i < 40; i++)
                names[i] = "long";
        must_fail(c, "TableMany", g_variant_new("(^asa{sv})", names, NULL), "EMSGSIZE");
        must(c, "Remove", g_variant_new("(sa{sv})", "long", NULL));
        hang_up(c);
        CHECK(unlink(file) == 0);
}

static void bad_calls_change_nothing(void)
{
        GDBusConnection *c = client();
        g_autoptr(GVariant) list = NULL;

        must_fail(c, "Create", create_arguments("a/b", ""), "EINVAL");
        must_fail(c, "Create", create_arguments("a", "0 8 nonsense"), "EINVAL");
        must_fail(c, "Create", create_arguments("a", "0 8 linear /nonexistent 0"), "ENOENT");
        must_fail(c, "Create",
                  g_variant_new("(ss@a{sv})", "a", "", one_option("colour", g_variant_new_boolean(1))),
                  "EINVAL");
        must_fail(c, "Create",
                  g_variant_new("(ss@a{sv})", "a", "", one_option("mode", g_variant_new_string("x"))),
                  "EINVAL");
        must_fail(c, "Info", g_variant_new("(s)", "/minor/0"), "ENXIO");
        must_fail(c, "Info", g_variant_new("(s)", "/minor/x"), "ENXIO");
        must_fail(c, "Info", g_variant_new("(u)", 5u), "InvalidArgs");
        must_fail(c, "Nonsense", NULL, "UnknownMethod");
        list = call(c, "List", NULL, NULL);
        CHECK(list && g_variant_n_children(list) == 1);
        {
                g_autoptr(GVariant) devices = g_variant_get_child_value(list, 0);

                CHECK(g_variant_n_children(devices) == 0);
        }
        hang_up(c);
}

/* ---- the end -------------------------------------------------------------------------------------------------- */

static char *report_heard;

static void *ask_for_unmount(void *unused)
{
        GDBusConnection *c = client();
        GVariant *answer = call(c, "Unmount", g_variant_new("(b)", TRUE), NULL);

        CHECK(answer);
        g_variant_get(answer, "(s)", &report_heard);
        g_variant_unref(answer);
        g_object_unref(c);
        return NULL;
}

/* With a wait, a removal that cannot end, and somebody who asked for the end. */
static void the_end_comes(void)
{
        GDBusConnection *c = client();
        struct mapped_device *top;
        struct waited_io read;
        pthread_t thread;
        char buf[512];

        must(c, "Create", create_arguments("bottom", "0 8 zero"));
        must(c, "Create", create_arguments("top", "0 8 linear bottom 0"));
        must(c, "Suspend", g_variant_new("(sa{sv})", "bottom", NULL));
        top = dm_get_by_name("top");
        waited_init(&read, DM_OP_READ, 0, 512, buf);
        dm_submit(top, &read.io);
        dm_put(top);
        g_dbus_connection_call(c, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1", "WaitEvent",
                               g_variant_new("(su)", "bottom", 0u), NULL, G_DBUS_CALL_FLAGS_NONE,
                               G_MAXINT, NULL, NULL, NULL);
        g_dbus_connection_call(c, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1", "Remove",
                               g_variant_new("(sa{sv})", "top", NULL), NULL, G_DBUS_CALL_FLAGS_NONE,
                               G_MAXINT, NULL, NULL, NULL);
        CHECK(!pthread_create(&thread, NULL, ask_for_unmount, NULL));
        while (atomic_load(&unmounts_asked) != 100)
                sched_yield();
        stop("bottom: given up\n");
        pthread_join(thread, NULL);
        CHECK(gate_count(&read.done) == 1);
        CHECK(!strcmp(report_heard, "bottom: given up\n"));
        g_free(report_heard);
        g_object_unref(c);
}

static void *call_without_end(void *unused)
{
        GDBusConnection *c = client();
        GVariant *answer;

        must(c, "Version", NULL);
        gate_pass(&heard);
        do {
                for (unsigned i = 0; i < 20; i++)
                        g_dbus_connection_call(c, NULL, CTL_OBJECT_PATH, "org.fusemap.Control1",
                                               "List", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                                               NULL, NULL, NULL);
                /* waits, lest more and more are on their way */
                answer = call(c, "Version", NULL, NULL);
                if (answer)
                        g_variant_unref(answer);
        } while (!g_dbus_connection_is_closed(c));
        g_object_unref(c);
        return NULL;
}

/* Calls come until the connection is closed; the last of them are carried out when the end has begun. */
static void calls_come_to_the_end(void)
{
        pthread_t thread;

        heard = (struct gate)GATE_INIT;
        start();
        CHECK(!pthread_create(&thread, NULL, call_without_end, NULL));
        gate_wait(&heard, 1);
        stop("");
        pthread_join(thread, NULL);
}

/* One after the other is told that no more may be connected, and hung up on; and who comes when one has left
 * is served. */
static void no_more_than_may_be(void)
{
        enum { DESCRIPTORS = 256, ALLOWED = DESCRIPTORS / 4 };
        GDBusConnection *clients[ALLOWED], *more;
        struct rlimit before, few;
        GVariant *answer = NULL;

        CHECK(!getrlimit(RLIMIT_NOFILE, &before));
        few = (struct rlimit){DESCRIPTORS, before.rlim_max};
        CHECK(!setrlimit(RLIMIT_NOFILE, &few));
        start();
        CHECK(!setrlimit(RLIMIT_NOFILE, &before)); /* the clients are in here as well */
        for (unsigned i = 0; i < ALLOWED; i++) {
                clients[i] = client();
                must(clients[i], "Version", NULL);
        }
        for (unsigned i = 0; i < 2 * 16; i++) {
                more = client();
                must_fail(more, "Version", NULL, "EUSERS");
                while (!g_dbus_connection_is_closed(more))
                        g_thread_yield();
                g_object_unref(more);
                must(clients[i], "Version", NULL);
        }
        hang_up(clients[0]);
        while (!answer) { /* the server hears of it in time */
                more = client();
                answer = call(more, "Version", NULL, NULL);
                if (answer)
                        hang_up(more);
                else
                        g_object_unref(more);
        }
        g_variant_unref(answer);
        for (unsigned i = 1; i < ALLOWED; i++)
                hang_up(clients[i]);
        stop("");
}

int main(void)
{
        unsigned n = rounds(50);
        char template[] = "/tmp/fusemap-server-XXXXXX";

        directory = mkdtemp(template);
        CHECK(directory);
        address = g_strdup_printf("unix:path=%s/socket", directory);
        start();
        clients_side_by_side();
        who_waits_holds_up_nobody();
        a_removal_drains();
        who_leaves_takes_its_waits_along();
        subscribers_hear_of_changes();
        a_removal_of_all_holds_up_nobody();
        many_tables_in_one_call();
        an_answer_that_is_too_long_is_an_error();
        bad_calls_change_nothing();
        the_end_comes();
        no_more_than_may_be();
        for (unsigned i = 0; i < n; i++)
                calls_come_to_the_end();
        g_free(address);
        CHECK(rmdir(directory) == 0);
        return 0;
}
