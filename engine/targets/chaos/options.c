/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of faults, with a probability each, as the table line and messages set them. */
#include "chaos.h"

#include <string.h>

#define DIGITS_MAX 9u       /* behind the point */
#define DELAY_MAX_MS 86400000u

const char *const chaos_kind_names[KINDS] = {
        "read_error", "write_error", "corrupt", "delay", "torn", "misdirect",
};

/* A probability: 0 to 1, with at most DIGITS_MAX digits behind a point. */
static bool parse_chance(const char *text, uint32_t *ret_chance)
{
        uint32_t value = 0, unit = CHAOS_CERTAIN;

        if ((text[0] != '0' && text[0] != '1') || (text[1] && text[1] != '.'))
                return false;
        value = text[0] == '1' ? CHAOS_CERTAIN : 0;
        if (text[1] && !text[2])
                return false;
        for (text += text[1] ? 2 : 1; *text; text++) {
                unit /= 10;
                if (!g_ascii_isdigit(*text) || !unit)
                        return false;
                value += (uint32_t)(*text - '0') * unit;
        }
        *ret_chance = value;
        return value <= CHAOS_CERTAIN;
}

static void append_chance(GString *out, uint32_t chance)
{
        char digits[DIGITS_MAX + 1];
        size_t len = DIGITS_MAX;

        if (chance == CHAOS_CERTAIN || chance == 0) {
                g_string_append(out, chance ? "1" : "0");
                return;
        }
        g_snprintf(digits, sizeof(digits), "%09u", chance);
        while (digits[len - 1] == '0')
                len--;
        g_string_append_printf(out, "0.%.*s", (int)len, digits);
}

int chaos_set_option(struct chaos *c, int count, char **words, char **ret_why)
{
        uint32_t chance;
        uint64_t number = 0;
        int kind = 0, value_at = 1;

        if (strcmp(words[0], "seed") == 0) {
                if (count < 2 || !dm_parse_u64(words[1], &number)) {
                        *ret_why = g_strdup_printf("'seed' must be a number, got '%s'",
                                                   count < 2 ? "" : words[1]);
                        return 0;
                }
                atomic_store(&c->seed, number);
                return 2;
        }
        while (kind < KINDS && strcmp(words[0], chaos_kind_names[kind]) != 0)
                kind++;
        if (kind == KINDS) {
                *ret_why = g_strdup_printf("there is no option '%s'", words[0]);
                return 0;
        }
        if (kind == DELAY) {
                value_at = 2;
                if (count < 2 || !dm_parse_u64(words[1], &number) || number > DELAY_MAX_MS) {
                        *ret_why = g_strdup_printf(
                                "'delay' must be a number of milliseconds from 0 to %u, got '%s'",
                                DELAY_MAX_MS, count < 2 ? "" : words[1]);
                        return 0;
                }
        }
        if (count <= value_at || !parse_chance(words[value_at], &chance)) {
                *ret_why = g_strdup_printf("the probability of '%s' must be 0 to 1 with at most %u "
                                           "digits behind the point, got '%s'",
                                           words[0], DIGITS_MAX,
                                           count <= value_at ? "" : words[value_at]);
                return 0;
        }
        if (kind == DELAY)
                atomic_store(&c->delay_ms, number);
        atomic_store(&c->chances[kind], chance);
        return value_at + 1;
}

void chaos_append_options(GString *out, struct chaos *c)
{
        uint64_t seed = atomic_load(&c->seed);

        for (unsigned kind = 0; kind < KINDS; kind++) {
                uint32_t chance = atomic_load(&c->chances[kind]);

                if (!chance)
                        continue;
                g_string_append_printf(out, " %s ", chaos_kind_names[kind]);
                if (kind == DELAY)
                        g_string_append_printf(out, "%" G_GUINT64_FORMAT " ",
                                               atomic_load(&c->delay_ms));
                append_chance(out, chance);
        }
        if (seed)
                g_string_append_printf(out, " seed %" G_GUINT64_FORMAT, seed);
}
