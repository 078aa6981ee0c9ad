/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "tree.h"

/* top stands on mid and /b, mid on low, low on /a; other stands on nothing. */
static DeviceInfo low, mid, top, other;

static void name(DeviceInfo *info, const char *text, uint32_t minor)
{
        *info = (DeviceInfo){
                .name = g_strdup(text), .uuid = g_strdup(""), .major = 253, .minor = minor};
}

static void stand_on(Graph *graph, const DeviceInfo *upper, Node *lower)
{
        graph_link(graph_device(graph, upper), lower);
}

static Graph *stack(void)
{
        Graph *graph = graph_new();

        name(&low, "low", 0);
        name(&mid, "mid", 1);
        name(&top, "top", 2);
        name(&other, "other", 3);
        mid.opens = 1;
        low.flags = INFO_SUSPENDED | INFO_READONLY;
        stand_on(graph, &low, graph_backing(graph, "/a"));
        stand_on(graph, &mid, graph_device(graph, &low));
        graph_device(graph, &other);
        stand_on(graph, &top, graph_backing(graph, "/b"));
        stand_on(graph, &top, graph_device(graph, &mid));
        return graph;
}

static void unstack(Graph *graph)
{
        DeviceInfo *all[] = {&low, &mid, &top, &other};

        graph_free(graph);
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                g_free(all[i]->name);
                g_free(all[i]->uuid);
        }
}

static void check(const char *options, unsigned width, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        Graph *graph = stack();
        struct tree_style style;

        cr_assert(tree_style_parse(options, &style));
        if (width)
                style.width = width;
        tree_draw(graph, &style, out);
        cr_expect_str_eq(out->str, expected);
        unstack(graph);
}

Test(tree, draws_what_stands_on_what)
{
        check("ascii", 0,
              "other (253:3)\n"
              "top (253:2)\n"
              " |- (/b)\n"
              " `-mid (253:1)\n"
              "    `-low (253:0)\n"
              "       `- (/a)\n");
}

Test(tree, draws_upside_down)
{
        check("ascii,inverted", 0,
              " (/a)\n"
              " `-low (253:0)\n"
              "    `-mid (253:1)\n"
              "       `-top (253:2)\n"
              "other (253:3)\n"
              " (/b)\n"
              " `-top (253:2)\n");
}

Test(tree, draws_compactly)
{
        check("ascii,compact", 0,
              "other (253:3)\n"
              "top (253:2)-+- (/b)\n"
              "            `-mid (253:1)---low (253:0)--- (/a)\n");
}

Test(tree, leaves_out_backings_without_numbers)
{
        check("ascii,nodevice", 0, "other\ntop\n `-mid\n    `-low\n");
        check("ascii,nodevice,compact", 0, "other\ntop---mid---low\n");
        check("ascii,nodevice,blkdevname", 0,
              "other <dm-3>\ntop <dm-2>\n |- <b>\n `-mid <dm-1>\n    `-low <dm-0>\n       `- "
              "<a>\n");
}

Test(tree, shows_attributes)
{
        check("utf,nodevice,active,rw,open,uuid", 0,
              "other [ACTIVE, RW, 0, ]\n"
              "top [ACTIVE, RW, 0, ]\n"
              " └─mid [ACTIVE, RW, 1, ]\n"
              "    └─low [SUSPENDED, RO, 0, ]\n");
}

Test(tree, cuts_long_lines_off)
{
        check("ascii", 11,
              "other (253...\n"
              "top (253:2)\n"
              " |- (/b)\n"
              " `-mid (25...\n"
              "    `-low ...\n"
              "       `- ...\n");
        check("ascii,notrunc,nodevice", 3, "other\ntop\n `-mid\n    `-low\n");
}

Test(tree, refuses_unknown_options)
{
        struct tree_style style;

        cr_expect(!tree_style_parse("ascii,bogus", &style));
}

Test(tree, writes_a_graph)
{
        g_autoptr(GString) out = g_string_new(NULL);
        Graph *graph = graph_new();

        name(&low, "l\"w", 0);
        graph_device(graph, &low);
        stand_on(graph, &low, graph_backing(graph, "/a"));
        tree_draw_dot(graph, out);
        cr_expect_str_eq(out->str, "digraph devices {\n"
                                   "  \"253:0\" [shape=box,label=\"l\\\"w\"];\n"
                                   "  \"/a\" [shape=ellipse,label=\"/a\"];\n"
                                   "  \"253:0\" -> \"/a\";\n"
                                   "}\n");
        graph_free(graph);
        g_free(low.name);
        g_free(low.uuid);
}
