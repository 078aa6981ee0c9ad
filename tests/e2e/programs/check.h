/* SPDX-License-Identifier: BSD-3-Clause */
/* How the tests' programs check: the first that is not so is printed and ends the program with 1. */
#ifndef E2E_CHECK_H
#define E2E_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", __FILE__, __LINE__,     \
                                #condition, strerror(errno));                                      \
                        exit(1);                                                                   \
                }                                                                                  \
        } while (0)

/* CALL gives RESULT. */
#define CHECK_GIVES(call, expected)                                                                \
        do {                                                                                       \
                long given_ = (long)(call), expected_ = (long)(expected);                          \
                if (given_ != expected_) {                                                         \
                        fprintf(stderr, "%s:%d: %s gives %ld (%s), not %ld\n", __FILE__, __LINE__, \
                                #call, given_, given_ < 0 ? strerror(errno) : "no error",          \
                                expected_);                                                        \
                        exit(1);                                                                   \
                }                                                                                  \
        } while (0)

/* CALL gives -1 and ERROR. */
#define CHECK_FAILS(call, error)                                                                   \
        do {                                                                                       \
                long given_ = (long)(call);                                                        \
                if (given_ != -1 || errno != (error)) {                                            \
                        fprintf(stderr, "%s:%d: %s gives %ld (%s), not %s\n", __FILE__, __LINE__,  \
                                #call, given_, given_ < 0 ? strerror(errno) : "no error", #error); \
                        exit(1);                                                                   \
                }                                                                                  \
        } while (0)

#endif
