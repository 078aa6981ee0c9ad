/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What befalls a request is drawn from the seed, its place, and how many requests of its direction came to
 * that place before: so the same requests meet the same faults, however threads are scheduled.
 */
#include "chaos.h"

#include <errno.h>

/* What all that befalls a request is drawn from. */
static uint64_t draw(struct chaos *c, const struct dm_bio *bio, uint64_t inside)
{
        bool is_read = bio->op == DM_OP_READ;
        uint32_t before = chaos_places_count(c->places, inside, is_read);

        return dm_mix2(dm_mix2(atomic_load_explicit(&c->seed, memory_order_relaxed), inside),
                       (uint64_t)before << 1 | is_read);
}

static bool happens(struct chaos *c, enum chaos_kind kind, uint64_t drawn)
{
        uint32_t chance = atomic_load_explicit(&c->chances[kind], memory_order_relaxed);

        return chance && dm_chance(dm_mix2(drawn, kind), chance);
}

/* A number below LIMIT for the details of a fault. */
static uint64_t detail(uint64_t drawn, enum chaos_kind kind, uint64_t limit)
{
        return dm_mix2(~drawn, kind) % limit;
}

/* Another place in the target, in steps of sectors; false: there is none. */
static bool misdirect(struct chaos *c, struct dm_target *ti, struct dm_bio *bio, uint64_t drawn,
                      uint64_t *inside)
{
        uint64_t last = (ti->len - bio->len) >> DM_SECTOR_SHIFT, to;

        if (!last)
                return false;
        to = detail(drawn, MISDIRECT, last) << DM_SECTOR_SHIFT;
        if (to >= *inside)
                to += DM_SECTOR_SIZE; /* anywhere but where it should go */
        chaos_note(c, MISDIRECT, bio, ti->begin + to);
        *inside = to;
        return true;
}

/* Keeps the first sectors of a write only; false: it has no more than one. */
static bool tear(struct chaos *c, struct dm_bio *bio, uint64_t inside, uint64_t drawn,
                 uint64_t *ret_len)
{
        uint64_t first = inside >> DM_SECTOR_SHIFT;
        uint64_t last = (inside + bio->len - 1) >> DM_SECTOR_SHIFT;

        if (first == last)
                return false;
        *ret_len = ((first + 1 + detail(drawn, TORN, last - first)) << DM_SECTOR_SHIFT) - inside;
        chaos_note(c, TORN, bio, *ret_len);
        return true;
}

static void corrupt(struct chaos *c, struct dm_bio *bio, uint64_t drawn)
{
        struct chaos_flaw *flaw = bio->data;

        flaw->at = detail(drawn, CORRUPT, bio->len);
        flaw->change = (char)(1 + (drawn >> 32) % 255);
        chaos_note(c, CORRUPT, bio, bio->offset + flaw->at);
        if (bio->op == DM_OP_READ) {
                flaw->corrupts_read = true;
                return;
        }
        bio->buf = flaw->copy = g_memdup2(bio->buf, bio->len);
        bio->buf[flaw->at] ^= flaw->change;
}

/* Does to BIO what befalls it, at most one thing besides a delay; false: it fails. */
static bool befall(struct chaos *c, struct dm_target *ti, struct dm_bio *bio, uint64_t drawn,
                   uint64_t inside)
{
        bool has_data = bio->op == DM_OP_READ || bio->op == DM_OP_WRITE;
        enum chaos_kind error = bio->op == DM_OP_READ ? READ_ERROR : WRITE_ERROR;
        uint64_t len = bio->len;

        if (happens(c, error, drawn)) {
                chaos_note(c, error, bio, 0);
                return false;
        }
        if (!has_data || !happens(c, MISDIRECT, drawn) ||
            !misdirect(c, ti, bio, drawn, &inside)) {
                if (bio->op == DM_OP_WRITE && happens(c, TORN, drawn) &&
                    tear(c, bio, inside, drawn, &len))
                        ;
                else if (has_data && happens(c, CORRUPT, drawn))
                        corrupt(c, bio, drawn);
        }
        bio->dev = c->dev;
        bio->offset = c->offset + inside;
        bio->len = len;
        return true;
}

enum dm_map_result chaos_map(struct dm_target *ti, struct dm_bio *bio)
{
        struct chaos *c = ti->priv;
        struct chaos_flaw *flaw = bio->data;
        uint64_t inside = dm_target_offset(ti, bio->offset);
        uint64_t drawn = draw(c, bio, inside);
        uint64_t delay_ms = atomic_load_explicit(&c->delay_ms, memory_order_relaxed);
        struct dm_bio as_it_came = *bio;

        if (!befall(c, ti, bio, drawn, inside)) {
                bio->error = -EIO;
                return DM_MAP_DONE;
        }
        if (!happens(c, DELAY, drawn))
                return DM_MAP_REMAPPED;
        chaos_note(c, DELAY, &as_it_came, delay_ms);
        return dm_hold_bio(c->hold, &flaw->held, bio, delay_ms * DM_NS_PER_MS) ? DM_MAP_QUEUED
                                                                               : DM_MAP_REMAPPED;
}

int chaos_end_io(struct dm_target *ti, struct dm_bio *bio, int error)
{
        struct chaos_flaw *flaw = bio->data;

        if (flaw->corrupts_read && !error)
                bio->buf[flaw->at] ^= flaw->change;
        g_free(flaw->copy);
        return error;
}
