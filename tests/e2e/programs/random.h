/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that a seed decides. */
#ifndef E2E_RANDOM_H
#define E2E_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct random {
        uint64_t state;
};

/* splitmix64: any seed is good, 0 too */
static inline uint64_t random_next(struct random *r)
{
        uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
}

/* 0..N-1 */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
        return random_next(r) % n;
}

static inline int random_chance(struct random *r, unsigned percent)
{
        return random_below(r, 100) < percent;
}

static inline void random_fill(struct random *r, char *buf, size_t len)
{
        for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
                uint64_t word = random_next(r);
                size_t n = len - done < sizeof(word) ? len - done : sizeof(word);

                memcpy(buf + done, &word, n);
        }
}

#endif
