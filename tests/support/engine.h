/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of the engine share. */
#ifndef TEST_SUPPORT_ENGINE_H
#define TEST_SUPPORT_ENGINE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dm-internal.h"

#define CHECK(condition)                                                                           \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);    \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)

/* A new device without a table; the caller has a reference. */
static inline struct mapped_device *new_device(const char *name)
{
        struct dm_create_params params = {.name = name, .minor = DM_MINOR_ANY, .mode = 0600};
        struct mapped_device *md = NULL;
        GError *error = NULL;

        if (!dm_create(&params, &md, &error)) {
                fprintf(stderr, "create %s: %s\n", name, error->message);
                abort();
        }
        return md;
}

static inline void load(struct mapped_device *md, const char *table)
{
        GError *error = NULL;

        if (!dm_load(md, table, 0, &error)) {
                fprintf(stderr, "load: %s\n", error->message);
                abort();
        }
}

/* A running device; the caller has a reference. */
static inline struct mapped_device *run_device(const char *name, const char *table)
{
        struct mapped_device *md = new_device(name);

        load(md, table);
        CHECK(dm_resume(md, 0, NULL));
        return md;
}

/* A gate that threads wait at, or count through. */
struct gate {
        pthread_mutex_t lock;
        pthread_cond_t moved;
        unsigned count;
};

#define GATE_INIT {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void gate_pass(struct gate *g)
{
        pthread_mutex_lock(&g->lock);
        g->count++;
        pthread_cond_broadcast(&g->moved);
        pthread_mutex_unlock(&g->lock);
}

static inline void gate_wait(struct gate *g, unsigned count)
{
        pthread_mutex_lock(&g->lock);
        while (g->count < count)
                pthread_cond_wait(&g->moved, &g->lock);
        pthread_mutex_unlock(&g->lock);
}

static inline unsigned gate_count(struct gate *g)
{
        unsigned count;

        pthread_mutex_lock(&g->lock);
        count = g->count;
        pthread_mutex_unlock(&g->lock);
        return count;
}

struct waited_io {
        struct dm_io io;
        struct gate done;
        int error;
};

static inline void waited_end(struct dm_io *io, int error)
{
        struct waited_io *w = io->user;

        w->error = error;
        gate_pass(&w->done);
}

static inline void waited_init(struct waited_io *w, enum dm_op op, uint64_t offset, uint64_t len,
                               void *buf)
{
        *w = (struct waited_io){
                .io = {.op = op, .offset = offset, .len = len, .buf = buf, .end = waited_end},
                .done = GATE_INIT,
        };
        w->io.user = w;
}

/* Does one I/O and waits for it. */
static inline int do_io(struct mapped_device *md, enum dm_op op, uint64_t offset, uint64_t len,
                        void *buf)
{
        struct waited_io w;

        waited_init(&w, op, offset, len, buf);
        dm_submit(md, &w.io);
        gate_wait(&w.done, 1);
        return w.error;
}

/* A temporary file of SIZE zero bytes; the caller unlinks and frees the path. */
static inline char *temp_file(uint64_t size)
{
        char *path = NULL;
        int fd = g_file_open_tmp("fusemap-stress-XXXXXX", &path, NULL);

        CHECK(fd >= 0);
        CHECK(ftruncate(fd, (off_t)size) == 0);
        close(fd);
        return path;
}

/* How often to do something: the plain build does it often, a sanitized one less. */
static inline unsigned rounds(unsigned full)
{
        const char *scale = getenv("FUSEMAP_TEST_SCALE");
        unsigned percent = scale ? (unsigned)atoi(scale) : 100;

        return MAX(full * percent / 100, 1);
}

#endif
