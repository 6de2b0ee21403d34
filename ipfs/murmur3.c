// SPDX-License-Identifier: Apache-2.0
#include "ipfs/murmur3.h"

#define C1 0x87c37b91114253d5
#define C2 0x4cf5ad432745937f

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t finish(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccd;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53;
    return x ^ x >> 33;
}

/* Up to eight bytes, little endian. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;

    for (size_t i = 0; i < size && i < 8; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t murmur3_64(struct slice bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    uint64_t h1 = 0, h2 = 0;
    size_t left = bytes.size;

    for (; left >= 16; at += 16, left -= 16) {
        h1 ^= rotate(load(at, 8) * C1, 31) * C2;
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= rotate(load(at + 8, 8) * C2, 33) * C1;
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (left > 8)
        h2 ^= rotate(load(at + 8, left - 8) * C2, 33) * C1;
    if (left > 0)
        h1 ^= rotate(load(at, left) * C1, 31) * C2;
    h1 ^= bytes.size;
    h2 ^= bytes.size;
    h1 += h2;
    h2 += h1;
    h1 = finish(h1);
    h2 = finish(h2);
    return h1 + h2;
}
