/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics of a device's I/O, by regions that are cut into areas: the messages @stats_* as the kernel's
 * document has them (Documentation/admin-guide/device-mapper/statistics.rst).
 *
 * A device without regions pays for one load an I/O.  With regions, each I/O takes the device's statistics
 * lock twice.  What began before a region was made does not count in it: regions and I/O carry the number
 * of the epoch in which they began.
 */
#include "dm-internal.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum direction {
        DIR_READ,
        DIR_WRITE,
        DIR_COUNT,
};

struct area {
        uint64_t ios[DIR_COUNT], merges[DIR_COUNT], sectors[DIR_COUNT], ticks_ns[DIR_COUNT];
        uint64_t in_flight[DIR_COUNT];
        uint64_t busy_ns, weighted_ns, busy_dir_ns[DIR_COUNT];
        uint64_t stamp_ns; /* up to when the four above are counted */
};

struct region {
        unsigned id;
        uint64_t epoch;
        uint64_t start, end, step; /* sectors */
        bool precise;
        char *program, *aux;
        char *histogram_text;
        uint64_t *bounds; /* of the histogram: n of them, for n + 1 counters */
        size_t bound_count;
        size_t area_count;
        struct area *areas;
        uint64_t *counts; /* (bound_count + 1) an area; NULL without a histogram */
};

struct dm_stats {
        struct dm_mutex lock;
        GPtrArray *regions; /* guarded: lock; by id */
        uint64_t epoch;     /* guarded: lock */
        /* guarded: lock; where the I/O that began last ends: one that goes on there counts as merged */
        uint64_t last_end;
        enum direction last_direction;
};

/* io->stats_epoch: the epoch, and in the lowest bit whether the I/O is merged. */
#define MERGED 1ull
#define EPOCH(io) ((io)->stats_epoch >> 1)

/* ---- lifetime ----------------------------------------------------------------------------------- */

static void region_free(void *data)
{
        struct region *r = data;

        g_free(r->program);
        g_free(r->aux);
        g_free(r->histogram_text);
        g_free(r->bounds);
        g_free(r->areas);
        g_free(r->counts);
        g_free(r);
}

static struct dm_stats *stats_new(void)
{
        struct dm_stats *stats = g_new0(struct dm_stats, 1);

        dm_mutex_init(&stats->lock);
        stats->regions = g_ptr_array_new_with_free_func(region_free);
        stats->last_end = UINT64_MAX;
        return stats;
}

void dm_stats_free(struct dm_stats *stats)
{
        if (!stats)
                return;
        g_ptr_array_unref(stats->regions);
        dm_mutex_destroy(&stats->lock);
        g_free(stats);
}

/* MD's statistics, made at the first call; of two at a time, one makes them. */
static struct dm_stats *stats_of(struct mapped_device *md)
{
        struct dm_stats *stats = atomic_load(&md->stats), *mine;

        if (stats)
                return stats;
        mine = stats_new();
        if (atomic_compare_exchange_strong(&md->stats, &stats, mine))
                return mine;
        dm_stats_free(mine);
        return stats;
}

/* ---- counting ------------------------------------------------------------------------------------- */

static enum direction direction_of(enum dm_op op)
{
        return op == DM_OP_READ ? DIR_READ : DIR_WRITE;
}

/* Brings A's busy times up to NOW. */
static void round_up(struct area *a, uint64_t now)
{
        uint64_t passed = now > a->stamp_ns ? now - a->stamp_ns : 0;
        uint64_t in_flight = a->in_flight[DIR_READ] + a->in_flight[DIR_WRITE];

        a->stamp_ns = now;
        if (!in_flight)
                return;
        a->busy_ns += passed;
        a->weighted_ns += passed * in_flight;
        for (unsigned d = 0; d < DIR_COUNT; d++)
                if (a->in_flight[d])
                        a->busy_dir_ns[d] += passed;
}

static void count_in_histogram(struct region *r, size_t area, uint64_t passed_ns)
{
        uint64_t value = r->precise ? passed_ns : passed_ns / DM_NS_PER_MS;
        size_t slot = 0;

        if (!r->counts)
                return;
        while (slot < r->bound_count && value >= r->bounds[slot])
                slot++;
        r->counts[area * (r->bound_count + 1) + slot]++;
}

/* What of an I/O lies in one area. */
static void count_area(struct region *r, size_t area, const struct dm_io *io, uint64_t sectors,
                       uint64_t now, bool ended)
{
        enum direction d = direction_of(io->op);
        struct area *a = &r->areas[area];

        round_up(a, now);
        if (!ended) {
                a->in_flight[d]++;
                return;
        }
        a->in_flight[d]--;
        a->ios[d]++;
        a->merges[d] += io->stats_epoch & MERGED;
        a->sectors[d] += sectors;
        a->ticks_ns[d] += now - io->begun_ns;
        count_in_histogram(r, area, now - io->begun_ns);
}

static void count_region(struct region *r, const struct dm_io *io, uint64_t now, bool ended)
{
        /* a byte of a sector counts as the sector */
        uint64_t begin = io->offset >> DM_SECTOR_SHIFT;
        uint64_t end = (io->offset + io->len + DM_SECTOR_SIZE - 1) >> DM_SECTOR_SHIFT, part;

        begin = MAX(begin, r->start);
        end = MIN(end, r->end);
        for (; begin < end; begin += part) {
                uint64_t inside = begin - r->start;

                part = MIN(end - begin, r->step - inside % r->step);
                count_area(r, inside / r->step, io, part, now, ended);
        }
}

/* The kernel calls an I/O merged that begins where the one before it ended. */
static bool is_merged(struct dm_stats *stats, const struct dm_io *io)
{
        enum direction d = direction_of(io->op);
        bool merged = stats->last_end == io->offset && stats->last_direction == d;

        stats->last_end = io->offset + io->len;
        stats->last_direction = d;
        return merged;
}

void dm_stats_begin(struct dm_stats *stats, struct dm_io *io)
{
        if (!io->len)
                return;
        io->begun_ns = dm_clock_now_ns();

        DM_LOCK_SCOPE(&stats->lock);
        io->stats_epoch = stats->epoch << 1 | (is_merged(stats, io) ? MERGED : 0);
        for (unsigned i = 0; i < stats->regions->len; i++)
                count_region(stats->regions->pdata[i], io, io->begun_ns, false);
}

void dm_stats_end(struct dm_stats *stats, const struct dm_io *io)
{
        uint64_t now = MAX(dm_clock_now_ns(), io->begun_ns);

        DM_LOCK_SCOPE(&stats->lock);
        for (unsigned i = 0; i < stats->regions->len; i++) {
                struct region *r = stats->regions->pdata[i];

                if (r->epoch <= EPOCH(io))
                        count_region(r, io, now, true);
        }
}

/* ---- @stats_create ---------------------------------------------------------------------------------- */

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

static bool stats_create(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                         GError **error)
{
        struct region *r;

        if (argc < 3)
                return dm_fail(error, EINVAL, "@stats_create: a range and a step are needed");
        r = g_new0(struct region, 1);
        if (!parse_range(argv[1], dm_size(md) >> DM_SECTOR_SHIFT, r, error) ||
            !parse_step(argv[2], r, error) || !parse_rest(argc - 3, argv + 3, r, error) ||
            !allocate(r, error)) {
                region_free(r);
                return false;
        }
        *ret_reply = g_strdup_printf("%u", add_region(stats_of(md), r));
        return true;
}

/* ---- the other messages ------------------------------------------------------------------------------ */

/* The region with the number TEXT, and its place. */
static struct region *find_region(struct dm_stats *stats, const char *text, unsigned *ret_index,
                                  GError **error)
{
        uint64_t id;

        dm_assert_held(&stats->lock);
        if (!dm_parse_u64(text, &id)) {
                dm_fail(error, EINVAL, "'%s' is not the number of a statistics region", text);
                return NULL;
        }
        for (unsigned i = 0; i < stats->regions->len; i++) {
                struct region *r = stats->regions->pdata[i];

                if (r->id == id) {
                        if (ret_index)
                                *ret_index = i;
                        return r;
                }
        }
        dm_fail(error, ENOENT, "there is no statistics region '%s'", text);
        return NULL;
}

static bool stats_delete(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                         GError **error)
{
        struct dm_stats *stats = stats_of(md);
        unsigned index;

        if (argc != 2)
                return dm_fail(error, EINVAL, "@stats_delete: takes one region");

        DM_LOCK_SCOPE(&stats->lock);
        if (!find_region(stats, argv[1], &index, error))
                return false;
        g_ptr_array_remove_index(stats->regions, index);
        return true;
}

/* Starts the counters anew; what is in flight stays so. */
static void clear_areas(struct region *r, size_t first, size_t count)
{
        uint64_t now = dm_clock_now_ns();

        for (size_t i = first; i < first + count; i++) {
                struct area *a = &r->areas[i], empty = {.stamp_ns = now};

                memcpy(empty.in_flight, a->in_flight, sizeof(empty.in_flight));
                *a = empty;
        }
        if (r->counts)
                memset(r->counts + first * (r->bound_count + 1), 0,
                       count * (r->bound_count + 1) * sizeof(*r->counts));
}

static bool stats_clear(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                        GError **error)
{
        struct dm_stats *stats = stats_of(md);
        struct region *r;

        if (argc != 2)
                return dm_fail(error, EINVAL, "@stats_clear: takes one region");

        DM_LOCK_SCOPE(&stats->lock);
        r = find_region(stats, argv[1], NULL, error);
        if (r)
                clear_areas(r, 0, r->area_count);
        return r;
}

static bool stats_set_aux(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                          GError **error)
{
        struct dm_stats *stats = stats_of(md);
        struct region *r;

        if (argc != 3)
                return dm_fail(error, EINVAL, "@stats_set_aux: takes a region and its text");

        DM_LOCK_SCOPE(&stats->lock);
        r = find_region(stats, argv[1], NULL, error);
        if (!r)
                return false;
        g_free(r->aux);
        r->aux = g_strdup(argv[2]);
        return true;
}

static void list_region(const struct region *r, GString *out)
{
        g_string_append_printf(out, "%u: %" PRIu64 "+%" PRIu64 " %" PRIu64 " %s %s", r->id, r->start,
                               r->end - r->start, r->step, r->program, r->aux);
        if (r->precise)
                g_string_append(out, " precise_timestamps");
        if (r->histogram_text)
                g_string_append_printf(out, " histogram:%s", r->histogram_text);
        g_string_append_c(out, '\n');
}

static bool stats_list(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                       GError **error)
{
        struct dm_stats *stats = stats_of(md);
        GString *out;

        if (argc > 2)
                return dm_fail(error, EINVAL, "@stats_list: takes one program at most");
        out = g_string_new(NULL);
        {
                DM_LOCK_SCOPE(&stats->lock);
                for (unsigned i = 0; i < stats->regions->len; i++) {
                        const struct region *r = stats->regions->pdata[i];

                        if (argc < 2 || !strcmp(argv[1], r->program))
                                list_region(r, out);
                }
        }
        *ret_reply = g_string_free(out, FALSE);
        return true;
}

static uint64_t shown_time(const struct region *r, uint64_t ns)
{
        return r->precise ? ns : ns / DM_NS_PER_MS;
}

static void print_area(struct region *r, size_t index, GString *out)
{
        struct area *a = &r->areas[index];

        round_up(a, dm_clock_now_ns());
        /* the last area's length is the step too, as the kernel prints it */
        g_string_append_printf(out, "%" PRIu64 "+%" PRIu64, r->start + index * r->step, r->step);
        for (unsigned d = 0; d < DIR_COUNT; d++)
                g_string_append_printf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, a->ios[d],
                                       a->merges[d], a->sectors[d], shown_time(r, a->ticks_ns[d]));
        g_string_append_printf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                               a->in_flight[DIR_READ] + a->in_flight[DIR_WRITE],
                               shown_time(r, a->busy_ns), shown_time(r, a->weighted_ns),
                               shown_time(r, a->busy_dir_ns[DIR_READ]),
                               shown_time(r, a->busy_dir_ns[DIR_WRITE]));
        for (size_t i = 0; r->counts && i <= r->bound_count; i++)
                g_string_append_printf(out, "%c%" PRIu64, i ? ':' : ' ',
                                       r->counts[index * (r->bound_count + 1) + i]);
        g_string_append_c(out, '\n');
}

/* REGION [FIRST LINES] */
static bool print(struct mapped_device *md, int argc, char **argv, bool clear, char **ret_reply,
                  GError **error)
{
        struct dm_stats *stats = stats_of(md);
        uint64_t first = 0, count = UINT64_MAX;
        struct region *r;
        GString *out;

        if (argc != 2 && argc != 4)
                return dm_fail(error, EINVAL, "%s: takes a region, or that and two numbers", argv[0]);
        if (argc == 4 && (!dm_parse_u64(argv[2], &first) || !dm_parse_u64(argv[3], &count)))
                return dm_fail(error, EINVAL, "%s: '%s %s' are not two numbers", argv[0], argv[2],
                               argv[3]);

        DM_LOCK_SCOPE(&stats->lock);
        r = find_region(stats, argv[1], NULL, error);
        if (!r)
                return false;
        first = MIN(first, r->area_count);
        count = MIN(count, r->area_count - first);
        out = g_string_new(NULL);
        for (size_t i = first; i < first + count; i++)
                print_area(r, i, out);
        if (clear)
                clear_areas(r, first, count);
        *ret_reply = g_string_free(out, FALSE);
        return true;
}

static bool stats_print(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                        GError **error)
{
        return print(md, argc, argv, false, ret_reply, error);
}

static bool stats_print_clear(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                              GError **error)
{
        return print(md, argc, argv, true, ret_reply, error);
}

dm_message_fn dm_stats_message(const char *name)
{
        static const struct {
                const char *name;
                dm_message_fn run;
        } messages[] = {
                {"@stats_create", stats_create},   {"@stats_delete", stats_delete},
                {"@stats_clear", stats_clear},     {"@stats_list", stats_list},
                {"@stats_print", stats_print},     {"@stats_print_clear", stats_print_clear},
                {"@stats_set_aux", stats_set_aux},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
                if (!g_ascii_strcasecmp(messages[i].name, name))
                        return messages[i].run;
        return NULL;
}
