/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "json.h"

Test(json, puts_commas_between)
{
        struct json *json = json_new();

        json_begin_object(json, NULL);
        json_begin_array(json, "list");
        for (unsigned i = 0; i < 2; i++) {
                json_begin_object(json, NULL);
                json_number(json, "n", i);
                json_bool(json, "odd", i % 2);
                json_end_object(json);
        }
        json_end_array(json);
        json_begin_array(json, "none");
        json_end_array(json);
        json_string(json, "s", "");
        json_number(json, "max", UINT64_MAX);
        json_end_object(json);
        cr_expect_str_eq(json_text(json),
                         "{\"list\":[{\"n\":0,\"odd\":false},{\"n\":1,\"odd\":true}],"
                         "\"none\":[],\"s\":\"\",\"max\":18446744073709551615}");
        json_free(json);
}

static void check_string(const char *value, const char *expected)
{
        struct json *json = json_new();

        json_string(json, NULL, value);
        cr_expect_str_eq(json_text(json), expected);
        json_free(json);
}

Test(json, escapes_what_has_to_be)
{
        check_string("plain /path", "\"plain /path\"");
        check_string("a\"b\\c", "\"a\\\"b\\\\c\"");
        check_string("\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"");
        check_string("é", "\"é\"");
        check_string("\xff", "\"\xef\xbf\xbd\"");
}
