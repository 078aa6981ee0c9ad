/* SPDX-License-Identifier: BSD-3-Clause */
#include "groups.h"

#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "../say.h"

#define TAG "DMS_GROUP="

/* ---- lists of ids --------------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
        uint64_t x = ((const struct id_range *)a)->first, y = ((const struct id_range *)b)->first;

        return (x > y) - (x < y);
}

/* Sorts the ranges and joins those that touch. */
static void tidy(GArray *ids)
{
        struct id_range *r = (struct id_range *)(void *)ids->data;
        unsigned kept = 0;

        g_array_sort(ids, by_first);
        for (unsigned i = 1; i < ids->len; i++)
                if (r[i].first <= r[kept].last || r[i].first - r[kept].last == 1)
                        r[kept].last = MAX(r[kept].last, r[i].last);
                else
                        r[++kept] = r[i];
        if (ids->len)
                g_array_set_size(ids, kept + 1);
}

static bool parse_range(char *word, struct id_range *r)
{
        char *dash = strchr(word, '-');

        if (dash)
                *dash++ = '\0';
        return dm_parse_u64(g_strstrip(word), &r->first) &&
               dm_parse_u64(dash ? g_strstrip(dash) : word, &r->last) && r->first <= r->last;
}

GArray *ids_parse(const char *text)
{
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(struct id_range));
        g_auto(GStrv) words = g_strsplit(text, ",", -1);

        for (char **word = words; *word; word++) {
                struct id_range r;

                if (!*g_strstrip(*word))
                        continue;
                if (!parse_range(*word, &r))
                        return NULL;
                g_array_append_val(ids, r);
        }
        tidy(ids);
        return g_steal_pointer(&ids);
}

char *ids_text(const GArray *ids)
{
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < ids->len; i++) {
                const struct id_range *r = &g_array_index(ids, struct id_range, i);

                g_string_append_printf(text, "%s%" PRIu64, i ? "," : "", r->first);
                if (r->last > r->first)
                        g_string_append_printf(text, "-%" PRIu64, r->last);
        }
        return g_string_free(text, FALSE);
}

bool ids_have(const GArray *ids, uint64_t id)
{
        for (unsigned i = 0; i < ids->len; i++) {
                const struct id_range *r = &g_array_index(ids, struct id_range, i);

                if (id >= r->first && id <= r->last)
                        return true;
        }
        return false;
}

void ids_remove(GArray *ids, uint64_t id)
{
        for (unsigned i = 0; i < ids->len; i++) {
                struct id_range *r = &g_array_index(ids, struct id_range, i);
                struct id_range below = {r->first, id - 1}, above = {id + 1, r->last};

                if (id < r->first || id > r->last)
                        continue;
                g_array_remove_index(ids, i);
                if (id < above.last)
                        g_array_insert_val(ids, i, above);
                if (id > below.first)
                        g_array_insert_val(ids, i, below);
                return;
        }
}

/* ---- groups ------------------------------------------------------------------------------------------ */

StatsGroup *stats_group_new(uint64_t id, const char *alias, GArray *members)
{
        StatsGroup *group = g_new(StatsGroup, 1);

        *group = (StatsGroup){.id = id, .alias = g_strdup(alias), .members = g_array_ref(members)};
        return group;
}

void stats_group_free(StatsGroup *group)
{
        g_free(group->alias);
        g_array_unref(group->members);
        g_free(group);
}

/* What follows the tag; NULL with a line on stderr when it is none.  *RET_DATA: what follows the members. */
static StatsGroup *parse_description(uint64_t id, const char *text, const char **ret_data)
{
        const char *colon = strchr(text, ':'), *hash = colon ? strchr(colon, '#') : NULL;
        g_autofree char *alias = NULL, *list = NULL;
        g_autoptr(GArray) members = NULL;

        if (!colon) {
                say_error("Found malformed group tag while reading aux_data");
                return NULL;
        }
        if (!hash) {
                say_error("Found malformed group descriptor while reading aux_data, expected '#'");
                return NULL;
        }
        alias = g_strndup(text, (gsize)(colon - text));
        list = g_strndup(colon + 1, (gsize)(hash - colon - 1));
        members = ids_parse(list);
        if (!members) {
                say_error("Could not parse member list while reading group aux_data");
                return NULL;
        }
        if (!members->len || g_array_index(members, struct id_range, 0).first != id) {
                say_error("Found invalid group descriptor in region %" PRIu64 " aux_data.", id);
                return NULL;
        }
        *ret_data = hash + 1;
        return stats_group_new(id, alias, members);
}

void stats_aux_parse(uint64_t id, const char *aux, char **ret_data, StatsGroup **ret_group)
{
        const char *tag = strstr(aux, TAG), *data = aux;

        *ret_group = NULL;
        if (tag && !(*ret_group = parse_description(id, tag + strlen(TAG), &data)))
                say_error("Failed to parse group descriptor from region_id %" PRIu64 " aux_data:'%s'",
                          id, aux);
        *ret_data = g_strdup(strcmp(data, "-") ? data : "");
}

char *stats_aux_text(const StatsGroup *group, const char *data)
{
        g_autofree char *members = group ? ids_text(group->members) : NULL;

        if (!*data)
                data = "-";
        return group ? g_strconcat(TAG, group->alias, ":", members, "#", data, NULL) : g_strdup(data);
}
