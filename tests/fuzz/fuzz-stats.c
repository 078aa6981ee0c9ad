/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What fusemapctl reads of statistics.  An input is a reply to @stats_list, a line "--", and a reply to
 * @stats_print.  What is taken is consistent: ids ascend, a group's description is read again as it is
 * written, and reports of it have sound numbers.
 */
#include "fuzz.h"

#include <math.h>

#include "stats/histogram.h"
#include "stats/objects.h"

#define AREAS_TO_WALK 1000

static unsigned tried, taken;

/* ---- making inputs ------------------------------------------------------------------------------------- */

static const char *const lists[] = {
        "0: 0+4096 1366 dmstats DMS_GROUP=al:0-1,7#me histogram:1,5\n",
        "1: 8+8 8 - -\n",
        "2: 0+10 10 prog a b precise_timestamps histogram:7,9\n",
        "7: 100+18014398509481983 1 dmstats DMS_GROUP=:7#- precise_timestamps\n",
        "18446744073709551615: 18446744073709551615+18446744073709551615 1 a DMS_GROUP=b\n",
};
static const char *const prints[] = {
        "0+1366 1 2 3 4 5 6 7 8 9 10 11 12 13 1:2:3\n",
        "1366+1366 0 0 0 0 0 0 0 0 0 0 0 0 0 0:0:0\n",
        "8+8 18446744073709551615 0 1 18446744073709551615 5 0 1 2 3 4 5 6 7\n",
};

static void add(GByteArray *out, const char *text)
{
        g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
}

static void fuzz_make(GByteArray *out, uint64_t number)
{
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                if (random_below(2))
                        add(out, lists[i]);
        add(out, "--\n");
        for (uint64_t i = random_below(4); i; i--)
                add(out, RANDOM_OF(prints));
        for (uint64_t i = random_below(5); i; i--)
                mutate(out);
}

/* ---- trying one ------------------------------------------------------------------------------------------ */

static FILE *nowhere, *complaints;

/* Parsers complain on stderr, of nearly every input. */
static void hush(bool on)
{
        if (!nowhere) {
                nowhere = fopen("/dev/null", "we");
                complaints = stderr;
                CHECK(nowhere);
        }
        stderr = on ? nowhere : complaints;
}

static void check_group(const Region *r)
{
        g_autofree char *aux = stats_aux_text(r->group, r->user_data), *data = NULL, *text = NULL;
        StatsGroup *group;

        stats_aux_parse(r->group->id, aux, &data, &group);
        CHECK(group && !strcmp(group->alias, r->group->alias));
        CHECK(!strcmp(data, strcmp(r->user_data, "-") ? r->user_data : ""));
        text = stats_aux_text(group, data);
        CHECK(!strcmp(text, aux));
        stats_group_free(group);
}

static const unsigned shown[] = {
        HISTOGRAM_LOWER,
        HISTOGRAM_RANGES | HISTOGRAM_SUFFIX,
        HISTOGRAM_COUNTS,
        HISTOGRAM_COUNTS | HISTOGRAM_LOWER | HISTOGRAM_SUFFIX,
        HISTOGRAM_PERCENT | HISTOGRAM_RANGES,
        HISTOGRAM_PERCENT | HISTOGRAM_RANGES | HISTOGRAM_SUFFIX | HISTOGRAM_NARROW,
};

static bool check_object(const StatsObject *object, void *user)
{
        unsigned *left = user;

        for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
                g_autofree char *text = histogram_text(object->region->bounds, object->bins, shown[i]);

                CHECK(!object->region->bounds->len == !*text);
        }
        CHECK(isfinite(object_per_sec(object, READS)) && isfinite(object_throughput(object)));
        CHECK(isfinite(object_request_sectors(object)) && isfinite(object_queue_size(object)));
        CHECK(isfinite(object_wait_ns(object, true, true)) && isfinite(object_service_ns(object)));
        CHECK(object_utilization(object) >= 0 && object_utilization(object) <= 1);
        return --*left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        char *counters = strstr(text, "--\n");
        unsigned left = AREAS_TO_WALK;
        g_autoptr(Regions) regions = NULL;

        if (counters) {
                *counters = '\0';
                counters += strlen("--\n");
        }
        hush(true);
        regions = regions_parse(text);
        hush(false);
        for (unsigned i = 0; i < regions->list->len; i++) {
                Region *r = regions->list->pdata[i];

                CHECK(!i || r->id > ((Region *)regions->list->pdata[i - 1])->id);
                CHECK(r->length && r->step && r->area_count);
                if (r->group)
                        check_group(r);
                if (counters && r->area_count <= AREAS_TO_WALK)
                        region_take_counters(r, 0, counters);
        }
        tried++;
        taken += regions->list->len > 0;
        stats_objects_walk(regions, OBJECT_AREA | OBJECT_REGION | OBJECT_GROUP, random_below(3), check_object,
                           &left);
        return 0;
}

static void fuzz_end(void)
{
        printf("%u lists of %u had a region\n", taken, tried);
        if (nowhere)
                fclose(nowhere);
}
