/* SPDX-License-Identifier: BSD-3-Clause */
/* Which fusemap to talk to. */
#ifndef FUSEMAPCTL_FIND_H
#define FUSEMAPCTL_FIND_H

#include <gio/gio.h>

/* Connects to the fusemap that listens on SOCKET, or is mounted on MOUNT; both NULL: on
 * $FUSEMAP_SOCKET, or the only one of this user.  A new reference, or NULL with an error that says
 * what there is and how to choose. */
GDBusConnection *find_daemon(const char *socket, const char *mount, GError **error);

#endif
