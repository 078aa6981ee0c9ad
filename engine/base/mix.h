/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that look random and are the same each time: for faults that can be made again. */
#ifndef DM_BASE_MIX_H
#define DM_BASE_MIX_H

#include <stdbool.h>
#include <stdint.h>

/* A number in which every bit depends on every bit of A (splitmix64's finalizer). */
static inline uint64_t dm_mix(uint64_t a)
{
        a += 0x9e3779b97f4a7c15u;
        a = (a ^ (a >> 30)) * 0xbf58476d1ce4e5b9u;
        a = (a ^ (a >> 27)) * 0x94d049bb133111ebu;
        return a ^ (a >> 31);
}

/* The same of two numbers; not symmetric. */
static inline uint64_t dm_mix2(uint64_t a, uint64_t b)
{
        return dm_mix(dm_mix(a) ^ b);
}

/* True for about PER_BILLION of 1000000000 values of RANDOM, which dm_mix() made. */
static inline bool dm_chance(uint64_t random, uint32_t per_billion)
{
        return random % 1000000000u < per_billion;
}

#endif
