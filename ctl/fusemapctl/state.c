/* SPDX-License-Identifier: BSD-3-Clause */
/* load, clear, suspend, resume, wait. */
#include "base/parse.h"
#include "create.h"
#include "device.h"
#include "say.h"

bool verb_load(struct ctl *ctl, int argc, char **argv)
{
        bool named_by_option = ctl_named_by_option(ctl);
        const char *name = !named_by_option && argc ? argv[0] : NULL;
        g_autofree char *table = NULL;
        g_auto(Device) device = {0};

        if (ctl_given(ctl, OPT_NOTABLE)) {
                say_error("--notable only available when creating new device.");
                return false;
        }
        if (!named_by_option && !name) {
                say_error("Please specify device.");
                return false;
        }
        if (named_by_option && argc > 1) {
                say_error("Too many command line arguments.");
                return false;
        }
        if (name) {
                argc--;
                argv++;
        }
        if (!device_init(ctl, &device, name))
                return false;
        table = create_read_table(ctl, argc ? argv[0] : NULL);
        if (!table)
                return false;
        return device_load(ctl, &device, table, ctl_given(ctl, OPT_READONLY)) &&
               device_show_if_verbose(ctl, &device);
}

bool verb_clear(struct ctl *ctl, int argc, char **argv)
{
        g_auto(Device) device = {0};

        return device_init(ctl, &device, argc ? argv[0] : NULL) &&
               device_call(ctl, &device, "Clear", NULL, "clear") &&
               device_show_if_verbose(ctl, &device);
}

static bool suspend_or_resume(struct ctl *ctl, const char *name, const char *method,
                              const char *ioctl)
{
        g_auto(Device) device = {0};

        return device_init(ctl, &device, name) &&
               device_call(ctl, &device, method,
                           ctl_flags("noflush", ctl_given(ctl, OPT_NOFLUSH), "nolockfs",
                                     ctl_given(ctl, OPT_NOLOCKFS), NULL),
                           ioctl) &&
               device_show_if_verbose(ctl, &device);
}

bool verb_suspend(struct ctl *ctl, int argc, char **argv)
{
        return suspend_or_resume(ctl, argc ? argv[0] : NULL, "Suspend", "suspend");
}

bool verb_resume(struct ctl *ctl, int argc, char **argv)
{
        return suspend_or_resume(ctl, argc ? argv[0] : NULL, "Resume", "resume");
}

bool verb_wait(struct ctl *ctl, int argc, char **argv)
{
        const char *name = NULL;
        uint64_t event = 0;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(DeviceInfo) info = NULL;
        g_auto(Device) device = {0};

        if (!ctl_named_by_option(ctl) && argc) {
                name = argv[0];
                argc--;
                argv++;
        }
        if (!device_init(ctl, &device, name))
                return false;
        if (argc && (!dm_parse_u64(argv[argc - 1], &event) || event > UINT32_MAX)) {
                say_error("Invalid event number '%s'.", argv[argc - 1]);
                return false;
        }
        reply = client_call(ctl->client, "WaitEvent",
                            g_variant_new("(su)", device.wire, (guint32)event), "(u)", &error);
        if (!reply)
                return device_failed(&device, "waitevent", error);
        /* The device may have gone, which is an end of the wait too. */
        if (ctl_given(ctl, OPT_VERBOSE) && device_info(ctl, &device, &info) && info)
                info_print(info, ctl_given(ctl, OPT_INACTIVE));
        return true;
}
