/* SPDX-License-Identifier: BSD-3-Clause */
/* unmount, graveyard. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl.h"

bool verb_unmount(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                client_call(ctl->client, "Unmount", g_variant_new("(b)", ctl_given(ctl, OPT_FORCE)),
                            "(s)", &error);
        const char *report;

        if (!reply)
                return ctl_fail(error);
        g_variant_get(reply, "(&s)", &report);
        fputs(report, stdout);
        if (*report && !g_str_has_suffix(report, "\n"))
                putchar('\n');
        return true;
}

bool verb_graveyard(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = client_call(ctl->client, "Graveyard", NULL, "(a(suu))", &error);
        g_autoptr(GVariant) list = NULL;
        uint32_t references, opens;
        GVariantIter iter;
        const char *name;

        if (!reply)
                return ctl_fail(error);
        list = g_variant_get_child_value(reply, 0);
        g_variant_iter_init(&iter, list);
        while (g_variant_iter_next(&iter, "(&suu)", &name, &references, &opens))
                printf("%s: %" PRIu32 " references, %" PRIu32 " opens\n", name, references, opens);
        return true;
}
