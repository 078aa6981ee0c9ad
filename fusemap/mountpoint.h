/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAP_MOUNTPOINT_H
#define FUSEMAP_MOUNTPOINT_H

#include <glib.h>
#include <stdbool.h>

/* Makes sure that PATH can be mounted on: takes away the mount of a fusemap that died.  Errors name
 * PATH: not there, no directory, or a fusemap is mounted on it. */
bool mountpoint_prepare(const char *path, GError **error);

/* Takes the mount on PATH away, in use or not; true when none is left. */
bool mountpoint_detach(const char *path);

/* Waits until no fusemap is mounted on PATH any more. */
void mountpoint_wait_gone(const char *path);

/* True once the mount on PATH answers. */
bool mountpoint_answers(const char *path);

/* Lets the kernel read ahead by so much in the files of the mount on PATH.  A new mount has 128 KiB, and
 * FUSE_INIT cannot ask for more.  Where it is not allowed (root only), readers of whole files are slower,
 * and nothing else. */
void mountpoint_raise_readahead(const char *path, unsigned kib);

#endif
