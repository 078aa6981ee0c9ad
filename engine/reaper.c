/* SPDX-License-Identifier: BSD-3-Clause */
/* The graveyard: devices that nobody can find any more but somebody still references, and the thread
 * that has each freed after its last reference and its last close, in a lane: closing a backing, or a
 * target's last write, may hang.  It also tells of targets' events. */
#include "dm-internal.h"

/* How long dm_exit() gives the thread to free what it can: a backing's close may hang. */
#define REAPER_GRACE_NS (300 * (uint64_t)DM_NS_PER_MS)

static struct dm_mutex graveyard = DM_MUTEX_INIT;
static GPtrArray *corpses; /* guarded: graveyard; only the reaper removes */
static GPtrArray *burials; /* guarded: graveyard; devices that nobody references any more */
static bool stopping;      /* guarded: graveyard */
static bool running;       /* guarded: graveyard */
static struct dm_lane *undertakers; /* the reaper's thread, and who starts and stops it */

struct burial {
        struct dm_work work;
        struct mapped_device *md;
};

static void shut_if_needed(struct mapped_device *md)
{
        /* a deferred removal arrives as its last opener left it, in any thread */
        if (!(atomic_load(&md->word) & DM_WORD_SHUT))
                dm_device_shut(md, 0);
}

/* In a thread of the lane, or, when there is none to be had, in the reaper's. */
static void free_device(struct dm_work *work, bool cancelled)
{
        g_autofree struct burial *burial = (struct burial *)work;

        dm_slots_release(burial->md); /* this may hang, and it is listed meanwhile */
        {
                DM_LOCK_SCOPE(&graveyard);
                g_ptr_array_remove_fast(burials, burial->md);
        }
        dm_device_free(burial->md);
        dm_wake_all();
}

/* Has MD freed if that can be done now. */
static void try_free(struct mapped_device *md)
{
        struct burial *burial;

        shut_if_needed(md);
        atomic_fetch_or(&md->word, DM_WORD_WAITED);
        if (!dm_names_forget(md))
                return;
        {
                DM_LOCK_SCOPE(&graveyard);
                g_ptr_array_remove_fast(corpses, md);
                g_ptr_array_add(burials, md);
        }
        burial = g_new0(struct burial, 1);
        burial->work.run = free_device;
        burial->md = md;
        dm_lane_push(undertakers, &burial->work, NULL);
}

static GPtrArray *snapshot(bool *ret_stopping)
{
        GPtrArray *copy = g_ptr_array_new();

        DM_LOCK_SCOPE(&graveyard);
        for (unsigned i = 0; i < corpses->len; i++)
                g_ptr_array_add(copy, corpses->pdata[i]);
        *ret_stopping = stopping;
        return copy;
}

static unsigned corpses_left(void)
{
        DM_LOCK_SCOPE(&graveyard);
        return corpses->len + burials->len;
}

static void *reap(void *unused)
{
        uint64_t stop_at = 0;

        for (;;) {
                uint32_t seen = dm_wake_prepare();
                bool stop;
                g_autoptr(GPtrArray) now = snapshot(&stop);

                dm_event_publish_moved();
                for (unsigned i = 0; i < now->len; i++)
                        try_free(now->pdata[i]);
                if (stop && !stop_at)
                        stop_at = dm_clock_real_ns() + REAPER_GRACE_NS;
                if (stop && (!corpses_left() || dm_clock_real_ns() >= stop_at))
                        break;
                dm_wake_wait(seen, stop ? stop_at : DM_WAKE_FOREVER);
        }
        {
                DM_LOCK_SCOPE(&graveyard);
                running = false;
        }
        dm_wake_all();
        return NULL;
}

void dm_reaper_start(void)
{
        pthread_t thread;

        undertakers = dm_lane_new("undertaker");
        {
                DM_LOCK_SCOPE(&graveyard);
                if (!corpses) {
                        corpses = g_ptr_array_new();
                        burials = g_ptr_array_new();
                }
                stopping = false;
                running = true;
        }
        if (pthread_create(&thread, NULL, reap, NULL))
                g_error("cannot start the reaper's thread");
        pthread_detach(thread);
}

static bool is_running(void)
{
        DM_LOCK_SCOPE(&graveyard);
        return running;
}

unsigned dm_reaper_stop(void)
{
        uint64_t deadline = dm_clock_real_ns() + 2 * REAPER_GRACE_NS;

        {
                DM_LOCK_SCOPE(&graveyard);
                stopping = true;
        }
        dm_wake_all();
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (!is_running())
                        break;
                if (!dm_wake_wait(seen, deadline))
                        return MAX(corpses_left(), 1);
        }
        /* one that frees goes on, or hangs, all the same */
        dm_lane_unref(undertakers);
        return corpses_left();
}

void dm_reaper_bury(struct mapped_device *md)
{
        {
                DM_LOCK_SCOPE(&graveyard);
                g_ptr_array_add(corpses, md);
        }
        dm_wake_all();
}

static void corpse_clear(gpointer corpse)
{
        g_free(((struct dm_corpse *)corpse)->name);
}

static void list_corpses(const GPtrArray *from, GArray *to)
{
        dm_assert_held(&graveyard);
        for (unsigned i = 0; from && i < from->len; i++) {
                struct mapped_device *md = from->pdata[i];
                struct dm_corpse corpse = {
                        .references = atomic_load(&md->word) & DM_WORD_REFS};
                struct dm_info info = {0};

                dm_names_fill_info(md, &info);
                corpse.name = g_steal_pointer(&info.name);
                corpse.opens = info.open_count;
                g_array_append_val(to, corpse);
                dm_info_clear(&info);
        }
}

GArray *dm_graveyard(void)
{
        GArray *found = g_array_new(FALSE, FALSE, sizeof(struct dm_corpse));

        g_array_set_clear_func(found, corpse_clear);

        DM_LOCK_SCOPE(&graveyard);
        list_corpses(corpses, found);
        list_corpses(burials, found);
        return found;
}
