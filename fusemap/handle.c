/* SPDX-License-Identifier: BSD-3-Clause */
/* What is open until the kernel releases it, or the mount ends: files, each of which holds its device open,
 * and the lists of those who read the directory. */
#include <errno.h>

#include "fs.h"

static struct dm_mutex handles = DM_MUTEX_INIT;
static struct handle *all;    /* guarded: handles */
static GHashTable *lists;     /* guarded: handles; a set of GArray * */
static GHashTable *open_files; /* guarded: handles; device -> how many handles it has */

/* Changes the number of MD's handles by BY; the one before. */
static unsigned count(struct mapped_device *md, int by)
{
        unsigned before;

        dm_assert_held(&handles);
        if (!open_files)
                open_files = g_hash_table_new(NULL, NULL);
        before = GPOINTER_TO_UINT(g_hash_table_lookup(open_files, md));
        if (before + (unsigned)by)
                g_hash_table_insert(open_files, md, GUINT_TO_POINTER(before + (unsigned)by));
        else
                g_hash_table_remove(open_files, md);
        return before;
}

int handle_open(struct mapped_device *md, struct handle **ret_handle)
{
        struct handle *h;
        int r = dm_open(md);

        if (r)
                return r;
        h = g_new0(struct handle, 1);
        h->md = md;

        DM_LOCK_SCOPE(&handles);
        h->first = count(md, 1) == 0;
        h->next = all;
        h->link = &all;
        if (all)
                all->link = &h->next;
        all = h;
        *ret_handle = h;
        return 0;
}

uint64_t handle_pass(struct handle *h)
{
        DM_PASS(h);
        return (uint64_t)(uintptr_t)h;
}

struct handle *handle_receive(uint64_t number)
{
        struct handle *h = (struct handle *)(uintptr_t)number;

        DM_RECEIVE(h);
        return h;
}

struct mapped_device *handle_device(uint64_t number)
{
        struct handle *h = handle_receive(number);
        struct mapped_device *md = h->md;

        DM_PASS(h);
        return md;
}

static void unlink_handle(struct handle *h)
{
        DM_LOCK_SCOPE(&handles);
        count(h->md, -1);
        *h->link = h->next;
        if (h->next)
                h->next->link = h->link;
}

void handle_close(struct handle *h)
{
        unlink_handle(h);
        DM_RECEIVE(h->md);
        dm_close(h->md);
        g_free(h);
}

void list_open(GArray *entries)
{
        DM_LOCK_SCOPE(&handles);
        if (!lists)
                lists = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)g_array_unref, NULL);
        g_hash_table_add(lists, entries);
}

void list_close(GArray *entries)
{
        DM_LOCK_SCOPE(&handles);
        g_hash_table_remove(lists, entries);
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

        DM_LOCK_SCOPE(&handles);
        g_clear_pointer(&lists, g_hash_table_unref);
        g_clear_pointer(&open_files, g_hash_table_unref);
}
