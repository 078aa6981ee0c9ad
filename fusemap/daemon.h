/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAP_DAEMON_H
#define FUSEMAP_DAEMON_H

#include <stdbool.h>

/* Forks, before any thread is made.  The child returns; the parent stays until the child calls
 * daemon_ready(), and exits 0, or until the child ends before, and exits as it did. */
void daemon_begin(void);

/* In the child: lets the parent go, and leaves the terminal. */
void daemon_ready(void);

#endif
