// SPDX-License-Identifier: Apache-2.0
/* The view of all links that those have who answer on the partner port or dial from another thread.
 * The truth is links.h's, on the control thread; it publishes a new view whenever something in one
 * changes.
 *
 * Whoever makes a view fills it in, adds its peers, and seals it; from then on it is immutable.
 * Views and the peers in them are counted, so that a view of a thousand links, one of which
 * changed, costs a thousand pointers and one peer. Counting and reading: any thread. */
#ifndef FEDERATION_PEERS_H
#define FEDERATION_PEERS_H

#include "auth/peer.h"
#include "federation/link.h"
#include "federation/link_limits.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

enum { PEERS_ADDRESSES = 4 };

/* One link. Not in a view: what nobody has joined yet, for nothing is known of who will. Links that
 * are over are in it, so that the peer can be told. */
struct peer {
    atomic_uint references;
    char link[ULID_SIZE];
    char partner[ID_SIZE];
    char org[ORG_SIZE]; /* roots.org */
    uint64_t epoch;
    enum link_state state;
    uint64_t generation; /* another one after any change of state, epoch or roots: sessions and
                            tickets of the one before are cut */
    uint8_t root[KEY_HASH_SIZE];      /* what was pinned */
    struct roots roots;               /* their newest document */
    struct peer_trust *trust;         /* made of it */
    char *addresses[PEERS_ADDRESSES]; /* HOST:PORT, as they told them; the peer's */
    size_t address_count;
    struct link_limits limits;
};

struct peers {
    atomic_uint references;
    uint64_t number; /* each view that is published has a greater one; above 0 */
    struct gateway_id us;
    SSL_CTX *server_tls, *client_tls; /* counted */
    EVP_PKEY *signing_key;            /* counted; NULL: its file is not here */
    bool has_invitations;             /* else nobody needs to be heard who wants to join */
    bool is_joining; /* we asked to be let in: who is asked dials us, and is not known before it
                        answers */
    const struct peer **by_org;  /* rising; then by link */
    const struct peer **by_link; /* rising */
    size_t count, room;
};

/* A peer with their document's org, roots and trust; the rest is the caller's to fill in before it
 * adds it. One reference. NULL with err: the document is not well formed. */
struct peer *peers_peer_create(struct slice document, struct error *err);
const struct peer *peers_peer_ref(const struct peer *peer);
void peers_peer_unref(const struct peer **peer);

/* Copies. Before the peer is added; at most PEERS_ADDRESSES. */
void peers_peer_add_address(struct peer *peer, const char *address);

/* One reference; everything else is zero. */
struct peers *peers_create(void);
/* Takes a reference of its own. */
void peers_add(struct peers *peers, const struct peer *peer);
/* Behind the last peers_add: puts them in order. */
void peers_seal(struct peers *peers);

const struct peers *peers_ref(const struct peers *peers);
void peers_unref(const struct peers **peers);

/* The links with the organization of this name: *first and those behind it; returns how many. More
 * than one: it was known by another root before. */
size_t peers_of_org(const struct peers *peers, const char *org, const struct peer *const **first);
/* NULL: none of this id. */
const struct peer *peers_of_link(const struct peers *peers, const char *link);
/* By our name for it. Looks at all of them. NULL: none. */
const struct peer *peers_of_partner(const struct peers *peers, const char *partner);

#endif
