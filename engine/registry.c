/* SPDX-License-Identifier: BSD-3-Clause */
/* All target types, from the list in targets/meson.build. */
#include "dm-internal.h"

#include <stdlib.h>
#include <string.h>

#define DM_TARGET(name) extern const struct dm_target_type dm_type_##name;
#include "targets.inc"
#undef DM_TARGET

static const struct dm_target_type *types[] = {
#define DM_TARGET(name) &dm_type_##name,
#include "targets.inc"
#undef DM_TARGET
};

static struct dm_target_info infos[G_N_ELEMENTS(types) + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int compare(const void *a, const void *b)
{
        const struct dm_target_type *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* The list is in the order of source files, and names may differ from those ("_" for "-"). */
static void sort_types(void)
{
        qsort(types, G_N_ELEMENTS(types), sizeof(types[0]), compare);
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                infos[i] = (struct dm_target_info){
                        .name = types[i]->name,
                        .summary = types[i]->summary,
                        .usage = types[i]->usage,
                };
                memcpy(infos[i].version, types[i]->version, sizeof(infos[i].version));
        }
}

static int compare_name(const void *name, const void *type)
{
        const struct dm_target_type *const *t = type;

        return strcmp(name, (*t)->name);
}

const struct dm_target_type *dm_target_type_find(const char *name)
{
        const struct dm_target_type **found;

        pthread_once(&once, sort_types);
        found = bsearch(name, types, G_N_ELEMENTS(types), sizeof(types[0]), compare_name);
        return found ? *found : NULL;
}

const struct dm_target_info *dm_target_types(void)
{
        pthread_once(&once, sort_types);
        return infos;
}
