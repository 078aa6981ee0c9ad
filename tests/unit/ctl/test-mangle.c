/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "mangle.h"

#define AUTO DM_STRING_MANGLING_AUTO
#define HEX DM_STRING_MANGLING_HEX
#define NONE DM_STRING_MANGLING_NONE
#define LIMIT 127

static void input(dm_string_mangling_t mode, const char *text, const char *expected)
{
        g_autofree char *got = mangle_input(text, "name", LIMIT, mode);

        if (expected)
                cr_expect_str_eq(got, expected);
        else
                cr_expect_null(got, "'%s'", text);
}

static void output(dm_string_mangling_t mode, const char *text, const char *expected)
{
        g_autofree char *got = unmangle_output(text, "name", mode);

        if (expected)
                cr_expect_str_eq(got, expected);
        else
                cr_expect_null(got, "'%s'", text);
}

Test(mangle, leaves_plain_names_alone)
{
        input(AUTO, "a-b_c+d.e:f@g=h#i0", "a-b_c+d.e:f@g=h#i0");
        input(HEX, "plain", "plain");
        input(AUTO, "", "");
}

Test(mangle, writes_other_characters_in_hex)
{
        input(AUTO, "a b", "a\\x20b");
        input(AUTO, "x&y*z", "x\\x26y\\x2az");
        input(AUTO, "back\\slash", "back\\x5cslash");
        input(AUTO, "\xff", "\\xff");
        input(NONE, "a b", "a b");
}

Test(mangle, auto_mode_keeps_what_is_mangled)
{
        input(AUTO, "c\\x20d", "c\\x20d");
        input(HEX, "c\\x20d", "c\\x5cx20d");
}

Test(mangle, refuses_half_mangled_names)
{
        input(AUTO, "a b\\x20c", NULL);
        input(AUTO, "a\\x20b c", NULL);
        input(AUTO, "a\\x2", NULL);
        input(AUTO, "a\\x5cx20b", NULL);
}

Test(mangle, refuses_what_gets_too_long)
{
        g_autofree char *blanks = g_strnfill(32, ' ');
        g_autofree char *fits = g_strnfill(31, ' ');
        g_autofree char *got = mangle_input(fits, "name", LIMIT, AUTO);

        input(AUTO, blanks, NULL);
        cr_expect_eq(strlen(got), 31 * 4);
}

Test(mangle, output_is_plain_again)
{
        output(AUTO, "a\\x20b", "a b");
        output(HEX, "a\\x5cx20b", "a\\x20b");
        output(AUTO, "a\\x5cx20b", NULL);
        output(AUTO, "p&q", NULL);
        output(NONE, "p&q", "p&q");
        output(NONE, "a\\x20b", "a\\x20b");
        output(AUTO, "a\\xzzb", "a\\xzzb");
}

Test(mangle, input_and_output_are_inverse)
{
        static const char *const names[] = {"a b", "x&y*z", "tab\there", "ü", "\\", "\x01\x7f"};

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *in = mangle_input(names[i], "name", LIMIT, AUTO);

                output(AUTO, in, names[i]);
        }
}
