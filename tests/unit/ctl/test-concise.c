/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "concise.h"

struct expected {
        const char *fields[CONCISE_FIELDS];
};

static void check(const char *text, unsigned count, const struct expected *expected)
{
        g_autofree char *why = NULL;
        struct concise c;

        concise_init(&c, text);
        for (unsigned i = 0; i < count; i++) {
                cr_assert_eq(concise_next(&c, &why), CONCISE_DEVICE, "%s: device %u", text, i);
                for (unsigned f = 0; f < CONCISE_FIELDS; f++)
                        cr_expect_str_eq(c.fields[f]->str, expected[i].fields[f]);
        }
        cr_expect_eq(concise_next(&c, &why), CONCISE_END, "%s", text);
        cr_expect_null(why);
        concise_clear(&c);
}

static void refuses(const char *text, const char *expected)
{
        g_autofree char *why = NULL;
        struct concise c;

        concise_init(&c, text);
        cr_expect_eq(concise_next(&c, &why), CONCISE_BAD, "'%s'", text);
        cr_expect_str_eq(why, expected);
        concise_clear(&c);
}

Test(concise, takes_one_device)
{
        const struct expected one = {{"v0", "U", "7", "rw", "0 64 zero"}};

        check("v0,U,7,rw,0 64 zero", 1, &one);
        check("v0,U,7,rw,0 64 zero;", 1, &one);
        check("v0, U, 7, rw, 0 64 zero; \n", 1, &one);
        check("", 0, NULL);
}

Test(concise, takes_several_devices_of_several_lines)
{
        const struct expected two[] = {{{"a", "", "", "", "0 8 zero\n8 8 error"}},
                                       {{"b", "", "", "ro", "0 1 error"}}};

        check("a,,,,0 8 zero,8 8 error;b,,,ro,0 1 error", 2, two);
}

Test(concise, a_backslash_takes_the_next_character)
{
        const struct expected one = {{"a,b;c\\d", "", "", "", "0 8 linear /x,y 0"}};

        check("a\\,b\\;c\\\\d,,,,0 8 linear /x\\,y 0", 1, &one);
}

Test(concise, what_quote_writes_is_read_back)
{
        const char *const name = "a,b;c\\d, e";
        g_autoptr(GString) text = g_string_new(NULL);
        const struct expected one = {{name, "", "", "", "0 8 zero"}};

        concise_quote(text, name);
        g_string_append(text, ",,,,0 8 zero");
        check(text->str, 1, &one);
}

Test(concise, says_what_is_missing)
{
        refuses("v0",
                "Five comma-separated fields are required for each device\n"
                "Parsed 1 fields: name: v0 uuid: (null) minor: (null) flags: (null) table: (null)");
        refuses("v0,U;",
                "Five comma-separated fields are required for each device\n"
                "Parsed 2 fields: name: v0 uuid: U minor: (null) flags: (null) table: (null)");
        refuses("v0,,",
                "Incomplete entry: five comma-separated fields are required for each device\n"
                "Parsed 3 fields: name: v0 uuid:  minor:  flags: (null) table: (null)");
        refuses("v0\\",
                "Backslash must be followed by another character at end of string.\n"
                "Parsed 1 fields: name: v0 uuid: (null) minor: (null) flags: (null) table: (null)");
}

Test(concise, a_comma_at_the_end_promises_more)
{
        refuses("v0,,,rw,0 8 zero,",
                "Incomplete entry: five comma-separated fields are required for each device\n"
                "Parsed 5 fields: name: v0 uuid:  minor:  flags: rw table: 0 8 zero\n");
}

Test(concise, a_quoted_character_ends_no_device)
{
        refuses("v0,,,,0 8 zer\\o",
                "Incomplete entry: five comma-separated fields are required for each device\n"
                "Parsed 5 fields: name: v0 uuid:  minor:  flags:  table: 0 8 zero");
}
