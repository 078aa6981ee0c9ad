/* SPDX-License-Identifier: BSD-3-Clause */
#include "descriptors.h"

#include <fcntl.h>
#include <glib.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sync.h"

struct descriptors {
        int master;
        struct dm_mutex lock;
        GArray *clones; /* guarded: lock; all there are */
        GArray *spare;  /* guarded: lock; those that no worker reads */
        bool broken;    /* guarded: lock; the connection is to end: no clone may be made any more */
};

struct descriptors *descriptors_new(int master)
{
        struct descriptors *d = g_new0(struct descriptors, 1);

        d->master = master;
        dm_mutex_init(&d->lock);
        d->clones = g_array_new(FALSE, FALSE, sizeof(int));
        d->spare = g_array_new(FALSE, FALSE, sizeof(int));
        return d;
}

void descriptors_free(struct descriptors *d)
{
        if (!d)
                return;
        for (unsigned i = 0; i < d->clones->len; i++)
                close(g_array_index(d->clones, int, i));
        g_array_unref(d->clones);
        g_array_unref(d->spare);
        dm_mutex_destroy(&d->lock);
        g_free(d);
}

/* ---- one for each worker --------------------------------------------------------------------------- */

/* -1: there is none. */
static int take_spare(struct descriptors *d)
{
        int fd;

        DM_LOCK_SCOPE(&d->lock);
        if (!d->spare->len)
                return -1;
        fd = g_array_index(d->spare, int, d->spare->len - 1);
        g_array_set_size(d->spare, d->spare->len - 1);
        return fd;
}

/* False: it is too late for another. */
static bool enlist(struct descriptors *d, int fd)
{
        DM_LOCK_SCOPE(&d->lock);
        if (!d->broken)
                g_array_append_val(d->clones, fd);
        return !d->broken;
}

/* False: descriptors_break() has FD in its list, and the number must stay in use. */
static bool strike(struct descriptors *d, int fd)
{
        DM_LOCK_SCOPE(&d->lock);
        for (unsigned i = 0; !d->broken && i < d->clones->len; i++) {
                if (g_array_index(d->clones, int, i) == fd) {
                        g_array_remove_index_fast(d->clones, i);
                        return true;
                }
        }
        return false;
}

/* It is in the list before it belongs to the connection, so that descriptors_break() misses none.
 * -1: an ordinary user, who has the session's from fusermount3, may not open another. */
static int make_clone(struct descriptors *d)
{
        uint32_t master = (uint32_t)d->master;
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -1;
        if (!enlist(d, fd)) {
                close(fd);
                return -1;
        }
        if (ioctl(fd, FUSE_DEV_IOC_CLONE, &master) == 0)
                return fd;
        if (strike(d, fd))
                close(fd);
        return -1;
}

int descriptors_take(struct descriptors *d)
{
        int fd = take_spare(d);

        if (fd < 0)
                fd = make_clone(d);
        return fd < 0 ? d->master : fd;
}

/* It is kept for the next worker: closing it would end the requests that were read from it and are still on
 * their way. */
void descriptors_give(struct descriptors *d, int fd)
{
        DM_LOCK_SCOPE(&d->lock);
        if (fd != d->master)
                g_array_append_val(d->spare, fd);
}

/* ---- the end ----------------------------------------------------------------------------------------- */

/* What every use of fails, as of a connection that has ended: a pipe that nobody reads. */
static int broken_descriptor(void)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -1;
        close(fds[0]);
        return fds[1];
}

/* FD is one that others write to meanwhile, and the kernel swaps what it stands for in one step.  TSan takes
 * dup3() for a close, which it is not: so it is not to see it. */
static void replace(int fd, int by)
{
        syscall(SYS_dup3, by, fd, O_CLOEXEC);
}

/* All there will be. */
static GArray *last_of_all(struct descriptors *d)
{
        GArray *all;

        DM_LOCK_SCOPE(&d->lock);
        d->broken = true;
        all = g_array_copy(d->clones);
        g_array_append_val(all, d->master);
        return all;
}

/* The connection ends with its last descriptor: whatever else keeps this process alive, a thread that hangs
 * in a backing above all, must not keep it.  The numbers stay in use, for threads know them. */
void descriptors_break(struct descriptors *d)
{
        g_autoptr(GArray) all = last_of_all(d);
        int broken = broken_descriptor();

        if (broken < 0)
                return;
        for (unsigned i = 0; i < all->len; i++)
                replace(g_array_index(all, int, i), broken);
        close(broken);
}
