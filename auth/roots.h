// SPDX-License-Identifier: Apache-2.0
/* The signed roots document: what an organization tells its partners to know it by. Its roots, the
 * root that comes next, and every key that it ever signed with. What is sent and kept is
 * deterministic dag-cbor, read strictly, so that a document has one spelling:
 *
 *   {"document": bytes, "signatures": [{"root": hash, "signature": bytes}, ...]}      by hash,
 * rising
 *
 * and the document in it, over whose bytes (and the context ROOTS_CONTEXT, see key.h) the roots
 * sign:
 *
 *   {"org": "library.example.org", "roots": [root, ...], "version": 1, "sequence": n,
 *    "issued_at": s, "next_roots": [root], "signing_keys": [{"key": bytes, "from": s, "until": s}]}
 *   root: {"hash": SHA-256 of the certificate, "certificate": DER};  "until" may be null;  s: since
 * 1970
 *
 * A partner keeps the newest document that it accepted, one per link, and takes a newer one by
 * roots_accept. It follows only from what was known before, so it does not matter over which
 * connection a document came. An organization keeps every document that changed its roots or the
 * next ones (roots_must_keep): however long a partner was away, those in their order, then
 * the newest, bring it up to date (roots_follow).
 *
 * Chains of the organization are trusted under "roots" and "next_roots" both (peer.h): a root is in
 * force for a partner as soon as it was announced. Pure but for signing, which draws randomness;
 * any thread. */
#ifndef AUTH_ROOTS_H
#define AUTH_ROOTS_H

#include "auth/ca.h"

#define ROOTS_CONTEXT "causeway roots 1"

enum {
    ROOTS_VERSION = 1,
    ROOTS_MAX = 2, /* the one in force, and the one before it while leaves of it are about */
    ROOTS_NEXT_MAX = 1,
    ROOTS_KEYS_MAX = 48,
    ROOTS_SIGNATURES_MAX = 4,
    ROOTS_BYTES_MAX = 8 * 1024, /* as base64 it fits into a message of a link beside others */
    ROOTS_FOLLOW_MAX = 64,      /* documents in one answer */
};

struct root {
    uint8_t hash[KEY_HASH_SIZE];
    struct slice der;
};

/* A key is in force from from_s; what is dated until_s or later, it did not sign. */
struct roots_key {
    uint8_t key[KEY_RAW_SIZE]; /* Ed25519 */
    int64_t from_s, until_s;   /* ROOTS_OPEN: no end is known */
};

#define ROOTS_OPEN INT64_MAX

struct roots_signature {
    uint8_t root[KEY_HASH_SIZE];
    struct slice bytes;
};

struct roots {
    char org[ORG_SIZE];
    uint64_t sequence; /* 1 to 2^53 - 1 */
    int64_t issued_s;
    struct root roots[ROOTS_MAX], next[ROOTS_NEXT_MAX];
    size_t root_count, next_count;
    struct roots_key keys[ROOTS_KEYS_MAX]; /* by from_s, rising: the last is the newest */
    size_t key_count;

    /* of one that was read */
    struct roots_signature signatures[ROOTS_SIGNATURES_MAX];
    size_t signature_count;
    struct slice document; /* what is signed; all slices lie in bytes */
    struct text bytes;     /* as it was read */
};

/* {0} is an empty one. */
void roots_dispose(struct roots *roots);

/* ---- reading */

/* Fills roots, with a copy of the bytes. Says of its own accord that it is well formed and
 * consistent; nothing about signatures. On failure roots is empty. */
MUST_USE bool roots_read(struct roots *roots, struct slice bytes, struct error *err);

/* Is it the document of the organization whose root has this hash (out of an invitation)? It must
 * be in force and have signed. */
MUST_USE bool roots_pin(const struct roots *roots, const char *org,
                        const uint8_t hash[KEY_HASH_SIZE], struct error *err);

enum roots_news {
    ROOTS_REFUSED,
    ROOTS_FORKED, /* refused, and an alarm: the known number with another content, rightly signed */
    ROOTS_SAME,   /* known already */
    ROOTS_NEWER,  /* take it in place of known */
};

/* Does a document follow from the one that was known? What holds:
 *   - it is of the same organization, and its sequence has grown;
 *   - a root that was known (in force or next) signed it, and one that it puts in force;
 *   - each root that it newly puts in force signed it: whoever made it had that key;
 *   - no signature of a root that is known to either is wrong;
 *   - each signing key that was known is still listed, from the same time on.
 * ERROR_MISMATCH: a signature is missing or wrong. ERROR_REFUSED: another rule. */
enum roots_news roots_accept(const struct roots *known, const struct roots *roots,
                             struct error *err);

/* Takes documents one after the other, each as it was sent; those that are not newer are passed
 * over. All or nothing: on failure known stays what it was. *is_newer: something was taken. */
MUST_USE bool roots_follow(struct roots *known, const struct slice *documents, size_t count,
                           bool *is_newer, struct error *err);

/* Did this key sign, at this time, as far as the document knows? The text of err says why not. */
MUST_USE bool roots_signed(const struct roots *roots, const char *context, struct slice message,
                           const uint8_t key[KEY_RAW_SIZE], struct slice signature, int64_t at_s,
                           struct error *err);

/* ---- making */

/* Above the one before, and not below the clock: a gateway that was restored from an old copy does
 * not use a number twice. */
uint64_t roots_next_sequence(uint64_t before, int64_t now_s);

/* Lists a root; the DER is borrowed. */
void roots_set(struct root *root, struct slice der);

struct roots_signer {
    uint8_t hash[KEY_HASH_SIZE]; /* of the root certificate */
    EVP_PKEY *key;
};

/* Appends the document, signed. What is signed is what was read back: a document that roots_read
 * would refuse is refused here. */
MUST_USE bool roots_write(const struct roots *roots, const struct roots_signer *signers,
                          size_t count, struct text *bytes, struct error *err);

/* Partners who missed it could not follow later ones. before: NULL is none. */
bool roots_must_keep(const struct roots *before, const struct roots *roots);

#endif
