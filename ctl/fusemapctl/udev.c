/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands about udev's cookies: there is no udev, so nothing ever waits for one. */
#include <inttypes.h>
#include <stdio.h>

#include "base/parse.h"
#include "ctl.h"
#include "say.h"

#define COOKIE_MAGIC 0x0D4Du /* the upper half of a cookie's key */
#define FLAGS_SHIFT 16

bool verb_mknodes(struct ctl *ctl, int argc, char **argv)
{
        return true;
}

/* Prints none where the user says that there is no udev. */
bool verb_udevcreatecookie(struct ctl *ctl, int argc, char **argv)
{
        uint32_t cookie = COOKIE_MAGIC << FLAGS_SHIFT | (uint32_t)g_random_int_range(1, 0x10000);

        if (!ctl_given(ctl, OPT_NOUDEVSYNC) && !g_getenv("DM_DISABLE_UDEV"))
                printf("0x%08" PRIX32 "\n", cookie);
        return true;
}

bool verb_udevreleasecookie(struct ctl *ctl, int argc, char **argv)
{
        const char *cookie = argc                             ? argv[0]
                             : ctl_given(ctl, OPT_UDEVCOOKIE) ? ctl->opt->text[OPT_UDEVCOOKIE]
                                                              : g_getenv("DM_UDEV_COOKIE");

        if (!cookie || !*cookie) {
                say_error("No udev transaction cookie given.");
                return false;
        }
        return say_check_cookie(cookie);
}

static void print_flag(unsigned bit)
{
        static const char *const names[] = {"DISABLE_DM_RULES",   "DISABLE_SUBSYSTEM_RULES",
                                            "DISABLE_DISK_RULES", "DISABLE_OTHER_RULES",
                                            "LOW_PRIORITY",       "DISABLE_LIBRARY_FALLBACK",
                                            "PRIMARY_SOURCE"};

        if (bit < G_N_ELEMENTS(names))
                printf("DM_UDEV_%s_FLAG='1'\n", names[bit]);
        else if (bit < 8)
                printf("DM_UDEV_FLAG%u='1'\n", bit);
        else
                printf("DM_SUBSYSTEM_UDEV_FLAG%u='1'\n", bit - 8);
}

bool verb_udevflags(struct ctl *ctl, int argc, char **argv)
{
        uint32_t cookie = say_check_cookie(argv[0]);

        for (unsigned bit = 0; bit < FLAGS_SHIFT; bit++)
                if (cookie >> FLAGS_SHIFT & 1u << bit)
                        print_flag(bit);
        return cookie;
}

bool verb_udevcomplete(struct ctl *ctl, int argc, char **argv)
{
        uint32_t cookie = say_check_cookie(argv[0]);

        if (cookie)
                printf("DM_COOKIE_COMPLETED=0x%-10" PRIx32 "\n", cookie);
        return cookie;
}

bool verb_udevcomplete_all(struct ctl *ctl, int argc, char **argv)
{
        if (argc && !dm_parse_u64(argv[0], &(uint64_t){0})) {
                say_error("Failed to read age_in_minutes parameter.");
                return false;
        }
        printf("0 semaphores with keys prefixed by %u (0x%x) destroyed. 0 skipped.\n", COOKIE_MAGIC,
               COOKIE_MAGIC);
        return true;
}

bool verb_udevcookies(struct ctl *ctl, int argc, char **argv)
{
        puts("Cookie       Semid      Value      Last semop time           Last change time");
        return true;
}
