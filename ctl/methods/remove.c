/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/methods/methods.h"

#include <errno.h>

#include "base/clock.h"
#include "base/wake.h"

/* A program's close() returns before the daemon hears of it: so long a removal waits for that at least. */
#define CLOSE_MS 500

struct removal {
        bool deferred, immediate;
        uint32_t wait_ms; /* for the last close */
};

static bool read_removal(GVariant *options, struct removal *removal, GError **error)
{
        const struct ctl_key keys[] = {
                {"deferred", 'b', &removal->deferred},
                {"immediate", 'b', &removal->immediate},
                {"wait", 'u', &removal->wait_ms},
        };

        removal->wait_ms = CLOSE_MS;
        return CTL_READ_DICT(options, keys, error);
}

static uint64_t deadline(const struct removal *how)
{
        return dm_clock_real_ns() + how->wait_ms * (uint64_t)DM_NS_PER_MS;
}

/* Consumes the reference when it returns true. */
static bool remove_device(struct mapped_device *md, const struct removal *how, GError **error)
{
        if (!how->immediate)
                return dm_destroy(md, how->deferred ? DM_DESTROY_DEFERRED : 0, error);
        dm_destroy_immediate(md);
        return true;
}

static bool remove_when_closed(struct mapped_device *md, const struct removal *how, GError **error)
{
        uint64_t until = deadline(how);

        for (;;) {
                uint32_t seen = dm_wake_prepare();
                g_autoptr(GError) e = NULL;

                if (remove_device(md, how, &e))
                        return true;
                if (!g_error_matches(e, DM_ERROR, EBUSY) || !dm_wake_wait(seen, until)) {
                        g_propagate_error(error, g_steal_pointer(&e));
                        return false;
                }
        }
}

GVariant *ctl_method_remove(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 1);
        struct removal how = {false};

        if (!read_removal(options, &how, error) || !remove_when_closed(call->md, &how, error))
                return NULL;
        call->md = NULL;
        return ctl_nothing();
}

/* One pass over all devices; how many are left, and how many went.  A removal may wait for long: no other
 * device is referenced meanwhile, or its removal would wait too. */
static unsigned remove_pass(const struct removal *how, unsigned *ret_removed)
{
        g_autoptr(GArray) ids = dm_list_ids();
        unsigned left = 0;

        *ret_removed = 0;
        for (unsigned i = 0; i < ids->len; i++) {
                struct mapped_device *md = dm_get_by_id(g_array_index(ids, uint64_t, i));

                if (!md)
                        continue; /* somebody else removed it */
                if (remove_device(md, how, NULL)) {
                        ++*ret_removed;
                } else {
                        dm_put(md);
                        left++;
                }
        }
        return left;
}

/* A device goes once none is stacked on it any more, hence the passes.  Deferred, one is enough: the
 * others follow by themselves. */
static unsigned remove_all(const struct removal *how)
{
        unsigned removed, left;

        do
                left = remove_pass(how, &removed);
        while (left && removed && !how->deferred);
        return left;
}

GVariant *ctl_method_remove_all(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 0);
        struct removal how = {false};
        uint64_t until;
        unsigned left;
        uint32_t seen;

        if (!read_removal(options, &how, error))
                return NULL;
        until = deadline(&how);
        call->changed = CTL_ALL_DEVICES;
        do {
                seen = dm_wake_prepare();
                left = remove_all(&how);
        } while (left && !how.deferred && dm_wake_wait(seen, until));
        return g_variant_new("(u)", left);
}
