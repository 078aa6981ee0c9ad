/* SPDX-License-Identifier: BSD-3-Clause */
/* What has befallen requests: counts, and the latest faults. */
#include "chaos.h"

#include <string.h>

void chaos_note(struct chaos *c, enum chaos_kind kind, const struct dm_bio *bio, uint64_t what)
{
        DM_LOCK_SCOPE(&c->lock);
        c->counts[kind]++;
        c->trace[c->last_number % CHAOS_TRACE_MAX] = (struct chaos_fault){
                .number = c->last_number + 1,
                .kind = kind,
                .op = bio->op,
                .offset = bio->offset,
                .len = bio->len,
                .detail = what,
        };
        c->last_number++;
}

static const char *op_name(enum dm_op op)
{
        static const char *const names[] = {
                [DM_OP_READ] = "read",       [DM_OP_WRITE] = "write",
                [DM_OP_FLUSH] = "flush",     [DM_OP_DISCARD] = "discard",
                [DM_OP_WRITE_ZEROES] = "write_zeroes",
        };

        return names[op];
}

/* A fault's line: NUMBER KIND OP OFFSET LENGTH, and what is particular to the kind. */
static void append_fault(GString *out, const struct chaos_fault *f)
{
        static const char *const details[KINDS] = {
                [CORRUPT] = " byte ",
                [DELAY] = " ms ",
                [TORN] = " kept ",
                [MISDIRECT] = " to ",
        };

        g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s %s %" G_GUINT64_FORMAT
                               " %" G_GUINT64_FORMAT, f->number, chaos_kind_names[f->kind],
                               op_name(f->op), f->offset, f->len);
        if (details[f->kind])
                g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, details[f->kind], f->detail);
        g_string_append_c(out, '\n');
}

char *chaos_show_trace(struct chaos *c)
{
        GString *out = g_string_new(NULL);

        DM_LOCK_SCOPE(&c->lock);
        for (uint64_t n = c->last_number > CHAOS_TRACE_MAX ? c->last_number - CHAOS_TRACE_MAX : 0;
             n < c->last_number; n++)
                append_fault(out, &c->trace[n % CHAOS_TRACE_MAX]);
        return g_string_free(out, FALSE);
}

void chaos_append_counts(GString *out, struct chaos *c)
{
        DM_LOCK_SCOPE(&c->lock);
        for (unsigned kind = 0; kind < KINDS; kind++)
                g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT, kind ? " " : "",
                                       chaos_kind_names[kind], c->counts[kind]);
}

void chaos_clear_trace(struct chaos *c)
{
        DM_LOCK_SCOPE(&c->lock);
        memset(c->counts, 0, sizeof(c->counts));
        c->last_number = 0;
}
