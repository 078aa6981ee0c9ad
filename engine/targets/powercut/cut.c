/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages: cut, which decides what of the cache survives, and power-on. */
#include "powercut.h"

#include <string.h>

#define TEAR_MAX (1u << 20)

struct cut {
        enum dm_keep keep;
        uint64_t seed, tear;
};

static bool parse_keep(const char *text, enum dm_keep *ret_keep)
{
        static const char *const names[] = {"none", "all", "random"};

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                if (strcmp(text, names[i]) == 0) {
                        *ret_keep = (enum dm_keep)i;
                        return true;
                }
        }
        return false;
}

static bool parse_cut(struct dm_target *ti, int argc, char **argv, struct cut *cut, GError **error)
{
        for (int i = 1; i < argc; i += 2) {
                const char *value = i + 1 < argc ? argv[i + 1] : NULL;

                if (strcmp(argv[i], "seed") != 0 && strcmp(argv[i], "keep") != 0 &&
                    strcmp(argv[i], "tear") != 0)
                        return dm_message_error(error, ti, "cut: there is no option '%s'", argv[i]);
                if (!value)
                        return dm_message_error(error, ti, "cut: '%s' needs a value", argv[i]);
                if (strcmp(argv[i], "seed") == 0 && !dm_parse_u64(value, &cut->seed))
                        return dm_message_error(error, ti,
                                                "cut: 'seed' must be a number, got '%s'", value);
                if (strcmp(argv[i], "keep") == 0 && !parse_keep(value, &cut->keep))
                        return dm_message_error(error, ti,
                                                "cut: 'keep' must be none, all or random, got '%s'",
                                                value);
                if (strcmp(argv[i], "tear") == 0 &&
                    (!dm_parse_u64(value, &cut->tear) || !cut->tear || cut->tear > TEAR_MAX ||
                     cut->tear % DM_SECTOR_SIZE))
                        return dm_message_error(error, ti,
                                                "cut: 'tear' must be a multiple of %u up to %u, "
                                                "got '%s'",
                                                DM_SECTOR_SIZE, TEAR_MAX, value);
        }
        return true;
}

static int write_survivors(struct powercut *p, GArray *survivors)
{
        int r = 0;

        for (unsigned i = 0, count; i < survivors->len && !r; i += count) {
                const struct dm_chosen *from = powercut_chosen_at(survivors, i);
                enum dm_op op = powercut_op_of_kind(from->version->write->kind);
                g_autofree char *buf = NULL;

                count = powercut_run_length(survivors, i, IO_MAX / DM_SECTOR_SIZE);
                buf = powercut_gather(survivors, i, count);
                /* a discard that survived has to read as zeroes */
                r = dm_dev_io(p->dev, op == DM_OP_DISCARD ? DM_OP_WRITE_ZEROES : op, 0,
                              p->offset + (from->sector << DM_SECTOR_SHIFT),
                              (uint64_t)count << DM_SECTOR_SHIFT, buf);
        }
        return r;
}

static bool cut_power(struct powercut *p, const struct cut *cut, char **ret_reply, GError **error)
{
        g_autoptr(GArray) survivors = NULL;
        uint64_t lost;
        int r;

        if (!powercut_switch_off(p))
                return dm_message_error(error, p->ti, "cut: the power is off");
        if (!powercut_await_batch(p))
                return dm_message_error(error, p->ti, "cut: the device is gone");
        {
                DM_LOCK_SCOPE(&p->lock);
                survivors = dm_versions_survivors(&p->versions, cut->keep, cut->seed,
                                                  cut->tear >> DM_SECTOR_SHIFT, &lost);
        }
        /* nobody changes the cache while the power is off */
        r = write_survivors(p, survivors);
        {
                DM_LOCK_SCOPE(&p->lock);
                dm_versions_clear(&p->versions);
                p->cuts++;
                p->lost += lost;
                p->durable += survivors->len;
                p->seed = cut->seed;
        }
        dm_target_changed(p->ti);
        if (r)
                return dm_message_error(error, p->ti, "cut: writing what survives failed: %s",
                                        g_strerror(-r));
        *ret_reply = g_strdup_printf("seed %" G_GUINT64_FORMAT " survived %u lost %" G_GUINT64_FORMAT,
                                     cut->seed, survivors->len, lost);
        return true;
}

static bool switch_on(struct powercut *p, GError **error)
{
        bool was_off;

        {
                DM_LOCK_SCOPE(&p->lock);
                was_off = p->off;
                p->off = false;
        }
        if (!was_off)
                return dm_message_error(error, p->ti, "power-on: the power is on");
        dm_target_changed(p->ti);
        return true;
}

bool powercut_message(struct dm_target *ti, int argc, char **argv, char **ret_reply, GError **error)
{
        struct powercut *p = ti->priv;
        struct cut cut = {.keep = DM_KEEP_RANDOM, .tear = DM_SECTOR_SIZE};

        if (strcmp(argv[0], "cut") == 0) {
                cut.seed = dm_mix(dm_clock_now_ns()) >> 32; /* short enough to be typed again */
                return parse_cut(ti, argc, argv, &cut, error) &&
                       cut_power(p, &cut, ret_reply, error);
        }
        if (strcmp(argv[0], "power-on") != 0)
                return dm_message_error(error, ti, "there is no message '%s'", argv[0]);
        if (argc > 1)
                return dm_message_error(error, ti, "power-on: takes no arguments, got '%s'",
                                        argv[1]);
        return switch_on(p, error);
}
