/* SPDX-License-Identifier: BSD-3-Clause */
/* message, setgeometry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "device.h"
#include "say.h"

static bool take_sector(const char *text, uint64_t *sector)
{
        char *end;

        errno = 0;
        *sector = strtoull(text, &end, 10);
        if (!errno && !*end && end != text)
                return true;
        say_error("Invalid sector.");
        return false;
}

static void print_reply(const char *reply)
{
        fputs(reply, stdout);
        if (*reply && !g_str_has_suffix(reply, "\n"))
                putchar('\n');
}

/* The device's name is the first argument, unless an option says which. */
static bool take_device(struct ctl *ctl, Device *device, char ***argv)
{
        return device_init(ctl, device, ctl_named_by_option(ctl) ? NULL : *(*argv)++);
}

bool verb_message(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *text = NULL;
        g_auto(Device) device = {0};
        const char *answer;
        gboolean has_answer;
        uint64_t sector;

        if (!take_device(ctl, &device, &argv) || !take_sector(*argv++, &sector))
                return false;
        if (!*argv)
                say_error("No message supplied."); /* it is sent all the same, and refused */
        text = g_strjoinv(" ", argv);
        if (!client_can_carry(text)) {
                say_own("the message is not valid UTF-8");
                return false;
        }
        reply = client_call(ctl->client, "Message",
                            g_variant_new("(sts)", device.wire, sector, text), "(bs)", &error);
        if (!reply)
                return device_failed(&device, "message", error);
        g_variant_get(reply, "(b&s)", &has_answer, &answer);
        if (has_answer)
                print_reply(answer);
        return true;
}

/* A file has no geometry; what the kernel would refuse is refused. */
bool verb_setgeometry(struct ctl *ctl, int argc, char **argv)
{
        static const uint64_t limits[] = {65535, 255, 255, UINT32_MAX};
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};
        uint64_t n[G_N_ELEMENTS(limits)];
        bool valid = true;

        if (!take_device(ctl, &device, &argv) || !device_info(ctl, &device, &info))
                return false;
        if (!info)
                return device_failed_errno(&device, "setgeometry", ENXIO);
        for (unsigned i = 0; valid && i < G_N_ELEMENTS(limits); i++)
                valid = argv[i] && dm_parse_u64(argv[i], &n[i]) && n[i] <= limits[i];
        if (!valid || n[3] > n[0] * n[1] * n[2])
                return device_failed_errno(&device, "setgeometry", EINVAL);
        return true;
}
