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

GPtrArray *deps_parse(GVariant *reply)
{
        GPtrArray *deps = g_ptr_array_new_with_free_func(dep_free);
        g_autoptr(GVariant) array = g_variant_get_child_value(reply, 0);

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
static char *shown(const struct dep *dep, enum devname devname)
{
        if (devname == DEVNAME_DEVNO)
                return g_strdup(dep->path);
        if (devname == DEVNAME_BLK && dep->is_mapped)
                return g_strdup_printf("dm-%" PRIu32, dep->minor);
        return g_path_get_basename(dep->path);
}

static void print_deps(struct ctl *ctl, const char *name, GVariant *reply)
{
        g_autoptr(GPtrArray) deps = deps_parse(reply);
        enum devname devname;

        deps_parse_options(ctl->opt->text[OPT_OPTIONS], &devname); /* checked by main() */
        if (ctl->many && !ctl_given(ctl, OPT_VERBOSE))
                printf("%s: ", name);
        printf("%u dependencies\t:", deps->len);
        for (unsigned i = 0; i < deps->len; i++) {
                g_autofree char *text = shown(deps->pdata[i], devname);

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

static bool show_one(struct ctl *ctl, const char *name)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_auto(Device) device = {0};

        if (!device_init(ctl, &device, name))
                return false;
        reply = client_call(ctl->client, "Deps",
                            g_variant_new("(s@a{sv})", device.wire, options(ctl)), DEPS_TYPE,
                            &error);
        if (!reply)
                return device_failed(&device, "deps", error);
        if (!device_show_if_verbose(ctl, &device))
                return false;
        print_deps(ctl, name, reply);
        return true;
}

struct all {
        struct ctl *ctl;
        GPtrArray *list;
        bool ok;
};

static GVariant *make_deps(unsigned index, void *user)
{
        struct all *all = user;

        return g_variant_new("(s@a{sv})", ((const DeviceInfo *)all->list->pdata[index])->wire_name,
                             options(all->ctl));
}

static bool got_deps(unsigned index, GVariant *reply, const GError *error, void *user)
{
        struct all *all = user;
        const DeviceInfo *info = all->list->pdata[index];
        g_autoptr(GError) copy = error ? g_error_copy(error) : NULL;
        Device device = {.name = info->wire_name};

        if (!reply) {
                all->ok = device_failed(&device, "deps", copy);
                return client_errno(error);
        }
        if (ctl_given(all->ctl, OPT_VERBOSE))
                info_print(info, ctl_given(all->ctl, OPT_INACTIVE));
        print_deps(all->ctl, info->name, reply);
        return true;
}

bool verb_deps(struct ctl *ctl, int argc, char **argv)
{
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(GError) error = NULL;
        struct all all = {.ctl = ctl, .ok = true};

        if (argc || ctl_named_by_option(ctl))
                return show_one(ctl, argc ? argv[0] : NULL);
        all.list = list = ctl_list(ctl, false);
        if (!list)
                return false;
        if (!client_call_many(ctl->client, "Deps", DEPS_TYPE, list->len, make_deps, got_deps, &all,
                              &error))
                return ctl_fail(error);
        return all.ok;
}
