/* SPDX-License-Identifier: BSD-3-Clause */
#include "deps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "say.h"

static void dep_free(gpointer data)
{
        struct dep *dep = data;

        g_free(dep->path);
        g_free(dep);
}

GPtrArray *deps_parse(GVariant *array)
{
        GPtrArray *deps = g_ptr_array_new_with_free_func(dep_free);

        for (gsize i = g_variant_n_children(array); i > 0; i--) {
                struct dep *dep = g_new0(struct dep, 1);
                gboolean is_mapped;

                g_variant_get_child(array, i - 1, "(suub)", &dep->path, &dep->major, &dep->minor,
                                    &is_mapped);
                dep->is_mapped = is_mapped;
                g_ptr_array_add(deps, dep);
        }
        return deps;
}

bool deps_parse_options(const char *text, enum devname *ret_devname)
{
        static const struct {
                const char *name;
                enum devname devname;
        } known[] = {
                {"devno", DEVNAME_DEVNO}, {"blkdevname", DEVNAME_BLK}, {"devname", DEVNAME_MAP}};

        *ret_devname = DEVNAME_DEVNO;
        while (text && *text) {
                size_t length = strcspn(text, ",");
                unsigned i;

                /* dmsetup takes what a word begins with */
                for (i = 0; i < G_N_ELEMENTS(known); i++)
                        if (!strncmp(text, known[i].name, length))
                                break;
                if (i == G_N_ELEMENTS(known)) {
                        say_error("Option not recognised: %s.", text);
                        return false;
                }
                *ret_devname = known[i].devname;
                text += length + (text[length] == ',');
        }
        return true;
}

/* A number tells nobody which file is meant, so a path stands where the kernel has a device number.
 */
char *dep_text(const struct dep *dep, enum devname devname)
{
        if (devname == DEVNAME_DEVNO)
                return g_strdup(dep->path);
        if (devname == DEVNAME_BLK && dep->is_mapped)
                return g_strdup_printf("dm-%" PRIu32, dep->minor);
        return g_path_get_basename(dep->path);
}

static void print_deps(struct ctl *ctl, const char *name, const GPtrArray *deps)
{
        enum devname devname;

        deps_parse_options(ctl->opt->text[OPT_OPTIONS], &devname); /* checked by main() */
        if (ctl->many && !ctl_given(ctl, OPT_VERBOSE))
                printf("%s: ", name);
        printf("%u dependencies\t:", deps->len);
        for (unsigned i = 0; i < deps->len; i++) {
                g_autofree char *text = dep_text(deps->pdata[i], devname);

                printf(" (%s)", text);
        }
        putchar('\n');
        if (ctl->many && ctl_given(ctl, OPT_VERBOSE))
                putchar('\n');
}

static GVariant *options(struct ctl *ctl)
{
        return ctl_flags("inactive", ctl_given(ctl, OPT_INACTIVE), NULL);
}

GPtrArray *deps_fetch(struct ctl *ctl, const Device *device)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) array = NULL;
        g_autoptr(GVariant) reply = client_call(
                ctl->client, "Deps", g_variant_new("(s@a{sv})", device->wire, options(ctl)),
                "(a(suub))", &error);

        if (!reply) {
                device_failed(device, "deps", error);
                return NULL;
        }
        array = g_variant_get_child_value(reply, 0);
        return deps_parse(array);
}

static bool show_one(struct ctl *ctl, const char *name)
{
        g_auto(Device) device = {0};
        g_autoptr(GPtrArray) deps = NULL;

        if (!device_init(ctl, &device, name))
                return false;
        deps = deps_fetch(ctl, &device);
        if (!deps || !device_show_if_verbose(ctl, &device))
                return false;
        print_deps(ctl, name, deps);
        return true;
}

struct all {
        struct ctl *ctl;
        bool ok;
};

static void show_listed(const DeviceInfo *info, GVariant *array, int number, void *user)
{
        struct all *all = user;
        Device device = {.name = info->wire_name};
        g_autoptr(GPtrArray) deps = NULL;

        if (number) {
                all->ok = device_failed_errno(&device, "deps", number);
                return;
        }
        if (ctl_given(all->ctl, OPT_VERBOSE))
                info_print(info, ctl_given(all->ctl, OPT_INACTIVE));
        deps = deps_parse(array);
        print_deps(all->ctl, info->name, deps);
}

bool verb_deps(struct ctl *ctl, int argc, char **argv)
{
        struct all all = {.ctl = ctl, .ok = true};
        g_autoptr(GPtrArray) list = NULL;

        if (argc || ctl_named_by_option(ctl))
                return show_one(ctl, argc ? argv[0] : NULL);
        list = ctl_list(ctl, false);
        return list &&
               ctl_call_many(ctl, "DepsMany", DEPS_MANY_TYPE, list, options(ctl), show_listed,
                             &all) &&
               all.ok;
}
