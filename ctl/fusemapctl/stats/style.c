/* SPDX-License-Identifier: BSD-3-Clause */
#include "style.h"

#include <string.h>

#include "base/parse.h"
#include "../say.h"

#define SECTOR_SIZE 512

bool stats_style_init(struct stats_style *style, const struct options *o)
{
        const char *units = o->given[OPT_UNITS] ? o->text[OPT_UNITS] : "h";

        *style = (struct stats_style){.time_suffix = !o->given[OPT_NOTIMESUFFIX],
                                      .selects = o->given[OPT_SELECT],
                                      .narrow = o->given[OPT_NOHEADINGS]};
        style->unit = dm_units_to_factor(units, &style->unit_letter, 0, NULL);
        if (!style->unit)
                say_error("Invalid --units argument.");
        return style->unit;
}

const char *stats_style_size(const struct stats_style *style, struct dm_pool *mem, uint64_t sectors)
{
        return dm_size_to_string(mem, sectors, style->unit_letter, 1, style->unit, 0,
                                 DM_SIZE_UNIT);
}

bool stats_parse_size(const char *text, uint64_t *ret_sectors)
{
        size_t length = strspn(text, "0123456789");
        g_autofree char *digits = g_strndup(text, length);
        uint64_t number, unit = SECTOR_SIZE;
        char letter;

        if (!dm_parse_u64(digits, &number))
                return false;
        if (text[length]) {
                if (text[length + 1] || !strchr("bBsSkKmMgGtTpPeE", text[length]))
                        return false;
                unit = dm_units_to_factor(text + length, &letter, 0, NULL);
        }
        if (__builtin_mul_overflow(number, unit, &number))
                return false;
        *ret_sectors = number / SECTOR_SIZE;
        return *ret_sectors || !number;
}
