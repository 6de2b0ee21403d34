// SPDX-License-Identifier: Apache-2.0
#include "auth/throttle.h"

#include "conf/memory.h"

#include <assert.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES = 10, WINDOW_MS = 60 * 1000, SLOTS = 4096, WAYS = 4, HASH_SIZE = 8 };

/* A level is kept as the time at which it will have leaked away: the generic cell rate algorithm
 * (ITU-T I.371), which needs no clean-up: a time that is past is level 0. */
struct slot {
    atomic_uint_fast64_t key; /* 0: never used */
    atomic_uint_fast64_t empty_ms;
};

struct throttle {
    uint64_t window_ms;
    uint64_t failure_ms; /* what one failure adds: window_ms / failures */
    size_t sets;         /* of WAYS slots each */
    EVP_MAC_CTX *hash;   /* SipHash with the seed; never changes: each use takes a copy */
    struct slot slots[];
};

static EVP_MAC_CTX *make_hash(const uint8_t seed[16])
{
    size_t size = HASH_SIZE;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *hash = EVP_MAC_CTX_new(mac);

    EVP_MAC_free(mac); /* the context holds it */
    if (hash == NULL || EVP_MAC_CTX_set_params(hash, params) != 1 ||
        EVP_MAC_init(hash, seed, 16, NULL) != 1)
        abort(); /* OpenSSL's default provider has it since 1.1.1 */
    return hash;
}

struct throttle *throttle_create(const struct throttle_settings *settings, const uint8_t seed[16])
{
    uint32_t slots = settings->slots > 0 ? settings->slots : SLOTS;
    uint32_t failures = settings->failures > 0 ? settings->failures : FAILURES;
    struct throttle *throttle = memory_alloc(sizeof(*throttle) + slots * sizeof(struct slot));

    assert(slots >= 64 && (slots & (slots - 1)) == 0);
    throttle->window_ms = settings->window_ms > 0 ? settings->window_ms : WINDOW_MS;
    throttle->failure_ms = throttle->window_ms / failures;
    throttle->sets = slots / WAYS;
    throttle->hash = make_hash(seed);
    return throttle;
}

void throttle_destroy(struct throttle **throttle)
{
    if (*throttle == NULL)
        return;
    EVP_MAC_CTX_free((*throttle)->hash);
    free(*throttle);
    *throttle = NULL;
}

/* kind keeps an address and an id of the same bytes apart. */
static uint64_t make_key(const struct throttle *throttle, uint8_t kind, const void *bytes,
                         size_t size)
{
    EVP_MAC_CTX *hash = EVP_MAC_CTX_dup(throttle->hash);
    uint64_t key = 0;
    size_t key_size = 0;

    if (hash == NULL || EVP_MAC_update(hash, &kind, 1) != 1 ||
        EVP_MAC_update(hash, bytes, size) != 1 ||
        EVP_MAC_final(hash, (unsigned char *)&key, &key_size, sizeof(key)) != 1)
        abort();
    EVP_MAC_CTX_free(hash);
    return key != 0 ? key : 1;
}

static uint64_t key_of_address(const struct throttle *throttle, const struct sockaddr *peer)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)peer;

    if (peer != NULL && peer->sa_family == AF_INET)
        return make_key(throttle, '4', &v4->sin_addr, 4);
    if (peer != NULL && peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return make_key(throttle, '4', v6->sin6_addr.s6_addr + 12, 4);
    if (peer != NULL && peer->sa_family == AF_INET6)
        return make_key(throttle, '6', v6->sin6_addr.s6_addr, 8); /* a /64 is one customer */
    return make_key(throttle, '?', "", 0);
}

/* The slot of the key; else one that is empty now; else the one that will be empty first. */
static struct slot *find_slot(struct throttle *throttle, uint64_t key)
{
    struct slot *set = &throttle->slots[(key % throttle->sets) * WAYS];

    for (;;) {
        struct slot *lowest = &set[0];
        uint64_t before = atomic_load(&lowest->key);

        for (size_t i = 0; i < WAYS; i++) {
            uint64_t found = atomic_load(&set[i].key);

            if (found == key)
                return &set[i];
            if (atomic_load(&set[i].empty_ms) < atomic_load(&lowest->empty_ms)) {
                lowest = &set[i];
                before = found;
            }
        }
        if (atomic_compare_exchange_strong(&lowest->key, &before, key)) {
            atomic_store(&lowest->empty_ms, 0);
            return lowest;
        } /* else another thread took it just now, perhaps for this key */
    }
}

/* Adds a failure. Returns how long until the next one would be answered 401; 0: this one is. */
static uint64_t add_failure(struct throttle *throttle, uint64_t key, uint64_t now_ms)
{
    struct slot *slot = find_slot(throttle, key);
    uint64_t most_ms = now_ms + 2 * throttle->window_ms;
    uint64_t before = atomic_load(&slot->empty_ms), level_ms;

    do {
        uint64_t empty_ms = (before < now_ms ? now_ms : before) + throttle->failure_ms;

        level_ms = empty_ms < most_ms ? empty_ms : most_ms;
    } while (!atomic_compare_exchange_weak(&slot->empty_ms, &before, level_ms));
    if (level_ms - now_ms <= throttle->window_ms)
        return 0;
    return level_ms + throttle->failure_ms - throttle->window_ms - now_ms;
}

uint32_t throttle_failed(struct throttle *throttle, const struct sockaddr *peer, struct slice id,
                         uint64_t now_ms)
{
    uint64_t wait_ms = add_failure(throttle, key_of_address(throttle, peer), now_ms);

    if (id.size > 0) {
        uint64_t key = make_key(throttle, 'i', id.data, id.size);
        uint64_t id_wait_ms = add_failure(throttle, key, now_ms);

        wait_ms = id_wait_ms > wait_ms ? id_wait_ms : wait_ms;
    }
    return (uint32_t)((wait_ms + 999) / 1000);
}
