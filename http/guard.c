// SPDX-License-Identifier: Apache-2.0
#include "http/guard.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Far more than there may be strangers at once, and so small that it is no cost: 96 KiB. */
enum { WAYS = 8, SETS = 512, BURST_S = 2 };

/* Of a connection, in thousandths: a millisecond brings as many as there may be a second. */
enum { COST = 1000 };

struct entry {
    uint64_t key;     /* 0: free */
    uint64_t seen_ms; /* when credit was right */
    uint32_t at_once;
    uint32_t credit; /* thousandths of a connection */
};

struct guard {
    struct guard_limits limits;
    uint64_t random;
    uint32_t at_once;
    struct entry table[SETS][WAYS];
};

struct guard *guard_create(const struct guard_limits *limits, uint64_t random)
{
    struct guard *guard;

    if (limits->at_once == 0 && limits->address_at_once == 0 && limits->address_per_second == 0)
        return NULL;
    guard = memory_alloc(sizeof(*guard));
    guard->limits = *limits;
    guard->random = random;
    return guard;
}

void guard_destroy(struct guard **guard)
{
    free(*guard);
    *guard = NULL;
}

/* Never 0 for an address that counts. The families cannot be mixed up: the upper half of the /64 of
 * an IPv6 address that is no IPv4 address in disguise is not 1, since ::/8 is not given out. */
static uint64_t key_of(const struct sockaddr *address)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    uint64_t key = 0;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        return UINT64_C(1) << 32 | v4.sin_addr.s_addr;
    }
    if (address->sa_family != AF_INET6)
        return 0;
    memcpy(&v6, address, sizeof(v6));
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return UINT64_C(1) << 32 | v6.sin6_addr.s6_addr32[3];
    for (int i = 0; i < 8; i++)
        key = key << 8 | v6.sin6_addr.s6_addr[i];
    return key != 0 ? key : UINT64_C(1) << 40; /* ::1 */
}

static struct entry *set_of(struct guard *guard, uint64_t key)
{
    uint64_t hash = (key ^ guard->random) * UINT64_C(0x9e3779b97f4a7c15);

    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return guard->table[(hash >> 32) % SETS];
}

static struct entry *find(struct guard *guard, uint64_t key)
{
    struct entry *set = set_of(guard, key);

    for (int i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* A place for a key that has none: free, or of the address that was seen the longest ago and has no
 * connection. NULL: all of them have. */
static struct entry *make_room(struct guard *guard, uint64_t key)
{
    struct entry *set = set_of(guard, key), *oldest = NULL;

    for (int i = 0; i < WAYS; i++)
        if (set[i].at_once == 0 && (oldest == NULL || set[i].seen_ms < oldest->seen_ms))
            oldest = &set[i];
    return oldest;
}

static void refill(struct entry *entry, uint32_t per_second, uint64_t now_ms)
{
    uint64_t full = (uint64_t)BURST_S * COST * per_second;
    uint64_t passed_ms = now_ms - entry->seen_ms;
    uint64_t credit =
        passed_ms >= (uint64_t)BURST_S * 1000 ? full : entry->credit + passed_ms * per_second;

    entry->credit = (uint32_t)(credit < full ? credit : full);
    entry->seen_ms = now_ms;
}

static struct entry *find_or_add(struct guard *guard, uint64_t key, uint64_t now_ms)
{
    struct entry *entry = find(guard, key);

    if (entry == NULL && (entry = make_room(guard, key)) != NULL)
        *entry = (struct entry){
            .key = key,
            .seen_ms = now_ms,
            .credit = BURST_S * COST * guard->limits.address_per_second,
        };
    return entry;
}

bool guard_enter(struct guard *guard, const struct sockaddr *address, uint64_t now_ms)
{
    const struct guard_limits *limits = &guard->limits;
    uint64_t key = key_of(address);
    struct entry *entry;

    if (key == 0)
        return true;
    entry = find_or_add(guard, key, now_ms);
    if (entry == NULL)
        return false;
    refill(entry, limits->address_per_second, now_ms);
    if (limits->address_at_once > 0 && entry->at_once >= limits->address_at_once)
        return false;
    if (limits->address_per_second > 0 && entry->credit < COST)
        return false;
    if (limits->address_per_second > 0)
        entry->credit -= COST;
    entry->at_once++;
    guard->at_once++;
    return true;
}

void guard_leave(struct guard *guard, const struct sockaddr *address)
{
    uint64_t key = key_of(address);
    struct entry *entry;

    if (key == 0)
        return;
    entry = find(guard, key);
    assert(entry != NULL && entry->at_once > 0); /* who is inside keeps its place */
    entry->at_once--;
    guard->at_once--;
}

bool guard_is_over(const struct guard *guard)
{
    return guard->limits.at_once > 0 && guard->at_once > guard->limits.at_once;
}
