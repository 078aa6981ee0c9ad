/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUSEMAPCTL_DEPS_H
#define FUSEMAPCTL_DEPS_H

#include "device.h"

#define DEPS_MANY_TYPE "(a(ssa(suub)))"

struct dep {
        char *path;
        uint32_t major, minor;
        bool is_mapped;
};

/* From Deps' array: of struct dep, the last used first, as the kernel lists them.  The caller
 * unrefs it. */
GPtrArray *deps_parse(GVariant *array);
/* What DEVICE stands on, as deps_parse() gives it.  NULL: an error has been said. */
GPtrArray *deps_fetch(struct ctl *ctl, const Device *device);

/* How devices are printed in parentheses: -o devno, blkdevname, devname. */
enum devname { DEVNAME_DEVNO, DEVNAME_BLK, DEVNAME_MAP };

/* One device in that form; new text. */
char *dep_text(const struct dep *dep, enum devname devname);

/* Reads the -o option of ls and deps.  False: it has been said what is wrong. */
bool deps_parse_options(const char *text, enum devname *ret_devname);

#endif
