/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts that are made from the command table and the option table. */
#ifndef FUSEMAPCTL_COMPLETION_H
#define FUSEMAPCTL_COMPLETION_H

/* A completion script for SHELL ("bash" or "zsh"), or with "man" the lines of the manual page's
 * synopsis. New text; NULL: there is none for SHELL. */
char *completion_text(const char *shell);

#endif
