/* SPDX-License-Identifier: BSD-3-Clause */
#include "objects.h"

#define NS_PER_S 1e9

/* ---- summing up ------------------------------------------------------------------------------------------ */

static void add_area(StatsObject *object, const Region *r, uint64_t area)
{
        const uint64_t *counters = r->counters + area * COUNTER_COUNT;
        const uint64_t *bins = r->bins + area * (r->bounds->len + 1);

        for (enum counter c = 0; c < COUNTER_COUNT; c++)
                object->counters[c] += counters[c];
        /* of a group's regions that others made, the histograms may differ */
        if (r->bounds->len == object->region->bounds->len)
                for (unsigned i = 0; i <= r->bounds->len; i++)
                        object->bins[i] += bins[i];
}

static void add_region(StatsObject *object, const Region *r)
{
        for (uint64_t area = 0; r->counters && area < r->area_count; area++)
                add_area(object, r, area);
}

struct walk {
        uint64_t interval_ns;
        stats_object_fn *done;
        void *user;
};

static StatsObject new_object(const struct walk *walk, enum object_type type, const Region *r)
{
        return (StatsObject){.type = type,
                             .region = r,
                             .group = r->group,
                             .length = r->length,
                             .interval_ns = walk->interval_ns,
                             .bins = g_new0(uint64_t, r->bounds->len + 1)};
}

static bool pass_on(const struct walk *walk, StatsObject *object)
{
        bool ok = walk->done(object, walk->user);

        g_free(object->bins);
        return ok;
}

static bool walk_areas(const struct walk *walk, const Region *r)
{
        bool ok = true;

        for (uint64_t area = 0; ok && area < r->area_count; area++) {
                StatsObject object = new_object(walk, OBJECT_AREA, r);

                object.area = area;
                if (r->counters)
                        add_area(&object, r, area);
                ok = pass_on(walk, &object);
        }
        return ok;
}

static bool walk_region(const struct walk *walk, const Region *r)
{
        StatsObject object = new_object(walk, OBJECT_REGION, r);

        add_region(&object, r);
        return pass_on(walk, &object);
}

static bool walk_group(const struct walk *walk, const Regions *regions, const StatsGroup *group)
{
        StatsObject object = new_object(walk, OBJECT_GROUP, regions_find(regions, group->id));

        object.group = group;
        object.length = 0;
        for (unsigned i = 0; i < regions->list->len; i++) {
                const Region *r = regions->list->pdata[i];

                if (!ids_have(group->members, r->id))
                        continue;
                object.length += r->length;
                add_region(&object, r);
        }
        return pass_on(walk, &object);
}

bool stats_objects_walk(const Regions *regions, unsigned types, uint64_t interval_ns,
                        stats_object_fn *done, void *user)
{
        const struct walk walk = {interval_ns, done, user};
        Region *const *list = (Region *const *)regions->list->pdata;
        bool ok = true;

        for (unsigned i = 0; ok && types & OBJECT_AREA && i < regions->list->len; i++)
                ok = walk_areas(&walk, list[i]);
        for (unsigned i = 0; ok && types & OBJECT_REGION && i < regions->list->len; i++)
                ok = (types & OBJECT_SKIP_SINGLE && list[i]->area_count == 1) ||
                     walk_region(&walk, list[i]);
        for (unsigned i = 0; ok && types & OBJECT_GROUP && i < regions->groups->len; i++)
                ok = walk_group(&walk, regions, regions->groups->pdata[i]);
        return ok;
}

/* ---- metrics ---------------------------------------------------------------------------------------------- */

static double ratio(double a, double b)
{
        return b > 0 ? a / b : 0;
}

static double sum(const StatsObject *object, enum counter a, enum counter b)
{
        return (double)object->counters[a] + (double)object->counters[b];
}

double object_per_sec(const StatsObject *object, enum counter counter)
{
        return ratio((double)object->counters[counter] * NS_PER_S, (double)object->interval_ns);
}

double object_throughput(const StatsObject *object)
{
        return object_per_sec(object, READS) + object_per_sec(object, WRITES);
}

double object_request_sectors(const StatsObject *object)
{
        return ratio(sum(object, READ_SECTORS, WRITE_SECTORS), sum(object, READS, WRITES));
}

double object_queue_size(const StatsObject *object)
{
        return ratio((double)object->counters[QUEUE_TICKS], (double)object->interval_ns);
}

double object_wait_ns(const StatsObject *object, bool reads, bool writes)
{
        const uint64_t *c = object->counters;

        return ratio((reads ? (double)c[READ_TIME] : 0) + (writes ? (double)c[WRITE_TIME] : 0),
                     (reads ? (double)c[READS] : 0) + (writes ? (double)c[WRITES] : 0));
}

double object_service_ns(const StatsObject *object)
{
        return ratio((double)object->counters[IO_TICKS], sum(object, READS, WRITES));
}

double object_utilization(const StatsObject *object)
{
        return MIN(ratio((double)object->counters[IO_TICKS], (double)object->interval_ns), 1);
}
