// SPDX-License-Identifier: Apache-2.0
/* A peer client's targets: the IP addresses that were found for it, each with the connections to
 * it, and how the peer is verified on them. Between peer_client.c and peer_target.c; the client's
 * loop. */
#ifndef FEDERATION_PEER_TARGET_H
#define FEDERATION_PEER_TARGET_H

#include "federation/peer_client.h"
#include "federation/peer_lookup.h"

#define PEER_TARGET_KEPT_MS UINT64_C(60000) /* an idle connection */

/* One address of the peer. It outlives the list that it was in while requests use it. */
struct target {
    struct peer_client *client;
    struct address address;
    struct pool *pool;
    unsigned users;
    bool is_gone; /* no longer in the list */
    enum peer_verdict verdict;
    bool is_untrusted; /* the last handshake with it failed so */
};

struct peer_client {
    struct peer_client_settings settings;
    SSL_CTX *tls;
    struct peer_trust *trust; /* NULL: whoever claims to be the organization */
    struct address addresses[PEER_CLIENT_ADDRESSES];
    size_t address_count;
    struct target *targets[PEER_LOOKUP_MAX];
    size_t target_count, current; /* current: served last */
    bool is_stale;                /* look up again */
    uint64_t looked_up_ms;        /* 0: never */
    struct peer_lookup *lookup;
    struct peer_request *requests;
};

/* Those that are there already keep their connections. */
void peer_targets_set(struct peer_client *client, const struct address *found, size_t count);
void peer_targets_drop(struct peer_client *client);
/* A request uses it; it is there until it leaves, whatever becomes of the list. */
void peer_target_enter(struct target *target);
void peer_target_leave(struct target *target);
/* The next request goes there first. */
void peer_target_note_served(const struct target *target);

#endif
