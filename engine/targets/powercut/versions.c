/* SPDX-License-Identifier: BSD-3-Clause */
#include "versions.h"

#include "dm-target.h"

#define PAGE_SECTORS 64u

struct page {
        uint64_t number;
        unsigned used;
        uint32_t round[PAGE_SECTORS]; /* the selection that last chose the sector */
        struct dm_version *newest[PAGE_SECTORS];
};

/* ---- pages ------------------------------------------------------------------------------------ */

void dm_versions_init(struct dm_versions *vs)
{
        *vs = (struct dm_versions){0};
        vs->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

void dm_versions_clear(struct dm_versions *vs)
{
        for (struct dm_write *write = vs->oldest, *next; write; write = next) {
                next = write->next;
                g_free(write);
        }
        g_hash_table_remove_all(vs->pages);
        vs->oldest = vs->newest = NULL;
        vs->bytes = vs->sectors = 0;
}

void dm_versions_done(struct dm_versions *vs)
{
        if (!vs->pages)
                return;
        dm_versions_clear(vs);
        g_clear_pointer(&vs->pages, g_hash_table_unref);
}

static struct page *find_page(const struct dm_versions *vs, uint64_t sector)
{
        uint64_t number = sector / PAGE_SECTORS;

        return g_hash_table_lookup(vs->pages, &number);
}

static struct page *get_page(struct dm_versions *vs, uint64_t sector)
{
        struct page *page = find_page(vs, sector);

        if (!page) {
                page = g_new0(struct page, 1);
                page->number = sector / PAGE_SECTORS;
                g_hash_table_insert(vs->pages, &page->number, page);
        }
        return page;
}

struct dm_version *dm_versions_newest(const struct dm_versions *vs, uint64_t sector)
{
        struct page *page = find_page(vs, sector);

        return page ? page->newest[sector % PAGE_SECTORS] : NULL;
}

const char *dm_version_data(const struct dm_version *version, uint64_t sector)
{
        struct dm_write *write = version->write;

        return write->data ? write->data + (sector - write->sector) * DM_SECTOR_SIZE : NULL;
}

/* ---- writes ----------------------------------------------------------------------------------- */

struct dm_write *dm_write_new(uint64_t sector, uint32_t count, enum dm_write_kind kind)
{
        size_t head = sizeof(struct dm_write) + count * sizeof(struct dm_version);
        size_t data = kind == DM_WRITE_DATA ? (size_t)count * DM_SECTOR_SIZE : 0;
        struct dm_write *write = g_try_malloc(head + data);

        if (!write)
                return NULL;
        *write = (struct dm_write){.sector = sector, .count = count, .kind = kind};
        if (data)
                write->data = (char *)write + head;
        return write;
}

void dm_versions_insert(struct dm_versions *vs, struct dm_write *write)
{
        write->number = ++vs->last_number;
        write->live = write->count;
        write->next = NULL;
        write->previous = vs->newest;
        if (vs->newest)
                vs->newest->next = write;
        else
                vs->oldest = write;
        vs->newest = write;
        vs->bytes += (uint64_t)write->count * DM_SECTOR_SIZE;

        for (uint32_t i = 0; i < write->count; i++) {
                struct page *page = get_page(vs, write->sector + i);
                struct dm_version **newest = &page->newest[(write->sector + i) % PAGE_SECTORS];

                if (!*newest) {
                        page->used++;
                        vs->sectors++;
                }
                write->versions[i] = (struct dm_version){.older = *newest, .write = write};
                *newest = &write->versions[i];
        }
}

static void drop(struct dm_versions *vs, struct dm_version *version)
{
        struct dm_write *write = version->write;

        if (--write->live)
                return;
        if (write->previous)
                write->previous->next = write->next;
        else
                vs->oldest = write->next;
        if (write->next)
                write->next->previous = write->previous;
        else
                vs->newest = write->previous;
        vs->bytes -= (uint64_t)write->count * DM_SECTOR_SIZE;
        g_free(write);
}

bool dm_versions_settle(struct dm_versions *vs, uint64_t sector, struct dm_version *version)
{
        struct page *page = find_page(vs, sector);
        struct dm_version **link = &page->newest[sector % PAGE_SECTORS], *older;
        bool was_newest = *link == version;

        while (*link != version)
                link = &(*link)->older;
        *link = NULL;
        for (; version; version = older) {
                older = version->older;
                drop(vs, version);
        }
        if (was_newest) {
                vs->sectors--;
                if (--page->used == 0)
                        g_hash_table_remove(vs->pages, &page->number);
        }
        return was_newest;
}

/* ---- what becomes durable ---------------------------------------------------------------------- */

uint64_t dm_versions_excess(const struct dm_versions *vs, uint64_t limit)
{
        uint64_t left = vs->bytes, up_to = 0;

        for (struct dm_write *write = vs->oldest; write && left > limit; write = write->next) {
                left -= (uint64_t)write->count * DM_SECTOR_SIZE;
                up_to = write->number;
        }
        return up_to;
}

static int compare_sectors(const void *a, const void *b)
{
        const struct dm_chosen *x = a, *y = b;

        return (x->sector > y->sector) - (x->sector < y->sector);
}

static int compare_newer_first(const void *a, const void *b)
{
        const struct dm_write *const *x = a, *const *y = b;

        return ((*x)->number < (*y)->number) - ((*x)->number > (*y)->number);
}

/* Chooses the sectors of WRITE that no newer write of this round has. */
static void choose(struct dm_versions *vs, struct dm_write *write, GArray *chosen)
{
        for (uint32_t i = 0; i < write->count; i++) {
                struct dm_chosen c = {write->sector + i, &write->versions[i]};
                struct page *page = find_page(vs, c.sector);
                struct dm_version *version;

                if (!page || page->round[c.sector % PAGE_SECTORS] == vs->round)
                        continue;
                /* a newer one may have become durable alone, and taken this one with it */
                version = page->newest[c.sector % PAGE_SECTORS];
                while (version && version != c.version)
                        version = version->older;
                if (!version)
                        continue;
                page->round[c.sector % PAGE_SECTORS] = vs->round;
                g_array_append_val(chosen, c);
        }
}

GArray *dm_versions_select(struct dm_versions *vs, uint64_t up_to, GPtrArray *also)
{
        GArray *chosen = g_array_new(FALSE, FALSE, sizeof(struct dm_chosen));
        struct dm_write *write = vs->newest;

        vs->round++;
        g_ptr_array_sort(also, compare_newer_first);
        for (unsigned i = 0; i < also->len; i++)
                if (((struct dm_write *)also->pdata[i])->number > up_to)
                        choose(vs, also->pdata[i], chosen);
        while (write && write->number > up_to)
                write = write->previous;
        for (; write; write = write->previous)
                choose(vs, write, chosen);
        g_array_sort(chosen, compare_sectors);
        return chosen;
}

/* ---- what survives ------------------------------------------------------------------------------ */

/* The newest version of every sector, by sector. */
static GArray *all_sectors(struct dm_versions *vs)
{
        GArray *all = g_array_sized_new(FALSE, FALSE, sizeof(struct dm_chosen), (guint)vs->sectors);
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, vs->pages);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                struct page *page = value;

                for (unsigned i = 0; i < PAGE_SECTORS; i++) {
                        struct dm_chosen c = {page->number * PAGE_SECTORS + i, page->newest[i]};

                        if (c.version)
                                g_array_append_val(all, c);
                }
        }
        g_array_sort(all, compare_sectors);
        return all;
}

static int compare_numbers(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* The numbers of all writes to the sectors of a unit, in order and each once. */
static void collect_numbers(const struct dm_chosen *sectors, unsigned count, GArray *numbers)
{
        unsigned kept = 0;

        g_array_set_size(numbers, 0);
        for (unsigned i = 0; i < count; i++)
                for (struct dm_version *v = sectors[i].version; v; v = v->older)
                        g_array_append_val(numbers, v->write->number);
        g_array_sort(numbers, compare_numbers);
        for (unsigned i = 0; i < numbers->len; i++) {
                uint64_t number = g_array_index(numbers, uint64_t, i);

                if (!kept || g_array_index(numbers, uint64_t, kept - 1) != number)
                        g_array_index(numbers, uint64_t, kept++) = number;
        }
        g_array_set_size(numbers, kept);
}

static bool survives(uint64_t number, GArray *numbers, uint64_t seed, uint64_t unit)
{
        unsigned ordinal;

        g_array_binary_search(numbers, &number, compare_numbers, &ordinal);
        return dm_mix2(dm_mix2(seed, unit), ordinal) & 1;
}

GArray *dm_versions_survivors(struct dm_versions *vs, enum dm_keep keep, uint64_t seed,
                              uint64_t unit_sectors, uint64_t *ret_lost)
{
        g_autoptr(GArray) all = all_sectors(vs);
        g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        GArray *left = g_array_new(FALSE, FALSE, sizeof(struct dm_chosen));
        const struct dm_chosen *sectors = (const struct dm_chosen *)(void *)all->data;

        *ret_lost = 0;
        for (unsigned i = 0, end; i < all->len; i = end) {
                uint64_t unit = sectors[i].sector / unit_sectors;

                for (end = i; end < all->len && sectors[end].sector / unit_sectors == unit; end++)
                        ;
                collect_numbers(&sectors[i], end - i, numbers);
                for (unsigned s = i; s < end; s++) {
                        struct dm_chosen c = sectors[s];

                        while (c.version && keep != DM_KEEP_ALL &&
                               (keep == DM_KEEP_NONE ||
                                !survives(c.version->write->number, numbers, seed, unit)))
                                c.version = c.version->older;
                        if (c.version)
                                g_array_append_val(left, c);
                        *ret_lost += c.version != sectors[s].version;
                }
        }
        return left;
}
