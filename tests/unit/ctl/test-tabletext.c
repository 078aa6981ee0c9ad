/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "tabletext.h"

static void check(const char *text, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *why = NULL;

        cr_expect(tabletext_parse(text, "here", out, &why), "'%s'", text);
        cr_expect_str_eq(out->str, expected);
        cr_expect_null(why);
}

static void refuses(const char *text, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *why = NULL;

        cr_expect(!tabletext_parse(text, "here", out, &why), "'%s'", text);
        cr_expect_str_eq(why, expected);
}

Test(tabletext, nothing_is_no_table)
{
        check("", "");
        check("\n\n", "");
        check("# nothing\n  \t\n", "");
}

Test(tabletext, makes_lines_canonical)
{
        check("0 64 zero", "0 64 zero \n");
        check("  0\t064   linear  /dev/x  5  \n", "0 64 linear /dev/x  5\n");
        check("0 8 zero\n# between\n\n8 8 error\n", "0 8 zero \n8 8 error \n");
        check("0 8 linear /x 0 # a remark", "0 8 linear /x 0 \n");
}

Test(tabletext, reads_numbers_as_c_does)
{
        check("-8 64 zero", "18446744073709551608 64 zero \n");
        check("+1 64 zero", "1 64 zero \n");
        check("0 99999999999999999999 zero", "0 18446744073709551615 zero \n");
        check("0 64zero", "0 64 zero \n");
}

Test(tabletext, names_the_line_that_is_wrong)
{
        refuses("a 64 zero", "Invalid format on line 1 of table here.");
        refuses("0 64 zero\n\n0 b zero", "Invalid format on line 3 of table here.");
        refuses("0", "Invalid format on line 1 of table here.");
        refuses("0 64", "Invalid format on line 1 of table here.");
        refuses("0 64 abcdefghijklmnop", "Target type name abcdefghijklmnop is too long.");
}

Test(tabletext, takes_what_the_daemon_tells_apart)
{
        char text[] = "0 8 zero \n8 16 linear /a\\ b  5\nnonsense\n";
        char *rest = text;
        struct target_line line;

        cr_assert(tabletext_next(&rest, &line));
        cr_expect(line.start == 0 && line.length == 8);
        cr_expect_str_eq(line.type, "zero");
        cr_expect_str_eq(line.params, "");
        cr_assert(tabletext_next(&rest, &line));
        cr_expect(line.start == 8 && line.length == 16);
        cr_expect_str_eq(line.type, "linear");
        cr_expect_str_eq(line.params, "/a\\ b  5");
        cr_expect(!tabletext_next(&rest, &line), "no numbers");
        cr_expect(!tabletext_next(&rest, &line), "the end");
}

Test(tabletext, stops_at_what_is_no_table)
{
        static const char *const bad[] = {"", "0 8 zero", "0 8\n", "0 8 \n", "\n", "-\n"};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup(bad[i]);
                char *rest = text;
                struct target_line line;

                cr_expect(!tabletext_next(&rest, &line), "'%s'", bad[i]);
        }
}
