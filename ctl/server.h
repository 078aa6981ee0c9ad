/* SPDX-License-Identifier: BSD-3-Clause */
/* The control server: the engine's control plane over D-Bus on a Unix socket. */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_server;

/* In the place of a device's id. */
#define CTL_ALL_DEVICES UINT64_MAX

struct ctl_server_hooks {
        /* A client asks for the end of the mount: start it and return at once.  The client's answer
         * is given by ctl_server_stop().  Called in a thread of the server. */
        void (*unmount)(bool force, void *user);
        /* Called after a method that changed device ID, or CTL_ALL_DEVICES, and before its answer: waits,
         * for a bounded time, until the kernel has been told of the change.  May be NULL. */
        void (*settle)(uint64_t id, void *user);
        void *user;
};

/* Listens on a socket of MOUNTPOINT's own (0600, in a directory 0700; where: see ctl/place.h) and
 * serves it on threads of its own.  SOCKET_PATH overrides the place; NULL: the default one.  HOOKS is
 * copied.  Errors: what making the socket gives; another server listens there.  Control context. */
struct ctl_server *ctl_server_start(const char *mountpoint, const char *socket_path,
                                    const struct ctl_server_hooks *hooks, GError **error);

/* Where it listens. */
const char *ctl_server_socket(const struct ctl_server *server);

/* Takes no more calls and cancels waits for events; calls in progress go on.  Removals that wait for
 * I/O are not waited for.  Control context. */
void ctl_server_quiesce(struct ctl_server *server);

/* Ends the server: answers pending unmount calls with REPORT (lines of text, "" when all went well),
 * removes the socket, closes the connections and frees SERVER.  Calls in progress are given GRACE_NS
 * nanoseconds; when some are stuck in the engine for longer their number is returned, nothing is freed, and
 * the process has to end by _exit() soon.  Control context. */
unsigned ctl_server_stop(struct ctl_server *server, const char *report, uint64_t grace_ns);

#endif
