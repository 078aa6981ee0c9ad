/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages about regions that there are. */
#include "stats/internal.h"

#include <inttypes.h>
#include <string.h>

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
        struct dm_stats *stats = dm_stats_of(md);
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
        struct dm_stats *stats = dm_stats_of(md);
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
        struct dm_stats *stats = dm_stats_of(md);
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
        struct dm_stats *stats = dm_stats_of(md);
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

        dm_area_round_up(a, dm_clock_now_ns());
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
        struct dm_stats *stats = dm_stats_of(md);
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
                {"@stats_create", dm_stats_create}, {"@stats_delete", stats_delete},
                {"@stats_clear", stats_clear},      {"@stats_list", stats_list},
                {"@stats_print", stats_print},      {"@stats_print_clear", stats_print_clear},
                {"@stats_set_aux", stats_set_aux},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
                if (!g_ascii_strcasecmp(messages[i].name, name))
                        return messages[i].run;
        return NULL;
}
