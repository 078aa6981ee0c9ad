/* SPDX-License-Identifier: BSD-3-Clause */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (1u << 20)

static bool fail(const struct image *image, int code, GError **error)
{
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "%s: %s", image->path,
                    g_strerror(code));
        return false;
}

bool image_open(struct image *image, const char *path, bool discard, GError **error)
{
        *image = (struct image){.path = g_strdup(path), .discard = discard};
        image->fd = open(path, O_RDWR | O_CLOEXEC);
        if (image->fd >= 0)
                return true;
        fail(image, errno, error);
        g_clear_pointer(&image->path, g_free);
        return false;
}

bool image_close(struct image *image, GError **error)
{
        bool ok = fsync(image->fd) == 0 || fail(image, errno, error);

        close(image->fd);
        g_clear_pointer(&image->path, g_free);
        return ok;
}

static bool write_all(const struct image *image, const char *buf, size_t len, uint64_t offset,
                      GError **error)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = pwrite(image->fd, buf + done, len - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return fail(image, n < 0 ? errno : EIO, error);
                done += (size_t)n;
        }
        return true;
}

/* The bytes of ENTRY, or zeroes, in pieces. */
static bool write_entry(struct image *image, const struct log *log, const struct log_entry *entry,
                        bool zeroes, GError **error)
{
        g_autofree char *buf = g_malloc0(BUFFER);
        uint64_t done = 0;

        while (done < entry->len) {
                size_t part = (size_t)MIN(entry->len - done, BUFFER);

                if (!zeroes && !log_read(log, buf, part, entry->data_offset + done, error))
                        return false;
                if (!write_all(image, buf, part, entry->offset + done, error))
                        return false;
                done += part;
        }
        return true;
}

static bool discard(struct image *image, const struct log *log, const struct log_entry *entry,
                    GError **error)
{
        if (!image->discard || !entry->len ||
            !fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)entry->offset,
                       (off_t)entry->len))
                return true;
        return write_entry(image, log, entry, true, error);
}

bool image_apply(struct image *image, const struct log *log, const struct log_entry *entry,
                 GError **error)
{
        if (entry->flags & LOG_DISCARD)
                return discard(image, log, entry, error);
        return !log_entry_has_data(entry) || write_entry(image, log, entry, false, error);
}
