/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's two table slots: load, clear, suspend, resume and swap, and what asks the tables. */
#include "dm-internal.h"

static bool gone(struct mapped_device *md)
{
        return atomic_load(&md->word) & DM_WORD_SHUT;
}

static bool fail_gone(struct mapped_device *md, GError **error)
{
        g_autofree char *name = dm_names_name(md);

        return dm_fail(error, ENXIO, "the device '%s' is being removed", name);
}

/* ---- slots --------------------------------------------------------------------------------------- */

struct dm_table *dm_slot_ref(struct mapped_device *md, bool inactive)
{
        struct dm_table *table;

        DM_LOCK_SCOPE(&md->state);
        table = inactive ? md->inactive : atomic_load(&md->live);
        return table ? dm_table_ref(table) : NULL;
}

static struct dm_table *swap_inactive(struct mapped_device *md, struct dm_table *table)
{
        struct dm_table *old;

        DM_LOCK_SCOPE(&md->state);
        old = md->inactive;
        md->inactive = table;
        return old;
}

/* Drops what dm_slot_ref() or a slot gave; NULL is fine. */
static void unref(struct dm_table *table)
{
        if (table)
                dm_table_unref(table);
}

void dm_slots_release(struct mapped_device *md)
{
        unref(swap_inactive(md, NULL));
        unref(atomic_exchange(&md->live, NULL));
}

/* ---- load and clear ------------------------------------------------------------------------------ */

/* The kernel looks at sizes when a device gets its first table; later at resume. */
static bool check_first(struct mapped_device *md, struct dm_table *table, GError **error)
{
        return atomic_load(&md->live) || dm_table_check_sizes(table, error);
}

bool dm_load(struct mapped_device *md, const char *text, unsigned flags, GError **error)
{
        struct dm_table *table;

        DM_LOCK_SCOPE(&md->control);
        if (gone(md))
                return fail_gone(md, error);
        table = dm_table_new(md, text, flags & DM_LOAD_READ_ONLY, error);
        if (!table)
                return false;
        if (!check_first(md, table, error)) {
                dm_table_unref(table);
                return false;
        }
        unref(swap_inactive(md, table));
        if (dm_names_show(md)) {
                g_autofree char *name = dm_names_name(md);

                dm_event_publish(DM_EVENT_APPEARED, md, name, NULL);
        }
        return true;
}

void dm_clear(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&md->control);
        unref(swap_inactive(md, NULL));
}

/* ---- suspend and resume -------------------------------------------------------------------------- */

static bool is_suspended(struct mapped_device *md)
{
        DM_LOCK_SCOPE(&md->state);
        return md->suspended;
}

static void set_suspended(struct mapped_device *md, bool suspended)
{
        DM_LOCK_SCOPE(&md->state);
        md->suspended = suspended;
}

static void publish(struct mapped_device *md, enum dm_event_type type)
{
        g_autofree char *name = dm_names_name(md);

        dm_event_publish(type, md, name, NULL);
}

/* Parks I/O from now on and waits for what is in progress. */
static bool quiesce(struct mapped_device *md, GError **error)
{
        struct dm_table *live = atomic_load(&md->live); /* control is held: it stays */

        dm_assert_held(&md->control);
        if (live)
                dm_table_presuspend(live);
        atomic_fetch_or(&md->word, DM_WORD_BLOCKED);
        return dm_word_wait(md, DM_WORD_IOS, gone) || fail_gone(md, error);
}

static void let_run(struct mapped_device *md)
{
        struct dm_table *live = atomic_load(&md->live);

        dm_assert_held(&md->control);
        if (live)
                dm_table_resume(live);
        {
                DM_LOCK_SCOPE(&md->state);
                md->suspended = false;
                atomic_fetch_and(&md->word, ~(DM_WORD_BLOCKED | DM_WORD_WAITED));
        }
        /* another waiter may count on WAITED: it sets it again */
        dm_wake_all();
        dm_io_release_parked(md, 0);
}

static bool sync_backings(struct mapped_device *md, GError **error)
{
        struct dm_table *live = atomic_load(&md->live);

        if (!live || live->read_only)
                return true;
        for (unsigned i = 0; i < live->devs->len; i++) {
                struct dm_dev *dev = live->devs->pdata[i];
                int r = dev->backing ? dm_backing_sync(dev->backing) : 0;

                if (r)
                        return dm_fail(error, -r, "%s: flushing failed: %s", dev->path,
                                       g_strerror(-r));
        }
        return true;
}

bool dm_suspend(struct mapped_device *md, unsigned flags, GError **error)
{
        DM_LOCK_SCOPE(&md->control);
        if (is_suspended(md))
                return true;
        if (!quiesce(md, error))
                return false;
        if (!(flags & DM_SUSPEND_NOFLUSH) && !sync_backings(md, error)) {
                let_run(md);
                return false;
        }
        set_suspended(md, true);
        publish(md, DM_EVENT_SUSPENDED);
        return true;
}

/* False when MD is being removed: from then on its live table stays, for presuspend may have begun I/O of its
 * own there, which only MD's references keep. */
static bool make_live(struct mapped_device *md, struct dm_table *table)
{
        struct dm_table *old;

        {
                DM_LOCK_SCOPE(&md->state);
                if (gone(md))
                        return false;
                old = atomic_exchange(&md->live, table);
                atomic_store(&md->size, table->size);
                atomic_store(&md->read_only, table->read_only);
        }
        unref(old);
        return true;
}

/* Puts the inactive table, if there is one, in the place of the live one. */
static bool swap_in(struct mapped_device *md, bool *ret_swapped, GError **error)
{
        struct dm_table *table = dm_slot_ref(md, true);

        *ret_swapped = false;
        if (!table)
                return true;
        dm_table_unref(table); /* the slot keeps it: control is held */
        if (!is_suspended(md)) {
                if (!quiesce(md, error))
                        return false;
                set_suspended(md, true);
        }
        swap_inactive(md, NULL);
        if (!dm_table_check_sizes(table, error)) {
                dm_table_unref(table);
                return false;
        }
        if (!make_live(md, table)) {
                dm_table_unref(table);
                return fail_gone(md, error);
        }
        *ret_swapped = true;
        return true;
}

bool dm_resume(struct mapped_device *md, unsigned flags, GError **error)
{
        bool swapped;

        DM_LOCK_SCOPE(&md->control);
        if (gone(md))
                return fail_gone(md, error);
        if (!swap_in(md, &swapped, error))
                return false;
        if (!swapped && !is_suspended(md))
                return true;
        if (!atomic_load(&md->live))
                return dm_fail(error, EINVAL, "the suspended device has no table");
        let_run(md);
        if (swapped)
                publish(md, DM_EVENT_TABLE);
        publish(md, DM_EVENT_RESUMED);
        return true;
}

/* ---- what asks the tables ------------------------------------------------------------------------ */

static void target_text_clear(gpointer text)
{
        g_free(((struct dm_target_text *)text)->text);
}

GArray *dm_table_text(struct mapped_device *md, unsigned flags)
{
        GArray *out = g_array_new(FALSE, FALSE, sizeof(struct dm_target_text));
        struct dm_table *table = dm_slot_ref(md, flags & DM_TEXT_INACTIVE);

        g_array_set_clear_func(out, target_text_clear);
        if (table) {
                dm_table_append_text(table, flags, out);
                dm_table_unref(table);
        }
        return out;
}

static void dep_clear(gpointer dep)
{
        g_free(((struct dm_dep *)dep)->path);
}

GArray *dm_table_deps(struct mapped_device *md, unsigned flags)
{
        GArray *out = g_array_new(FALSE, FALSE, sizeof(struct dm_dep));
        struct dm_table *table = dm_slot_ref(md, flags & DM_TEXT_INACTIVE);

        g_array_set_clear_func(out, dep_clear);
        if (table) {
                dm_table_append_deps(table, out);
                dm_table_unref(table);
        }
        return out;
}

static bool message_target(struct dm_table *table, uint64_t sector, int argc, char **argv,
                           char **ret_reply, GError **error)
{
        struct dm_target *ti;

        if (sector >= table->size >> DM_SECTOR_SHIFT)
                return dm_fail(error, EINVAL, "sector %" G_GUINT64_FORMAT " is beyond the end",
                               sector);
        ti = dm_table_find(table, sector << DM_SECTOR_SHIFT);
        if (!ti->type->message)
                return dm_fail(error, EINVAL, "%s: takes no messages", ti->type->name);
        return ti->type->message(ti, argc, argv, ret_reply, error);
}

static bool cancel_deferred_remove(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                                   GError **error)
{
        if (argc != 1)
                return dm_fail(error, EINVAL, "%s: takes no arguments", argv[0]);
        if (!dm_names_undefer(md))
                return fail_gone(md, error);
        if (dm_names_show(md))
                publish(md, DM_EVENT_APPEARED);
        return true;
}

/* What carries out a message to the device itself; NULL: it is for a target. */
static dm_message_fn device_message(const char *name)
{
        if (!g_ascii_strcasecmp(name, "@cancel_deferred_remove"))
                return cancel_deferred_remove;
        return dm_stats_message(name);
}

bool dm_message(struct mapped_device *md, uint64_t sector, int argc, char **argv, char **ret_reply,
                GError **error)
{
        dm_message_fn own = device_message(argv[0]);
        struct dm_table *live;
        bool ok;

        *ret_reply = NULL;
        if (own)
                return own(md, argc, argv, ret_reply, error); /* a suspend that waits for I/O is no matter */

        DM_LOCK_SCOPE(&md->control);
        live = dm_slot_ref(md, false);
        if (!live)
                return true;
        ok = message_target(live, sector, argc, argv, ret_reply, error);
        /* nothing else would wait for what the target began before the table goes */
        if (is_suspended(md))
                dm_word_wait(md, DM_WORD_IOS, gone);
        dm_table_unref(live);
        return ok;
}
