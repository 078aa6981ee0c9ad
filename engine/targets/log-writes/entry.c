/* SPDX-License-Identifier: BSD-3-Clause */
/* What is logged, and the form that it has in the log. */
#include "log-writes.h"

#include <string.h>

#define MAGIC 0x6a736677736872u
#define VERSION 1u

void lw_queue_init(struct queue *q)
{
        q->first = NULL;
        q->last = &q->first;
}

void lw_queue_push(struct queue *q, struct entry *entry)
{
        entry->next = NULL;
        *q->last = entry;
        q->last = &entry->next;
}

struct entry *lw_queue_pop(struct queue *q)
{
        struct entry *entry = q->first;

        if (entry) {
                q->first = entry->next;
                if (!q->first)
                        q->last = &q->first;
        }
        return entry;
}

void lw_queue_move(struct queue *to, struct queue *from)
{
        if (!from->first)
                return;
        *to->last = from->first;
        to->last = from->last;
        lw_queue_init(from);
}

void lw_queue_free(struct queue *q)
{
        for (struct entry *entry; (entry = lw_queue_pop(q));)
                g_free(entry);
}

struct entry *lw_entry_new(uint64_t sector, uint64_t sectors, uint64_t flags, uint64_t data_len)
{
        struct entry *entry = g_try_malloc(sizeof(*entry) + DM_SECTOR_SIZE + data_len);

        if (!entry)
                return NULL;
        *entry = (struct entry){
                .flags = flags, .sectors = sectors, .len = DM_SECTOR_SIZE + data_len};
        entry->image[0] = (struct entry_sector){
                .sector = GUINT64_TO_LE(sector),
                .sectors = GUINT64_TO_LE(sectors),
                .flags = GUINT64_TO_LE(flags),
        };
        return entry;
}

struct entry *lw_mark_new(const char *text)
{
        struct entry *entry = lw_entry_new(0, 0, LOG_MARK, 0);
        /* as in the kernel, a longer one is cut off */
        size_t len = MIN(strlen(text), sizeof(entry->image->mark) - 1);

        if (!entry)
                return NULL;
        entry->image->mark_len = GUINT64_TO_LE(len);
        memcpy(entry->image->mark, text, len);
        return entry;
}

char *lw_entry_data(struct entry *entry)
{
        return (char *)(entry->image + 1);
}

void lw_fill_super(struct super_sector *super, uint64_t entries)
{
        *super = (struct super_sector){
                .magic = GUINT64_TO_LE(MAGIC),
                .version = GUINT64_TO_LE(VERSION),
                .entries = GUINT64_TO_LE(entries),
                .sector_size = GUINT32_TO_LE(DM_SECTOR_SIZE),
        };
}
