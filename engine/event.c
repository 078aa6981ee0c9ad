/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is told what the control plane changed. */
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
