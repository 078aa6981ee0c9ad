/* SPDX-License-Identifier: BSD-3-Clause */
/* The bodies behind dm.h: for engine/ and its tests only. */
#ifndef DM_INTERNAL_H
#define DM_INTERNAL_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/sync.h"
#include "base/wake.h"
#include "dm-target.h"
#include "dm.h"
#include "timer.h"

/* ---- errors (error.c) ------------------------------------------------------------------------- */

/* Sets ERROR in DM_ERROR with code CODE (a positive errno); returns false. */
bool dm_fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* ---- lanes (lane.c) --------------------------------------------------------------------------- */

/* A queue of work that may block, with threads of its own made on demand: one lane a backing, so that
 * a backing which hangs holds up nobody else. */
struct dm_lane;

struct dm_work {
        struct dm_work *next;
        /* Called once by a lane thread; or with CANCELLED set by whoever dropped the work. */
        void (*run)(struct dm_work *work, bool cancelled);
};

struct dm_lane *dm_lane_new(const char *name);
/* Frees the lane when its threads have gone, which do first what is queued.  Does not wait. */
void dm_lane_unref(struct dm_lane *lane);
/* Queues WORK; false, when REFUSE(work) is true, which may be NULL and is asked with the lanes locked: so
 * either REFUSE sees what dm_lanes_cancel() is called for, or that sees the work.  Any thread. */
bool dm_lane_push(struct dm_lane *lane, struct dm_work *work, bool (*refuse)(struct dm_work *work));
/* Takes all queued work that MATCHES(work, user) out of every lane and runs it as cancelled, in the
 * calling thread, with no lock held.  Control context. */
void dm_lanes_cancel(bool (*matches)(struct dm_work *work, void *user), void *user);

/* Waits until the lanes' threads have gone, or DEADLINE_NS of CLOCK_MONOTONIC has passed: how many are left
 * then.  All lanes are unreferenced.  Control context. */
unsigned dm_lanes_join(uint64_t deadline_ns);

/* ---- slow backings (workers/inline.c) --------------------------------------------------------- */

/* Brackets inline I/O of a backing: the watcher notices when it takes too long.  SLOW is the backing's
 * number of the slow table (dm_slow_slot()). */
void dm_inline_begin(unsigned slow);
void dm_inline_end(void);
/* The same for I/O that waits for the backing's device: false when another thread has to do it, for too few
 * workers would be left. */
bool dm_inline_begin_waiting(unsigned slow);
void dm_inline_end_waiting(void);
/* The calling thread does no inline I/O from now on: a backing that hangs would hold it up. */
void dm_inline_never(void);
/* The same for a while, for the control plane, which may hold a device's control lock: returns what was
 * before, to be given back. */
bool dm_inline_forbid(bool forbidden);
unsigned dm_slow_slot(void);
/* True while I/O of this backing should go to its lane because inline I/O was stuck lately, or always
 * in a thread that does none. */
bool dm_is_slow(unsigned slow);

/* ---- backings (backing/) ---------------------------------------------------------------------- */

/* A regular file or block device, opened once per access mode and shared. */
struct dm_backing;

/* Opens PATH, or shares what is open.  Errors: what open(2) gives, ENOTBLK (neither a file nor a block
 * device).  Control context; may block. */
struct dm_backing *dm_backing_open(const char *path, bool read_only, GError **error);
void dm_backing_close(struct dm_backing *backing); /* control context */
uint64_t dm_backing_size(struct dm_backing *backing); /* asks the file; bytes; 0 on error */
dev_t dm_backing_rdev(const struct dm_backing *backing); /* 0 for a file */
struct dm_lane *dm_backing_lane(struct dm_backing *backing);
/* Does the I/O of BIO (its op, flags, offset, len, buf) if that will not block: 0, -errno, or -EAGAIN:
 * use dm_backing_io() in the lane.  I/O plane. */
int dm_backing_try_io(struct dm_backing *backing, const struct dm_bio *bio);
/* The ring that may do BIO, which dm_backing_try_io() has declined, and with which descriptor; NULL: none
 * may.  I/O plane. */
struct dm_ring;
struct dm_ring *dm_backing_ring(struct dm_backing *backing, const struct dm_bio *bio, int *ret_fd);
/* Does it, blocking as long as it takes.  Lane threads. */
int dm_backing_io(struct dm_backing *backing, const struct dm_bio *bio);
/* lseek SEEK_DATA or SEEK_HOLE: as dm_seek(). */
int dm_backing_seek(struct dm_backing *backing, enum dm_seek_what what, uint64_t offset,
                    uint64_t *ret_offset);
/* fsync; control context. */
int dm_backing_sync(struct dm_backing *backing);

/* ---- devices under a table (dev.c) ------------------------------------------------------------ */

/* What a table's argument names: a backing, or another mapped device, held open. */
struct dm_dev {
        char *path;               /* as the table has it */
        struct dm_backing *backing; /* one of the two */
        struct mapped_device *md; /* opened: counts as an opener */
        uint64_t claimed;         /* bytes from its start that targets use */
        const char *claimed_by;   /* the type of the target that claims the furthest byte */
        bool own_flush;           /* only targets with DM_TARGET_MAPS_FLUSH use it; the first's counts */
        struct dm_dev *first;     /* of its table that names the same, by another path; perhaps itself */
};

/* Opens what PATH names for TABLE, or finds it open there by another path. */
struct dm_dev *dm_dev_open(struct dm_table *table, const char *path, GError **error);
void dm_dev_close(struct dm_dev *dev);
/* dm_dev_path() without quoting; new text. */
char *dm_dev_current_path(const struct dm_dev *dev);

/* ---- tables (table.c) ------------------------------------------------------------------------- */

struct dm_table {
        _Atomic unsigned refs; /* slots and control calls; I/O does not count here */
        struct mapped_device *md; /* whose it is; not a reference */
        bool read_only;
        uint64_t size; /* bytes */
        size_t count;
        struct dm_target *targets;
        GPtrArray *devs;       /* struct dm_dev *, in order of first use */
        GHashTable *dev_by_path; /* path -> struct dm_dev * */
        bool maps_flush;       /* some target has DM_TARGET_MAPS_FLUSH */
        uint32_t *index;       /* for the lookup, see table.c; NULL: there is one target */
        unsigned index_shift;
};

/* A table of TEXT for MD with one reference.  Control context. */
struct dm_table *dm_table_new(struct mapped_device *md, const char *text, bool read_only,
                              GError **error);
struct dm_table *dm_table_ref(struct dm_table *table);
/* The last one runs dtr and closes the devices.  Control context. */
void dm_table_unref(struct dm_table *table);
/* The target that holds byte OFFSET < size.  I/O plane. */
struct dm_target *dm_table_find(const struct dm_table *table, uint64_t offset);
/* Whether every claimed range fits its device now: EINVAL, names the device. */
bool dm_table_check_sizes(struct dm_table *table, GError **error);
void dm_table_presuspend(struct dm_table *table);
void dm_table_resume(struct dm_table *table);
/* See dm_table_text() and dm_table_deps(). */
void dm_table_append_text(struct dm_table *table, unsigned flags, GArray *out);
void dm_table_append_deps(struct dm_table *table, GArray *out);

/* ---- statistics (stats/) ----------------------------------------------------------------------- */

struct dm_stats;

void dm_stats_free(struct dm_stats *stats); /* NULL is fine */
/* Counts IO, let in to a device that has STATS, at its begin and, if it was counted then
 * (io->stats_epoch), at its end.  I/O plane. */
void dm_stats_begin(struct dm_stats *stats, struct dm_io *io);
void dm_stats_end(struct dm_stats *stats, const struct dm_io *io);

/* A message to the device itself; as dm_message().  Called with MD's control lock. */
typedef bool (*dm_message_fn)(struct mapped_device *md, int argc, char **argv, char **ret_reply,
                              GError **error);
/* What carries out the message NAME ("@stats_create" ...); NULL when it is none of ours. */
dm_message_fn dm_stats_message(const char *name);

/* ---- slots (slots.c) -------------------------------------------------------------------------- */

/* The live or inactive table with a reference, NULL without one.  Control context. */
struct dm_table *dm_slot_ref(struct mapped_device *md, bool inactive);
/* Drops both tables of a device that nobody can reach any more. */
void dm_slots_release(struct mapped_device *md);

/* ---- target types (registry.c) ---------------------------------------------------------------- */

const struct dm_target_type *dm_target_type_find(const char *name);

/* ---- the device (device.c) -------------------------------------------------------------------- */

/*
 * `word' holds all that I/O and dm_put() need, so that one atomic operation decides:
 *   bits 0..29   references      bits 32..61  I/O in progress on the live table
 *   bit 30       WAITED: somebody waits for a count to fall
 *   bit 31       BLOCKED: I/O is parked (suspended, or a swap is under way)
 *   bit 62       SHUT: no new references
 *   bit 63       DEAD: dm_destroy_immediate() was called; I/O is refused
 */
#define DM_WORD_REF 1ull
#define DM_WORD_REFS ((1ull << 30) - 1)
#define DM_WORD_WAITED (1ull << 30)
#define DM_WORD_BLOCKED (1ull << 31)
#define DM_WORD_IO (1ull << 32)
#define DM_WORD_IOS (((1ull << 30) - 1) << 32)
#define DM_WORD_SHUT (1ull << 62)
#define DM_WORD_DEAD (1ull << 63)

struct mapped_device {
        _Atomic uint64_t word;
        _Atomic(struct dm_table *) live; /* written: control + state, with no I/O in progress */
        _Atomic uint64_t size;  /* of the live table */
        _Atomic bool read_only; /* the live table is */
        _Atomic(struct dm_stats *) stats; /* NULL until the first region; written: control */

        uint64_t id;    /* constant */
        uint32_t minor; /* constant */
        struct timespec created; /* constant */

        struct dm_mutex control; /* serialises load, suspend, resume, messages to targets */

        struct dm_mutex state;
        struct dm_table *inactive;                 /* guarded: state */
        struct dm_io *parked_first, *parked_last;  /* guarded: state */
        bool suspended;                            /* guarded: state; what info says */

        /* guarded: names */
        char *name;
        char *uuid; /* NULL: none */
        mode_t mode;
        uid_t uid;
        gid_t gid;
        unsigned opens;
        bool published;       /* in the tables of names.c */
        bool visible;         /* its file is there */
        bool deferred_remove;
        bool destroying;      /* somebody is in dm_destroy() or has done it */

        struct dm_event_counter *events; /* constant; a reference */
};

/* Waits until no bit of MASK is set in MD->word (DM_WORD_REFS, DM_WORD_IOS); false when STOP(md) has
 * become true instead.  Leaves WAITED set.  Control context. */
bool dm_word_wait(struct mapped_device *md, uint64_t mask, bool (*stop)(struct mapped_device *md));

/* No new references and I/O from now on (and, with DEAD in FLAGS, none goes on); ends parked I/O with
 * EIO and makes the targets let go of theirs.  Control context; does not wait. */
void dm_device_shut(struct mapped_device *md, uint64_t flags);
/* Frees MD's memory and tables: it is forgotten.  Control context. */
void dm_device_free(struct mapped_device *md);

/* ---- names (names.c) -------------------------------------------------------------------------- */

/* All take the names lock. */
bool dm_names_publish(struct mapped_device *md, const struct dm_create_params *params,
                      GError **error);
enum dm_claim {
        DM_CLAIM_YES,     /* the caller alone destroys it now; the name is gone */
        DM_CLAIM_OPEN,    /* it is open */
        DM_CLAIM_DEFER,   /* it is open, and will go at its last close; the file is hidden */
        DM_CLAIM_GONE,    /* another one is destroying it */
};
/* Decides who destroys MD.  IMMEDIATE: open or not. */
enum dm_claim dm_names_claim(struct mapped_device *md, bool deferred, bool immediate);
bool dm_names_is_open(struct mapped_device *md);
/* Withdraws a deferred removal; false when it is being carried out already. */
bool dm_names_undefer(struct mapped_device *md);
/* The file appears; true if it was not there before. */
bool dm_names_show(struct mapped_device *md);
/* Unlists a claimed device for good: true when nobody references or has it open, and then it can be
 * freed, for nobody can come by it any more. */
bool dm_names_forget(struct mapped_device *md);
/* References to all devices that are not forgotten, shut or not. */
GPtrArray *dm_names_hold_all(void);
void dm_names_fill_info(struct mapped_device *md, struct dm_info *info);
char *dm_names_name(struct mapped_device *md);
void dm_names_set_attributes(struct mapped_device *md, mode_t mode, uid_t uid, gid_t gid);
bool dm_names_rename(struct mapped_device *md, const char *new_name, char **ret_old,
                     GError **error);
bool dm_names_set_uuid(struct mapped_device *md, const char *uuid, GError **error);

/* ---- reaper (reaper.c) ------------------------------------------------------------------------ */

void dm_reaper_start(void);
/* Ends the thread; returns how many devices are left in the graveyard. */
unsigned dm_reaper_stop(void);
/* Hands over a claimed device: the reaper shuts it, and frees it when nobody references or has it open
 * any more.  Any thread. */
void dm_reaper_bury(struct mapped_device *md);

/* ---- events (event.c) ------------------------------------------------------------------------- */

void dm_event_publish(enum dm_event_type type, struct mapped_device *md, const char *name,
                      const char *old_name);

/* A device's event number, which those who wait for it outlive the device with. */
struct dm_event_counter {
        _Atomic unsigned refs;
        _Atomic uint32_t number;
        _Atomic bool gone; /* the device is */
        uint64_t device;   /* its id; constant once it has one */
        _Atomic bool moved; /* in the list of those that dm_event_publish_moved() has to tell of */
        struct dm_event_counter *next;
};

struct dm_event_counter *dm_event_counter_new(void);
void dm_event_counter_unref(struct dm_event_counter *counter);
/* Moves the number, wakes who waits.  Any context. */
void dm_event_count(struct mapped_device *md);
/* Publishes DM_EVENT_TARGET for the devices whose targets had events.  The reaper's thread. */
void dm_event_publish_moved(void);

/* ---- I/O (io.c) ------------------------------------------------------------------------------- */

/* What each I/O takes of its device's references.  A test shows what happens when it takes none. */
#ifdef DM_TEST_NO_IO_REFERENCE
#define DM_IO_REFERENCE 0
#else
#define DM_IO_REFERENCE DM_WORD_REF
#endif

/* Does IO, which its device has let in: it is counted, so the live table stays. */
void dm_io_run(struct dm_io *io);

/* The io that IO is a part of, in a device stacked on IO's; NULL: IO is a submitter's own. */
const struct dm_io *dm_io_above(const struct dm_io *io);
/* Whether IO is MD's, or a part of one that is.  IO is not over, so neither is what it is a part of. */
bool dm_io_serves(const struct dm_io *io, const struct mapped_device *md);
/* Whether the device of IO was destroyed immediately, or one above on whose behalf IO is done. */
bool dm_io_serves_the_dead(const struct dm_io *io);
/* The io that BIO is a piece of. */
const struct dm_io *dm_bio_io(const struct dm_bio *bio);

/* What dm_dev_submit() needs.  Control context. */
void dm_io_start(void);
void dm_io_stop(void);

/* Ends with EIO what is queued for MD, or for a device under it on its behalf, in the lanes. */
void dm_io_cancel_queued(struct mapped_device *md);

/* ---- the gate (gate.c) ------------------------------------------------------------------------- */

/* Whether IO is what somebody looks for. */
typedef bool (*dm_io_match)(const struct dm_io *io, const void *what);

/* Ends everything parked at MD with ERROR, or submits it again when ERROR is 0. */
void dm_io_release_parked(struct mapped_device *md, int error);
/* Ends with EIO what is parked in the devices under MD on its behalf. */
void dm_io_cancel_below(struct mapped_device *md);

/* ---- bios that are held back (hold.c) --------------------------------------------------------- */

/* Ends with ERROR those whose io matches, in every target; true if there were any.  Control context. */
bool dm_holds_cancel(dm_io_match matches, const void *what, int error);

/* ---- the watcher of workers (workers/watcher.c) ----------------------------------------------- */

void dm_watcher_start(void);
void dm_watcher_stop(void);

#endif
