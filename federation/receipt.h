// SPDX-License-Identifier: Apache-2.0
/* A holder's signed word that it holds an object for its owner. Deterministic dag-cbor, read
 * strictly, with a detached Ed25519 signature of the holder's organization (auth/roots.h lists its
 * keys): it can be shown to others after the link is over.
 *
 *   {"v": 1, "at": ms, "id": ULID, "key": ULID, "link": ULID, "root": link, "bytes": n, "epoch": n,
 *    "owner": org, "blocks": n, "holder": org}
 *
 * "key" is the item by which it became held (statement.h). Any thread. */
#ifndef FEDERATION_RECEIPT_H
#define FEDERATION_RECEIPT_H

#include "auth/roots.h"
#include "federation/allocation.h"

#define RECEIPT_CONTEXT "causeway receipt 1"

enum { RECEIPT_VERSION = 1, RECEIPT_MAX = 1024 };

struct receipt {
    uint64_t version;
    char id[ULID_SIZE], key[ULID_SIZE], link[ULID_SIZE];
    uint64_t epoch;
    char owner[ORG_SIZE], holder[ORG_SIZE];
    struct cid root;
    uint64_t bytes, blocks;
    uint64_t at_ms;
};

/* What a holder's record says. */
void receipt_of(struct receipt *receipt, const struct allocation_record *record, uint64_t epoch,
                const char *owner, const char *holder, uint64_t at_ms);

/* Appends the document, and its signature. */
void receipt_write(const struct receipt *receipt, EVP_PKEY *key, struct text *document,
                   struct text *signature);

MUST_USE bool receipt_read(struct receipt *receipt, struct slice document, struct error *err);

/* By a key that the holder's roots document listed when it was made. ERROR_MISMATCH. */
MUST_USE bool receipt_verify(const struct receipt *receipt, const struct roots *holder,
                             struct slice document, struct slice signature, struct error *err);

/* Whether it is of this link and these two. What it says of the object, the machine compares.
 * ERROR_MISMATCH names what differs. */
MUST_USE bool receipt_is_for(const struct receipt *receipt, const struct allocation_record *record,
                             const char *owner, const char *holder, struct error *err);

#endif
