/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of a target line, read strictly and in order.  (dm_args_dev() is in dev.c.) */
#include "dm-internal.h"

#include <inttypes.h>

void dm_target_error(GError **error, struct dm_args *args, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list list;

        va_start(list, format);
        text = g_strdup_vprintf(format, list);
        va_end(list);
        dm_fail(error, EINVAL, "%s: %s", args->target, text);
}

bool dm_message_error(GError **error, const struct dm_target *ti, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list list;

        va_start(list, format);
        text = g_strdup_vprintf(format, list);
        va_end(list);
        return dm_fail(error, EINVAL, "%s: %s", ti->type->name, text);
}

const char *dm_args_next(struct dm_args *args)
{
        return args->next < args->argc ? args->argv[args->next++] : NULL;
}

const char *dm_args_word(struct dm_args *args, const char *what, GError **error)
{
        const char *word = dm_args_next(args);

        if (!word)
                dm_target_error(error, args, "'%s' is missing", what);
        return word;
}

bool dm_args_u64(struct dm_args *args, const char *what, uint64_t min, uint64_t max,
                 uint64_t *ret_value, GError **error)
{
        const char *word = dm_args_word(args, what, error);
        uint64_t value;

        if (!word)
                return false;
        if (dm_parse_u64(word, &value) && value >= min && value <= max) {
                *ret_value = value;
                return true;
        }
        if (max == UINT64_MAX && min == 0)
                dm_target_error(error, args, "'%s' must be a number, got '%s'", what, word);
        else if (max == UINT64_MAX)
                dm_target_error(error, args, "'%s' must be a number of at least %" PRIu64
                                ", got '%s'", what, min, word);
        else
                dm_target_error(error, args, "'%s' must be a number from %" PRIu64 " to %" PRIu64
                                ", got '%s'", what, min, max, word);
        return false;
}

bool dm_args_sectors(struct dm_args *args, const char *what, uint64_t *ret_bytes, GError **error)
{
        const char *word = dm_args_word(args, what, error);
        uint64_t value;

        if (!word)
                return false;
        if (!dm_parse_u64(word, &value)) {
                dm_target_error(error, args, "'%s' must be a number of sectors, got '%s'", what,
                                word);
                return false;
        }
        if (value > INT64_MAX >> DM_SECTOR_SHIFT) {
                dm_target_error(error, args, "'%s' is too large: '%s' sectors", what, word);
                return false;
        }
        *ret_bytes = value << DM_SECTOR_SHIFT;
        return true;
}
