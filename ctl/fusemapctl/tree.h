/* SPDX-License-Identifier: BSD-3-Clause */
/* Drawing a graph of devices as text. */
#ifndef FUSEMAPCTL_TREE_H
#define FUSEMAPCTL_TREE_H

#include "graph.h"

enum tree_symbols { TREE_ASCII, TREE_UTF, TREE_VT100 };

struct tree_style {
        enum tree_symbols symbols;
        bool device, blkdevname;     /* print numbers, names of block devices */
        bool active, open, rw, uuid; /* attributes */
        bool compact, inverted, truncate;
        unsigned width; /* columns, for TRUNCATE */
};

/* dmsetup's defaults, and the words of -o.  False: it has been said what is wrong. */
bool tree_style_parse(const char *options, struct tree_style *ret_style);

/* Appends the picture. */
void tree_draw(const Graph *graph, const struct tree_style *style, GString *out);

/* The same as a graph for Graphviz. */
void tree_draw_dot(const Graph *graph, GString *out);

#endif
