/* SPDX-License-Identifier: BSD-3-Clause */
/* SEEK_DATA and SEEK_HOLE over the live table. */
#include "dm-internal.h"

/* So many runs are looked at for one question, in all devices of a stack together; then the answer is that
 * all is data, which is always right.  *RUNS_LEFT counts them. */
#define RUNS_MAX 4096u

static int seek(struct mapped_device *md, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset,
                unsigned *runs_left);

static int seek_below(struct dm_dev *dev, enum dm_seek_what what, uint64_t offset,
                      uint64_t *ret_offset, unsigned *runs_left)
{
        return dev->md ? seek(dev->md, what, offset, ret_offset, runs_left)
                       : dm_backing_seek(dev->backing, what, offset, ret_offset);
}

/* What is at OFFSET of the lower device DEV, and for how many of LEN bytes. */
static int run_below(struct dm_dev *dev, uint64_t offset, uint64_t len, bool *ret_hole,
                     uint64_t *ret_len, unsigned *runs_left)
{
        uint64_t data, end;
        int r = seek_below(dev, DM_SEEK_DATA, offset, &data, runs_left);

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
                r = seek_below(dev, DM_SEEK_HOLE, offset, &end, runs_left);
        *ret_len = r ? 0 : MIN(len, end - offset);
        return r;
}

/* What is at OFFSET (below the size) of TABLE, and where that run ends. */
static int run_at(struct dm_table *table, uint64_t offset, bool *ret_hole, uint64_t *ret_end,
                  unsigned *runs_left)
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
                        r = run_below(dev, lower_offset, len, ret_hole, &len, runs_left);
                else
                        *ret_hole = true;
        }
        *ret_end = offset + len;
        return r;
}

/* Goes from run to run: 0 or -errno; *RET_FOUND says whether *RET_OFFSET is the answer, or the table
 * ended. */
static int walk(struct dm_table *table, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset,
                bool *ret_found, unsigned *runs_left)
{
        *ret_found = false;
        while (offset < table->size && !*ret_found) {
                bool hole;
                uint64_t end;
                int r;

                if (!*runs_left) {
                        *ret_offset = what == DM_SEEK_DATA ? offset : table->size;
                        *ret_found = true;
                        break;
                }
                --*runs_left;
                r = run_at(table, offset, &hole, &end, runs_left);
                if (r)
                        return r;
                if (hole == (what == DM_SEEK_HOLE)) {
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
                   uint64_t *ret_offset, unsigned *runs_left)
{
        bool found;
        int r = walk(table, what, offset, ret_offset, &found, runs_left);

        if (r || found)
                return r;
        /* the end counts as a hole */
        *ret_offset = table->size;
        return what == DM_SEEK_HOLE ? 0 : -ENXIO;
}

static int seek(struct mapped_device *md, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset,
                unsigned *runs_left)
{
        struct dm_table *table = dm_slot_ref(md, false);
        int r;

        if (!table)
                return -EIO;
        r = offset < table->size ? seek_in(table, what, offset, ret_offset, runs_left) : -ENXIO;
        dm_table_unref(table);
        return r;
}

int dm_seek(struct mapped_device *md, enum dm_seek_what what, uint64_t offset, uint64_t *ret_offset)
{
        unsigned runs_left = RUNS_MAX;

        return seek(md, what, offset, ret_offset, &runs_left);
}
