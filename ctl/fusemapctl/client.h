/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to a fusemap, which is made at the first call.  Main thread. */
#ifndef FUSEMAPCTL_CLIENT_H
#define FUSEMAPCTL_CLIENT_H

#include <gio/gio.h>
#include <stdbool.h>

struct client;

/* SOCKET or MOUNT says which fusemap, NULL both: $FUSEMAP_SOCKET, or the only one there is. */
struct client *client_new(const char *socket, const char *mount);
void client_free(struct client *client);

/* One call of the protocol.  PARAMS may be floating; REPLY_TYPE is a tuple's.  There is no time
 * limit. The reply is the caller's; NULL: see client_errno(). */
GVariant *client_call(struct client *client, const char *method, GVariant *params,
                      const char *reply_type, GError **error);

/* The errno that the daemon answered, 0 if the call did not get that far. */
int client_errno(const GError *error);
/* The same of an error's name without its prefix, as the methods for many devices answer; "": 0. */
int client_errno_of_name(const char *name);
/* The daemon's text, or why the call did not get there. */
const char *client_message(GError *error);

/* Where the devices' files are; NULL with an error. */
const char *client_mountpoint(struct client *client, GError **error);
GDBusConnection *client_connection(struct client *client, GError **error);

/* A text that the wire can carry. */
bool client_can_carry(const char *text);

#endif
