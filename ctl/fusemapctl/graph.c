/* SPDX-License-Identifier: BSD-3-Clause */
#include "graph.h"

#include <inttypes.h>

#include "deps.h"

static void node_free(gpointer data)
{
        Node *node = data;

        g_free(node->name);
        g_free(node->devno);
        g_free(node->blkdevname);
        g_ptr_array_unref(node->uses);
        g_ptr_array_unref(node->used_by);
        g_free(node);
}

Graph *graph_new(void)
{
        Graph *graph = g_new0(Graph, 1);

        graph->nodes = g_ptr_array_new_with_free_func(node_free);
        graph->index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return graph;
}

void graph_free(Graph *graph)
{
        if (!graph)
                return;
        g_hash_table_unref(graph->index);
        g_ptr_array_unref(graph->nodes);
        g_free(graph);
}

/* KEY, which the index takes: a path, or the minor number of a mapped device, which no path looks
 * like. */
static Node *find_or_add(Graph *graph, char *key)
{
        Node *node = g_hash_table_lookup(graph->index, key);

        if (node) {
                g_free(key);
                return node;
        }
        node = g_new0(Node, 1);
        node->uses = g_ptr_array_new();
        node->used_by = g_ptr_array_new();
        g_hash_table_insert(graph->index, key, node);
        g_ptr_array_add(graph->nodes, node);
        return node;
}

Node *graph_device(Graph *graph, const DeviceInfo *info)
{
        Node *node = find_or_add(graph, g_strdup_printf("%" PRIu32, info->minor));

        if (!node->info) {
                node->info = info;
                node->name = g_strdup(info->name);
                node->devno = g_strdup_printf("%" PRIu32 ":%" PRIu32, info->major, info->minor);
                node->blkdevname = g_strdup_printf("dm-%" PRIu32, info->minor);
        }
        return node;
}

Node *graph_backing(Graph *graph, const char *path)
{
        Node *node = find_or_add(graph, g_strdup(path));

        if (!node->name) {
                node->name = g_strdup("");
                node->devno = g_strdup(path);
                node->blkdevname = g_path_get_basename(path);
        }
        return node;
}

void graph_link(Node *upper, Node *lower)
{
        g_ptr_array_add(upper->uses, lower);
        g_ptr_array_add(lower->used_by, upper);
}

/* ---- from the daemon ------------------------------------------------------------------------- */

struct fetch {
        Graph *graph;
        GHashTable *by_minor; /* value: DeviceInfo of the list */
};

static void add_deps(const DeviceInfo *info, GVariant *array, int number, void *user)
{
        const struct fetch *f = user;
        g_autoptr(GPtrArray) deps = NULL;
        Node *node;

        if (number)
                return; /* it went while we looked */
        node = graph_device(f->graph, info);
        deps = deps_parse(array);
        for (unsigned i = 0; i < deps->len; i++) {
                const struct dep *dep = deps->pdata[i];
                const DeviceInfo *lower =
                        dep->is_mapped
                                ? g_hash_table_lookup(f->by_minor, GUINT_TO_POINTER(dep->minor))
                                : NULL;

                graph_link(node, lower ? graph_device(f->graph, lower)
                                       : graph_backing(f->graph, dep->path));
        }
}

Graph *graph_fetch(struct ctl *ctl, GPtrArray *list)
{
        g_autoptr(Graph) graph = graph_new();
        g_autoptr(GHashTable) by_minor = g_hash_table_new(NULL, NULL);
        struct fetch f = {.graph = graph, .by_minor = by_minor};

        for (unsigned i = 0; i < list->len; i++) {
                DeviceInfo *info = list->pdata[i];

                g_hash_table_insert(by_minor, GUINT_TO_POINTER(info->minor), info);
        }
        if (!ctl_call_many(ctl, "DepsMany", DEPS_MANY_TYPE, list, ctl_no_flags(), add_deps, &f))
                return NULL;
        return g_steal_pointer(&graph);
}
