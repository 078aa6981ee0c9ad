/* SPDX-License-Identifier: BSD-3-Clause */
/* fusemap exec: runs a command that takes us for dmsetup and its devices. */
#ifndef FUSEMAP_EXEC_H
#define FUSEMAP_EXEC_H

/* "fusemap exec [--mount DIR] [--] COMMAND [ARGUMENT...]"; ARGV[0] is "exec".  The exit status of the
 * process: the command's own, 128 + N when signal N ended it, 125 when there was no running it. */
int exec_main(int argc, char **argv);

#endif
