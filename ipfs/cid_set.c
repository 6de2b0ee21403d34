// SPDX-License-Identifier: Apache-2.0
#include "ipfs/cid_set.h"

#include "conf/memory.h"

#include <stdlib.h>

/* A shard is a table with linear probing, seven eighths full at most. Growing by a fifth, one shard
 * at a time, keeps what stands empty small, and the copy that growing needs smaller still. */
#define FIRST_CAPACITY 8

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

/* SipHash-2-4 of Aumasson and Bernstein. */
static uint64_t sip_hash(const struct cid_set_key *key, const uint8_t *bytes, size_t size)
{
    uint64_t v[4] = {key->words[0] ^ 0x736f6d6570736575, key->words[1] ^ 0x646f72616e646f6d,
                     key->words[0] ^ 0x6c7967656e657261, key->words[1] ^ 0x7465646279746573};
    uint64_t word, last = (uint64_t)size << 56;

    for (; size >= 8; bytes += 8, size -= 8) {
        memcpy(&word, bytes, 8);
        sip_word(v, word);
    }
    for (size_t i = 0; i < size; i++)
        last |= (uint64_t)bytes[i] << (8 * i);
    sip_word(v, last);
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void cid_set_init(struct cid_set *set, const struct cid_set_key *key)
{
    *set = (struct cid_set){.key = *key};
}

void cid_set_dispose(struct cid_set *set)
{
    for (size_t i = 0; i < CID_SET_SHARDS; i++)
        free(set->shards[i].slots);
    cid_set_init(set, &(struct cid_set_key){{0, 0}});
}

uint64_t cid_set_print(const struct cid_set_key *key, const struct cid *cid)
{
    uint64_t print = sip_hash(key, cid->bytes, cid->size);

    return print != 0 ? print : 1;
}

/* The top byte chose the shard; the bits behind it choose the place in it. */
static uint32_t home_of(uint64_t print, uint32_t capacity)
{
    return (uint32_t)(((print << 8 >> 32) * capacity) >> 32);
}

/* The slot that holds print, or the empty one where it would go. */
static uint64_t *find(const struct cid_set_shard *shard, uint64_t print)
{
    uint32_t slot = home_of(print, shard->capacity);

    while (shard->slots[slot] != 0 && shard->slots[slot] != print)
        slot = slot + 1 == shard->capacity ? 0 : slot + 1;
    return &shard->slots[slot];
}

static void grow(struct cid_set *set, struct cid_set_shard *shard)
{
    struct cid_set_shard old = *shard;

    shard->capacity = old.capacity + old.capacity / 5 + FIRST_CAPACITY;
    shard->slots = memory_alloc(shard->capacity * sizeof(*shard->slots));
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.slots[i] != 0)
            *find(shard, old.slots[i]) = old.slots[i];
    set->bytes += (shard->capacity - old.capacity) * sizeof(*shard->slots);
    free(old.slots);
}

bool cid_set_add(struct cid_set *set, const struct cid *cid)
{
    uint64_t print = cid_set_print(&set->key, cid);
    struct cid_set_shard *shard = &set->shards[print >> 56];
    uint64_t *slot;

    if (shard->used >= shard->capacity - shard->capacity / 8)
        grow(set, shard);
    slot = find(shard, print);
    if (*slot == print)
        return false;
    *slot = print;
    shard->used++;
    set->count++;
    return true;
}

bool cid_set_has(const struct cid_set *set, const struct cid *cid)
{
    uint64_t print = cid_set_print(&set->key, cid);
    const struct cid_set_shard *shard = &set->shards[print >> 56];

    return shard->used > 0 && *find(shard, print) == print;
}
