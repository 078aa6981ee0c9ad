/* SPDX-License-Identifier: BSD-3-Clause */
#include "tree.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "say.h"

#define WIDTH_UNLESS_TERMINAL 80
#define DEPTH_MAX 98 /* deeper branches are left out, as dmsetup does */

struct symbols {
        const char *nothing, *branch, *pass, *last; /* before a node on a line of its own */
        const char *alone, *first;                  /* before a node behind its parent */
};

static const struct symbols symbols_of[] = {
        [TREE_ASCII] = {"  ", "|-", "| ", "`-", "---", "-+-"},
        [TREE_UTF] = {"  ", "├─", "│ ", "└─", "───", "─┬─"},
        [TREE_VT100] = {"  ", "\033(0\017tq\033(B", "\033(0\017x\033(B ", "\033(0\017mq\033(B",
                        "\033(0\017qqq\033(B", "\033(0\017qwq\033(B"},
};

/* ---- options --------------------------------------------------------------------------------- */

static bool take_word(const char *word, size_t length, struct tree_style *s)
{
        const struct {
                const char *name;
                bool *flag;
                bool value;
        } flags[] = {
                {"device", &s->device, true},
                {"blkdevname", &s->blkdevname, true},
                {"nodevice", &s->device, false},
                {"active", &s->active, true},
                {"open", &s->open, true},
                {"uuid", &s->uuid, true},
                {"rw", &s->rw, true},
                {"inverted", &s->inverted, true},
                {"compact", &s->compact, true},
                {"notrunc", &s->truncate, false},
        };
        static const struct {
                const char *name;
                enum tree_symbols symbols;
        } sets[] = {{"utf", TREE_UTF}, {"vt100", TREE_VT100}, {"ascii", TREE_ASCII}};

        for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
                if (!strncmp(word, flags[i].name, length)) {
                        *flags[i].flag = flags[i].value;
                        return true;
                }
        for (unsigned i = 0; i < G_N_ELEMENTS(sets); i++)
                if (!strncmp(word, sets[i].name, length)) {
                        s->symbols = sets[i].symbols;
                        return true;
                }
        return false;
}

bool tree_style_parse(const char *options, struct tree_style *s)
{
        struct winsize size = {0};

        *s = (struct tree_style){.symbols = strcmp(nl_langinfo(CODESET), "UTF-8") ? TREE_ASCII
                                                                                  : TREE_UTF,
                                 .device = true,
                                 .truncate = true,
                                 .width = WIDTH_UNLESS_TERMINAL};
        while (options && *options) {
                size_t length = strcspn(options, ",");

                if (!take_word(options, length, s)) {
                        say_error("Tree options not recognised: %s.", options);
                        return false;
                }
                options += length + (options[length] == ',');
        }
        if (s->symbols != TREE_VT100 && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > 3)
                s->width = size.ws_col - 3;
        if (s->active || s->open || s->rw || s->uuid)
                s->compact = false;
        return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

struct level {
        unsigned indent; /* columns of the node's text that its children stand behind: compact only
                          */
        bool more;       /* the node has further siblings */
};

struct drawing {
        const struct tree_style *style;
        const struct symbols *symbols;
        GString *out;
        GString *line; /* the one that is being drawn */
        struct level levels[DEPTH_MAX];
};

static unsigned columns(const char *text)
{
        unsigned n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80; /* not the rest of a UTF-8 character */
        return n;
}

/* The bytes of the first N columns. */
static size_t prefix_bytes(const char *text, unsigned n)
{
        const char *p = text;

        for (; *p; p++)
                if (((unsigned char)*p & 0xc0) != 0x80 && n-- == 0)
                        break;
        return (size_t)(p - text);
}

static void end_line(struct drawing *d)
{
        if (d->style->truncate && columns(d->line->str) > d->style->width) {
                g_string_truncate(d->line, prefix_bytes(d->line->str, d->style->width - 1));
                g_string_append(d->line, "...");
        }
        g_string_append_printf(d->out, "%s\n", d->line->str);
        g_string_truncate(d->line, 0);
}

static void add_prefix(struct drawing *d, unsigned depth)
{
        for (unsigned i = 0; i < depth; i++) {
                bool is_own = i == depth - 1;

                g_string_append_printf(d->line, "%*s", (int)d->levels[i].indent + 1, "");
                if (is_own)
                        g_string_append(d->line, d->levels[depth].more ? d->symbols->branch
                                                                       : d->symbols->last);
                else
                        g_string_append(d->line, d->levels[i + 1].more ? d->symbols->pass
                                                                       : d->symbols->nothing);
        }
}

static void add_attributes(struct drawing *d, const DeviceInfo *info)
{
        const struct tree_style *s = d->style;
        const char *between = " [";

        if (s->active) {
                g_string_append_printf(d->line, "%s%s", between,
                                       info->flags & INFO_SUSPENDED ? "SUSPENDED" : "ACTIVE");
                between = ", ";
        }
        if (s->rw) {
                g_string_append_printf(d->line, "%s%s", between,
                                       info->flags & INFO_READONLY ? "RO" : "RW");
                between = ", ";
        }
        if (s->open) {
                g_string_append_printf(d->line, "%s%" PRIu32, between, info->opens);
                between = ", ";
        }
        if (s->uuid)
                g_string_append_printf(d->line, "%s%s", between, info->uuid);
        if (s->active || s->rw || s->open || s->uuid)
                g_string_append_c(d->line, ']');
}

static void add_node_text(struct drawing *d, const Node *node)
{
        g_string_append(d->line, node->name);
        if (d->style->blkdevname)
                g_string_append_printf(d->line, " <%s>", node->blkdevname);
        if (d->style->device)
                g_string_append_printf(d->line, " (%s)", node->devno);
        if (node->info)
                add_attributes(d, node->info);
}

/* ---- the walk -------------------------------------------------------------------------------- */

static GPtrArray *children_of(const struct drawing *d, const Node *node)
{
        return d->style->inverted ? node->used_by : node->uses;
}

/* A backing has no name to print. */
static bool is_shown(const struct drawing *d, const Node *node)
{
        return *node->name || d->style->device || d->style->blkdevname;
}

static void draw_node(struct drawing *d, const Node *node, unsigned depth, bool has_children)
{
        unsigned begin;

        if (d->line->len && d->style->compact) {
                begin = columns(d->line->str);
                g_string_append(d->line,
                                d->levels[depth].more ? d->symbols->first : d->symbols->alone);
        } else {
                add_prefix(d, depth);
                begin = columns(d->line->str);
        }
        add_node_text(d, node);
        if (d->style->compact)
                d->levels[depth].indent = columns(d->line->str) - begin;
        if (!d->style->compact || !has_children)
                end_line(d);
}

static void draw(struct drawing *d, const Node *node, unsigned depth, bool more)
{
        GPtrArray *children = children_of(d, node);

        if (depth >= DEPTH_MAX)
                return;
        d->levels[depth] = (struct level){.more = more};
        if (is_shown(d, node))
                draw_node(d, node, depth, children->len > 0);
        for (unsigned i = 0; i < children->len; i++)
                draw(d, children->pdata[i], depth + 1, i + 1 < children->len);
        if (is_shown(d, node) && d->line->len) /* compact, and no child was shown */
                end_line(d);
}

static bool is_root(const Node *node, bool inverted)
{
        return inverted ? !node->uses->len : node->info && !node->used_by->len;
}

void tree_draw(const Graph *graph, const struct tree_style *style, GString *out)
{
        g_autoptr(GString) line = g_string_new(NULL);
        g_autoptr(GPtrArray) roots = g_ptr_array_new();
        struct drawing d = {
                .style = style, .symbols = &symbols_of[style->symbols], .out = out, .line = line};

        for (unsigned i = 0; i < graph->nodes->len; i++)
                if (is_root(graph->nodes->pdata[i], style->inverted))
                        g_ptr_array_add(roots, graph->nodes->pdata[i]);
        for (unsigned i = 0; i < roots->len; i++)
                draw(&d, roots->pdata[i], 0, i + 1 < roots->len);
}

/* ---- dot ------------------------------------------------------------------------------------- */

static void add_dot_string(GString *out, const char *text)
{
        g_string_append_c(out, '"');
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *text);
        }
        g_string_append_c(out, '"');
}

static void add_dot_node(GString *out, const Node *node)
{
        g_string_append(out, "  ");
        add_dot_string(out, node->devno);
        g_string_append(out, node->info ? " [shape=box,label=" : " [shape=ellipse,label=");
        add_dot_string(out, *node->name ? node->name : node->devno);
        g_string_append(out, "];\n");
}

void tree_draw_dot(const Graph *graph, GString *out)
{
        g_string_append(out, "digraph devices {\n");
        for (unsigned i = 0; i < graph->nodes->len; i++)
                add_dot_node(out, graph->nodes->pdata[i]);
        for (unsigned i = 0; i < graph->nodes->len; i++) {
                const Node *node = graph->nodes->pdata[i];

                for (unsigned j = 0; j < node->uses->len; j++) {
                        g_string_append(out, "  ");
                        add_dot_string(out, node->devno);
                        g_string_append(out, " -> ");
                        add_dot_string(out, ((const Node *)node->uses->pdata[j])->devno);
                        g_string_append(out, ";\n");
                }
        }
        g_string_append(out, "}\n");
}
