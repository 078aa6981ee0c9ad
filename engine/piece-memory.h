/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of pieces of I/O: each thread keeps a few that were freed for the next ones it makes.  Under
 * a sanitizer all is malloc() and free(), so that use after the end is seen.  I/O plane.
 */
#ifndef DM_PIECE_MEMORY_H
#define DM_PIECE_MEMORY_H

#include <stddef.h>

/* SIZE bytes, not zeroed; never NULL. */
void *dm_piece_alloc(size_t size);
/* SIZE as it was allocated with; in any thread. */
void dm_piece_free(void *memory, size_t size);

#endif
