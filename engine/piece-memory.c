/* SPDX-License-Identifier: BSD-3-Clause */
#include "piece-memory.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

#ifdef IS_SANITIZED

void *dm_piece_alloc(size_t size)
{
        return g_malloc(size);
}

void dm_piece_free(void *memory, size_t size)
{
        (void)size;
        g_free(memory);
}

#else

#define KEPT_SIZE 512u /* what is larger is not kept */
#define KEPT_MAX 32u   /* pieces that a thread keeps */

struct kept {
        struct kept *next;
};

static __thread struct {
        struct kept *first;
        unsigned count;
        bool registered; /* the thread's end frees them */
} kept;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;

/* At the end of the thread.  What other destructors free after it registers once more. */
static void free_kept(void *unused)
{
        struct kept *next;

        (void)unused;
        for (; kept.first; kept.first = next) {
                next = kept.first->next;
                g_free(kept.first);
        }
        kept.count = 0;
        kept.registered = false;
}

static void make_key(void)
{
        if (pthread_key_create(&at_exit, free_kept))
                g_error("no key for the threads' ends");
}

/* Out of the way: once a thread. */
static __attribute__((noinline)) bool register_thread(void)
{
        pthread_once(&once, make_key);
        kept.registered = !pthread_setspecific(at_exit, &kept);
        return kept.registered;
}

void *dm_piece_alloc(size_t size)
{
        struct kept *first = kept.first;

        if (size > KEPT_SIZE)
                return g_malloc(size);
        if (!first)
                return g_malloc(KEPT_SIZE);
        kept.first = first->next;
        kept.count--;
        return first;
}

void dm_piece_free(void *memory, size_t size)
{
        struct kept *piece = memory;

        if (size > KEPT_SIZE || kept.count == KEPT_MAX || !(kept.registered || register_thread())) {
                g_free(memory);
                return;
        }
        piece->next = kept.first;
        kept.first = piece;
        kept.count++;
}

#endif
