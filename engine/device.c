/* SPDX-License-Identifier: BSD-3-Clause */
/* A mapped device's life: create, get, put, destroy. */
#include "dm-internal.h"

/* How long dm_exit() waits for threads that have no device: each is about to end, unless its disk hangs. */
#define LANES_GRACE_NS (3 * (uint64_t)DM_NS_PER_S)

/* ---- birth ------------------------------------------------------------------------------------- */

bool dm_create(const struct dm_create_params *params, struct mapped_device **ret_md,
               GError **error)
{
        struct mapped_device *md = g_new0(struct mapped_device, 1);

        atomic_init(&md->word, DM_WORD_REF);
        dm_mutex_init(&md->control);
        dm_mutex_init(&md->state);
        clock_gettime(CLOCK_REALTIME, &md->created);
        md->events = dm_event_counter_new();
        if (!dm_names_publish(md, params, error)) {
                dm_device_free(md);
                return false;
        }
        md->events->device = md->id;
        dm_event_publish(DM_EVENT_CREATED, md, params->name, NULL);
        *ret_md = md;
        return true;
}

/* ---- references -------------------------------------------------------------------------------- */

bool dm_get(struct mapped_device *md)
{
        uint64_t word = atomic_load_explicit(&md->word, memory_order_relaxed);

        do {
                if (word & DM_WORD_SHUT)
                        return false;
        } while (!atomic_compare_exchange_weak(&md->word, &word, word + DM_WORD_REF));
        return true;
}

void dm_put(struct mapped_device *md)
{
        uint64_t old = atomic_fetch_sub(&md->word, DM_WORD_REF);

        /* from here on MD may be freed memory: what follows looks at the old word only */
        assert(old & DM_WORD_REFS);
        if ((old & DM_WORD_WAITED) && (old & DM_WORD_REFS) == DM_WORD_REF)
                dm_wake_all();
}

bool dm_is_dead(const struct mapped_device *md)
{
        return atomic_load(&md->word) & DM_WORD_DEAD;
}

bool dm_word_wait(struct mapped_device *md, uint64_t mask, bool (*stop)(struct mapped_device *md))
{
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (!(atomic_fetch_or(&md->word, DM_WORD_WAITED) & mask))
                        return true;
                if (stop(md))
                        return false;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

/* ---- death ------------------------------------------------------------------------------------- */

static void presuspend_live(struct mapped_device *md)
{
        struct dm_table *live = dm_slot_ref(md, false);

        if (!live)
                return;
        dm_table_presuspend(live);
        dm_table_unref(live);
}

void dm_device_shut(struct mapped_device *md, uint64_t flags)
{
        atomic_fetch_or(&md->word, DM_WORD_SHUT | flags);
        atomic_store(&md->events->gone, true);
        dm_io_release_parked(md, -EIO);
        presuspend_live(md);
        if (flags & DM_WORD_DEAD) {
                dm_io_cancel_queued(md);
                dm_io_cancel_below(md);
        }
        dm_wake_all(); /* who waits for events, for a suspend, for the references */
}

void dm_device_free(struct mapped_device *md)
{
        dm_slots_release(md);
        dm_stats_free(atomic_load(&md->stats));
        dm_event_counter_unref(md->events);
        dm_mutex_destroy(&md->control);
        dm_mutex_destroy(&md->state);
        g_free(md->name);
        g_free(md->uuid);
        g_free(md);
}

static bool is_dead(struct mapped_device *md)
{
        return dm_is_dead(md);
}

static void hide(struct mapped_device *md)
{
        g_autofree char *name = dm_names_name(md);

        dm_event_publish(DM_EVENT_HIDDEN, md, name, NULL);
}

bool dm_destroy(struct mapped_device *md, unsigned flags, GError **error)
{
        g_autofree char *name = dm_names_name(md);

        switch (dm_names_claim(md, flags & DM_DESTROY_DEFERRED, false)) {
        case DM_CLAIM_OPEN:
                return dm_fail(error, EBUSY, "the device '%s' is open", name);
        case DM_CLAIM_GONE:
                return dm_fail(error, ENXIO, "the device '%s' is being removed", name);
        case DM_CLAIM_DEFER:
                hide(md);
                dm_put(md);
                return true;
        case DM_CLAIM_YES:
                break;
        }
        hide(md);
        dm_device_shut(md, 0);
        /* the claim keeps MD's memory: only this call, or the reaper after it, frees */
        dm_put(md);
        do {
                if (!dm_word_wait(md, DM_WORD_REFS, is_dead)) {
                        dm_reaper_bury(md);
                        return true;
                }
        } while (!dm_names_forget(md));
        dm_device_free(md);
        return true;
}

void dm_destroy_immediate(struct mapped_device *md)
{
        enum dm_claim claim = dm_names_claim(md, false, true);

        if (claim == DM_CLAIM_YES)
                hide(md);
        dm_device_shut(md, DM_WORD_DEAD);
        {
                g_autofree char *name = dm_names_name(md);

                dm_event_publish(DM_EVENT_KILLED, md, name, NULL);
        }
        if (claim == DM_CLAIM_YES)
                dm_reaper_bury(md);
        dm_put(md);
}

void dm_destroy_all_immediate(void)
{
        g_autoptr(GPtrArray) all = dm_names_hold_all();

        for (unsigned i = 0; i < all->len; i++)
                dm_destroy_immediate(all->pdata[i]);
        g_ptr_array_set_free_func(all, NULL); /* the references are consumed */
}

/* ---- attributes -------------------------------------------------------------------------------- */

void dm_get_info(struct mapped_device *md, struct dm_info *info)
{
        uint64_t word = atomic_load(&md->word);
        struct dm_table *live, *inactive;

        *info = (struct dm_info){
                .id = md->id,
                .major = DM_MAJOR,
                .minor = md->minor,
                .created = md->created,
                .event_nr = atomic_load(&md->events->number),
                .references = word & DM_WORD_REFS,
        };
        dm_names_fill_info(md, info);

        DM_LOCK_SCOPE(&md->state);
        live = atomic_load(&md->live);
        inactive = md->inactive;
        info->live = live;
        info->inactive = inactive;
        info->suspended = md->suspended;
        info->size = live ? live->size : 0;
        info->live_targets = live ? live->count : 0;
        info->inactive_targets = inactive ? inactive->count : 0;
        info->read_only = live && live->read_only;
        info->inactive_read_only = inactive && inactive->read_only;
}

void dm_info_clear(struct dm_info *info)
{
        g_clear_pointer(&info->name, g_free);
        g_clear_pointer(&info->uuid, g_free);
}

uint64_t dm_id(const struct mapped_device *md)
{
        return md->id;
}

uint32_t dm_minor(const struct mapped_device *md)
{
        return md->minor;
}

uint64_t dm_size(const struct mapped_device *md)
{
        return atomic_load_explicit(&md->size, memory_order_relaxed);
}

bool dm_read_only(const struct mapped_device *md)
{
        return atomic_load_explicit(&md->read_only, memory_order_relaxed);
}

void dm_set_attributes(struct mapped_device *md, mode_t mode, uid_t uid, gid_t gid)
{
        g_autofree char *name = dm_names_name(md);

        dm_names_set_attributes(md, mode, uid, gid);
        dm_event_publish(DM_EVENT_ATTRIBUTES, md, name, NULL);
}

bool dm_rename(struct mapped_device *md, const char *new_name, GError **error)
{
        g_autofree char *old = NULL;

        if (!dm_names_rename(md, new_name, &old, error))
                return false;
        dm_event_publish(DM_EVENT_RENAMED, md, new_name, old);
        dm_event_count(md);
        return true;
}

bool dm_set_uuid(struct mapped_device *md, const char *uuid, GError **error)
{
        if (!dm_names_set_uuid(md, uuid, error))
                return false;
        dm_event_count(md);
        return true;
}

/* ---- the engine as a whole ---------------------------------------------------------------------- */

void dm_init(void)
{
        dm_watcher_start();
        dm_timers_start();
        dm_io_start();
        dm_reaper_start();
}

unsigned dm_exit(void)
{
        unsigned left = dm_reaper_stop();

        dm_timers_stop();
        dm_watcher_stop();
        if (!left) {
                dm_io_stop();
                left = dm_lanes_join(dm_clock_real_ns() + LANES_GRACE_NS);
        }
        return left;
}
