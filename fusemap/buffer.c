/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for I/O, in two sizes.  What is given back is kept for the next one: the C library would map and
 * unmap a buffer of this size each time, and the kernel fill its pages with zeroes.
 */
#include <stdlib.h>

#include "fs.h"

#define ALIGNMENT 4096
#define SMALL (64u << 10)

struct buffer {
        struct buffer *next;
};

struct class {
        size_t size;
        unsigned keep;       /* at most so many unused ones */
        struct buffer *free; /* guarded: buffers */
        unsigned count;      /* guarded: buffers; of them */
};

static struct dm_mutex buffers = DM_MUTEX_INIT;
static struct class classes[] = {{.size = SMALL, .keep = 128}, {.size = BUFFER_MAX, .keep = 32}};

static struct class *class_of(size_t size)
{
        assert(size <= BUFFER_MAX);
        return &classes[size > SMALL];
}

size_t buffer_size_for(size_t size)
{
        return class_of(size)->size;
}

static struct buffer *take(struct class *c)
{
        struct buffer *b;

        DM_LOCK_SCOPE(&buffers);
        b = c->free;
        if (b) {
                c->free = b->next;
                c->count--;
        }
        return b;
}

void *buffer_get(size_t size)
{
        struct class *c = class_of(size);
        void *memory = take(c);

        if (!memory && posix_memalign(&memory, ALIGNMENT, c->size))
                g_error("no memory for a buffer");
        return memory;
}

static bool keep(struct class *c, struct buffer *b)
{
        DM_LOCK_SCOPE(&buffers);
        if (c->count == c->keep)
                return false;
        b->next = c->free;
        c->free = b;
        c->count++;
        return true;
}

void buffer_put(void *memory, size_t size)
{
        if (memory && !keep(class_of(size), memory))
                free(memory);
}

void buffer_free_all(void)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++)
                for (struct buffer *b; (b = take(&classes[i]));)
                        free(b);
}
