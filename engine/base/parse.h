/* SPDX-License-Identifier: BSD-3-Clause */
/* Strict parsing of untrusted text. */
#ifndef DM_BASE_PARSE_H
#define DM_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Reads TEXT as a decimal number of digits only (no sign, no blank, no 0x, nothing behind) into
 * *RET_VALUE, which is not written on failure.  False when it is none or does not fit 64 bits.
 * Any thread. */
bool dm_parse_u64(const char *text, uint64_t *ret_value);

/* Splits TEXT in place at blanks (space, tab) into words; a backslash takes the next character
 * literally, as the kernel's dm does.  The words point into TEXT; *RET_WORDS is an array that the
 * caller frees with g_free().  Returns the number of words.  Any thread. */
unsigned dm_parse_words(char *text, char ***ret_words);

#endif
