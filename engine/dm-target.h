/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a target type is made of: the only header that a file in targets/ includes.
 * doc/writing-a-target.md walks through it.
 */
#ifndef DM_TARGET_H
#define DM_TARGET_H

#include "base/clock.h"
#include "base/mix.h"
#include "base/parse.h"
#include "dm.h"
#include "timer.h"

struct dm_dev;
struct dm_table;
struct dm_target_type;

/* One target of one table: a range of the device, and the type's own state.  A cache line, for in a large
 * table each I/O finds another one that is in no cache. */
struct dm_target {
        _Alignas(64) const struct dm_target_type *type;
        struct dm_table *table;
        uint64_t begin, len;     /* bytes, of the mapped device */
        uint64_t max_io_len;     /* bytes; 0: no limit.  I/O is split where (offset - begin) is a
                                  * multiple of it.  Set by ctr. */
        void *priv;              /* priv_size bytes, zeroed before ctr, freed after dtr */
        _Alignas(16) char small_priv[16]; /* the engine's own: where priv points if that is enough */
};

/* One piece of a dm_io, inside one target and one max_io_len. */
struct dm_bio {
        enum dm_op op;
        unsigned flags;       /* enum dm_io_flags */
        uint64_t offset, len; /* bytes; of the mapped device on entry to map */
        char *buf;
        struct dm_dev *dev;   /* DM_MAP_REMAPPED: where it goes, at `offset' of it */
        int error;            /* DM_MAP_DONE: 0 or -errno */
        struct dm_target *target;
        void *data;           /* bio_data_size bytes for the target, zeroed; NULL if that is 0 */
};

enum dm_map_result {
        DM_MAP_REMAPPED, /* bio->dev and bio->offset name the lower device */
        DM_MAP_QUEUED,   /* the target owns the bio and calls dm_bio_complete() or
                          * dm_bio_resubmit() once, later */
        DM_MAP_DONE,     /* bio->error is final */
};

/* The arguments of a target line; read in order.  `target' names it in errors. */
struct dm_args {
        const char *target;
        unsigned argc;
        char **argv;
        unsigned next;
};

enum dm_target_flags {
        DM_TARGET_DISCARD = 1 << 0,      /* map takes DM_OP_DISCARD */
        DM_TARGET_WRITE_ZEROES = 1 << 1, /* map takes DM_OP_WRITE_ZEROES */
        /* A flush is given to map, with offset and len 0, and the target's devices get none but
         * through it.  Without this a flush goes once to each device under the table. */
        DM_TARGET_MAPS_FLUSH = 1 << 2,
};

struct dm_target_type {
        const char *name, *summary, *usage;
        unsigned version[3]; /* as the kernel's target reports */
        size_t priv_size;
        size_t bio_data_size;
        unsigned flags;

        /* Control plane; may block.  resume and message of a device come one at a time.  presuspend,
         * table, status and measure may come beside them, each other and themselves; nothing beside
         * ctr and dtr. */

        /* Reads its arguments; all of them must be consumed.  dtr is called even after a failure. */
        bool (*ctr)(struct dm_target *ti, struct dm_args *args, GError **error);
        void (*dtr)(struct dm_target *ti); /* half-built state is legal */
        void (*presuspend)(struct dm_target *ti); /* complete queued bios soon */
        void (*resume)(struct dm_target *ti);
        void (*table)(struct dm_target *ti, GString *out);  /* in ctr's own syntax */
        void (*status)(struct dm_target *ti, GString *out);
        /* What the kernel's target has measured (IMA): ",KEY=VALUE" for each thing that it is made with.
         * The engine puts the type in front.  NULL: nothing is measured. */
        void (*measure)(struct dm_target *ti, GString *out);
        bool (*message)(struct dm_target *ti, int argc, char **argv, char **ret_reply,
                        GError **error);

        /* I/O plane, any number of threads at once; must not block. */

        enum dm_map_result (*map)(struct dm_target *ti, struct dm_bio *bio);
        /* After the lower device: may change the error.  NULL: keep it. */
        int (*end_io)(struct dm_target *ti, struct dm_bio *bio, int error);
        /* Where DM_SEEK_DATA/HOLE may ask: the lower device and offset of device byte OFFSET, and how
         * many bytes from there map in one run.  NULL: all data.  A NULL device in *RET_DEV: a hole. */
        void (*locate)(struct dm_target *ti, uint64_t offset, struct dm_dev **ret_dev,
                       uint64_t *ret_offset, uint64_t *ret_len);
};

/* ---- for ctr --------------------------------------------------------------------------------- */

/* The next argument, NULL when there is none left. */
const char *dm_args_next(struct dm_args *args);
/* The same, with an error that names what is missing. */
const char *dm_args_word(struct dm_args *args, const char *what, GError **error);
/* The next argument as a decimal number within MIN..MAX. */
bool dm_args_u64(struct dm_args *args, const char *what, uint64_t min, uint64_t max,
                 uint64_t *ret_value, GError **error);
/* The next argument as a number of sectors; *RET_BYTES in bytes. */
bool dm_args_sectors(struct dm_args *args, const char *what, uint64_t *ret_bytes, GError **error);
/* An error of the control plane: "TARGET: message", code EINVAL. */
void dm_target_error(GError **error, struct dm_args *args, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

/* The next argument as a path (or mapped device), opened for TI's table, which owns it; the same
 * path twice is one dev.  Opened read-only when the table is.  Errors name the path. */
struct dm_dev *dm_args_dev(struct dm_args *args, struct dm_target *ti, GError **error);
/* Checks that LEN bytes from OFFSET lie within DEV; the error is EINVAL.  Checked at a device's first
 * load and at each resume, as the kernel does: so here it is only recorded. */
void dm_dev_claim(struct dm_dev *dev, struct dm_target *ti, uint64_t offset, uint64_t len);

/* The path as the table has it; of a mapped device that was renamed since, with its new name.  Valid as
 * long as DEV.  Control context. */
const char *dm_dev_path(const struct dm_dev *dev);
/* Bytes of DEV now; asks a file, so it may block.  Control context. */
uint64_t dm_dev_size(struct dm_dev *dev);

/* ---- for message ----------------------------------------------------------------------------- */

/* Tells that what the target reads as is another than before, so that nobody keeps what he has read
 * (DM_EVENT_TABLE).  Control context. */
void dm_target_changed(struct dm_target *ti);

/* Sets ERROR to "TYPE: message", code EINVAL, and returns false. */
bool dm_message_error(GError **error, const struct dm_target *ti, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

/* ---- for the I/O plane ----------------------------------------------------------------------- */

/* The bio's place within its target, in bytes. */
static inline uint64_t dm_target_offset(const struct dm_target *ti, uint64_t offset)
{
        return offset - ti->begin;
}

/* Ends a bio that map queued: exactly once.  Any thread. */
void dm_bio_complete(struct dm_bio *bio, int error);
/* Sends a bio that map queued to bio->dev at bio->offset.  Any thread. */
void dm_bio_resubmit(struct dm_bio *bio);
/* Moves the device's event number and wakes who waits for it.  Any thread. */
void dm_target_event(struct dm_target *ti);

/* Whether TI's device was destroyed immediately.  Any thread. */
bool dm_target_is_dead(const struct dm_target *ti);

/* ---- I/O that a target does itself ----------------------------------------------------------- */

/* Does IO (op, flags, offset, len, buf, end, user; the offset is DEV's) on DEV, which is one of TI's.
 * Called while a bio of TI or another such IO is in progress, its end included, or by a message or
 * presuspend: from then until io->end returns it counts as I/O of the device, so a suspend or a
 * removal waits for it.  io->end is called once, in another thread, perhaps before this returns, and
 * never from within this call.  On a device destroyed immediately it ends with -EIO.  Any thread. */
void dm_dev_submit(struct dm_target *ti, struct dm_dev *dev, struct dm_io *io);

/* Does the same and waits: 0 or -errno.  For what the control plane writes itself, in dtr above all, when
 * TI gets no I/O; it does not count.  Control context. */
int dm_dev_io(struct dm_dev *dev, enum dm_op op, unsigned flags, uint64_t offset, uint64_t len,
              void *buf);

/* ---- bios that wait for a time --------------------------------------------------------------- */

/* The bios that one target holds back, on the engine's timers: no thread waits with them. */
struct dm_hold;

/* What a bio needs while it is held: the target has it in bio->data.  The engine's own. */
struct dm_held {
        struct dm_timer timer;
        struct dm_hold *hold;
        struct dm_bio *bio;
        struct dm_held *next, *prev; /* guarded: the hold's lock */
};

/* A new, open hold.  LEAVING, which may be NULL, is told of each bio before it goes on; any thread.  The
 * caller frees it in dtr, when no bios are left.  Control context. */
struct dm_hold *dm_hold_new(struct dm_target *ti, void (*leaving)(struct dm_bio *bio));
void dm_hold_free(struct dm_hold *hold); /* NULL is fine */

/* Holds BIO, whose dev and offset name the lower device, for DELAY_NS: then it is sent there, or ends
 * with -EIO if the device was destroyed immediately.  map returns DM_MAP_QUEUED.  False when the hold
 * is closed or the device is going away: then the bio is still map's.  I/O plane. */
bool dm_hold_bio(struct dm_hold *hold, struct dm_held *held, struct dm_bio *bio, uint64_t delay_ns);

/* For presuspend: lets all bios go on now, and holds none until the hold is opened again, which
 * is for resume.  Control context, side by side with anything. */
void dm_hold_close(struct dm_hold *hold);
void dm_hold_open(struct dm_hold *hold);

#endif
