/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into the daemon where no sanitizer watches it: a crash says where it happened, for a core is
 * rarely kept where tests run.  addr2line -e PROGRAM +OFFSET names the lines.
 */
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 64

static void say(const char *text)
{
        if (write(STDERR_FILENO, text, strlen(text)) < 0)
                return;
}

/* SA_RESETHAND: the signal comes again on return, and ends the program as it would have. */
static void on_crash(int signal, siginfo_t *info, void *context)
{
        void *frames[DEPTH];

        say(signal == SIGABRT ? "CRASHED (abort):\n" : "CRASHED:\n");
        backtrace_symbols_fd(frames, backtrace(frames, DEPTH), STDERR_FILENO);
        if (info->si_code <= 0)
                raise(signal); /* sent, not caused: it would not come again */
}

static __attribute__((constructor)) void watch(void)
{
        static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
        struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_RESETHAND};
        void *frame;

        backtrace(&frame, 1); /* loads what it needs, which the handler could not */
        for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                sigaction(signals[i], &action, NULL);
}
