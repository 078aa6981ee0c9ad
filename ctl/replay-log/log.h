/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of a log-writes target, as the kernel's document has it
 * (Documentation/admin-guide/device-mapper/log-writes.rst).  Nothing in it is trusted.
 */
#ifndef REPLAY_LOG_LOG_H
#define REPLAY_LOG_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum log_flags {
        LOG_FLUSH = 1 << 0,
        LOG_FUA = 1 << 1,
        LOG_DISCARD = 1 << 2,
        LOG_MARK = 1 << 3,
        LOG_METADATA = 1 << 4,
};

struct log {
        int fd;
        char *path;
        uint64_t entries; /* that the super block counts */
        uint64_t sector_size; /* bytes; the unit of the entries' sectors */
        uint64_t size;    /* bytes of the file or device */

        /* where log_next() goes on */
        uint64_t next_number, next_offset;
};

struct log_entry {
        uint64_t number;      /* from 0 */
        uint64_t flags;       /* enum log_flags, and what else there is */
        uint64_t offset, len; /* bytes, of the device that was logged */
        uint64_t data_offset; /* bytes, of the log; without a meaning when there are no data */
        char *mark;           /* LOG_MARK: its text; the entry's */
};

/* Opens the log in PATH and reads its super block.  Errors name what is wrong. */
bool log_open(struct log *log, const char *path, GError **error);
void log_close(struct log *log);

/* Reads the next entry.  False with an error, or without one at the end.  ENTRY is cleared with
 * log_entry_clear(), which may be done more than once. */
bool log_next(struct log *log, struct log_entry *entry, GError **error);
void log_entry_clear(struct log_entry *entry);
/* From the first entry on again. */
void log_rewind(struct log *log);

/* Whether the log has data for ENTRY. */
bool log_entry_has_data(const struct log_entry *entry);

/* Reads all LEN bytes at OFFSET of the log. */
bool log_read(const struct log *log, void *buf, size_t len, uint64_t offset, GError **error);

#endif
