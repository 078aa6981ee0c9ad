/* SPDX-License-Identifier: BSD-3-Clause */
#include "histogram.h"

#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "../say.h"

#define NS_PER_MS 1000000u

static const struct unit {
        const char *name;
        uint64_t ns;
} units[] = {{"s", 1000000000}, {"ms", NS_PER_MS}, {"us", 1000}, {"ns", 1}};

/* ---- parsing ------------------------------------------------------------------------------------------ */

/* What a bound's unit is worth; 0: it is none. */
static uint64_t unit_ns(const char *name)
{
        if (!*name)
                return 1;
        for (unsigned i = 0; i < G_N_ELEMENTS(units); i++)
                if (!strcmp(units[i].name, name))
                        return units[i].ns;
        return 0;
}

static bool parse_bound(const char *word, uint64_t *ret_bound)
{
        size_t length = strspn(word, "0123456789");
        g_autofree char *digits = g_strndup(word, length);
        uint64_t ns = unit_ns(word + length);

        if (length && !ns) {
                say_error("Invalid character in histogram: %c", word[length]);
                return false;
        }
        if (!length && *word) {
                say_error("Invalid character in histogram: %c", *word);
                return false;
        }
        *ret_bound = 0; /* of an empty word: out of order in any place */
        if (length && (!dm_parse_u64(digits, ret_bound) ||
                       __builtin_mul_overflow(*ret_bound, ns, ret_bound))) {
                say_error("Could not parse histogram bound.");
                return false;
        }
        return true;
}

GArray *histogram_parse(const char *text)
{
        g_autoptr(GArray) bounds = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        g_auto(GStrv) words = g_strsplit(text, ",", -1);
        uint64_t bound;

        if (!*words) {
                say_error("Could not parse histogram bound.");
                return NULL;
        }
        for (char **word = words; *word; word++) {
                if (!parse_bound(*word, &bound))
                        return NULL;
                g_array_append_val(bounds, bound);
        }
        return g_steal_pointer(&bounds);
}

static uint64_t bound_at(const GArray *bounds, unsigned index)
{
        return g_array_index(bounds, uint64_t, index);
}

bool histogram_is_ascending(const GArray *bounds)
{
        for (unsigned i = 0; i < bounds->len; i++)
                if (bound_at(bounds, i) < (i ? bound_at(bounds, i - 1) : 1))
                        return false;
        return true;
}

bool histogram_is_precise(const GArray *bounds)
{
        for (unsigned i = 0; i < bounds->len; i++)
                if (bound_at(bounds, i) % NS_PER_MS)
                        return true;
        return false;
}

/* ---- as text -------------------------------------------------------------------------------------------- */

/* In the largest unit that it is a whole number of. */
static char *bound_text(uint64_t ns, unsigned show)
{
        unsigned i = 0;

        if (!(show & HISTOGRAM_SUFFIX))
                return g_strdup_printf("%" PRIu64, ns);
        while (ns % units[i].ns)
                i++;
        return g_strdup_printf("%" PRIu64 "%s", ns / units[i].ns, units[i].name);
}

/* Without the bounds of one side there is the other, or a bin without end. */
static char *span_text(const GArray *bounds, unsigned bin, unsigned show)
{
        g_autofree char *lower = bound_text(bin ? bound_at(bounds, bin - 1) : 0, show);
        g_autofree char *upper = NULL;

        if (show & HISTOGRAM_LOWER)
                return g_steal_pointer(&lower);
        if (bin == bounds->len)
                return g_strconcat(">", lower, NULL);
        upper = bound_text(bound_at(bounds, bin), show);
        return g_strconcat(lower, "-", upper, NULL);
}

static uint64_t sum_of(const GArray *bounds, const uint64_t *bins)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i <= bounds->len; i++)
                sum += bins[i];
        return sum;
}

static char *value_text(uint64_t value, uint64_t sum, unsigned show)
{
        if (show & HISTOGRAM_PERCENT)
                return g_strdup_printf("%.2f%%", sum ? 100.0 * (double)value / (double)sum : 0.0);
        return g_strdup_printf("%" PRIu64, value);
}

/* A bin's bounds and value, in a field that is as wide for all: what the one leaves is the other's. */
static void add_aligned(GString *out, const char *span, const char *value, bool right, unsigned show)
{
        int for_span = show & HISTOGRAM_SUFFIX ? 6 : 10, for_value = show & HISTOGRAM_PERCENT ? 7 : 6;
        int rest;

        if (!span) {
                g_string_append_printf(out, "%*s", for_value, value);
                return;
        }
        rest = for_span + for_value - MAX((int)strlen(span), right ? for_span : 0);
        g_string_append_printf(out, "%*s:%*s", right ? for_span : 0, span, MAX(rest, 0), value);
}

char *histogram_text(const GArray *bounds, const uint64_t *bins, unsigned show)
{
        bool values = show & (HISTOGRAM_COUNTS | HISTOGRAM_PERCENT);
        bool spans = show & (HISTOGRAM_LOWER | HISTOGRAM_RANGES), narrow = show & HISTOGRAM_NARROW;
        const char *between = values && narrow ? ":" : spans ? "," : "";
        GString *out = g_string_new(NULL);
        uint64_t sum = values ? sum_of(bounds, bins) : 0;

        for (unsigned i = 0; bounds->len && i <= bounds->len; i++) {
                g_autofree char *span = spans ? span_text(bounds, i, show) : NULL;
                g_autofree char *value = values ? value_text(bins[i], sum, show) : NULL;

                g_string_append(out, i ? between : "");
                if (!values)
                        g_string_append(out, span);
                else if (narrow)
                        g_string_append_printf(out, "%s%s%s", span ? span : "", span ? ":" : "", value);
                else
                        add_aligned(out, span, value, show & HISTOGRAM_LOWER || i == bounds->len, show);
        }
        return g_string_free(out, FALSE);
}
