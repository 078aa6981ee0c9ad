/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

static bool number(const char *text, uint64_t expected)
{
        uint64_t value = 4711;

        return dm_parse_u64(text, &value) && value == expected;
}

static bool no_number(const char *text)
{
        uint64_t value = 4711;

        return !dm_parse_u64(text, &value) && value == 4711;
}

Test(parse, takes_decimal_numbers)
{
        cr_expect(number("0", 0));
        cr_expect(number("007", 7));
        cr_expect(number("18446744073709551615", UINT64_MAX));
}

Test(parse, refuses_what_is_not_all_digits)
{
        static const char *const bad[] = {"",   " 1", "1 ", "+1",  "-1", "0x10", "1.5",
                                          "8x", "x",  "1_0", "\t", "1\n", "1e3", "٣"};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                cr_expect(no_number(bad[i]), "'%s'", bad[i]);
}

Test(parse, refuses_numbers_beyond_64_bits)
{
        cr_expect(no_number("18446744073709551616"));
        cr_expect(no_number("99999999999999999999"));
        cr_expect(no_number("184467440737095516150"));
}

static void check_words(const char *text, unsigned count, const char *const *expected)
{
        g_autofree char *copy = g_strdup(text);
        g_autofree char **words = NULL;

        cr_assert_eq(dm_parse_words(copy, &words), count, "'%s'", text);
        for (unsigned i = 0; i < count; i++)
                cr_expect_str_eq(words[i], expected[i]);
        cr_expect_null(words[count]);
}

Test(parse, splits_at_blanks)
{
        check_words("", 0, NULL);
        check_words(" \t ", 0, NULL);
        check_words("one", 1, (const char *const[]){"one"});
        check_words("\tone  two ", 2, (const char *const[]){"one", "two"});
}

Test(parse, takes_what_is_behind_a_backslash_literally)
{
        check_words("a\\ b c\\\\d", 2, (const char *const[]){"a b", "c\\d"});
        check_words("\\ ", 1, (const char *const[]){" "});
        check_words("end\\", 1, (const char *const[]){"end\\"});
}
