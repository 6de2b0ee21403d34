// SPDX-License-Identifier: Apache-2.0
/* Objects that are here for partners alone: no member's call reads or claims them by their roots.
 * (Of what lies below a root a member who knows its CID may still read: CIDs are capabilities.)
 *
 * Whoever looks at objects of the ledger says what they are: guests_note. What somebody here claims
 * is none from that moment on, before its claim is answered. Until all objects were looked at after
 * a start, some may be missing. A lookup takes no lock and does no I/O. */
#ifndef PROXY_GUESTS_H
#define PROXY_GUESTS_H

#include "ipfs/cid.h"
#include "ipfs/cid_set.h"
#include "store/store.h"

struct guests;

/* key: drawn at random, for CIDs are chosen by others. */
struct guests *guests_create(const struct cid_set_key *key);
/* Nobody looks up any more. NULL is fine. */
void guests_destroy(struct guests **guests);

/* Follows what the ledger confirms, until guests_unwatch. */
void guests_watch(struct guests *guests, struct store *store);
void guests_unwatch(struct guests *guests, struct store *store);

/* Any thread; takes a lock among those that change it. object in any form of CID. */
void guests_note(struct guests *guests, const struct cid *object, bool is_guest);

/* Any thread. */
bool guests_have(const struct guests *guests, const struct cid *object);

#endif
