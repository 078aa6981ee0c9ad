/* SPDX-License-Identifier: BSD-3-Clause */
/* The command table: dispatch, help, completions and the manual page's synopsis come from it. */
#ifndef FUSEMAPCTL_COMMANDS_H
#define FUSEMAPCTL_COMMANDS_H

#include <stdbool.h>

struct ctl;

/* Carries a command out for ARGV[0], when ARGC is not 0, and what -u and the like name otherwise.
 * False: an error has been said. */
typedef bool verb_fn(struct ctl *ctl, int argc, char **argv);

enum verb_repeat {
        REPEAT_NO,
        REPEAT_EACH,       /* once for each argument */
        REPEAT_EACH_SELECT /* and -S selects devices for it */
};

struct verb {
        const char *name;    /* of those for statistics, "stats" and a second word */
        const char *usage;   /* what follows the name; a line for each form */
        const char *summary; /* one line */
        int min, max;        /* arguments; max -1: any number */
        enum verb_repeat repeat;
        bool columns; /* it always prints columns */
        verb_fn *run;
};

extern const struct verb command_table[]; /* ends with a verb without a name */

const struct verb *verb_find(const char *name);

/* What all verbs for statistics begin with; under the name dmstats the program knows only them. */
#define STATS_PREFIX "stats "
bool verb_is_stats(const struct verb *verb);

/* ---- the commands, by file ------------------------------------------------------------------- */

verb_fn verb_help, verb_version, verb_targets, verb_target_version;  /* about.c */
verb_fn verb_create;                                                 /* create.c */
verb_fn verb_remove, verb_remove_all, verb_wipe_table;               /* remove.c */
verb_fn verb_load, verb_clear, verb_suspend, verb_resume, verb_wait; /* state.c */
verb_fn verb_rename, verb_mangle;                                    /* rename.c */
verb_fn verb_table, verb_status, verb_measure;                       /* tables.c */
verb_fn verb_info, verb_splitname;                                   /* describe.c */
verb_fn verb_ls;                                                     /* ls.c */
verb_fn verb_deps;                                                   /* deps.c */
verb_fn verb_message, verb_setgeometry;                              /* message.c */
verb_fn verb_mknodes, verb_udevcreatecookie, verb_udevreleasecookie; /* udev.c */
verb_fn verb_udevflags, verb_udevcomplete, verb_udevcomplete_all, verb_udevcookies;
verb_fn verb_stats_help;                                                /* about.c */
verb_fn verb_stats_create, verb_stats_update_filemap;                   /* stats/stats-create.c */
verb_fn verb_stats_delete, verb_stats_clear, verb_stats_print;          /* stats/stats-change.c */
verb_fn verb_stats_group, verb_stats_ungroup;
verb_fn verb_monitor;                 /* monitor.c */
verb_fn verb_unmount, verb_graveyard; /* unmount.c */

#endif
