/* SPDX-License-Identifier: BSD-3-Clause */
/* zero: reads as zeroes, and forgets what is written. */
#include "dm-target.h"

#include <string.h>

static enum dm_map_result zero_map(struct dm_target *ti, struct dm_bio *bio)
{
        if (bio->op == DM_OP_READ)
                memset(bio->buf, 0, bio->len);
        bio->error = 0;
        return DM_MAP_DONE;
}

/* One hole. */
static void zero_locate(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                        uint64_t *ret_offset, uint64_t *ret_len)
{
        *ret_dev = NULL;
        *ret_offset = 0;
        *ret_len = ti->len - dm_target_offset(ti, offset);
}

const struct dm_target_type dm_type_zero = {
        .name = "zero",
        .summary = "reads as zeroes and forgets what is written",
        .usage = "",
        .version = {1, 2, 0},
        .flags = DM_TARGET_DISCARD | DM_TARGET_WRITE_ZEROES,
        .map = zero_map,
        .locate = zero_locate,
};
