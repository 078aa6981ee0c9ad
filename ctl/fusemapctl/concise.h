/* SPDX-License-Identifier: BSD-3-Clause */
/* The concise format: NAME,UUID,MINOR,FLAGS,TABLE[,TABLE...];NAME,... with backslashes for quoting.
 */
#ifndef FUSEMAPCTL_CONCISE_H
#define FUSEMAPCTL_CONCISE_H

#include <glib.h>
#include <stdbool.h>

enum concise_field {
        CONCISE_NAME,
        CONCISE_UUID,
        CONCISE_MINOR,
        CONCISE_FLAGS,
        CONCISE_TABLE,
        CONCISE_FIELDS
};

struct concise {
        const char *at;                  /* what is still to be read */
        GString *fields[CONCISE_FIELDS]; /* of the last device; table lines end with '\n' */
        unsigned count;                  /* how many of them it had */
};

enum concise_result {
        CONCISE_END,    /* there is no further device */
        CONCISE_DEVICE, /* fields has one */
        CONCISE_BAD     /* *ret_why says what is wrong */
};

/* TEXT is not copied. */
void concise_init(struct concise *c, const char *text);
void concise_clear(struct concise *c);

/* The next device.  *RET_WHY: new text, with CONCISE_BAD only. */
enum concise_result concise_next(struct concise *c, char **ret_why);

/* Appends VALUE, with a backslash before what has a meaning in the format. */
void concise_quote(GString *out, const char *value);

#endif
