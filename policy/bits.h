// SPDX-License-Identifier: Apache-2.0
/* Sets of small numbers, as words of bits. The caller owns the words and knows how many. */
#ifndef POLICY_BITS_H
#define POLICY_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_WORDS(count) (((size_t)(count) + 63) / 64)

static inline void bits_set(uint64_t *bits, size_t place)
{
    bits[place / 64] |= UINT64_C(1) << place % 64;
}

static inline void bits_clear(uint64_t *bits, size_t place)
{
    bits[place / 64] &= ~(UINT64_C(1) << place % 64);
}

static inline bool bits_has(const uint64_t *bits, size_t place)
{
    return (bits[place / 64] >> place % 64 & 1) != 0;
}

static inline void bits_unite(uint64_t *bits, const uint64_t *more, size_t words)
{
    for (size_t i = 0; i < words; i++)
        bits[i] |= more[i];
}

static inline void bits_subtract(uint64_t *bits, const uint64_t *less, size_t words)
{
    for (size_t i = 0; i < words; i++)
        bits[i] &= ~less[i];
}

static inline bool bits_overlap(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if ((a[i] & b[i]) != 0)
            return true;
    return false;
}

static inline bool bits_contain(const uint64_t *whole, const uint64_t *part, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if ((part[i] & ~whole[i]) != 0)
            return false;
    return true;
}

static inline bool bits_is_empty(const uint64_t *bits, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (bits[i] != 0)
            return false;
    return true;
}

static inline size_t bits_count(const uint64_t *bits, size_t words)
{
    size_t count = 0;

    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(bits[i]);
    return count;
}

/* The first place at or behind `from`, or `count`. */
static inline size_t bits_next(const uint64_t *bits, size_t count, size_t from)
{
    while (from < count) {
        uint64_t word = bits[from / 64] >> from % 64;

        if (word != 0) {
            from += (size_t)__builtin_ctzll(word);
            return from < count ? from : count;
        }
        from += 64 - from % 64;
    }
    return count;
}

#endif
