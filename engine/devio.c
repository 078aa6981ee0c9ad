/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocking I/O on a lower device, for the control plane of targets.  (dm_dev_submit() is in io.c.) */
#include "dm-internal.h"

bool dm_target_is_dead(const struct dm_target *ti)
{
        return dm_is_dead(ti->table->md);
}

struct waiting {
        struct dm_io io;
        int error;
        _Atomic bool ended;
};

static void ended(struct dm_io *io, int error)
{
        struct waiting *w = io->user;

        w->error = error;
        atomic_store(&w->ended, true); /* W may be gone now */
        dm_wake_all();
}

static int submit_and_wait(struct mapped_device *md, const struct dm_bio *bio)
{
        struct waiting w = {
                .io = {
                        .op = bio->op,
                        .flags = bio->flags,
                        .offset = bio->offset,
                        .len = bio->len,
                        .buf = bio->buf,
                        .end = ended,
                },
        };

        w.io.user = &w;
        dm_submit(md, &w.io);
        for (;;) {
                uint32_t seen = dm_wake_prepare();

                if (atomic_load(&w.ended))
                        return w.error;
                dm_wake_wait(seen, DM_WAKE_FOREVER);
        }
}

int dm_dev_io(struct dm_dev *dev, enum dm_op op, unsigned flags, uint64_t offset, uint64_t len,
              void *buf)
{
        struct dm_bio bio = {.op = op, .flags = flags, .offset = offset, .len = len, .buf = buf};

        return dev->md ? submit_and_wait(dev->md, &bio) : dm_backing_io(dev->backing, &bio);
}
