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

#endif
