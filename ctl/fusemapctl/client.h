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

/* Many calls of METHOD, several of them on their way at a time.  MAKE gives the parameters of call
 * INDEX; DONE gets the replies in the order of INDEX, with REPLY (which it does not own) or ERROR;
 * when it returns false no more calls are started.  False with ERROR: there is no connection. */
typedef GVariant *client_make(unsigned index, void *user);
typedef bool client_done(unsigned index, GVariant *reply, const GError *error, void *user);
bool client_call_many(struct client *client, const char *method, const char *reply_type,
                      unsigned count, client_make *make, client_done *done, void *user,
                      GError **error);

/* The errno that the daemon answered, 0 if the call did not get that far. */
int client_errno(const GError *error);
/* The same of an error's name, as CreateMany answers. */
int client_errno_of_name(const char *name);
/* The daemon's text, or why the call did not get there. */
const char *client_message(GError *error);

/* Where the devices' files are; NULL with an error. */
const char *client_mountpoint(struct client *client, GError **error);
GDBusConnection *client_connection(struct client *client, GError **error);

/* A text that the wire can carry. */
bool client_can_carry(const char *text);

#endif
