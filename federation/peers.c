// SPDX-License-Identifier: Apache-2.0
#include "federation/peers.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- one peer */

struct peer *peers_peer_create(struct slice document, struct error *err)
{
    struct peer *peer = memory_alloc(sizeof(*peer));

    if (!roots_read(&peer->roots, document, err)) {
        free(peer);
        return NULL;
    }
    atomic_init(&peer->references, 1);
    memcpy(peer->org, peer->roots.org, sizeof(peer->org));
    peer->trust = peer_trust_create(&peer->roots);
    return peer;
}

const struct peer *peers_peer_ref(const struct peer *peer)
{
    atomic_fetch_add(&((struct peer *)peer)->references, 1);
    return peer;
}

void peers_peer_unref(const struct peer **peer_ptr)
{
    struct peer *peer = (struct peer *)*peer_ptr;

    *peer_ptr = NULL;
    if (peer == NULL || atomic_fetch_sub(&peer->references, 1) > 1)
        return;
    peer_trust_destroy(&peer->trust);
    roots_dispose(&peer->roots);
    for (size_t i = 0; i < peer->address_count; i++)
        free(peer->addresses[i]);
    free(peer);
}

void peers_peer_add_address(struct peer *peer, const char *address)
{
    assert(peer->address_count < PEERS_ADDRESSES);
    peer->addresses[peer->address_count++] = memory_copy_text(address);
}

/* ---- a view */

struct peers *peers_create(void)
{
    struct peers *peers = memory_alloc(sizeof(*peers));

    atomic_init(&peers->references, 1);
    return peers;
}

void peers_add(struct peers *peers, const struct peer *peer)
{
    if (peers->count == peers->room) {
        peers->room = peers->room * 2 + 8;
        peers->by_org =
            memory_resize_array(peers->by_org, peers->room, sizeof(const struct peer *));
    }
    peers->by_org[peers->count++] = peers_peer_ref(peer);
}

static int compare_links(const void *a, const void *b)
{
    const struct peer *const *left = a, *const *right = b;

    return strcmp((*left)->link, (*right)->link);
}

static int compare_orgs(const void *a, const void *b)
{
    const struct peer *const *left = a, *const *right = b;
    int order = strcmp((*left)->org, (*right)->org);

    return order != 0 ? order : compare_links(a, b);
}

void peers_seal(struct peers *peers)
{
    if (peers->count == 0)
        return;
    peers->by_link = memory_resize_array(peers->by_link, peers->count, sizeof(const struct peer *));
    memcpy(peers->by_link, peers->by_org, peers->count * sizeof(const struct peer *));
    qsort(peers->by_org, peers->count, sizeof(const struct peer *), compare_orgs);
    qsort(peers->by_link, peers->count, sizeof(const struct peer *), compare_links);
}

const struct peers *peers_ref(const struct peers *peers)
{
    atomic_fetch_add(&((struct peers *)peers)->references, 1);
    return peers;
}

void peers_unref(const struct peers **peers_ptr)
{
    struct peers *peers = (struct peers *)*peers_ptr;

    *peers_ptr = NULL;
    if (peers == NULL || atomic_fetch_sub(&peers->references, 1) > 1)
        return;
    for (size_t i = 0; i < peers->count; i++)
        peers_peer_unref(&peers->by_org[i]);
    free(peers->by_org);
    free(peers->by_link);
    SSL_CTX_free(peers->server_tls);
    SSL_CTX_free(peers->client_tls);
    EVP_PKEY_free(peers->signing_key);
    free(peers);
}

/* ---- finding */

size_t peers_of_org(const struct peers *peers, const char *org, const struct peer *const **first)
{
    size_t low = 0, high = peers->count, count = 0;

    while (low < high) { /* the first that is not below org */
        size_t middle = low + (high - low) / 2;

        if (strcmp(peers->by_org[middle]->org, org) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + count < peers->count && strcmp(peers->by_org[low + count]->org, org) == 0)
        count++;
    *first = count > 0 ? &peers->by_org[low] : NULL;
    return count;
}

const struct peer *peers_of_link(const struct peers *peers, const char *link)
{
    size_t low = 0, high = peers->by_link != NULL ? peers->count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(peers->by_link[middle]->link, link);

        if (order == 0)
            return peers->by_link[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct peer *peers_of_partner(const struct peers *peers, const char *partner)
{
    for (size_t i = 0; i < peers->count; i++)
        if (strcmp(peers->by_link[i]->partner, partner) == 0)
            return peers->by_link[i];
    return NULL;
}
