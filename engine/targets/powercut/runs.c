/* SPDX-License-Identifier: BSD-3-Clause */
/* What a batch or a cut has chosen, as the writes that bring it to the lower device. */
#include "powercut.h"

#include <string.h>

const struct dm_chosen *powercut_chosen_at(GArray *chosen, unsigned i)
{
        return &g_array_index(chosen, struct dm_chosen, i);
}

unsigned powercut_run_length(GArray *chosen, unsigned first, unsigned max)
{
        const struct dm_chosen *from = powercut_chosen_at(chosen, first);
        enum dm_write_kind kind = from->version->write->kind;
        unsigned count = 1;

        while (first + count < chosen->len && count < max) {
                const struct dm_chosen *c = powercut_chosen_at(chosen, first + count);

                if (c->sector != from->sector + count || c->version->write->kind != kind)
                        break;
                count++;
        }
        return count;
}

enum dm_op powercut_op_of_kind(enum dm_write_kind kind)
{
        return kind == DM_WRITE_DATA     ? DM_OP_WRITE
               : kind == DM_WRITE_ZEROES ? DM_OP_WRITE_ZEROES
                                         : DM_OP_DISCARD;
}

char *powercut_gather(GArray *chosen, unsigned first, unsigned count)
{
        char *buf;

        if (!powercut_chosen_at(chosen, first)->version->write->data)
                return NULL;
        buf = g_malloc((size_t)count * DM_SECTOR_SIZE);
        for (unsigned i = 0; i < count; i++) {
                const struct dm_chosen *c = powercut_chosen_at(chosen, first + i);

                memcpy(buf + (size_t)i * DM_SECTOR_SIZE, dm_version_data(c->version, c->sector),
                       DM_SECTOR_SIZE);
        }
        return buf;
}
