/* SPDX-License-Identifier: BSD-3-Clause */
/* Table text: as dmsetup reads it, with comments and blank lines dropped and numbers made canonical; and as
 * the daemon tells it. */
#ifndef FUSEMAPCTL_TABLETEXT_H
#define FUSEMAPCTL_TABLETEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Checks TEXT and appends it to OUT, a line a target.  WHERE names the source in an error ("Invalid
 * format on line N of table WHERE."), which goes to *RET_WHY, new text. */
bool tabletext_parse(const char *text, const char *where, GString *out, char **ret_why);

struct target_line {
        uint64_t start, length; /* sectors */
        const char *type, *params;
};

/* Takes the next line of *TEXT, a table as the daemon tells it, apart in place.  False at the end, and where
 * there is no such line. */
bool tabletext_next(char **text, struct target_line *line);

/* The whole of a file, or with NULL of stdin.  NULL: an error has been said. */
char *tabletext_slurp(const char *file);

#endif
