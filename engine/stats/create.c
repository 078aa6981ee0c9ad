/* SPDX-License-Identifier: BSD-3-Clause */
/* The message @stats_create: what its words say, and the region that comes of them. */
#include "stats/internal.h"

#include <string.h>
#include <unistd.h>

static bool parse_range(const char *text, uint64_t device_sectors, struct region *r, GError **error)
{
        const char *plus = strchr(text, '+');
        g_autofree char *start = plus ? g_strndup(text, (gsize)(plus - text)) : NULL;
        uint64_t length;

        if (!strcmp(text, "-")) {
                r->start = 0;
                r->end = MAX(device_sectors, 1);
                return true;
        }
        if (plus && dm_parse_u64(start, &r->start) && dm_parse_u64(plus + 1, &length) && length &&
            !__builtin_add_overflow(r->start, length, &r->end))
                return true;
        return dm_fail(error, EINVAL, "@stats_create: a range is '-' or START+LENGTH, got '%s'", text);
}

static bool parse_step(const char *text, struct region *r, GError **error)
{
        uint64_t length = r->end - r->start, n;

        if (dm_parse_u64(text + (*text == '/'), &n) && n) {
                r->step = *text == '/' ? length / n + (length % n != 0) : n;
                r->area_count = (length - 1) / r->step + 1;
                return true;
        }
        return dm_fail(error, EINVAL,
                       "@stats_create: a step is a number of sectors or /AREAS, got '%s'", text);
}

/* "N,N,...", each larger than the one before, and the first than 0. */
static bool parse_histogram(const char *text, struct region *r, GError **error)
{
        g_auto(GStrv) words = g_strsplit(text, ",", -1);
        size_t count = g_strv_length(words);
        uint64_t value;

        if (r->bounds)
                return dm_fail(error, EINVAL, "@stats_create: two histograms");
        r->histogram_text = g_strdup(text);
        r->bounds = g_new(uint64_t, count + 1);
        while (r->bound_count < count && dm_parse_u64(words[r->bound_count], &value) &&
               value > (r->bound_count ? r->bounds[r->bound_count - 1] : 0))
                r->bounds[r->bound_count++] = value;
        return (count && r->bound_count == count) ||
               dm_fail(error, EINVAL,
                       "@stats_create: a histogram is a list of growing numbers, got '%s'", text);
}

static bool parse_feature(const char *word, struct region *r, GError **error)
{
        static const char histogram[] = "histogram:";

        if (!g_ascii_strcasecmp(word, "precise_timestamps")) {
                r->precise = true;
                return true;
        }
        if (!g_ascii_strncasecmp(word, histogram, strlen(histogram)))
                return parse_histogram(word + strlen(histogram), r, error);
        return dm_fail(error, EINVAL, "@stats_create: unknown feature '%s'", word);
}

/* [COUNT FEATURE...] [PROGRAM [AUX]] */
static bool parse_rest(int argc, char **argv, struct region *r, GError **error)
{
        uint64_t features = 0;
        int at = 0;

        if (argc && dm_parse_u64(argv[0], &features))
                at++;
        for (; features; features--, at++) {
                if (at >= argc)
                        return dm_fail(error, EINVAL, "@stats_create: a feature is missing");
                if (!parse_feature(argv[at], r, error))
                        return false;
        }
        if (argc - at > 2)
                return dm_fail(error, EINVAL, "@stats_create: '%s' is too much", argv[at + 2]);
        r->program = g_strdup(at < argc ? argv[at] : "-");
        r->aux = g_strdup(at + 1 < argc ? argv[at + 1] : "-");
        return true;
}

/* As the kernel does, statistics may take a quarter of the memory. */
static bool allocate(struct region *r, GError **error)
{
        uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t slots = r->bounds ? r->bound_count + 1 : 0, need;
        uint64_t now = dm_clock_now_ns();

        if (__builtin_mul_overflow((uint64_t)r->area_count,
                                   sizeof(struct area) + slots * sizeof(uint64_t), &need))
                return dm_fail(error, EOVERFLOW, "@stats_create: %zu areas are too many",
                               r->area_count);
        if (need <= memory / 4) {
                r->areas = g_try_new0(struct area, r->area_count);
                r->counts = slots ? g_try_new0(uint64_t, r->area_count * slots) : NULL;
        }
        if (!r->areas || (slots && !r->counts))
                return dm_fail(error, ENOMEM, "@stats_create: no memory for %zu areas",
                               r->area_count);
        for (size_t i = 0; i < r->area_count; i++)
                r->areas[i].stamp_ns = now;
        return true;
}

static unsigned free_id(struct dm_stats *stats)
{
        unsigned id = 0;

        dm_assert_held(&stats->lock);
        while (id < stats->regions->len && ((struct region *)stats->regions->pdata[id])->id == id)
                id++;
        return id;
}

static unsigned add_region(struct dm_stats *stats, struct region *r)
{
        DM_LOCK_SCOPE(&stats->lock);
        r->id = free_id(stats);
        r->epoch = ++stats->epoch;
        g_ptr_array_insert(stats->regions, (int)r->id, r);
        return r->id;
}

bool dm_stats_create(struct mapped_device *md, int argc, char **argv, char **ret_reply, GError **error)
{
        struct region *r;

        if (argc < 3)
                return dm_fail(error, EINVAL, "@stats_create: a range and a step are needed");
        r = g_new0(struct region, 1);
        if (!parse_range(argv[1], dm_size(md) >> DM_SECTOR_SHIFT, r, error) ||
            !parse_step(argv[2], r, error) || !parse_rest(argc - 3, argv + 3, r, error) ||
            !allocate(r, error)) {
                dm_region_free(r);
                return false;
        }
        *ret_reply = g_strdup_printf("%u", add_region(dm_stats_of(md), r));
        return true;
}
