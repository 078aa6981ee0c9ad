/* SPDX-License-Identifier: BSD-3-Clause */
/* ls, in all its forms. */
#include <inttypes.h>
#include <stdio.h>

#include "deps.h"
#include "graph.h"
#include "say.h"
#include "tables.h"
#include "tree.h"

static bool list_tree(struct ctl *ctl)
{
        g_autoptr(GPtrArray) list = ctl_list(ctl, ctl_given(ctl, OPT_DOT));
        g_autoptr(Graph) graph = list ? graph_fetch(ctl, list) : NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        struct tree_style style;

        if (!graph || !tree_style_parse(ctl->opt->text[OPT_OPTIONS], &style))
                return false;
        if (ctl_given(ctl, OPT_DOT))
                tree_draw_dot(graph, out);
        else
                tree_draw(graph, &style, out);
        fputs(out->str, stdout);
        return true;
}

static void print_name(const DeviceInfo *info, enum devname devname)
{
        if (devname == DEVNAME_MAP && info_has_node(info))
                printf("%s\t(%s)\n", info->name, info->name);
        else if (devname == DEVNAME_BLK && info_has_node(info))
                printf("%s\t(dm-%" PRIu32 ")\n", info->name, info->minor);
        else
                printf("%s\t(%" PRIu32 ":%" PRIu32 ")\n", info->name, info->major, info->minor);
}

static void add_json(struct json *json, const DeviceInfo *info)
{
        json_begin_object(json, NULL);
        json_string(json, "name", info->name);
        json_string(json, "uuid", info->uuid);
        json_number(json, "major", info->major);
        json_number(json, "minor", info->minor);
        json_end_object(json);
}

static bool list_names(struct ctl *ctl)
{
        g_autoptr(GPtrArray) list = ctl_list(ctl, false);
        enum devname devname;

        deps_parse_options(ctl->opt->text[OPT_OPTIONS], &devname); /* checked by main() */
        for (unsigned i = 0; list && i < list->len; i++)
                if (ctl->json)
                        add_json(ctl->json, list->pdata[i]);
                else
                        print_name(list->pdata[i], devname);
        return list;
}

bool verb_ls(struct ctl *ctl, int argc, char **argv)
{
        if (ctl_given(ctl, OPT_TARGET) || ctl_given(ctl, OPT_EXEC))
                return tables_show_all(ctl, TABLES_LS);
        if (ctl_given(ctl, OPT_TREE) || ctl_given(ctl, OPT_DOT))
                return list_tree(ctl);
        return list_names(ctl);
}
