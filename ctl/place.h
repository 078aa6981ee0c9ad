/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the control socket of a mount is: for both ends. */
#ifndef CTL_PLACE_H
#define CTL_PLACE_H

#include <glib.h>

#define CTL_OBJECT_PATH "/org/fusemap"
#define CTL_ERROR_PREFIX "org.fusemap.Error."

/* The directories that may hold sockets of this user, the preferred one first: /run/fusemap for root,
 * $XDG_RUNTIME_DIR/fusemap, /run/user/UID/fusemap, and /tmp/fusemap-UID.  Free with g_strfreev().
 * Any thread. */
char **ctl_place_directories(void);

/* The socket of the mount on MOUNTPOINT (absolute) in DIRECTORY: its name is made from a checksum of
 * the mount point, so that a long path fits sun_path.  New text.  Any thread. */
char *ctl_place_socket(const char *directory, const char *mountpoint);

#endif
