/* SPDX-License-Identifier: BSD-3-Clause */
/* Table text, as dmsetup reads it: comments and blank lines dropped, numbers made canonical. */
#ifndef FUSEMAPCTL_TABLETEXT_H
#define FUSEMAPCTL_TABLETEXT_H

#include <glib.h>
#include <stdbool.h>

/* Checks TEXT and appends it to OUT, a line a target.  WHERE names the source in an error ("Invalid
 * format on line N of table WHERE."), which goes to *RET_WHY, new text. */
bool tabletext_parse(const char *text, const char *where, GString *out, char **ret_why);

/* The whole of a file, or with NULL of stdin.  NULL: an error has been said. */
char *tabletext_slurp(const char *file);

#endif
