/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mangled names: every character that udev would not take is written as \xNN, in the names of files
 * and on the wire; people see and write the plain form.  dmsetup(8) describes the modes.
 */
#ifndef FUSEMAPCTL_MANGLE_H
#define FUSEMAPCTL_MANGLE_H

#include <glib.h>
#include <libdevmapper.h>

/* The mangled form of TEXT, at most MAX bytes; with mode "none" that of mode "auto".  WHAT names
 * the text in messages ("name", "UUID").  New text, or NULL with an error said on stderr. */
char *mangle(const char *text, const char *what, size_t max, dm_string_mangling_t mode);

/* As mangle(), but mode "none" leaves TEXT as it is, and what was mangled twice is refused: for
 * names that a user gives. */
char *mangle_input(const char *text, const char *what, size_t max, dm_string_mangling_t mode);

/* The plain form of what the daemon said; with mode "none" TEXT itself.  New text, or NULL with an
 * error said on stderr. */
char *unmangle_output(const char *text, const char *what, dm_string_mangling_t mode);

/* The plain form in any mode; for fields that ask for it. */
char *unmangle(const char *text);

#endif
