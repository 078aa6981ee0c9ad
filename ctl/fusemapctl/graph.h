/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands on what: mapped devices and their backings, as a graph. */
#ifndef FUSEMAPCTL_GRAPH_H
#define FUSEMAPCTL_GRAPH_H

#include "ctl.h"

typedef struct node {
        char *name;             /* of a mapped device, unmangled; "" for a backing */
        char *devno;            /* MAJOR:MINOR of a mapped device, the path of a backing */
        char *blkdevname;       /* dm-MINOR, or the path's last part */
        const DeviceInfo *info; /* NULL for a backing */
        GPtrArray *uses;        /* of Node, as deps prints them: the last used first */
        GPtrArray *used_by;     /* of Node, in the order of the list */
} Node;

typedef struct graph {
        GPtrArray *nodes;  /* of Node, in the order in which they were met */
        GHashTable *index; /* key: see graph_add(); value: Node */
} Graph;

Graph *graph_new(void);
void graph_free(Graph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Graph, graph_free)

/* The node of the mapped device INFO (which must outlive the graph), made if it isn't there. */
Node *graph_device(Graph *graph, const DeviceInfo *info);
/* The node of the backing PATH. */
Node *graph_backing(Graph *graph, const char *path);
/* UPPER stands on LOWER. */
void graph_link(Node *upper, Node *lower);

/* What the daemon says of all devices in LIST, which must outlive the graph.  NULL: an error has
 * been said. */
Graph *graph_fetch(struct ctl *ctl, GPtrArray *list);

#endif
