/* SPDX-License-Identifier: BSD-3-Clause */
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *program = "fusemapctl";
static bool explain_always;

void say_set_program(const char *argv0)
{
        program = argv0;
}

const char *say_program(void)
{
        return program;
}

static void say(const char *prefix, const char *format, va_list args)
{
        g_autofree char *text = g_strdup_vprintf(format, args);

        /* What was printed before comes before, where both go to one file. */
        fflush(stdout);
        fprintf(stderr, "%s%s%s\n", prefix, *prefix ? ": " : "", text);
}

void say_error(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        say("", format, args);
        va_end(args);
}

void say_own(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        say(program, format, args);
        va_end(args);
}

void say_explain_always(void)
{
        explain_always = true;
}

void say_explanation(const char *message)
{
        const char *wish = g_getenv("FUSEMAP_EXPLAIN");

        if (explain_always || isatty(STDERR_FILENO) || (wish && !g_strcmp0(wish, "1")))
                say_own("%s", message);
}

uint32_t say_check_cookie(const char *text)
{
        char *end;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 0);
        if (errno || !value || *end || value > UINT32_MAX) {
                say_error("Incorrect cookie value.");
                return 0;
        }
        return (uint32_t)value;
}
