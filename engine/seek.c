/* SPDX-License-Identifier: BSD-3-Clause */
/* SEEK_DATA and SEEK_HOLE over the live table. */
#include "dm-internal.h"

/* So many runs are looked at for one question; then the answer is that all is data, which is always right. */
#define RUNS_MAX 4096u

static int seek_below(struct dm_dev *dev, enum dm_seek_what what, uint64_t offset,
                      uint64_t *ret_offset)
{
        return dev->md ? dm_seek(dev->md, what, offset, ret_offset)
                       : dm_backing_seek(dev->backing, what, offset, ret_offset);
}

/* What is at OFFSET of the lower device DEV, and for how many of LEN bytes. */
static int run_below(struct dm_dev *dev, uint64_t offset, uint64_t len, bool *ret_hole,
                     uint64_t *ret_len)
{
        uint64_t data, end;
        int r = seek_below(dev, DM_SEEK_DATA, offset, &data);

        if (r == -ENXIO) {
                *ret_hole = true;
                *ret_len = len;
                return 0;
        }
        if (r)
                return r;
        *ret_hole = data > offset;
        end = data;
        if (!*ret_hole)
                r = seek_below(dev, DM_SEEK_HOLE, offset, &end);
        *ret_len = r ? 0 : MIN(len, end - offset);
        return r;
}

/* What is at OFFSET (below the size) of TABLE, and where that run ends. */
static int run_at(struct dm_table *table, uint64_t offset, bool *ret_hole, uint64_t *ret_end)
{
        struct dm_target *ti = dm_table_find(table, offset);
        uint64_t target_end = ti->begin + ti->len;
        uint64_t lower_offset = 0, len = target_end - offset;
        struct dm_dev *dev = NULL;
        int r = 0;

        *ret_hole = false;
        if (ti->type->locate) {
                ti->type->locate(ti, offset, &dev, &lower_offset, &len);
                len = MIN(len, target_end - offset);
                if (dev)
                        r = run_below(dev, lower_offset, len, ret_hole, &len);
                else
                        *ret_hole = true;
        }
        *ret_end = offset + len;
        return r;
}

/* Goes from run to run: 0 or -errno; *RET_FOUND says whether *RET_OFFSET is the answer, or the table
 * ended. */
static int walk(struct dm_table *table, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset,
                bool *ret_found)
{
        *ret_found = false;
        for (unsigned runs = 0; offset < table->size && !*ret_found; runs++) {
                bool hole;
                uint64_t end;
                int r = run_at(table, offset, &hole, &end);

                if (r)
                        return r;
                if (runs == RUNS_MAX) {
                        *ret_offset = what == DM_SEEK_DATA ? offset : table->size;
                        *ret_found = true;
                } else if (hole == (what == DM_SEEK_HOLE)) {
                        *ret_offset = offset;
                        *ret_found = true;
                } else if (end <= offset) {
                        return -EIO;
                }
                offset = end;
        }
        return 0;
}

static int seek_in(struct dm_table *table, enum dm_seek_what what, uint64_t offset,
                   uint64_t *ret_offset)
{
        bool found;
        int r = walk(table, what, offset, ret_offset, &found);

        if (r || found)
                return r;
        /* the end counts as a hole */
        *ret_offset = table->size;
        return what == DM_SEEK_HOLE ? 0 : -ENXIO;
}

int dm_seek(struct mapped_device *md, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset)
{
        struct dm_table *table = dm_slot_ref(md, false);
        int r;

        if (!table)
                return -EIO;
        r = offset < table->size ? seek_in(table, what, offset, ret_offset) : -ENXIO;
        dm_table_unref(table);
        return r;
}
