/* SPDX-License-Identifier: BSD-3-Clause */
/* What changes a device. */
#include "ctl/methods/methods.h"

#include <errno.h>

#include "base/parse.h"

GVariant *ctl_method_rename(struct ctl_call *call, GError **error)
{
        return dm_rename(call->md, ctl_text_argument(call, 1), error) ? ctl_nothing() : NULL;
}

GVariant *ctl_method_set_uuid(struct ctl_call *call, GError **error)
{
        return dm_set_uuid(call->md, ctl_text_argument(call, 1), error) ? ctl_nothing() : NULL;
}

GVariant *ctl_method_load(struct ctl_call *call, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 2);
        bool read_only = false;
        const struct ctl_key keys[] = {{"readonly", 'b', &read_only}};

        if (!CTL_READ_DICT(options, keys, error))
                return NULL;
        return dm_load(call->md, ctl_text_argument(call, 1), read_only ? DM_LOAD_READ_ONLY : 0, error)
                       ? ctl_nothing()
                       : NULL;
}

GVariant *ctl_method_clear(struct ctl_call *call, GError **error)
{
        dm_clear(call->md);
        return ctl_nothing();
}

/* nolockfs: there is no filesystem above that the engine could freeze, so it says nothing. */
static bool read_noflush(struct ctl_call *call, bool *noflush, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 1);
        bool nolockfs;
        const struct ctl_key keys[] = {{"noflush", 'b', noflush}, {"nolockfs", 'b', &nolockfs}};

        return CTL_READ_DICT(options, keys, error);
}

GVariant *ctl_method_suspend(struct ctl_call *call, GError **error)
{
        bool noflush = false;

        if (!read_noflush(call, &noflush, error))
                return NULL;
        return dm_suspend(call->md, noflush ? DM_SUSPEND_NOFLUSH : 0, error) ? ctl_nothing() : NULL;
}

GVariant *ctl_method_resume(struct ctl_call *call, GError **error)
{
        bool noflush = false;

        if (!read_noflush(call, &noflush, error))
                return NULL;
        return dm_resume(call->md, noflush ? DM_SUSPEND_NOFLUSH : 0, error) ? ctl_nothing() : NULL;
}

GVariant *ctl_method_message(struct ctl_call *call, GError **error)
{
        g_autofree char *text = g_strdup(ctl_text_argument(call, 2));
        g_autofree char **words = NULL;
        g_autofree char *reply = NULL;
        unsigned count = dm_parse_words(text, &words);
        uint64_t sector;

        g_variant_get_child(call->arguments, 1, "t", &sector);
        if (!count)
                return ctl_fail(error, EINVAL, "the message is empty");
        if (!dm_message(call->md, sector, (int)count, words, &reply, error))
                return NULL;
        return g_variant_new("(b@s)", reply != NULL, ctl_utf8(reply));
}
