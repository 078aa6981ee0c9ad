/* SPDX-License-Identifier: BSD-3-Clause */
/* Open files: each holds its device open until the kernel releases it, or the mount ends. */
#include <errno.h>

#include "fs.h"

static struct dm_mutex handles = DM_MUTEX_INIT;
static struct handle *all; /* guarded: handles */

int handle_open(struct mapped_device *md, int flags, struct handle **ret_handle)
{
        struct handle *h;
        int r = dm_open(md);

        if (r)
                return r;
        h = g_new0(struct handle, 1);
        h->md = md;
        h->flags = flags;

        DM_LOCK_SCOPE(&handles);
        h->next = all;
        h->link = &all;
        if (all)
                all->link = &h->next;
        all = h;
        *ret_handle = h;
        return 0;
}

static void unlink_handle(struct handle *h)
{
        DM_LOCK_SCOPE(&handles);
        *h->link = h->next;
        if (h->next)
                h->next->link = h->link;
}

void handle_close(struct handle *h)
{
        unlink_handle(h);
        dm_close(h->md);
        g_free(h);
}

static struct handle *first(void)
{
        DM_LOCK_SCOPE(&handles);
        return all;
}

void handle_close_all(void)
{
        struct handle *h;

        while ((h = first()))
                handle_close(h);
}
