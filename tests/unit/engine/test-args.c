/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

/* One argument, TEXT (NULL: none). */
static struct dm_args one(char **argv)
{
        return (struct dm_args){.target = "thing", .argc = *argv ? 1 : 0, .argv = argv};
}

static void expect_error(GError *error, const char *message)
{
        cr_assert_not_null(error);
        cr_expect(error->domain == DM_ERROR);
        cr_expect_eq(error->code, EINVAL);
        cr_expect_str_eq(error->message, message);
        g_error_free(error);
}

Test(args, are_read_in_order)
{
        char *argv[] = {g_strdup("a"), g_strdup("7"), g_strdup("8"), NULL};
        struct dm_args args = {.target = "thing", .argc = 3, .argv = argv};
        uint64_t value, bytes;

        cr_expect_str_eq(dm_args_word(&args, "first", NULL), "a");
        cr_expect(dm_args_u64(&args, "second", 7, 7, &value, NULL));
        cr_expect_eq(value, 7);
        cr_expect(dm_args_sectors(&args, "third", &bytes, NULL));
        cr_expect_eq(bytes, 8 * DM_SECTOR_SIZE);
        cr_expect_null(dm_args_next(&args));
        for (unsigned i = 0; i < 3; i++)
                g_free(argv[i]);
}

Test(args, a_missing_one_is_named)
{
        char *argv[] = {NULL};
        struct dm_args args = one(argv);
        GError *error = NULL;
        uint64_t value;

        cr_expect_null(dm_args_word(&args, "device", &error));
        expect_error(g_steal_pointer(&error), "thing: 'device' is missing");
        cr_expect_not(dm_args_u64(&args, "count", 0, 9, &value, &error));
        expect_error(g_steal_pointer(&error), "thing: 'count' is missing");
        cr_expect_not(dm_args_sectors(&args, "offset", &value, &error));
        expect_error(g_steal_pointer(&error), "thing: 'offset' is missing");
}

static void refuses_u64(const char *text, uint64_t min, uint64_t max, const char *message)
{
        char *argv[] = {g_strdup(text), NULL};
        struct dm_args args = one(argv);
        GError *error = NULL;
        uint64_t value = 4711;

        cr_expect_not(dm_args_u64(&args, "count", min, max, &value, &error));
        cr_expect_eq(value, 4711);
        expect_error(error, message);
        g_free(argv[0]);
}

Test(args, a_number_out_of_range_is_named_with_the_range)
{
        refuses_u64("5x", 0, UINT64_MAX, "thing: 'count' must be a number, got '5x'");
        refuses_u64("0", 1, UINT64_MAX, "thing: 'count' must be a number of at least 1, got '0'");
        refuses_u64("0", 1, 8, "thing: 'count' must be a number from 1 to 8, got '0'");
        refuses_u64("9", 1, 8, "thing: 'count' must be a number from 1 to 8, got '9'");
        refuses_u64("-1", 1, 8, "thing: 'count' must be a number from 1 to 8, got '-1'");
}

static void refuses_sectors(const char *text, const char *message)
{
        char *argv[] = {g_strdup(text), NULL};
        struct dm_args args = one(argv);
        GError *error = NULL;
        uint64_t value = 4711;

        cr_expect_not(dm_args_sectors(&args, "offset", &value, &error));
        cr_expect_eq(value, 4711);
        expect_error(error, message);
        g_free(argv[0]);
}

Test(args, sectors_must_be_a_number_that_fits_a_file_offset)
{
        refuses_sectors("5x", "thing: 'offset' must be a number of sectors, got '5x'");
        refuses_sectors("99999999999999999999",
                        "thing: 'offset' must be a number of sectors, got '99999999999999999999'");
        refuses_sectors("18014398509481984",
                        "thing: 'offset' is too large: '18014398509481984' sectors");
}

Test(args, an_error_may_be_unwanted)
{
        char *argv[] = {NULL};
        struct dm_args args = one(argv);
        uint64_t value;

        cr_expect_null(dm_args_word(&args, "device", NULL));
        cr_expect_not(dm_args_u64(&args, "count", 0, 9, &value, NULL));
}
