/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is told what the control plane changed, and each device's event number. */
#include "dm-internal.h"

struct subscriber {
        struct subscriber *next;
        unsigned number;
        dm_event_fn fn;
        void *user;
};

static struct dm_mutex events = DM_MUTEX_INIT;
static struct subscriber *subscribers; /* guarded: events */
static unsigned last_number;           /* guarded: events */

unsigned dm_subscribe(dm_event_fn fn, void *user)
{
        struct subscriber *s = g_new0(struct subscriber, 1), **end;

        DM_LOCK_SCOPE(&events);
        s->number = ++last_number;
        s->fn = fn;
        s->user = user;
        for (end = &subscribers; *end; end = &(*end)->next)
                ;
        *end = s;
        return s->number;
}

void dm_unsubscribe(unsigned subscription)
{
        struct subscriber **link, *s;

        DM_LOCK_SCOPE(&events);
        for (link = &subscribers; (s = *link); link = &s->next) {
                if (s->number == subscription) {
                        *link = s->next;
                        g_free(s);
                        return;
                }
        }
}

void dm_event_publish(enum dm_event_type type, struct mapped_device *md, const char *name,
                      const char *old_name)
{
        struct dm_event event = {
                .type = type, .md = md, .id = md->id, .name = name, .old_name = old_name};

        DM_LOCK_SCOPE(&events);
        for (struct subscriber *s = subscribers; s; s = s->next)
                s->fn(&event, s->user);
}

/* ---- the event number --------------------------------------------------------------------------- */

/* Targets have events in I/O completions, where subscribers cannot be called: the list is for the reaper's
 * thread, which wakes whenever anybody does. */
static _Atomic(struct dm_event_counter *) moved;

struct dm_event_counter *dm_event_counter_new(void)
{
        struct dm_event_counter *counter = g_new0(struct dm_event_counter, 1);

        atomic_init(&counter->refs, 1);
        return counter;
}

void dm_event_counter_unref(struct dm_event_counter *counter)
{
        if (atomic_fetch_sub(&counter->refs, 1) == 1)
                g_free(counter);
}

void dm_event_count(struct mapped_device *md)
{
        atomic_fetch_add(&md->events->number, 1);
        dm_wake_all();
}

static void note_moved(struct dm_event_counter *counter)
{
        if (atomic_exchange(&counter->moved, true))
                return;
        atomic_fetch_add(&counter->refs, 1);
        counter->next = atomic_load(&moved);
        while (!atomic_compare_exchange_weak(&moved, &counter->next, counter))
                ;
}

void dm_target_event(struct dm_target *ti)
{
        note_moved(ti->table->md->events);
        dm_event_count(ti->table->md);
}

void dm_target_changed(struct dm_target *ti)
{
        g_autofree char *name = dm_names_name(ti->table->md);

        dm_event_publish(DM_EVENT_TABLE, ti->table->md, name, NULL);
}

static void publish_move(uint64_t device)
{
        struct mapped_device *md = dm_get_by_id(device);
        g_autofree char *name = NULL;

        if (!md)
                return;
        name = dm_names_name(md);
        dm_event_publish(DM_EVENT_TARGET, md, name, NULL);
        dm_put(md);
}

void dm_event_publish_moved(void)
{
        struct dm_event_counter *counter = atomic_exchange(&moved, NULL), *next;

        for (; counter; counter = next) {
                next = counter->next;
                /* from here on it may be in the list again */
                atomic_store(&counter->moved, false);
                publish_move(counter->device);
                dm_event_counter_unref(counter);
        }
}

bool dm_wait_event(struct mapped_device *md, uint32_t event_nr, bool (*cancelled)(void *user),
                   void *user, uint32_t *ret_event_nr)
{
        struct dm_event_counter *counter = md->events;
        bool changed;

        /* the counter is held instead of the device, which may go meanwhile */
        atomic_fetch_add(&counter->refs, 1);
        dm_put(md);
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                changed = atomic_load(&counter->number) != event_nr || atomic_load(&counter->gone);
                if (changed || (cancelled && cancelled(user)))
                        break;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
        *ret_event_nr = atomic_load(&counter->number);
        dm_event_counter_unref(counter);
        return changed;
}
