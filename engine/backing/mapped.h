/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads of a file's page cache through a mapping: a copy, and no system call.  What is not in the cache
 * would make such a read wait for the disk, and nobody tells before: so it is done only after many reads
 * that found their data there, and given up for a while when one takes long.
 *
 * A file that has lost whole pages since makes a read fail, as a system call would; what it has lost of its
 * last page reads as zeroes here.
 */
#ifndef DM_MAPPED_H
#define DM_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

struct dm_mapped;

/* For SIZE bytes of the file or block device FD, which must stay open.  Nothing is mapped yet.  Control
 * context. */
struct dm_mapped *dm_mapped_new(int fd, uint64_t size);
/* NULL is fine.  Nobody reads any more.  Control context. */
void dm_mapped_free(struct dm_mapped *mapped);

/* Copies LEN bytes from OFFSET of the file to BUF; false when that cannot be, or should not: then BUF may
 * hold anything, and a system call has to do it, and says what is wrong.  I/O plane. */
bool dm_mapped_read(struct dm_mapped *mapped, void *buf, uint64_t offset, uint64_t len);
/* Tells whether a read by system call found its data in the cache.  I/O plane. */
void dm_mapped_learn(struct dm_mapped *mapped, bool cached);

#endif
