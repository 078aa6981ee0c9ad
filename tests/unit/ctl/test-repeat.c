/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "repeat.h"

#define START 5000000007u
#define INTERVAL 1000u

static void next(uint64_t now, uint64_t expected)
{
        uint64_t got = repeat_next(START, INTERVAL, START + now);

        cr_expect_eq(got, START + expected, "at %lu: %lu", (unsigned long)now,
                     (unsigned long)(got - START));
}

Test(repeat, reports_do_not_drift)
{
        next(0, 1000);
        next(1, 1000);
        next(999, 1000);
        next(1003, 2000);
        next(1999, 2000);
}

/* One that is due just now was made just now. */
Test(repeat, a_report_is_not_made_twice)
{
        next(1000, 2000);
}

Test(repeat, what_was_missed_is_left_out)
{
        next(3500, 4000);
        next(1000000001, 1000001000);
}
