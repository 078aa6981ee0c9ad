/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables and what they stand on, of one device or of many. */
#include "ctl/methods/methods.h"

/* How the table or the dependencies of one device, NULL for none, become a value of TYPE. */
struct lister {
        const char *type;
        GVariant *(*list)(struct mapped_device *md, unsigned flags);
};

static void append_line(GString *out, const struct dm_target_text *t)
{
        size_t at;

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s ", t->start,
                               t->length, t->type);
        at = out->len;
        g_string_append(out, t->text);
        g_strdelimit(out->str + at, "\n", ' '); /* names may have such */
        g_string_append_c(out, '\n');
}

/* One text: a value for each target is ten times as slow to make, send and read, and a table may have a
 * million. */
static GVariant *list_targets(struct mapped_device *md, unsigned flags)
{
        g_autoptr(GArray) targets = md ? dm_table_text(md, flags) : NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; targets && i < targets->len; i++)
                append_line(text, &g_array_index(targets, struct dm_target_text, i));
        return ctl_utf8(text->str);
}

static GVariant *list_deps(struct mapped_device *md, unsigned flags)
{
        g_autoptr(GArray) deps = md ? dm_table_deps(md, flags) : NULL;
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(suub)"));
        for (unsigned i = 0; deps && i < deps->len; i++) {
                struct dm_dep *dep = &g_array_index(deps, struct dm_dep, i);

                g_variant_builder_add(&builder, "(@suub)", ctl_utf8(dep->path), dep->major, dep->minor,
                                      dep->mapped);
        }
        return g_variant_builder_end(&builder);
}

static const struct lister targets_lister = {"s", list_targets};
static const struct lister deps_lister = {"a(suub)", list_deps};

static bool read_text_flags(GVariant *options, unsigned *flags, GError **error)
{
        bool inactive = false, status = false, measure = false, noflush = false;
        const struct ctl_key keys[] = {
                {"inactive", 'b', &inactive},
                {"status", 'b', &status},
                {"measure", 'b', &measure},
                {"noflush", 'b', &noflush},
        };

        if (!CTL_READ_DICT(options, keys, error))
                return false;
        *flags = (inactive ? DM_TEXT_INACTIVE : 0) | (status ? DM_TEXT_STATUS : 0) |
                 (measure ? DM_TEXT_MEASURE : 0) | (noflush ? DM_TEXT_NOFLUSH : 0);
        return true;
}

static GVariant *list_one(struct ctl_call *call, const struct lister *lister, GError **error)
{
        g_autoptr(GVariant) options = ctl_argument(call, 1);
        GVariant *list;
        unsigned flags;

        if (!read_text_flags(options, &flags, error))
                return NULL;
        list = lister->list(call->md, flags);
        return g_variant_new_tuple(&list, 1);
}

static void add_listed(GVariantBuilder *builder, const char *name, struct mapped_device *md,
                       const struct lister *lister, unsigned flags)
{
        g_variant_builder_add(builder, "(ss@*)", name, md ? "" : "ENXIO", lister->list(md, flags));
}

static void list_all(GVariantBuilder *builder, const struct lister *lister, unsigned flags)
{
        g_autoptr(GPtrArray) devices = dm_list();

        for (unsigned i = 0; i < devices->len; i++) {
                struct dm_info info;

                dm_get_info(devices->pdata[i], &info);
                add_listed(builder, info.name, devices->pdata[i], lister, flags);
                dm_info_clear(&info);
        }
}

static GVariant *list_many(struct ctl_call *call, const struct lister *lister, GError **error)
{
        g_autoptr(GVariant) names = ctl_argument(call, 0);
        g_autoptr(GVariant) options = ctl_argument(call, 1);
        g_autofree char *type = g_strdup_printf("a(ss%s)", lister->type);
        GVariantBuilder builder;
        GVariantIter iter;
        const char *name;
        GVariant *list;
        unsigned flags;

        if (!read_text_flags(options, &flags, error))
                return NULL;
        g_variant_builder_init(&builder, G_VARIANT_TYPE(type));
        if (!g_variant_n_children(names))
                list_all(&builder, lister, flags);
        g_variant_iter_init(&iter, names);
        while (g_variant_iter_next(&iter, "&s", &name)) {
                struct mapped_device *md = ctl_find(name, NULL);

                add_listed(&builder, name, md, lister, flags);
                if (md)
                        dm_put(md);
        }
        list = g_variant_builder_end(&builder);
        return g_variant_new_tuple(&list, 1);
}

GVariant *ctl_method_table(struct ctl_call *call, GError **error)
{
        return list_one(call, &targets_lister, error);
}

GVariant *ctl_method_table_many(struct ctl_call *call, GError **error)
{
        return list_many(call, &targets_lister, error);
}

GVariant *ctl_method_deps(struct ctl_call *call, GError **error)
{
        return list_one(call, &deps_lister, error);
}

GVariant *ctl_method_deps_many(struct ctl_call *call, GError **error)
{
        return list_many(call, &deps_lister, error);
}
