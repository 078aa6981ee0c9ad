/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes to stderr. */
#ifndef FUSEMAPCTL_SAY_H
#define FUSEMAPCTL_SAY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Under which name the program speaks: set once, by main. */
void say_set_program(const char *argv0);
const char *say_program(void);

/* One line, as dmsetup has it: without the program's name. */
void say_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* One line of our own: with the program's name. */
void say_own(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Why the daemon refused something, in its own words: only for people (stderr is a terminal), with
 * -v and with FUSEMAP_EXPLAIN=1, since scripts compare the rest. */
void say_explanation(const char *message);
void say_explain_always(void);

/* A udev cookie; complains and returns 0 when TEXT is none. */
uint32_t say_check_cookie(const char *text);

#endif
