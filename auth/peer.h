// SPDX-License-Identifier: Apache-2.0
/* Who is at the other end of a link: what a certificate claims, and whether one link's roots bear
 * it out.
 *
 * A handshake of the partner port takes any well-formed certificate; this is asked behind it. First
 * the claim, which finds the link; then, with the trust of that link alone, the verification. There
 * is no trust store but one per link, so no organization can speak for another.
 *
 * What is accepted is closely drawn (what ca.h makes): a leaf, its issuing CA and a root, all with
 * ECDSA P-256 keys; a leaf with one name, which is a gateway of the organization; for TLS on both
 * sides; within its time; of a serial number that is not denied. No revocation lists: leaves live
 * for days.
 *
 * Pure: the time and what is denied come in. Any thread; one trust may be used by several. */
#ifndef AUTH_PEER_H
#define AUTH_PEER_H

#include "auth/roots.h"

/* What the certificate says of itself: who knows a link to this organization may verify it. Fails
 * if it names no gateway, or more than one name. */
MUST_USE bool peer_claim(const X509 *leaf, struct gateway_id *id, struct error *err);

struct peer_trust;

/* The roots that a document lists, in force and next. Copies what it needs. */
struct peer_trust *peer_trust_create(const struct roots *roots);
void peer_trust_destroy(struct peer_trust **trust);

enum peer_side { PEER_IS_CLIENT, PEER_IS_SERVER };

/* Why a peer is not the one. Each has its sentence in err. */
enum peer_verdict {
    PEER_ACCEPTED,
    PEER_MALFORMED,    /* not a chain as drawn above */
    PEER_WRONG_ORG,    /* a gateway, but of another organization */
    PEER_UNKNOWN_ROOT, /* ask it for its roots documents (roots_follow), then once more */
    PEER_EXPIRED,      /* something in the chain */
    PEER_NOT_YET,      /* something in the chain begins later: a clock is wrong */
    PEER_DENIED,       /* this serial number */
    PEER_REFUSED,      /* its CA may not vouch for that: use, name, length of the chain */
    PEER_FORGED,       /* a signature in the chain is wrong */
    PEER_VERDICTS,
};

struct peer_identity {
    struct gateway_id id;
    uint8_t root[KEY_HASH_SIZE]; /* under which it was verified */
    uint8_t leaf[KEY_HASH_SIZE];
    char serial[CA_SERIAL_TEXT_SIZE];
    int64_t until_s; /* the first in the chain to end; sessions and tickets live no longer */
};

/* Is this serial number, in hexadecimal, of this root denied on the link? */
typedef bool (*peer_denied_cb)(void *arg, const uint8_t root[KEY_HASH_SIZE], const char *serial);

struct peer_question {
    X509 *leaf;
    STACK_OF(X509) * others; /* what else it sent, in any order; may have the leaf; may be NULL */
    enum peer_side side;
    int64_t now_s;
    peer_denied_cb denied; /* NULL: nothing is */
    void *arg;
};

/* identity: out, if accepted. */
enum peer_verdict peer_verify(const struct peer_trust *trust, const struct peer_question *question,
                              struct peer_identity *identity, struct error *err);

/* "wrong_org", for logs and counters. */
const char *peer_verdict_name(enum peer_verdict verdict);

#endif
