/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of the command line: dmsetup's, and a few of our own. */
#ifndef FUSEMAPCTL_OPTIONS_H
#define FUSEMAPCTL_OPTIONS_H

#include <stdbool.h>

enum option_id {
        OPT_ADDNODEONCREATE,
        OPT_ADDNODEONRESUME,
        OPT_ALIAS,
        OPT_ALLDEVICES,
        OPT_ALLPROGRAMS,
        OPT_ALLREGIONS,
        OPT_AREA,
        OPT_AREAS,
        OPT_AREASIZE,
        OPT_BOUNDS,
        OPT_CHECKS,
        OPT_CLEAR,
        OPT_COLUMNS,
        OPT_CONCISE,
        OPT_COUNT,
        OPT_DEFERRED,
        OPT_DOT,
        OPT_EXEC,
        OPT_FILEMAP,
        OPT_FOLLOW,
        OPT_FORCE,
        OPT_FOREGROUND,
        OPT_GID,
        OPT_GROUP,
        OPT_GROUPID,
        OPT_HELP,
        OPT_HISTOGRAM,
        OPT_IMMEDIATE,
        OPT_INACTIVE,
        OPT_INTERVAL,
        OPT_JSON,
        OPT_LENGTH,
        OPT_MAJOR,
        OPT_MANGLENAME,
        OPT_MINOR,
        OPT_MODE,
        OPT_MOUNT,
        OPT_NAMEPREFIXES,
        OPT_NOFLUSH,
        OPT_NOGROUP,
        OPT_NOHEADINGS,
        OPT_NOLOCKFS,
        OPT_NOMONITOR,
        OPT_NOOPENCOUNT,
        OPT_NOSUFFIX,
        OPT_NOTABLE,
        OPT_NOTIMESUFFIX,
        OPT_NOUDEVRULES,
        OPT_NOUDEVSYNC,
        OPT_OPTIONS,
        OPT_PRECISE,
        OPT_PROGRAMID,
        OPT_READAHEAD,
        OPT_READONLY,
        OPT_REGION,
        OPT_REGIONID,
        OPT_REGIONS,
        OPT_RELATIVE,
        OPT_RETRY,
        OPT_ROWS,
        OPT_SEGMENTS,
        OPT_SELECT,
        OPT_SEPARATOR,
        OPT_SETUUID,
        OPT_SHOWKEYS,
        OPT_SOCKET,
        OPT_SORT,
        OPT_START,
        OPT_TABLE,
        OPT_TARGET,
        OPT_TREE,
        OPT_UDEVCOOKIE,
        OPT_UID,
        OPT_UNBUFFERED,
        OPT_UNITS,
        OPT_UNQUOTED,
        OPT_USERDATA,
        OPT_UUID,
        OPT_VERBOSE,
        OPT_VERIFYUDEV,
        OPT_VERSION,
        OPT_YES,
        OPTION_COUNT
};

struct option_info {
        const char *name;    /* without the dashes */
        const char *letters; /* its short forms, "" if none */
        const char *value;   /* what its value is called; NULL: it takes none */
        const char *help;
};

/* Indexed by enum option_id. */
extern const struct option_info option_table[OPTION_COUNT];

struct options {
        unsigned given[OPTION_COUNT];   /* how often */
        const char *text[OPTION_COUNT]; /* the last value: points into argv */
        unsigned number[OPTION_COUNT];  /* the same, of an option with a number */
};

/* Reads the options out of ARGV; what is left begins at *ARGV with *ARGC words.  On failure it has
 * been said why, on stderr.  Main thread. */
bool options_parse(struct options *o, int *argc, char ***argv);

#endif
