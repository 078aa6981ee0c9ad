/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzzers share: inputs that follow from a seed, and a main() that runs them after a corpus.
 *
 *      fuzz-NAME [--seed N] [--runs N] [--only N] [--verbose] [FILE...]
 *
 * runs each FILE, then RUNS made inputs (or the one with the number ONLY).  To go on from here with
 * libFuzzer, build with clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include "support/engine.h"

/* The fuzzer's own: makes input NUMBER into OUT, and tries one. */
static void fuzz_make(GByteArray *out, uint64_t number);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_end(void);

/* What a sanitizer takes for a mistake: an allocation that fails because it is absurd. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
        return "allocator_may_return_null=1";
}

/* ---- randomness ------------------------------------------------------------------------------------ */

static uint64_t random_state;

/* A number below N. */
static inline uint64_t random_below(uint64_t n)
{
        return dm_mix(random_state++) % n;
}

#define RANDOM_OF(array) ((array)[random_below(G_N_ELEMENTS(array))])

static inline void cut(GByteArray *bytes, guint at, guint len)
{
        if (at < bytes->len)
                g_byte_array_remove_range(bytes, at, MIN(len, bytes->len - at));
}

/* Puts LEN bytes of DATA, which may lie in BYTES, in at AT. */
static inline void put_in(GByteArray *bytes, guint at, const void *data, guint len)
{
        g_autofree uint8_t *copy = g_memdup2(data, len), *tail = NULL;
        guint tail_len = bytes->len - at;

        tail = g_memdup2(bytes->data + at, tail_len);
        g_byte_array_set_size(bytes, at);
        g_byte_array_append(bytes, copy, len);
        g_byte_array_append(bytes, tail, tail_len);
}

/* One change: a byte, a piece less, a piece twice, or the end cut off. */
static inline void mutate(GByteArray *bytes)
{
        guint at, len;
        uint8_t byte = (uint8_t)random_below(256);

        if (!bytes->len)
                return;
        at = (guint)random_below(bytes->len);
        len = (guint)random_below(MIN(bytes->len - at, 32u)) + 1;
        switch (random_below(6)) {
        case 0:
                bytes->data[at] = byte;
                break;
        case 1:
                bytes->data[at] ^= (uint8_t)(1u << random_below(8));
                break;
        case 2:
                cut(bytes, at, len);
                break;
        case 3:
                put_in(bytes, at, bytes->data + at, len);
                break;
        case 4:
                put_in(bytes, at, &byte, 1);
                break;
        default:
                g_byte_array_set_size(bytes, at);
        }
}

/* ---- main ------------------------------------------------------------------------------------------- */

#ifndef FUZZ_LIBFUZZER
static void run_made(uint64_t seed, uint64_t number, bool verbose)
{
        g_autoptr(GByteArray) input = g_byte_array_new();

        random_state = dm_mix2(seed, number);
        fuzz_make(input, number);
        if (verbose)
                fprintf(stderr, "input %" G_GUINT64_FORMAT ", %u bytes\n", number, input->len);
        LLVMFuzzerTestOneInput(input->data, input->len);
}

static void run_file(const char *path)
{
        g_autofree char *data = NULL;
        gsize size;

        CHECK(g_file_get_contents(path, &data, &size, NULL));
        LLVMFuzzerTestOneInput((uint8_t *)data, size);
}

int main(int argc, char **argv)
{
        gint64 seed = 1, runs = 1000, only = -1;
        gboolean verbose = FALSE;
        g_auto(GStrv) files = NULL;
        const GOptionEntry entries[] = {
                {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, NULL, NULL},
                {"runs", 0, 0, G_OPTION_ARG_INT64, &runs, NULL, NULL},
                {"only", 0, 0, G_OPTION_ARG_INT64, &only, NULL, NULL},
                {"verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, NULL, NULL},
                {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL},
                {0},
        };
        g_autoptr(GOptionContext) options = g_option_context_new("[FILE...]");

        g_option_context_add_main_entries(options, entries, NULL);
        if (!g_option_context_parse(options, &argc, &argv, NULL))
                return 2;
        for (char **file = files; file && *file; file++)
                run_file(*file);
        if (only >= 0)
                run_made((uint64_t)seed, (uint64_t)only, verbose);
        else
                for (gint64 i = 0; i < (gint64)rounds((unsigned)runs); i++)
                        run_made((uint64_t)seed, (uint64_t)i, verbose);
        fuzz_end();
        return 0;
}
#endif

#endif
