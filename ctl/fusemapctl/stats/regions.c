/* SPDX-License-Identifier: BSD-3-Clause */
#include "regions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "../say.h"

/* A reply to @stats_print has no more lines than so many. */
#define AREAS_A_CALL 16384
#define NS_PER_MS 1000000u

/* ---- @stats_list ------------------------------------------------------------------------------------ */

static void region_free(void *data)
{
        Region *r = data;

        g_free(r->program);
        g_free(r->user_data);
        g_array_unref(r->bounds);
        g_free(r->counters);
        g_free(r->bins);
        g_free(r);
}

static void group_destroy(void *group)
{
        stats_group_free(group);
}

/* Without precise timestamps the kernel counts in ms. */
static uint64_t unit_ns(const Region *r)
{
        return r->precise ? 1 : NS_PER_MS;
}

/* Takes a number off *TEXT that MARK follows. */
static bool take_number(const char **text, char mark, uint64_t *ret_number)
{
        size_t length = strspn(*text, "0123456789");
        g_autofree char *digits = g_strndup(*text, length);

        if (!dm_parse_u64(digits, ret_number) || (*text)[length] != mark)
                return false;
        *text += length + (mark != '\0');
        return true;
}

/* "N,N,..." */
static bool take_bounds(Region *r, const char *text)
{
        g_auto(GStrv) words = g_strsplit(text, ",", -1);
        uint64_t bound;

        for (char **word = words; *word; word++) {
                if (!dm_parse_u64(*word, &bound) || __builtin_mul_overflow(bound, unit_ns(r), &bound))
                        return false;
                g_array_append_val(r->bounds, bound);
        }
        return true;
}

/* PROGRAM AUX [FEATURE...], where there may be blanks in AUX. */
static char *take_words(Region *r, const char *text)
{
        static const char histogram[] = " histogram:", precise[] = " precise_timestamps";
        g_autofree char *rest = g_strdup(text);
        char *at, *blank = strchr(rest, ' '), *aux;

        if (!blank)
                return NULL;
        at = g_strrstr(rest, histogram);
        if (at)
                *at = '\0';
        r->precise = g_str_has_suffix(rest, precise);
        if (r->precise)
                rest[strlen(rest) - strlen(precise)] = '\0';
        aux = blank < rest + strlen(rest) ? g_strdup(blank + 1) : NULL;
        if (aux && at && !take_bounds(r, at + strlen(histogram)))
                g_clear_pointer(&aux, g_free);
        if (aux)
                r->program = g_strndup(rest, (gsize)(blank - rest));
        return aux;
}

/* ID: START+LENGTH STEP PROGRAM AUX [FEATURE...] */
static bool take_region(Regions *regions, const char *line)
{
        Region *r = g_new0(Region, 1);
        g_autofree char *aux = NULL;
        StatsGroup *group;

        r->bounds = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        if (!take_number(&line, ':', &r->id) || *line++ != ' ' || !take_number(&line, '+', &r->start) ||
            !take_number(&line, ' ', &r->length) || !take_number(&line, ' ', &r->step) || !r->length ||
            !r->step || !(aux = take_words(r, line)) ||
            (regions->list->len &&
             r->id <= ((Region *)regions->list->pdata[regions->list->len - 1])->id)) {
                region_free(r);
                return false;
        }
        if (!strcmp(r->program, "-"))
                *r->program = '\0';
        r->area_count = (r->length - 1) / r->step + 1;
        g_ptr_array_add(regions->list, r);
        stats_aux_parse(r->id, aux, &r->user_data, &group);
        if (group)
                g_ptr_array_add(regions->groups, group);
        return true;
}

/* A region is in the first group that claims it. */
static void join_groups(const Regions *regions)
{
        for (unsigned i = 0; i < regions->list->len; i++) {
                Region *r = regions->list->pdata[i];

                for (unsigned j = 0; j < regions->groups->len && !r->group; j++) {
                        StatsGroup *group = regions->groups->pdata[j];

                        if (ids_have(group->members, r->id))
                                r->group = group;
                }
        }
}

Regions *regions_parse(const char *text)
{
        Regions *regions = g_new(Regions, 1);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        regions->list = g_ptr_array_new_with_free_func(region_free);
        regions->groups = g_ptr_array_new_with_free_func(group_destroy);
        for (char **line = lines; *line; line++)
                if (**line && !take_region(regions, *line))
                        say_error("Could not parse @stats_list response.");
        join_groups(regions);
        return regions;
}

void regions_free(Regions *regions)
{
        if (!regions)
                return;
        g_ptr_array_unref(regions->list);
        g_ptr_array_unref(regions->groups);
        g_free(regions);
}

Region *regions_find(const Regions *regions, uint64_t id)
{
        for (unsigned i = 0; i < regions->list->len; i++)
                if (((Region *)regions->list->pdata[i])->id == id)
                        return regions->list->pdata[i];
        return NULL;
}

/* ---- @stats_print ------------------------------------------------------------------------------------- */

static bool is_time(enum counter c)
{
        return c == READ_TIME || c == WRITE_TIME || c >= IO_TICKS;
}

/* START+LENGTH COUNTER... [BIN:BIN...] */
static bool take_area(Region *r, uint64_t area, const char *line)
{
        uint64_t *counters = r->counters + area * COUNTER_COUNT, ignored;
        unsigned bins = r->bounds->len ? r->bounds->len + 1 : 0;

        if (!take_number(&line, '+', &ignored) || !take_number(&line, ' ', &ignored))
                return false;
        for (enum counter c = 0; c < COUNTER_COUNT; c++) {
                if (!take_number(&line, c + 1 < COUNTER_COUNT || bins ? ' ' : '\0', &counters[c]))
                        return false;
                if (is_time(c))
                        counters[c] *= unit_ns(r);
        }
        for (unsigned i = 0; i < bins; i++)
                if (!take_number(&line, i + 1 < bins ? ':' : '\0', &r->bins[area * bins + i]))
                        return false;
        return true;
}

static bool make_room(Region *r)
{
        if (r->counters)
                return true;
        r->counters = g_try_malloc0_n(r->area_count, COUNTER_COUNT * sizeof(uint64_t));
        r->bins = g_try_malloc0_n(r->area_count, (r->bounds->len + 1) * sizeof(uint64_t));
        if (r->counters && r->bins)
                return true;
        g_clear_pointer(&r->counters, g_free);
        g_clear_pointer(&r->bins, g_free);
        return false;
}

int64_t region_take_counters(Region *r, uint64_t first, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        int64_t count = 0;

        if (!make_room(r))
                return -1;
        for (char **line = lines; *line; line++) {
                if (!**line)
                        continue;
                if (first >= r->area_count || !take_area(r, first++, *line))
                        return -1;
                count++;
        }
        return count;
}

/* ---- with the daemon ------------------------------------------------------------------------------------ */

char *stats_send(struct ctl *ctl, const Device *device, const char *format, ...)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *text = NULL;
        const char *answer;
        va_list args;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        if (!client_can_carry(text)) {
                say_own("the message is not valid UTF-8");
                return NULL;
        }
        reply = client_call(ctl->client, "Message",
                            g_variant_new("(sts)", device->wire, (guint64)0, text), "(bs)", &error);
        if (!reply) {
                device_failed(device, "message", error);
                return NULL;
        }
        g_variant_get(reply, "(b&s)", NULL, &answer);
        return g_strdup(answer);
}

Regions *regions_fetch(struct ctl *ctl, const Device *device, const char *program)
{
        g_autofree char *text = program ? stats_send(ctl, device, "@stats_list %s", program)
                                        : stats_send(ctl, device, "@stats_list");

        return text ? regions_parse(text) : NULL;
}

bool region_fetch_counters(struct ctl *ctl, const Device *device, Region *r, bool clear)
{
        const char *message = clear ? "@stats_print_clear" : "@stats_print";

        for (uint64_t first = 0; first < r->area_count;) {
                g_autofree char *text = stats_send(ctl, device, "%s %" PRIu64 " %" PRIu64 " %d",
                                                   message, r->id, first, AREAS_A_CALL);
                int64_t count = text ? region_take_counters(r, first, text) : -1;

                if (text && count <= 0)
                        say_error("Could not parse @stats_print response.");
                if (count <= 0)
                        return false;
                first += (uint64_t)count;
        }
        return true;
}
