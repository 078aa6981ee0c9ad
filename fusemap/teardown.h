/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a mount.
 *
 * Drain: no new I/O, what is in progress completes, backings are synced, devices are destroyed in
 * stacking order.  Force: every device is destroyed immediately; what hangs is given up.  A drain turns
 * into force when its time is over or somebody asks.
 */
#ifndef FUSEMAP_TEARDOWN_H
#define FUSEMAP_TEARDOWN_H

#include <glib.h>
#include <stdbool.h>

struct session;

/* Ask for the end.  Any thread, signal thread included; no locks but its own. */
void teardown_request(bool force);
/* A signal says: the first asks for a drain, another for force. */
void teardown_signal(void);
/* True from the moment new I/O is refused. */
bool teardown_refuses_io(void);
/* True when a backing could not be flushed at the end. */
bool teardown_lost_data(void);

/* Waits until the mount has ended by itself or teardown_request() was called, and ends everything but
 * the session's memory and the engine's threads.  *RET_REPORT: a line for each device given up, ""
 * normally.  False when something is stuck, and the process has to _exit(). */
bool teardown_run(struct session *session, const char *mountpoint, bool force, unsigned timeout_s,
                  char **ret_report);

#endif
