/* SPDX-License-Identifier: BSD-3-Clause */
/* stats delete, clear, print, group, ungroup. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../say.h"
#include "stats.h"

static uint64_t chosen_region(const struct ctl *ctl)
{
        return ctl->opt->number[OPT_REGIONID];
}

static uint64_t chosen_group(const struct ctl *ctl)
{
        return ctl->opt->number[OPT_GROUPID];
}

static bool needs_regions(const struct ctl *ctl)
{
        if (ctl_given(ctl, OPT_REGIONID) || ctl_given(ctl, OPT_ALLREGIONS))
                return false;
        say_error("Please specify a --regionid or use --allregions.");
        return true;
}

static Regions *fetch(struct ctl *ctl, const Device *device)
{
        return regions_fetch(ctl, device, stats_program(ctl));
}

/* ---- groups -------------------------------------------------------------------------------------------- */

static StatsGroup *find_group(const Regions *regions, uint64_t id)
{
        for (unsigned i = 0; i < regions->groups->len; i++)
                if (((StatsGroup *)regions->groups->pdata[i])->id == id)
                        return regions->groups->pdata[i];
        say_error("Group ID %" PRIu64 " does not exist", id);
        return NULL;
}

/* DATA as a part of a message: it may have been stored with blanks in it. */
static char *escaped(const char *data)
{
        GString *text = g_string_new(NULL);

        for (; *data; data++) {
                if (strchr(" \t\\", *data))
                        g_string_append_c(text, '\\');
                g_string_append_c(text, *data);
        }
        return g_string_free(text, FALSE);
}

bool stats_set_group(struct ctl *ctl, const Device *device, const Region *leader,
                     const StatsGroup *group)
{
        g_autofree char *data = escaped(leader->user_data);
        g_autofree char *aux = stats_aux_text(group, data);
        g_autofree char *reply =
                stats_send(ctl, device, "@stats_set_aux %" PRIu64 " %s", leader->id, aux);

        return reply;
}

/* Histograms can be summed up when their bounds are the same. */
static bool have_same_bounds(const GPtrArray *members, const Region *r)
{
        for (unsigned i = 0; i < members->len; i++) {
                const GArray *bounds = ((const Region *)members->pdata[i])->bounds;

                if (bounds->len && r->bounds->len &&
                    (bounds->len != r->bounds->len ||
                     memcmp(bounds->data, r->bounds->data, bounds->len * sizeof(uint64_t)) != 0))
                        return false;
        }
        return true;
}

/* Whether the region with this ID can join the others. */
static bool can_join(const Regions *regions, uint64_t id, const GPtrArray *others)
{
        unsigned count = regions->list->len;
        const Region *last = count ? regions->list->pdata[count - 1] : NULL;
        const Region *r = regions_find(regions, id);

        if (!last)
                say_error("Could not create group: no regions found.");
        else if (id > last->id)
                say_error("Invalid region ID: %" PRIu64, id);
        else if (!r)
                say_error("Region ID %" PRIu64 " does not exist", id);
        else if (r->group)
                say_error("Region ID %" PRIu64 " already a member of group ID %" PRIu64, id, r->group->id);
        else if (!have_same_bounds(others, r))
                say_error("All region histogram bounds must match exactly");
        else
                return true;
        return false;
}

/* The regions that MEMBERS names; NULL: an error has been said.  It ends with the first that can't join, so a
 * range of any size takes no longer than there are regions. */
static GPtrArray *find_members(const Regions *regions, const GArray *members)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new();

        for (unsigned i = 0; i < members->len; i++) {
                const struct id_range *range = &g_array_index(members, struct id_range, i);

                for (uint64_t id = range->first;; id++) {
                        if (!can_join(regions, id, found))
                                return NULL;
                        g_ptr_array_add(found, regions_find(regions, id));
                        if (id == range->last)
                                break;
                }
        }
        return g_steal_pointer(&found);
}

static int by_start(const void *a, const void *b)
{
        const Region *x = *(Region *const *)a, *y = *(Region *const *)b;

        return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                    : (x->id > y->id) - (x->id < y->id);
}

static void warn_of_members(GPtrArray *members)
{
        bool precise = ((const Region *)members->pdata[0])->precise, mixed = false;

        for (unsigned i = 1; i < members->len; i++)
                mixed |= ((const Region *)members->pdata[i])->precise != precise;
        if (mixed)
                say_error("WARNING: Grouping regions with different clock resolution: "
                          "precision may be lost.");
        g_ptr_array_sort(members, by_start);
        for (unsigned i = 1; i < members->len; i++) {
                const Region *r = members->pdata[i - 1], *next = members->pdata[i];

                if (next->start - r->start < r->length)
                        say_error("WARNING: region IDs %" PRIu64 " and %" PRIu64
                                  " overlap. Some events will be counted twice.",
                                  r->id, next->id);
        }
}

/* What ends the alias in a group's description can't be in it. */
static bool check_alias(const char *alias)
{
        if (!strchr(alias, ':'))
                return true;
        say_error("Invalid alias argument: \"%s\"", alias);
        return false;
}

bool stats_create_group(struct ctl *ctl, const Device *device, const char *list, const char *alias,
                        uint64_t *ret_id)
{
        g_autoptr(GArray) ids = ids_parse(list);
        g_autoptr(Regions) regions = NULL;
        g_autoptr(GPtrArray) members = NULL;
        StatsGroup *group;
        bool ok;

        if (!ids || !ids->len) {
                say_error("Could not parse list: '%s'", list);
                return false;
        }
        if (!check_alias(alias) || !(regions = fetch(ctl, device)) ||
            !(members = find_members(regions, ids)))
                return false;
        *ret_id = ((const Region *)members->pdata[0])->id;
        group = stats_group_new(*ret_id, alias, ids);
        ok = stats_set_group(ctl, device, members->pdata[0], group);
        stats_group_free(group);
        if (ok)
                warn_of_members(members);
        return ok;
}

static bool group_on(struct ctl *ctl, const Device *device, const char *name)
{
        const char *list = ctl->opt->text[OPT_REGIONS];
        const char *alias = ctl_given(ctl, OPT_ALIAS) ? ctl->opt->text[OPT_ALIAS] : "";
        uint64_t id;

        if (!stats_create_group(ctl, device, list, alias, &id)) {
                if (*name)
                        say_error("Could not create group on %s: %s", name, list);
                return false;
        }
        printf("Grouped regions %s as group ID %" PRIu64 " on %s\n", list, id, name);
        return true;
}

bool verb_stats_group(struct ctl *ctl, int argc, char **argv)
{
        if (ctl_given(ctl, OPT_REGIONS))
                return stats_for_devices(ctl, argc, argv, true, group_on);
        say_error("Group requires --regions.");
        return false;
}

static bool ungroup_on(struct ctl *ctl, const Device *device, const char *name)
{
        g_autoptr(Regions) regions = fetch(ctl, device);
        const StatsGroup *group;

        if (!regions)
                return false;
        group = find_group(regions, chosen_group(ctl));
        if (!group || !stats_set_group(ctl, device, regions_find(regions, group->id), NULL)) {
                say_error("Could not delete group %" PRIu64 " on %s.", chosen_group(ctl), name);
                return false;
        }
        printf("Removed group ID %" PRIu64 " on %s\n", group->id, name);
        return true;
}

bool verb_stats_ungroup(struct ctl *ctl, int argc, char **argv)
{
        if (ctl_given(ctl, OPT_GROUPID))
                return stats_for_devices(ctl, argc, argv, true, ungroup_on);
        say_error("Please specify group id.");
        return false;
}

/* ---- delete ----------------------------------------------------------------------------------------------- */

/* A group goes with its first region; another one's it goes on without. */
static bool leave_group(struct ctl *ctl, const Device *device, const Regions *regions, const Region *r)
{
        if (!r->group || r->group->id == r->id)
                return true;
        ids_remove(r->group->members, r->id);
        return stats_set_group(ctl, device, regions_find(regions, r->group->id), r->group);
}

static bool send_delete(struct ctl *ctl, const Device *device, uint64_t id)
{
        g_autofree char *reply = stats_send(ctl, device, "@stats_delete %" PRIu64, id);

        return reply;
}

static bool delete_region(struct ctl *ctl, const Device *device, const Regions *regions)
{
        const Region *r = regions_find(regions, chosen_region(ctl));

        if (!r)
                say_error("Region ID %" PRIu64 " does not exist", chosen_region(ctl));
        if (r && leave_group(ctl, device, regions, r) && send_delete(ctl, device, r->id))
                return true;
        say_error("Could not delete statistics region");
        return false;
}

/* The first region goes last, with the description, so that what fails halfway can be done again. */
static bool delete_group(struct ctl *ctl, const Device *device, const Regions *regions)
{
        const StatsGroup *group = find_group(regions, chosen_group(ctl));
        bool ok = group;

        for (unsigned i = regions->list->len; ok && i--;) {
                const Region *r = regions->list->pdata[i];

                if (r->group == group)
                        ok = send_delete(ctl, device, r->id);
        }
        if (ok)
                printf("Deleted statistics group %" PRIu64 ".\n", group->id);
        else
                say_error("Could not delete statistics group.");
        return ok;
}

static bool delete_all(struct ctl *ctl, const Device *device, const Regions *regions)
{
        bool ok = true;

        for (unsigned i = regions->list->len; i--;)
                ok &= send_delete(ctl, device, ((const Region *)regions->list->pdata[i])->id);
        if (!ok)
                say_error("Could not delete statistics region");
        return ok;
}

static bool delete_on(struct ctl *ctl, const Device *device, const char *name)
{
        g_autoptr(Regions) regions = fetch(ctl, device);

        if (!regions)
                return false;
        if (ctl_given(ctl, OPT_ALLREGIONS))
                return delete_all(ctl, device, regions);
        return ctl_given(ctl, OPT_GROUPID) ? delete_group(ctl, device, regions)
                                           : delete_region(ctl, device, regions);
}

bool verb_stats_delete(struct ctl *ctl, int argc, char **argv)
{
        bool region = ctl_given(ctl, OPT_REGIONID), group = ctl_given(ctl, OPT_GROUPID);

        if (region && group) {
                say_error("Please use one of --regionid and --groupid.");
                return false;
        }
        if (!region && !group && !ctl_given(ctl, OPT_ALLREGIONS)) {
                say_error("Please specify a --regionid or --groupid, or use --allregions.");
                return false;
        }
        return stats_for_devices(ctl, argc, argv, true, delete_on);
}

/* ---- clear, print -------------------------------------------------------------------------------------------- */

static bool clear_region(struct ctl *ctl, const Device *device, uint64_t id)
{
        g_autofree char *reply = stats_send(ctl, device, "@stats_clear %" PRIu64, id);

        if (!reply)
                say_error("Clearing statistics region %" PRIu64 " failed.", id);
        return reply;
}

static bool clear_on(struct ctl *ctl, const Device *device, const char *name)
{
        g_autoptr(Regions) regions = fetch(ctl, device);
        bool all = ctl_given(ctl, OPT_ALLREGIONS), ok = true;

        if (!regions)
                return false;
        if (!all && !regions_find(regions, chosen_region(ctl))) {
                say_error("No such region: %" PRIu64 ".", chosen_region(ctl));
                return false;
        }
        for (unsigned i = 0; i < regions->list->len; i++) {
                const Region *r = regions->list->pdata[i];

                if (all || r->id == chosen_region(ctl))
                        ok &= clear_region(ctl, device, r->id);
        }
        return ok;
}

bool verb_stats_clear(struct ctl *ctl, int argc, char **argv)
{
        return !needs_regions(ctl) && stats_for_devices(ctl, argc, argv, false, clear_on);
}

static bool print_region(struct ctl *ctl, const Device *device, uint64_t id)
{
        g_autofree char *text = stats_send(ctl, device, "@stats_print%s %" PRIu64,
                                           ctl_given(ctl, OPT_CLEAR) ? "_clear" : "", id);

        if (text)
                fputs(text, stdout);
        else
                say_error("Could not print statistics region.");
        return text;
}

static bool print_on(struct ctl *ctl, const Device *device, const char *name)
{
        g_autoptr(Regions) regions = NULL;
        bool ok = true;

        if (!ctl_given(ctl, OPT_ALLREGIONS))
                return print_region(ctl, device, chosen_region(ctl));
        regions = fetch(ctl, device);
        for (unsigned i = 0; regions && i < regions->list->len; i++)
                ok &= print_region(ctl, device, ((const Region *)regions->list->pdata[i])->id);
        return regions && ok;
}

bool verb_stats_print(struct ctl *ctl, int argc, char **argv)
{
        return !needs_regions(ctl) && stats_for_devices(ctl, argc, argv, false, print_on);
}
