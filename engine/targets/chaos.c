/* SPDX-License-Identifier: BSD-3-Clause */
/* chaos: a lower device that fails now and then, each kind of fault with a probability of its own. */
#include "chaos/chaos.h"

#include <string.h>

static bool chaos_ctr(struct dm_target *ti, struct dm_args *args, GError **error)
{
        struct chaos *c = ti->priv;

        dm_mutex_init(&c->lock);
        c->hold = dm_hold_new(ti, NULL);
        c->dev = dm_args_dev(args, ti, error);
        if (!c->dev || !dm_args_sectors(args, "offset", &c->offset, error))
                return false;
        while (args->next < args->argc) {
                g_autofree char *why = NULL;
                int used = chaos_set_option(c, (int)(args->argc - args->next),
                                            args->argv + args->next, &why);

                if (!used) {
                        dm_target_error(error, args, "%s", why);
                        return false;
                }
                args->next += (unsigned)used;
        }
        c->places = chaos_places_new(ti->len);
        dm_dev_claim(c->dev, ti, c->offset, ti->len);
        return true;
}

static void chaos_dtr(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        chaos_places_free(c->places);
        dm_hold_free(c->hold);
        dm_mutex_destroy(&c->lock);
}

static void chaos_presuspend(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        dm_hold_close(c->hold);
}

static void chaos_resume(struct dm_target *ti)
{
        struct chaos *c = ti->priv;

        dm_hold_open(c->hold);
}

static void chaos_table(struct dm_target *ti, GString *out)
{
        struct chaos *c = ti->priv;

        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT, dm_dev_path(c->dev),
                               c->offset >> DM_SECTOR_SHIFT);
        chaos_append_options(out, c);
}

static void chaos_status(struct dm_target *ti, GString *out)
{
        chaos_append_counts(out, ti->priv);
}

static void reset(struct chaos *c)
{
        chaos_places_restart(c->places);
        chaos_clear_trace(c);
}

static bool chaos_message(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                          GError **error)
{
        struct chaos *c = ti->priv;
        g_autofree char *why = NULL;
        int words = strcmp(argv[0], "trace") == 0 || strcmp(argv[0], "reset") == 0 ? 1
                    : strcmp(argv[0], "delay") == 0                                ? 3
                                                                                   : 2;

        if (argc > words)
                return dm_message_error(error, ti, "%s: takes no more arguments, got '%s'", argv[0],
                                        argv[words]);
        if (strcmp(argv[0], "trace") == 0)
                *ret_reply = chaos_show_trace(c);
        else if (strcmp(argv[0], "reset") == 0)
                reset(c);
        else if (!chaos_set_option(c, argc, argv, &why))
                return dm_message_error(error, ti, "%s", why);
        else if (strcmp(argv[0], "seed") == 0)
                chaos_places_restart(c->places);
        return true;
}

const struct dm_target_type dm_type_chaos = {
        .name = "chaos",
        .summary = "a lower device with random faults that can be had again",
        .usage = "<device> <offset> [read_error <P>] [write_error <P>] [corrupt <P>] "
                 "[delay <ms> <P>] [torn <P>] [misdirect <P>] [seed <N>]",
        .version = {1, 0, 0},
        .priv_size = sizeof(struct chaos),
        .bio_data_size = sizeof(struct chaos_flaw),
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .ctr = chaos_ctr,
        .dtr = chaos_dtr,
        .presuspend = chaos_presuspend,
        .resume = chaos_resume,
        .table = chaos_table,
        .status = chaos_status,
        .message = chaos_message,
        .map = chaos_map,
        .end_io = chaos_end_io,
};
