/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "tables.h"

static void check(const char *type, const char *params, const char *expected)
{
        g_autofree char *copy = g_strdup(params);

        tables_hide_keys(type, copy);
        cr_expect_str_eq(copy, expected);
}

Test(tables, hides_the_key_of_crypt)
{
        check("crypt", "aes-xts-plain64 deadbeef 0 /dev/x 0",
              "aes-xts-plain64 00000000 0 /dev/x 0");
        check("crypt", "aes - 0 /dev/x 0", "aes 0 0 /dev/x 0");
        check("crypt", "aes-xts-plain64 :32:logon:key 0 /dev/x 0",
              "aes-xts-plain64 :32:logon:key 0 /dev/x 0");
        check("crypt", "aes", "aes");
        check("crypt", "", "");
}

Test(tables, hides_the_keys_of_integrity)
{
        check("integrity",
              "/dev/x 0 32 J 2 internal_hash:hmac(sha256):0a0b journal_mac:hmac(md5):ff",
              "/dev/x 0 32 J 2 internal_hash:hmac(sha256):0000 journal_mac:hmac(md5):00");
        check("integrity", "/dev/x 0 4 J 1 internal_hash:crc32c",
              "/dev/x 0 4 J 1 internal_hash:crc32c");
        check("integrity", "/dev/x 0 4 J 0", "/dev/x 0 4 J 0");
}

Test(tables, leaves_others_alone)
{
        check("linear", "/dev/x deadbeef", "/dev/x deadbeef");
}
