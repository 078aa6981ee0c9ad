/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAPCTL_DEPS_H
#define FUSEMAPCTL_DEPS_H

#include "ctl.h"

#define DEPS_TYPE "(a(suub))"

struct dep {
        char *path;
        uint32_t major, minor;
        bool is_mapped;
};

/* The reply of Deps: of struct dep, the last used first, as the kernel lists them.  The caller
 * unrefs it. */
GPtrArray *deps_parse(GVariant *reply);

/* How devices are printed in parentheses: -o devno, blkdevname, devname. */
enum devname { DEVNAME_DEVNO, DEVNAME_BLK, DEVNAME_MAP };

/* Reads the -o option of ls and deps.  False: it has been said what is wrong. */
bool deps_parse_options(const char *text, enum devname *ret_devname);

#endif
