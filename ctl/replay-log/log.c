/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ull
#define VERSION 1u
#define SECTOR_SIZE_MIN 512u
#define SECTOR_SIZE_MAX 65536u

struct super_block {
        uint64_t magic, version, entries;
        uint32_t sector_size;
} __attribute__((packed));

struct entry_block {
        uint64_t sector, sectors, flags, mark_len;
} __attribute__((packed));

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(GError **error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        if (error)
                *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_DATA, format, args);
        va_end(args);
        return false;
}

bool log_read(const struct log *log, void *buf, size_t len, uint64_t offset, GError **error)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = pread(log->fd, (char *)buf + done, len - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(error, "%s: %s", log->path, g_strerror(errno));
                if (n == 0)
                        return fail(error, "%s: ends at byte %" PRIu64, log->path, offset + done);
                done += (size_t)n;
        }
        return true;
}

static bool read_super(struct log *log, GError **error)
{
        struct super_block super;

        if (!log_read(log, &super, sizeof(super), 0, error))
                return false;
        log->entries = GUINT64_FROM_LE(super.entries);
        log->sector_size = GUINT32_FROM_LE(super.sector_size);
        if (GUINT64_FROM_LE(super.magic) != MAGIC)
                return fail(error, "%s: not the log of a log-writes target", log->path);
        if (GUINT64_FROM_LE(super.version) != VERSION)
                return fail(error, "%s: a log of version %" PRIu64 ", not %u", log->path,
                            (uint64_t)GUINT64_FROM_LE(super.version), VERSION);
        if (log->sector_size < SECTOR_SIZE_MIN || log->sector_size > SECTOR_SIZE_MAX ||
            (log->sector_size & (log->sector_size - 1)))
                return fail(error, "%s: a sector size of %" PRIu64, log->path, log->sector_size);
        return true;
}

bool log_open(struct log *log, const char *path, GError **error)
{
        off_t size;

        *log = (struct log){.path = g_strdup(path)};
        log->fd = open(path, O_RDONLY | O_CLOEXEC);
        size = log->fd < 0 ? -1 : lseek(log->fd, 0, SEEK_END);
        if (size < 0) {
                fail(error, "%s: %s", path, g_strerror(errno));
        } else {
                log->size = (uint64_t)size;
                if (read_super(log, error)) {
                        log_rewind(log);
                        return true;
                }
        }
        log_close(log);
        return false;
}

void log_close(struct log *log)
{
        if (log->fd >= 0)
                close(log->fd);
        log->fd = -1;
        g_clear_pointer(&log->path, g_free);
}

void log_rewind(struct log *log)
{
        log->next_number = 0;
        log->next_offset = log->sector_size;
}

void log_entry_clear(struct log_entry *entry)
{
        g_clear_pointer(&entry->mark, g_free);
}

bool log_entry_has_data(const struct log_entry *entry)
{
        return entry->len && !(entry->flags & (LOG_DISCARD | LOG_MARK));
}

/* The text of a mark stands behind the entry, in its sector. */
static bool read_mark(const struct log *log, struct log_entry *entry, uint64_t len, GError **error)
{
        if (len > log->sector_size - sizeof(struct entry_block))
                return fail(error, "%s: entry %" PRIu64 ": a mark of %" PRIu64 " bytes", log->path,
                            entry->number, len);
        entry->mark = g_malloc0(len + 1);
        return log_read(log, entry->mark, len, log->next_offset + sizeof(struct entry_block), error);
}

static bool read_entry(struct log *log, struct log_entry *entry, GError **error)
{
        struct entry_block block;
        uint64_t sectors, end;

        if (!log_read(log, &block, sizeof(block), log->next_offset, error))
                return false;
        sectors = GUINT64_FROM_LE(block.sectors);
        entry->flags = GUINT64_FROM_LE(block.flags);
        if (__builtin_mul_overflow(GUINT64_FROM_LE(block.sector), log->sector_size,
                                   &entry->offset) ||
            __builtin_mul_overflow(sectors, log->sector_size, &entry->len) ||
            __builtin_add_overflow(entry->offset, entry->len, &end) || end > INT64_MAX)
                return fail(error, "%s: entry %" PRIu64 " is of sector %" PRIu64 " to %" PRIu64
                            " more", log->path, entry->number,
                            (uint64_t)GUINT64_FROM_LE(block.sector), sectors);
        entry->data_offset = log->next_offset + log->sector_size;
        if (log_entry_has_data(entry) && entry->len > log->size - MIN(log->size, entry->data_offset))
                return fail(error, "%s: entry %" PRIu64 ": the log ends within its data", log->path,
                            entry->number);
        return !(entry->flags & LOG_MARK) ||
               read_mark(log, entry, GUINT64_FROM_LE(block.mark_len), error);
}

bool log_next(struct log *log, struct log_entry *entry, GError **error)
{
        *entry = (struct log_entry){.number = log->next_number};
        if (log->next_number >= log->entries)
                return false;
        if (!read_entry(log, entry, error)) {
                log_entry_clear(entry);
                return false;
        }
        log->next_number++;
        log->next_offset = entry->data_offset + (log_entry_has_data(entry) ? entry->len : 0);
        return true;
}
