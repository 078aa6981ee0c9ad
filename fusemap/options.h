/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of fusemap. */
#ifndef FUSEMAP_OPTIONS_H
#define FUSEMAP_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

struct options {
        char *mountpoint;   /* absolute */
        char *socket;       /* NULL: the default place */
        char *fuse_options; /* for the mount, comma-separated; NULL: none */
        bool foreground, force_on_unmount;
        bool direct; /* backings bypass the page cache */
        bool direct_io; /* programs do, by FUSE's flag of this name */
        bool io_uring; /* requests come by io_uring, where the kernel offers it */
        int drain_timeout; /* seconds; 0: none */
        int threads, max_background;
        int poll; /* microseconds */
        int nice; /* of the workers */
        bool nice_given;
};

/* Fills OPTIONS, which is zeroed.  Errors name the offender.  False with no error: --help or --version was
 * answered. */
bool options_parse(struct options *options, int argc, char **argv, GError **error);
void options_clear(struct options *options);

#endif
