/* SPDX-License-Identifier: BSD-3-Clause */
/* How many reads and writes came to each place of the target. */
#include "chaos.h"

#define PLACE_SHIFT 12 /* requests are counted by 4 KiB */
#define PAGE_PLACES 4096u
#define PAGES_MAX (1u << 20) /* beyond 16 TiB several stretches are counted together */

struct page {
        _Atomic uint32_t counts[2][PAGE_PLACES];
};

struct chaos_places {
        size_t page_count;
        _Atomic(struct page *) pages[]; /* each NULL until it is used */
};

struct chaos_places *chaos_places_new(uint64_t len)
{
        size_t count = MIN((len >> PLACE_SHIFT) / PAGE_PLACES + 1, PAGES_MAX);
        struct chaos_places *places = g_malloc0(sizeof(*places) + count * sizeof(places->pages[0]));

        places->page_count = count;
        return places;
}

void chaos_places_free(struct chaos_places *places)
{
        for (size_t i = 0; places && i < places->page_count; i++)
                g_free(atomic_load(&places->pages[i]));
        g_free(places);
}

void chaos_places_restart(struct chaos_places *places)
{
        for (size_t i = 0; i < places->page_count; i++) {
                struct page *page = atomic_load(&places->pages[i]);

                for (unsigned place = 0; page && place < PAGE_PLACES; place++)
                        for (unsigned direction = 0; direction < 2; direction++)
                                atomic_store_explicit(&page->counts[direction][place], 0,
                                                      memory_order_relaxed);
        }
}

static struct page *get_page(struct chaos_places *places, size_t number)
{
        struct page *page = atomic_load(&places->pages[number]), *mine;

        if (page)
                return page;
        mine = g_new0(struct page, 1);
        if (atomic_compare_exchange_strong(&places->pages[number], &page, mine))
                return mine;
        g_free(mine);
        return page;
}

uint32_t chaos_places_count(struct chaos_places *places, uint64_t inside, bool is_read)
{
        uint64_t place = inside >> PLACE_SHIFT;
        struct page *page = get_page(places, place / PAGE_PLACES % places->page_count);

        return atomic_fetch_add_explicit(&page->counts[is_read][place % PAGE_PLACES], 1,
                                         memory_order_relaxed);
}
