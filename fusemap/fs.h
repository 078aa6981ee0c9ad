/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the filesystem share. */
#ifndef FUSEMAP_FS_H
#define FUSEMAP_FS_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/sync.h"
#include "base/wake.h"
#include "dm.h"

struct session;

/* ---- handle.c: one open of a device's file ---------------------------------------------------- */

struct handle {
        struct handle *next, **link; /* guarded: handles */
        struct mapped_device *md;    /* opened */
        bool first;                  /* nobody else had the file open */
};

/* Opens MD, of which the caller has a reference: 0 or -errno. */
int handle_open(struct mapped_device *md, struct handle **ret_handle);
void handle_close(struct handle *handle);
/* A handle's number for the kernel, which is given to it next. */
uint64_t handle_pass(struct handle *handle);
/* The handle of such a number, to be closed. */
struct handle *handle_receive(uint64_t number);
/* The device of such a number, there until the kernel has an answer. */
struct mapped_device *handle_device(uint64_t number);
/* What somebody who reads the directory is shown: it belongs to the list from list_open() to list_close(). */
void list_open(GArray *entries);
void list_close(GArray *entries);
/* Closes all that the kernel never released; when no request is under way any more. */
void handle_close_all(void);

/* ---- buffer.c: memory for I/O, aligned to pages ------------------------------------------------ */

#define BUFFER_MAX (SESSION_IO_MAX + 4096) /* one read or write, and the headers of the latter */

/* A buffer of SIZE bytes or more; none of it is cleared. */
void *buffer_get(size_t size);
/* How many bytes buffer_get(SIZE) gives. */
size_t buffer_size_for(size_t size);
/* Takes back a buffer that was got for SIZE bytes, or for buffer_size_for() them.  NULL is fine. */
void buffer_put(void *buffer, size_t size);
/* Lets go of those that nobody uses. */
void buffer_free_all(void);

/* ---- worker-buffers.c: those of the calling thread, which answers requests ------------------------------ */

/* Where its next request is to lie, SESSION_REQUEST_MAX bytes. */
char *worker_request_buffer(void);
/* For the data of a read of SIZE bytes. */
void *worker_read_buffer(size_t size);
/* The same buffers, which become the caller's, for buffer_put(), as I/O goes on. */
void *worker_steal_request_buffer(size_t *ret_size);
void *worker_steal_read_buffer(size_t *ret_size);
/* Frees them, and its unused requests. */
void worker_drop_buffers(void);

/* ---- data.c: the messages that become I/O ------------------------------------------------------- */

struct fuse_in_header;

/* Processes a message of SIZE bytes, which lies in the thread's request buffer (worker_request_buffer());
 * false when it is none of I/O.  Threads that serve. */
bool data_process(const struct fuse_in_header *header, size_t size);

/* ---- request.c: one I/O request on its way through the engine --------------------------------- */

struct request;

/* A request for a message.  Threads that serve; it is theirs until they pass it to one of the others. */
struct request *request_begin(const struct fuse_in_header *header);
/* Answers it with ERROR (0 or -errno) and no data. */
void request_end(struct request *request, int error);
/* Start the I/O on MD, which is open until there is an answer, and see to that.  BUF lies in the thread's
 * request buffer, which is taken from it when the I/O goes on. */
void request_read(struct request *request, struct mapped_device *md, uint64_t offset, size_t size);
void request_write(struct request *request, struct mapped_device *md, const char *buf, size_t size,
                   uint64_t offset, unsigned flags);
/* Flush, discard, write zeroes. */
void request_simple(struct request *request, struct mapped_device *md, enum dm_op op,
                    uint64_t offset, uint64_t len);
/* SEEK_DATA, SEEK_HOLE: in a thread, for a backing may take its time. */
void request_seek(struct request *request, struct mapped_device *md, enum dm_seek_what what,
                  uint64_t offset);
/* Answers every request of device ID, which is dead, or with 0 of all, with EIO now; what comes later is
 * dropped.  Any thread. */
void request_abandon(uint64_t id);

enum request_interrupted {
        REQUEST_CANCELLED, /* it is answered, or will be at once */
        REQUEST_GOES_ON,   /* nobody is being killed (yet), or it is a write that cannot be stopped */
        REQUEST_UNKNOWN,   /* it is over, or has not begun */
};

/* Ends the request that the kernel knows as UNIQUE if the thread that asked is being killed.  Any thread. */
enum request_interrupted request_interrupt(uint64_t unique);
/* A worker brackets with these what it does with any other message, so that a drain waits for it. */
void request_enter(void);
void request_leave(void);
/* How many requests and messages are under way. */
unsigned request_count(void);
/* A thread that serves no longer calls this. */
void request_drop_spare(void);

/* ---- interrupt.c ---------------------------------------------------------------------------------- */

/* The program that waits for request UNIQUE got a signal.  Threads that serve. */
void interrupt_request(uint64_t unique);

/* ---- ops/ops.c -------------------------------------------------------------------------------- */

extern const struct fuse_lowlevel_ops fusemap_ops;

/* ---- session.c ---------------------------------------------------------------------------------- */

#define SESSION_IO_MAX 1048576 /* bytes of one read or write; digits, for a mount option has it too */
#define SESSION_REQUEST_MAX (SESSION_IO_MAX + 80) /* with the headers of a write */

struct session_options {
        const char *mountpoint;
        const char *fuse_options; /* for -o of the mount; NULL: none */
        unsigned threads, max_background;
        bool io_uring; /* requests come through rings, where the kernel offers it */
        bool direct_io; /* no I/O of programs goes through the page cache */
        unsigned poll_us; /* so long a worker looks for the next request before it sleeps */
};

struct session *session_mount(const struct session_options *options, GError **error);
struct fuse_session *session_fuse(struct session *session);
unsigned session_max_background(const struct session *session);
bool session_direct_io(const struct session *session);
/* Starts the workers. */
void session_start(struct session *session);
/* True once the mount has gone or was aborted. */
bool session_ended(struct session *session);
/* Ends the mount from our side, if it is still there: new opens find an empty directory. */
void session_unmount(struct session *session);
/* Every request and program waiting in the kernel gets an error now. */
void session_abort(struct session *session);
/* Waits for the threads that serve, after session_abort() or the end of the mount. */
void session_join(struct session *session);
void session_free(struct session *session);

/* Where a request came from, and its answer goes. */
struct ring_entry;
struct route {
        struct ring_entry *entry; /* NULL: none */
        int fd;                   /* of /dev/fuse; -1: the session's own */
};

/* Where the request of the calling thread came from. */
struct route session_route(void);
/* Answers the request UNIQUE, which came from TO, with ERROR (0 or -errno) and SIZE bytes at DATA.  Once for
 * each request; any thread. */
void session_answer(struct route to, uint64_t unique, int error, const void *data, size_t size);
/* For the threads of rings.  Processes the SIZE bytes in worker_request_buffer(), which came FROM there. */
void session_process(struct session *session, size_t size, struct route from);

/* ---- notify.c ------------------------------------------------------------------------------------- */

void notify_start(struct session *session);
/* From now on the kernel may keep what a listing says of files: to be called before that is found out. */
void notify_listed(void);
/* Waits, for a bounded time, until the kernel knows what has become of device ID up to now; 0: of all. */
void notify_settle(uint64_t id);
/* The kernel is told nothing more. */
void notify_close(void);
/* The same, and waits for a bounded time until it has taken note of what it was told.  False when a
 * notification is stuck: the session cannot be freed.  May be called again. */
bool notify_stop(void);

#endif
