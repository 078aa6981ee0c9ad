/* SPDX-License-Identifier: BSD-3-Clause */
/* What a log is replayed onto: a file or block device as large as the one that was logged. */
#ifndef REPLAY_LOG_IMAGE_H
#define REPLAY_LOG_IMAGE_H

#include "log.h"

struct image {
        int fd;
        char *path;
        bool discard; /* discards are carried out; otherwise they leave what was there */
};

/* Opens PATH, which exists. */
bool image_open(struct image *image, const char *path, bool discard, GError **error);
/* Makes what was replayed durable, and closes. */
bool image_close(struct image *image, GError **error);

/* Does to the image what ENTRY says.  A discarded range reads as zeroes afterwards. */
bool image_apply(struct image *image, const struct log *log, const struct log_entry *entry,
                 GError **error);

#endif
