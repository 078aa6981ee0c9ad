/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything at once: threads create, load, stack, suspend, resume, rename, ask, message and remove the
 * same few devices, in every way there is, while others do I/O and cancel it.  When all of them wait for each
 * other (a suspend for I/O that is parked below, say), everything is killed, from which everybody has to come
 * back. */
#include "support/engine.h"

#define NAMES 5
#define CONTROLLERS 4
#define SUBMITTERS 2
#define IOS 8

static _Atomic uint64_t progress; /* calls that have returned */
static _Atomic unsigned controllers_left = CONTROLLERS;
static _Atomic bool stop;
static char *file;

struct random {
        uint64_t state;
};

static uint64_t below(struct random *r, uint64_t n)
{
        return dm_mix(r->state++) % n;
}

static char *some_name(struct random *r)
{
        return g_strdup_printf("d%u", (unsigned)below(r, NAMES));
}

static char *some_table(struct random *r)
{
        g_autofree char *a = some_name(r), *b = some_name(r);

        switch (below(r, 12)) {
        case 7:
                return g_strdup_printf("0 16 powercut %s 0", a);
        case 8:
                return g_strdup_printf("0 16 chaos %s 0 read_error 0.1 delay 1 0.3 corrupt 0.2", a);
        case 9:
                return g_strdup_printf("0 16 dust %s 0 512", file);
        case 10:
                return g_strdup_printf("0 16 flakey %s 0 1 1 1 drop_writes", a);
        case 11:
                return g_strdup_printf("0 16 log-writes %s %s", a, file);
        case 0:
                return g_strdup("0 16 zero");
        case 1:
                return g_strdup_printf("0 8 linear %s 0\n8 8 linear %s 0", a, b);
        case 2:
                return g_strdup_printf("0 16 delay %s 0 1", a);
        case 3:
                return g_strdup_printf("0 16 striped 2 4 %s 0 %s 0", a, file);
        case 4:
                return g_strdup_printf("0 16 delay %s 0 1", file);
        case 5:
                return g_strdup_printf("0 16 linear %s 0", file);
        default:
                return g_strdup("0 8 error\n8 8 nonsense");
        }
}

static void create(struct random *r)
{
        g_autofree char *name = some_name(r), *table = some_table(r);
        struct dm_create_params params = {.name = name, .minor = DM_MINOR_ANY};
        struct mapped_device *md;

        if (!dm_create(&params, &md, NULL))
                return;
        if (dm_load(md, table, 0, NULL))
                dm_resume(md, 0, NULL);
        dm_put(md);
}

static void message(struct random *r, struct mapped_device *md)
{
        static const char *const texts[] = {"@stats_create - 4", "@stats_print 0", "@stats_delete 0",
                                            "@stats_list", "@cancel_deferred_remove", "nonsense",
                                            "cut", "power-on", "addbadblock 1", "enable", "listbadblocks",
                                            "mark here", "reset", "trace", "seed 3"};
        g_auto(GStrv) words = g_strsplit(texts[below(r, G_N_ELEMENTS(texts))], " ", -1);
        char *reply;

        dm_message(md, below(r, 20), (int)g_strv_length(words), words, &reply, NULL);
        g_free(reply);
}

static void ask(struct mapped_device *md)
{
        struct dm_info info;
        uint64_t at;

        g_array_unref(dm_table_text(md, 0));
        g_array_unref(dm_table_text(md, DM_TEXT_STATUS));
        g_array_unref(dm_table_text(md, DM_TEXT_INACTIVE));
        g_array_unref(dm_table_deps(md, 0));
        g_array_unref(dm_graveyard());
        g_ptr_array_unref(dm_list());
        dm_get_info(md, &info);
        CHECK(info.name[0] == 'd');
        dm_info_clear(&info);
        dm_seek(md, DM_SEEK_DATA, 0, &at);
}

/* True when the reference is consumed. */
static bool remove_device(struct random *r, struct mapped_device *md)
{
        switch (below(r, 8)) {
        case 0:
                dm_destroy_immediate(md);
                return true;
        case 1:
        case 2:
                return dm_destroy(md, DM_DESTROY_DEFERRED, NULL);
        default:
                return dm_destroy(md, 0, NULL);
        }
}

/* Does one thing to MD, whose reference is the caller's: true when that is consumed. */
static bool control(struct random *r, struct mapped_device *md)
{
        g_autofree char *text = NULL;

        switch (below(r, 10)) {
        case 0:
        case 1:
                text = some_table(r);
                dm_load(md, text, 0, NULL);
                return false;
        case 2:
        case 3:
        case 4:
                dm_resume(md, 0, NULL);
                return false;
        case 5:
                dm_suspend(md, below(r, 2) ? DM_SUSPEND_NOFLUSH : 0, NULL);
                return false;
        case 6:
                text = some_name(r);
                dm_rename(md, text, NULL);
                return false;
        case 7:
                message(r, md);
                return false;
        case 8:
                ask(md);
                if (below(r, 4) == 0)
                        dm_clear(md);
                return false;
        default:
                return remove_device(r, md);
        }
}

static void *controller(void *number)
{
        struct random r = {dm_mix(GPOINTER_TO_UINT(number))};

        for (unsigned i = rounds(5000); i; i--) {
                g_autofree char *name = some_name(&r);
                struct mapped_device *md = dm_get_by_name(name);

                if (!md)
                        create(&r);
                else if (!control(&r, md))
                        dm_put(md);
                atomic_fetch_add(&progress, 1);
        }
        atomic_fetch_sub(&controllers_left, 1);
        return NULL;
}

static void do_ios(struct random *r, struct mapped_device *md)
{
        static const enum dm_op ops[] = {DM_OP_READ, DM_OP_WRITE, DM_OP_FLUSH, DM_OP_DISCARD};
        struct waited_io ios[IOS];
        char buf[IOS][2048] = {{0}};

        for (unsigned i = 0; i < IOS; i++) {
                enum dm_op op = ops[below(r, G_N_ELEMENTS(ops))];
                bool flush = op == DM_OP_FLUSH;

                waited_init(&ios[i], op, flush ? 0 : 512 * below(r, 17), flush ? 0 : sizeof(buf[i]),
                            buf[i]);
                dm_submit(md, &ios[i].io);
                if (below(r, 4) == 0)
                        dm_cancel(&ios[i].io);
        }
        for (unsigned i = 0; i < IOS; i++)
                gate_wait(&ios[i].done, 1);
}

static void *submitter(void *number)
{
        struct random r = {dm_mix(GPOINTER_TO_UINT(number) + 1000)};

        while (!atomic_load(&stop)) {
                g_autofree char *name = some_name(&r);
                struct mapped_device *md = dm_get_by_name(name);
                bool open = md && dm_open(md) == 0;

                if (md)
                        dm_put(md);
                if (!open) {
                        sched_yield();
                        continue;
                }
                do_ios(&r, md);
                dm_close(md);
                atomic_fetch_add(&progress, 1);
        }
        return NULL;
}

/* Kills everything whenever nothing has moved for a while. */
static void keep_going(void)
{
        const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
        uint64_t before = 0;

        while (atomic_load(&controllers_left)) {
                uint64_t now = atomic_load(&progress);

                if (now == before)
                        dm_destroy_all_immediate();
                before = now;
                nanosleep(&pause, NULL);
        }
}

static void count(const struct dm_event *event, void *seen)
{
        CHECK(event->id && *event->name);
        atomic_fetch_add((_Atomic unsigned *)seen, 1);
}

/* The submitters may wait for what is parked until it is killed; each kill may come before they submit. */
static void *kill_until_stopped(void *done)
{
        while (!atomic_load((_Atomic bool *)done)) {
                dm_destroy_all_immediate();
                sched_yield();
        }
        return NULL;
}

int main(void)
{
        pthread_t controllers[CONTROLLERS], submitters[SUBMITTERS], killer;
        _Atomic unsigned seen = 0;
        _Atomic bool done = false;
        unsigned subscription;

        file = temp_file(1 << 20);
        dm_init();
        subscription = dm_subscribe(count, &seen);
        for (unsigned i = 0; i < CONTROLLERS; i++)
                CHECK(!pthread_create(&controllers[i], NULL, controller, GUINT_TO_POINTER(i)));
        for (unsigned i = 0; i < SUBMITTERS; i++)
                CHECK(!pthread_create(&submitters[i], NULL, submitter, GUINT_TO_POINTER(i)));
        keep_going();
        for (unsigned i = 0; i < CONTROLLERS; i++)
                pthread_join(controllers[i], NULL);
        atomic_store(&stop, true);
        CHECK(!pthread_create(&killer, NULL, kill_until_stopped, &done));
        for (unsigned i = 0; i < SUBMITTERS; i++)
                pthread_join(submitters[i], NULL);
        atomic_store(&done, true);
        pthread_join(killer, NULL);
        dm_unsubscribe(subscription);
        CHECK(atomic_load(&seen));
        dm_destroy_all_immediate();
        CHECK(dm_exit() == 0);
        unlink(file);
        g_free(file);
        return 0;
}
