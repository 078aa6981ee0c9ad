/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics: what the daemon's replies say, and what follows from them. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>

#include "stats/groups.h"
#include "stats/histogram.h"
#include "stats/objects.h"
#include "stats/style.h"

/* ---- lists of ids ------------------------------------------------------------------------------- */

static void expect_ids(const char *text, const char *wanted)
{
        g_autoptr(GArray) ids = ids_parse(text);
        g_autofree char *back = ids ? ids_text(ids) : g_strdup("(refused)");

        cr_expect_str_eq(back, wanted, "'%s': '%s', not '%s'", text, back, wanted);
}

Test(stats, lists_of_ids_are_sorted_and_joined)
{
        expect_ids("", "");
        expect_ids("0", "0");
        expect_ids("0,1", "0-1");
        expect_ids("4, 0 - 2 ,", "0-2,4");
        expect_ids("7,3,5-9,1", "1,3,5-9");
        expect_ids("0-18446744073709551615,5", "0-18446744073709551615");
        expect_ids("x", "(refused)");
        expect_ids("1-0", "(refused)");
        expect_ids("1-2-3", "(refused)");
        expect_ids("-1", "(refused)");
        expect_ids("18446744073709551616", "(refused)");
}

Test(stats, an_id_is_taken_out)
{
        static const struct {
                const char *before;
                uint64_t id;
                const char *after;
        } cases[] = {{"0-4", 2, "0-1,3-4"}, {"0-4", 0, "1-4"}, {"0-4", 4, "0-3"}, {"1,3", 3, "1"},
                     {"1,3", 2, "1,3"},     {"0", 0, ""}};

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GArray) ids = ids_parse(cases[i].before);
                g_autofree char *text = NULL;

                ids_remove(ids, cases[i].id);
                text = ids_text(ids);
                cr_expect_str_eq(text, cases[i].after, "%s: %s", cases[i].before, text);
                cr_expect(!ids_have(ids, cases[i].id));
        }
}

/* ---- aux data -------------------------------------------------------------------------------------- */

static void expect_aux(uint64_t id, const char *aux, const char *alias, const char *members,
                       const char *wanted)
{
        g_autofree char *data = NULL, *text = NULL;
        StatsGroup *group;

        stats_aux_parse(id, aux, &data, &group);
        cr_expect_str_eq(data, wanted, "'%s': data '%s'", aux, data);
        cr_expect_eq(!group, !alias, "'%s'", aux);
        if (!group)
                return;
        text = ids_text(group->members);
        cr_expect_eq(group->id, id);
        cr_expect_str_eq(group->alias, alias);
        cr_expect_str_eq(text, members);
        stats_group_free(group);
}

Test(stats, a_group_is_read_from_aux_data)
{
        expect_aux(0, "-", NULL, NULL, "");
        expect_aux(0, "mine", NULL, NULL, "mine");
        expect_aux(0, "DMS_GROUP=:0#-", "", "0", "");
        expect_aux(3, "DMS_GROUP=al:3-4,7#ud", "al", "3-4,7", "ud");
        expect_aux(0, "xDMS_GROUP=a#b:0,9#c#d", "a#b", "0,9", "c#d");
}

Test(stats, what_is_no_description_is_the_users)
{
        static const char *const bad[] = {"DMS_GROUP=",     "DMS_GROUP=a#b",   "DMS_GROUP=a:0",
                                          "DMS_GROUP=a:x#", "DMS_GROUP=a:1#-", "DMS_GROUP=:#-"};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                expect_aux(0, bad[i], NULL, NULL, bad[i]);
}

Test(stats, a_description_is_written_as_it_is_read)
{
        g_autoptr(GArray) ids = ids_parse("2,3,9");
        StatsGroup *group = stats_group_new(2, "name", ids);
        g_autofree char *with = stats_aux_text(group, "data"), *without = stats_aux_text(group, "");
        g_autofree char *none = stats_aux_text(NULL, "data"), *nothing = stats_aux_text(NULL, "");

        cr_expect_str_eq(with, "DMS_GROUP=name:2-3,9#data");
        cr_expect_str_eq(without, "DMS_GROUP=name:2-3,9#-");
        cr_expect_str_eq(none, "data");
        cr_expect_str_eq(nothing, "-");
        stats_group_free(group);
}

/* ---- replies ------------------------------------------------------------------------------------------ */

Test(stats, a_list_of_regions_is_read)
{
        g_autoptr(Regions) regions =
                regions_parse("0: 0+4096 1366 dmstats DMS_GROUP=al:0,2#me histogram:1,5\n"
                              "1: 8+8 8 - -\n"
                              "2: 0+10 10 prog a b precise_timestamps histogram:7,9\n");
        const Region *r = regions_find(regions, 0);

        cr_assert_eq(regions->list->len, 3);
        cr_assert_eq(regions->groups->len, 1);
        cr_expect(r->start == 0 && r->length == 4096 && r->step == 1366 && r->area_count == 3);
        cr_expect_str_eq(r->program, "dmstats");
        cr_expect_str_eq(r->user_data, "me");
        cr_expect(!r->precise && r->bounds->len == 2);
        cr_expect_eq(g_array_index(r->bounds, uint64_t, 1), 5000000);
        cr_expect_str_eq(r->group->alias, "al");
        r = regions_find(regions, 1);
        cr_expect(!*r->program && !*r->user_data && !r->group && !r->bounds->len);
        r = regions_find(regions, 2);
        cr_expect_str_eq(r->user_data, "a b");
        cr_expect(r->precise && g_array_index(r->bounds, uint64_t, 1) == 9);
        cr_expect_eq(r->group, regions_find(regions, 0)->group);
        cr_expect_null(regions_find(regions, 3));
}

Test(stats, what_is_no_region_is_left_out)
{
        static const char *const bad[] = {
                "x",          "0:0+1 1 a b",  "0: 0+1 1 a",   "0: 0+0 1 a b", "0: 0+1 0 a b",
                "0: 0-1 1 a b", "-1: 0+1 1 a b", "0: 0+1 1", "0: 0+1 1 a b histogram:x",
                "0: 0+1 1 a b histogram:18446744073709551615",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(Regions) regions = regions_parse(bad[i]);

                cr_expect_eq(regions->list->len, 0, "%s", bad[i]);
        }
}

Test(stats, counters_that_are_no_such_are_refused)
{
        static const char *const bad[] = {
                "0+8 1 2 3 4 5 6 7 8 9 10 11 12",      "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13",
                "0+8 1 2 3 4 5 6 7 8 9 10 11 12 x 1:2", "8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2",
                "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1",  "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2:3",
        };
        g_autoptr(Regions) regions = regions_parse("0: 0+8 8 a - histogram:1\n");
        Region *r = regions->list->pdata[0];

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                cr_expect_eq(region_take_counters(r, 0, bad[i]), -1, "%s", bad[i]);
        cr_expect_eq(region_take_counters(r, 0, ""), 0);
        cr_expect_eq(region_take_counters(r, 0, "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n"), 1);
        cr_expect_eq(region_take_counters(r, 1, "0+8 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2\n"), -1,
                     "one area too many");
        cr_expect(r->counters[READS] == 1 && r->counters[READ_TIME] == 4000000 && r->bins[1] == 2);
}

Test(stats, a_region_of_too_many_areas_has_no_counters)
{
        g_autoptr(Regions) regions = regions_parse("0: 0+18446744073709551615 1 a -\n");

        cr_assert_eq(regions->list->len, 1);
        cr_expect_eq(region_take_counters(regions->list->pdata[0], 0, "0+1 1\n"), -1);
}

/* ---- objects and metrics -------------------------------------------------------------------------------- */

static bool note(const StatsObject *object, void *user)
{
        g_string_append_printf(user, "%s%" PRIu64 "/%" PRIu64 "+%" PRIu64 ":%" PRIu64 " ",
                               object->type == OBJECT_AREA     ? "a"
                               : object->type == OBJECT_REGION ? "r"
                                                               : "g",
                               object->region->id, object->area, object->length,
                               object->counters[READS]);
        return true;
}

static void expect_objects(const Regions *regions, unsigned types, const char *wanted)
{
        g_autoptr(GString) seen = g_string_new(NULL);

        cr_expect(stats_objects_walk(regions, types, 1, note, seen));
        cr_expect_str_eq(seen->str, wanted);
}

Test(stats, objects_are_areas_then_regions_then_groups)
{
        g_autoptr(Regions) regions = regions_parse("0: 0+20 10 a DMS_GROUP=:0-1#-\n1: 0+8 8 a -\n");

        cr_expect_eq(region_take_counters(regions->list->pdata[0], 0,
                                          "0+10 1 0 0 0 0 0 0 0 0 0 0 0 0\n"
                                          "10+10 2 0 0 0 0 0 0 0 0 0 0 0 0\n"),
                     2);
        cr_expect_eq(region_take_counters(regions->list->pdata[1], 0,
                                          "0+8 4 0 0 0 0 0 0 0 0 0 0 0 0\n"),
                     1);
        expect_objects(regions, OBJECT_AREA, "a0/0+20:1 a0/1+20:2 a1/0+8:4 ");
        expect_objects(regions, OBJECT_REGION, "r0/0+20:3 r1/0+8:4 ");
        expect_objects(regions, OBJECT_AREA | OBJECT_REGION | OBJECT_GROUP | OBJECT_SKIP_SINGLE,
                       "a0/0+20:1 a0/1+20:2 a1/0+8:4 r0/0+20:3 g0/0+28:7 ");
}

#define EXPECT_NEAR(a, b) cr_expect(fabs((a) - (b)) < 1e-9, #a ": %f", (a))

Test(stats, metrics_follow_from_the_counters)
{
        StatsObject object = {.interval_ns = 2000000000};

        EXPECT_NEAR(object_request_sectors(&object), 0.0);
        EXPECT_NEAR(object_wait_ns(&object, true, true), 0.0);
        EXPECT_NEAR(object_service_ns(&object), 0.0);
        object.counters[READS] = 3;
        object.counters[READ_SECTORS] = 24;
        object.counters[READ_TIME] = 3000000;
        object.counters[WRITES] = 2;
        object.counters[WRITE_SECTORS] = 128;
        object.counters[WRITE_TIME] = 4000000;
        object.counters[IO_TICKS] = 500000000;
        object.counters[QUEUE_TICKS] = 3000000000;
        EXPECT_NEAR(object_per_sec(&object, READS), 1.5);
        EXPECT_NEAR(object_throughput(&object), 2.5);
        EXPECT_NEAR(object_request_sectors(&object), 30.4);
        EXPECT_NEAR(object_queue_size(&object), 1.5);
        EXPECT_NEAR(object_wait_ns(&object, true, true), 1400000.0);
        EXPECT_NEAR(object_wait_ns(&object, true, false), 1000000.0);
        EXPECT_NEAR(object_wait_ns(&object, false, true), 2000000.0);
        EXPECT_NEAR(object_service_ns(&object), 100000000.0);
        EXPECT_NEAR(object_utilization(&object), 0.25);
        object.counters[IO_TICKS] = 5000000000;
        EXPECT_NEAR(object_utilization(&object), 1.0);
}

/* ---- texts -------------------------------------------------------------------------------------------------- */

Test(stats, bounds_are_read)
{
        static const char *const bad[] = {"", "x", "5xs", "1m", "5 ms", "1.5ms", "-1",
                                          "18446744073709551615s"};
        g_autoptr(GArray) bounds = histogram_parse("1500us,2,3ns,4ms,5s");
        static const uint64_t wanted[] = {1500000, 2, 3, 4000000, 5000000000};

        cr_assert_eq(bounds->len, G_N_ELEMENTS(wanted));
        cr_expect_arr_eq((uint64_t *)(void *)bounds->data, wanted, sizeof(wanted));
        cr_expect(!histogram_is_ascending(bounds));
        cr_expect(histogram_is_precise(bounds));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                cr_expect_null(histogram_parse(bad[i]), "%s", bad[i]);
}

static void expect_histogram(const char *bounds, unsigned show, const char *wanted)
{
        g_autoptr(GArray) parsed = histogram_parse(bounds);
        static const uint64_t bins[] = {2, 0, 6, 0};
        g_autofree char *text = histogram_text(parsed, bins, show);

        cr_expect_str_eq(text, wanted, "'%s', not '%s'", text, wanted);
}

Test(stats, histograms_are_written)
{
        const unsigned suffix = HISTOGRAM_SUFFIX, narrow = HISTOGRAM_NARROW | suffix;

        expect_histogram("1ms,2ms", HISTOGRAM_LOWER | suffix, "0s,1ms,2ms");
        expect_histogram("1ms,2ms", HISTOGRAM_RANGES, "0-1000000,1000000-2000000,>2000000");
        expect_histogram("1ms,2ms", HISTOGRAM_COUNTS, "     2     0     6");
        expect_histogram("1ms,2s", HISTOGRAM_COUNTS | HISTOGRAM_LOWER | suffix,
                         "    0s:     2,   1ms:     0,    2s:     6");
        expect_histogram("1ms,2ms", HISTOGRAM_PERCENT | HISTOGRAM_RANGES | suffix,
                         "0s-1ms: 25.00%,1ms-2ms: 0.00%,  >2ms: 75.00%");
        expect_histogram("1ms,2ms", HISTOGRAM_PERCENT | HISTOGRAM_LOWER | narrow,
                         "0s:25.00%:1ms:0.00%:2ms:75.00%");
        expect_histogram("1ms,2ms", HISTOGRAM_COUNTS | narrow, "2:0:6");
}

Test(stats, sizes_are_read)
{
        static const struct {
                const char *text;
                uint64_t sectors;
        } good[] = {{"0", 0},    {"7", 7},     {"7s", 7},   {"512b", 1}, {"1023b", 1}, {"1k", 2},
                    {"1K", 1},   {"1m", 2048}, {"1M", 1953}, {"1g", 2097152}};
        static const char *const bad[] = {"", "x", "1x", "1kb", "-1", " 1", "1.5k", "1b", "511b",
                                          "9999999999999999999k", "18446744073709551615"};
        uint64_t sectors;

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                cr_expect(stats_parse_size(good[i].text, &sectors), "%s", good[i].text);
                cr_expect_eq(sectors, good[i].sectors, "%s: %" PRIu64, good[i].text, sectors);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                cr_expect(!stats_parse_size(bad[i], &sectors), "%s", bad[i]);
}
