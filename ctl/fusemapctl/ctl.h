/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command works with. */
#ifndef FUSEMAPCTL_CTL_H
#define FUSEMAPCTL_CTL_H

#include <stdbool.h>

#include "client.h"
#include "commands.h"
#include "info.h"
#include "json.h"
#include "options.h"

struct report;

struct ctl {
        const struct options *opt;
        struct client *client;
        const struct verb *verb;     /* the one that runs */
        const struct verb *selected; /* with -S: runs for each device that the report selects */
        struct report *report;       /* with -c; NULL otherwise */
        struct json *json;           /* with --json: open for one object a device; NULL otherwise */
        bool many;                   /* several devices: each line begins with a name */
        bool concise_begun;          /* table --concise has printed a device */
        uint64_t interval_ns;        /* since the report before this one */
};

static inline bool ctl_given(const struct ctl *ctl, enum option_id id)
{
        return ctl->opt->given[id] > 0;
}

/* A device is named by -u or by -j and -m. */
static inline bool ctl_named_by_option(const struct ctl *ctl)
{
        return ctl_given(ctl, OPT_UUID) || ctl_given(ctl, OPT_MAJOR);
}

/* Says why a call failed that has no line of dmsetup's: returns false. */
bool ctl_fail(GError *error);

/* All devices, sorted by name; with QUIET unset it says so when there is none.  NULL: an error has
 * been said. */
GPtrArray *ctl_list(struct ctl *ctl, bool quiet);

/* METHOD (TableMany, DepsMany), whose reply is of TYPE, for all devices in LIST, with OPTIONS
 * (sunk), so many at a time that a reply stays small.  DONE gets each device's part of the reply,
 * in the order of LIST, or NUMBER, an errno.  False: an error has been said. */
typedef void ctl_done(const DeviceInfo *info, GVariant *part, int number, void *user);
bool ctl_call_many(struct ctl *ctl, const char *method, const char *type, const GPtrArray *list,
                   GVariant *options, ctl_done *done, void *user);

/* An empty options dictionary (a{sv}, floating). */
GVariant *ctl_no_flags(void);
/* An options dictionary of the flags that are set: NAME, condition ..., NULL. */
GVariant *ctl_flags(const char *name, ...) G_GNUC_NULL_TERMINATED;

#endif
