/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fusemap's engine: device-mapper in user space.  This is its public face.
 *
 * Two planes, told apart by the signature.  A function with a GError ** is of the control plane: it
 * may block and allocate, and is never called from an I/O completion.  A function that returns 0 or
 * -errno is of the I/O plane: it does not block.  Offsets and lengths are bytes, except in table
 * text, which has sectors of 512 bytes.
 *
 * Errors of the control plane are in the domain DM_ERROR; their code is a positive errno.
 *
 * Lifetimes (the whole model):
 *   dm_create()             makes a mapped device and publishes its name
 *   dm_get()                takes a reference; fails once the device is going away
 *   dm_put()                drops one: never frees, never blocks, never locks
 *   dm_destroy()            no new references, wait until all are gone, free
 *   dm_destroy_immediate()  dead at once; a reaper frees it when the last reference goes
 * Nothing else ends a device's life.  The open count is another count: see dm_open().
 */
#ifndef DM_H
#define DM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

G_BEGIN_DECLS

#define DM_SECTOR_SIZE 512u
#define DM_SECTOR_SHIFT 9
#define DM_NAME_MAX 127 /* bytes of a name, and 128 of a uuid: linux/dm-ioctl.h */
#define DM_UUID_MAX 128
#define DM_MAJOR 253u /* the major number that every mapped device reports */
#define DM_MINOR_ANY UINT32_MAX

#define DM_ERROR (dm_error_quark())
GQuark dm_error_quark(void);

struct mapped_device;

/* ---- the engine as a whole ------------------------------------------------------------------ */

/* Starts the engine's threads; once, before anything else. */
void dm_init(void);

/* Ends them.  Every device must have been destroyed.  Devices that are still referenced (destroyed
 * immediately, their I/O stuck) stay in the graveyard: their number is returned, or that of threads which
 * hang without one, writing back what devices have left; and then the process has to end by _exit() soon,
 * for threads that hang in a system call cannot be ended. */
unsigned dm_exit(void);

/* Tells under which directory mapped devices appear as files, so that a table's "DIR/NAME" is taken
 * as the mapped device NAME inside the process.  DIR is absolute; copied.  Control context. */
void dm_set_map_directory(const char *dir);

/* From now on backings are opened for direct I/O as well (O_DIRECT), past the page cache; a file whose
 * file system cannot do that is refused.  Control context. */
void dm_set_direct(bool on);

/* ---- lifetimes ------------------------------------------------------------------------------- */

struct dm_create_params {
        const char *name; /* 1..DM_NAME_MAX bytes, no '/', not "." or ".." */
        const char *uuid; /* NULL or "": none; at most DM_UUID_MAX bytes */
        uint32_t minor;   /* DM_MINOR_ANY: the lowest free one */
        mode_t mode;      /* of the exposed file, permission bits only */
        uid_t uid;
        gid_t gid;
};

/* Makes a mapped device without a table and publishes its name.  On success the caller owns one
 * reference, in *RET_MD.  Errors: EINVAL (name, uuid), EBUSY (name or uuid in use), ENXIO (minor in
 * use, or too large), ENOSPC (no minor left).  Control context. */
bool dm_create(const struct dm_create_params *params, struct mapped_device **ret_md,
               GError **error);

/* Takes a reference to a device that the caller knows to be valid memory (it has a reference, or
 * has it open).  False once its destruction has begun.  Any thread. */
bool dm_get(struct mapped_device *md);

/* Finds and references in one step; NULL if there is none.  The caller drops it with dm_put().
 * Any thread; takes the names lock. */
struct mapped_device *dm_get_by_name(const char *name);
struct mapped_device *dm_get_by_uuid(const char *uuid);
struct mapped_device *dm_get_by_minor(uint32_t minor);
struct mapped_device *dm_get_by_id(uint64_t id); /* see dm_id() */

/* Drops a reference: one atomic decrement and, when a destroyer waits, a wake-up.  It does not
 * touch MD afterwards, and nor may the caller.  Any context, I/O completion included. */
void dm_put(struct mapped_device *md);

enum dm_destroy_flags {
        DM_DESTROY_DEFERRED = 1 << 0, /* an open device goes at its last close instead of EBUSY */
};

/* Destroys MD: unpublishes the name, refuses new references, suspends the targets, waits until every
 * reference is gone and frees.  Consumes the caller's reference when it returns true; when false,
 * the device and the reference are as they were.  I/O that was parked by a suspend ends with EIO.
 * Errors: EBUSY (open), ENXIO (another caller is destroying it).  Control context; waits. */
bool dm_destroy(struct mapped_device *md, unsigned flags, GError **error);

/* Destroys MD without waiting: open or not, suspended or stuck.  Consumes the caller's reference.
 * Parked and queued I/O ends with EIO before this returns; I/O that hangs in a backing goes on
 * holding its reference, and the reaper frees the device after the last one (and the last
 * dm_close()).  May be called on a device that a dm_destroy() is waiting for, which then returns.
 * Control context. */
void dm_destroy_immediate(struct mapped_device *md);

/* dm_destroy_immediate() for every device there is, those included that a dm_destroy() waits for.
 * Control context. */
void dm_destroy_all_immediate(void);

/* True once dm_destroy_immediate() was called.  Any thread with a reference or an open. */
bool dm_is_dead(const struct mapped_device *md);

/* What the graveyard holds: devices destroyed that somebody still references or has open, and those whose
 * tables are just being freed.  The devices under one are free of it when it is not listed any more. */
struct dm_corpse {
        char *name;
        unsigned references; /* I/O and control calls in progress */
        unsigned opens;
};

/* A new array of struct dm_corpse; the caller unrefs it.  Control context. */
GArray *dm_graveyard(void);

/* ---- the open count -------------------------------------------------------------------------- */

/* Counts an opener: a file handle, or a table that is stacked on MD.  The caller has a reference;
 * until dm_close() MD's memory stays valid, dead or not.  -ENXIO when it is going away.  Any
 * thread; takes the names lock. */
int dm_open(struct mapped_device *md);

/* Ends an open.  The last one lets a deferred removal happen, on the reaper's thread.  Wakes who waits by
 * base/wake.h.  Any thread; takes the names lock.  MD is not to be touched afterwards. */
void dm_close(struct mapped_device *md);

/* ---- names and attributes -------------------------------------------------------------------- */

struct dm_info {
        char *name;
        char *uuid;  /* "" if none */
        uint64_t id; /* unique in this process, never used again */
        uint32_t major, minor;
        uint64_t size;   /* bytes, of the live table; 0 without one */
        uint64_t live_targets; /* targets of the live table */
        uint64_t inactive_targets;
        uint32_t event_nr;
        unsigned open_count;
        unsigned references; /* the caller's own included */
        struct timespec created; /* CLOCK_REALTIME */
        mode_t mode;
        uid_t uid;
        gid_t gid;
        bool suspended;
        bool live, inactive; /* which tables exist */
        bool read_only, inactive_read_only; /* which of them are read-only */
        bool deferred_remove;
        bool visible; /* its file is there: it has had a table, and no removal is pending */
};

/* Fills INFO with one consistent picture.  The caller frees with dm_info_clear().  Caller has a
 * reference or an open.  Any thread; takes the names and state locks. */
void dm_get_info(struct mapped_device *md, struct dm_info *info);
void dm_info_clear(struct dm_info *info);

/* References to all devices, sorted by name; unref of the array drops them.  Devices whose deferred
 * removal is pending are in it.  Control context. */
GPtrArray *dm_list(void);

/* The ids (uint64_t) of all devices, sorted by name; the caller unrefs it.  For whoever waits for one device
 * after the other: the references of dm_list() would hold up the removal of all.  Control context. */
GArray *dm_list_ids(void);

uint64_t dm_id(const struct mapped_device *md);
uint32_t dm_minor(const struct mapped_device *md);
/* Bytes of the live table; 0 without one.  One relaxed load.  Any thread. */
uint64_t dm_size(const struct mapped_device *md);
bool dm_read_only(const struct mapped_device *md);
/* Changes what dm_get_info() says of the exposed file; publishes DM_EVENT_ATTRIBUTES.  (mode_t)-1,
 * (uid_t)-1, (gid_t)-1 leave one as it is.  Control context. */
void dm_set_attributes(struct mapped_device *md, mode_t mode, uid_t uid, gid_t gid);

/* A new name.  Errors: EINVAL (name), EBUSY (in use, its own name included), ENXIO (going).
 * Counts as an event (see dm_wait_event()).  Control context. */
bool dm_rename(struct mapped_device *md, const char *new_name, GError **error);

/* A uuid for a device that has none.  Errors: EINVAL (text; or it has one), EBUSY (in use), ENXIO.
 * Counts as an event.  Control context. */
bool dm_set_uuid(struct mapped_device *md, const char *uuid, GError **error);

/* ---- tables ---------------------------------------------------------------------------------- */

enum dm_load_flags {
        DM_LOAD_READ_ONLY = 1 << 0,
};

/* Parses TEXT (lines of "start length target args") and puts the table into the inactive slot, in
 * the place of one that is there.  On failure the slot keeps what it had.  Errors name line, target
 * and argument.  Control context; opens backings, may block. */
bool dm_load(struct mapped_device *md, const char *text, unsigned flags, GError **error);

/* Empties the inactive slot.  Control context. */
void dm_clear(struct mapped_device *md);

enum dm_suspend_flags {
        DM_SUSPEND_NOFLUSH = 1 << 0, /* leave dirty data of the backings alone */
};

/* Suspends MD: I/O from now on is parked without a thread; returns when all I/O in progress is
 * complete.  A suspended device stays so.  Errors: ENXIO (destroyed meanwhile), or what flushing the
 * backings gave, in which case the device runs on.  Control context; waits. */
bool dm_suspend(struct mapped_device *md, unsigned flags, GError **error);

/* Swaps in the inactive table if there is one, and lets I/O run; a device that is not suspended and
 * has no inactive table stays as it is.  Errors: EINVAL (a suspended device without any table; or a
 * backing is too small now: the device stays suspended on its old table and the inactive slot is
 * empty), ENXIO (destroyed meanwhile).  Control context; waits for I/O in progress when it has to
 * swap. */
bool dm_resume(struct mapped_device *md, unsigned flags, GError **error);

struct dm_target_text {
        uint64_t start, length; /* sectors */
        const char *type;       /* static */
        char *text;             /* parameters, status or what is measured; "" if none */
};

enum dm_text_flags {
        DM_TEXT_INACTIVE = 1 << 0, /* the inactive slot */
        DM_TEXT_STATUS = 1 << 1,   /* status instead of parameters */
        DM_TEXT_NOFLUSH = 1 << 2,  /* status without committing anything first */
        DM_TEXT_MEASURE = 1 << 3,  /* instead of both, what the kernel would have measured */
};

/* The targets of a table, in order: a new array of struct dm_target_text that the caller unrefs;
 * empty without a table.  Control context. */
GArray *dm_table_text(struct mapped_device *md, unsigned flags);

struct dm_dep {
        char *path;             /* as the table has it */
        uint32_t major, minor;  /* of the mapped device or the block device; 0:0 for a file */
        bool mapped;            /* another mapped device */
};

/* What the live (or inactive) table stands on, in the order of first use: a new array of struct
 * dm_dep that the caller unrefs.  FLAGS: DM_TEXT_INACTIVE.  Control context. */
GArray *dm_table_deps(struct mapped_device *md, unsigned flags);

/* Sends ARGV to the target of the live table at SECTOR; or to the device itself, whatever its table,
 * when it begins with '@': @stats_* (the kernel's statistics.rst) and @cancel_deferred_remove.
 * *RET_REPLY is new text or NULL.  Errors: EINVAL and what the target says.  Without a live table a
 * message to a target does nothing and succeeds, as in the kernel.  One to a target waits for a load,
 * suspend or resume that is under way, one to the device does not.  Control context. */
bool dm_message(struct mapped_device *md, uint64_t sector, int argc, char **argv, char **ret_reply,
                GError **error);

/* ---- events ---------------------------------------------------------------------------------- */

/* Waits until MD's event number differs from EVENT_NR, MD is destroyed, or CANCELLED(USER) is true
 * (which is asked again after each dm_wake_all(), see base/wake.h).  The caller's reference is
 * consumed, so that the wait does not hold up a removal.  True when the number differs or the device
 * is gone (*RET_EVENT_NR is then the number last seen), false when cancelled.  Control context. */
bool dm_wait_event(struct mapped_device *md, uint32_t event_nr, bool (*cancelled)(void *user),
                   void *user, uint32_t *ret_event_nr);

enum dm_event_type {
        DM_EVENT_CREATED,
        DM_EVENT_APPEARED,  /* its first table was loaded: the file is there from now on */
        DM_EVENT_HIDDEN,    /* the name is gone: removal, forced removal, or deferred removal pending */
        DM_EVENT_RENAMED,   /* `name' is the new one, `old_name' the one before */
        DM_EVENT_TABLE,     /* contents, and perhaps the size, are new: a live table, or a message */
        DM_EVENT_SUSPENDED,
        DM_EVENT_RESUMED,
        DM_EVENT_ATTRIBUTES,
        DM_EVENT_KILLED,    /* dm_destroy_immediate(): after HIDDEN, when I/O is refused already */
        DM_EVENT_TARGET,    /* the event number has moved */
};

struct dm_event {
        enum dm_event_type type;
        struct mapped_device *md; /* valid during the call */
        uint64_t id;
        const char *name;
        const char *old_name; /* DM_EVENT_RENAMED, otherwise NULL */
};

typedef void (*dm_event_fn)(const struct dm_event *event, void *user);

/* FN is called for each event, in the thread that caused it, serially, with the events lock held: it
 * must not block, nor call the control plane.  Returns a number for dm_unsubscribe(), after which
 * FN is not running and will not run.  Control context. */
unsigned dm_subscribe(dm_event_fn fn, void *user);
void dm_unsubscribe(unsigned subscription);

/* ---- I/O ------------------------------------------------------------------------------------- */

enum dm_op {
        DM_OP_READ,
        DM_OP_WRITE,
        DM_OP_FLUSH,
        DM_OP_DISCARD,
        DM_OP_WRITE_ZEROES,
};

enum dm_io_flags {
        DM_IO_FUA = 1 << 0, /* a write is durable before it completes */
};

/* One request to a mapped device.  The submitter owns it and its buffer, fills the first part, and
 * must leave both alone until `end' is called. */
struct dm_io {
        enum dm_op op;
        unsigned flags;
        uint64_t offset, len; /* bytes; both 0 for a flush */
        void *buf;            /* LEN bytes, for reads and writes */
        /* Called, unless it is NULL, by dm_submit() in its own thread, once the I/O has a reference of the
         * device, and before `end': from then on the submitter needs none.  Not called for I/O that is
         * refused at once.  It must not block. */
        void (*begun)(struct dm_io *io);
        /* Called exactly once, perhaps before dm_submit() returns, in any thread.  ERROR is 0 or
         * -errno.  It may free the io; the device is still referenced until it returns. */
        void (*end)(struct dm_io *io, int error);
        void *user;

        /* The engine's own. */
        struct mapped_device *md;
        _Atomic int error;
        _Atomic unsigned pending; /* pieces, and one for the submitter while it splits */
        uint64_t mapped;          /* bytes that have become pieces */
        uint64_t begun_ns;        /* when it was let in, if it is counted in statistics */
        uint64_t stats_epoch;     /* 0: it is not counted */
        struct dm_io *next;       /* parked list; guarded: state of md */
        struct dm_io *prev;
};

/* The one gate for I/O.  Checks range and read-only, takes a reference for the I/O, parks it while
 * the device is suspended, splits it over the live table and maps it.  The result goes to io->end:
 * 0; -EIO (no table, dead, beyond the end, or the target's); -EPERM (write to a read-only device);
 * -EOPNOTSUPP (discard or write zeroes that the target cannot do).  The caller has a reference or an
 * open, see io->begun.  Any thread; does not block, except that I/O which a backing normally does at
 * once is done in the calling thread. */
void dm_submit(struct mapped_device *md, struct dm_io *io);

/* Takes IO, or what of it is parked or held back in devices under the one that it was submitted to, out
 * of the parked I/O, and ends that with -EINTR.  False when none of it is (any more): it ends by itself
 * then.  IO's memory must not be used for another meanwhile.  Control context: it looks at every device. */
bool dm_cancel(struct dm_io *io);

enum dm_seek_what {
        DM_SEEK_DATA,
        DM_SEEK_HOLE,
};

/* SEEK_DATA/SEEK_HOLE from OFFSET (below the size) as lseek(2) has it; *RET_OFFSET in bytes.
 * What is not known counts as data: targets without holes, a backing that is slow, what lies behind very
 * many runs.  0, -ENXIO (no more data, or OFFSET beyond the end), -EIO.  Asks the backing (lseek) as
 * inline I/O does, see "threads that serve I/O".  Any thread. */
int dm_seek(struct mapped_device *md, enum dm_seek_what what, uint64_t offset,
            uint64_t *ret_offset);

/* ---- threads that serve I/O ------------------------------------------------------------------ */

/*
 * Workers, in pools: threads that wait for requests themselves and do what does not block where it stands.
 * When the inline I/O of one is stuck for more than about 20 ms, the watcher starts a spare, so that
 * NEEDED of them are always free to wait, and sends further I/O of that backing to its lane.
 */
struct dm_workers;

/* FN(USER, worker number) is run by each worker; it loops until its work source ends or
 * dm_worker_surplus() says that it is not needed any more, and returns.  Control context. */
struct dm_workers *dm_workers_start(unsigned needed, void (*fn)(void *user, unsigned number),
                                    void *user);

/* For FN, between two requests: true when enough others wait, and this one should return.  */
bool dm_worker_surplus(void);

/* For FN: sleeps while *WHILE_TRUE, until dm_workers_call(); false if DEADLINE_NS (CLOCK_MONOTONIC) passed
 * before that. */
bool dm_worker_rest(const _Atomic bool *while_true, uint64_t deadline_ns);

/* Workers that rest are needed.  The engine calls them, too, when one is about to wait for a device.  Any
 * context. */
void dm_workers_call(void);

/* Waits until every worker has returned, at most until DEADLINE_NS (CLOCK_MONOTONIC, DM_WAKE_FOREVER of
 * base/wake.h for ever); returns how many are left.  Frees the object only when none is.  Control context. */
unsigned dm_workers_join(struct dm_workers *workers, uint64_t deadline_ns);

/* ---- target types ---------------------------------------------------------------------------- */

struct dm_target_info {
        const char *name, *summary, *usage;
        unsigned version[3];
};

/* All target types, sorted by name, ended by one whose name is NULL.  Static. */
const struct dm_target_info *dm_target_types(void);

G_END_DECLS
#endif
