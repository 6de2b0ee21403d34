// SPDX-License-Identifier: Apache-2.0
/* Content identifiers: binary and text forms of CIDv0 and CIDv1.
 * Source: github.com/multiformats/cid; facts in use here are checked against Kubo 0.43.1. Pure. */
#ifndef IPFS_CID_H
#define IPFS_CID_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CID_DIGEST_MAX 128 /* the longest digest that Kubo accepts (identity) */
#define CID_BYTES_MAX  160 /* version, codec, hash code and length as varints, and the digest */

enum cid_codec {
    CODEC_CBOR = 0x51,
    CODEC_RAW = 0x55,
    CODEC_DAG_PB = 0x70,
    CODEC_DAG_CBOR = 0x71,
    CODEC_LIBP2P_KEY = 0x72,
    CODEC_GIT_RAW = 0x78,
    CODEC_DAG_JOSE = 0x85,
    CODEC_DAG_JSON = 0x0129,
    CODEC_JSON = 0x0200,
};

/* A value: copied freely, no pointers. Two CIDs are the same iff their bytes are. */
struct cid {
    uint64_t codec;      /* enum cid_codec, or any other number */
    uint64_t hash;       /* multihash code */
    uint16_t size;       /* of bytes */
    uint8_t version;     /* 0 or 1 */
    uint8_t hash_offset; /* where the multihash starts in bytes (0 for v0) */
    uint8_t digest_offset;
    uint8_t digest_size;
    uint8_t bytes[CID_BYTES_MAX]; /* binary form: v0 is the bare multihash */
};

/* The bases that text may use: the multibase prefix character of any base of multibase.h. These are
 * the ones that people ask for. */
enum cid_base {
    CID_BASE_DEFAULT = 0, /* base58btc for v0, base32 for v1 */
    CID_BASE_16 = 'f',
    CID_BASE_32 = 'b',
    CID_BASE_36 = 'k',
    CID_BASE_58BTC = 'z',
    CID_BASE_64 = 'm',
    CID_BASE_64URL = 'u',
};

/* Reads one binary CID from the start of data; *used is its length. Refuses non-minimal varints,
 * versions other than 0 and 1, digests longer than CID_DIGEST_MAX and a known hash with more bytes
 * than it has. Does not judge whether the hash may be used: see hash.h. */
MUST_USE bool cid_read(struct cid *cid, const void *data, size_t size, size_t *used,
                       struct error *err);

/* The same, and nothing may follow. */
MUST_USE bool cid_from_bytes(struct cid *cid, const void *data, size_t size, struct error *err);

/* "Qm..." or multibase text (which bases: multibase.h). A v0 form inside multibase is refused: Kubo
 * reads it, the specification does not allow it. Errors name the character or the byte, not the
 * text itself: the caller puts that in front. */
MUST_USE bool cid_parse(struct cid *cid, struct slice text, struct error *err);

/* Appends the text form. base other than the default on a v0 CID converts it to v1 first. */
void cid_print(const struct cid *cid, enum cid_base base, struct text *out);

/* Builds a CID from its parts; version 0 demands dag-pb and a 32-byte sha2-256. digest_size <=
 * CID_DIGEST_MAX. */
void cid_make(struct cid *cid, int version, uint64_t codec, uint64_t hash, const void *digest,
              size_t digest_size);

/* The v1 form of any CID: what names an object. */
struct cid cid_to_v1(const struct cid *cid);
/* Whether there is a v0 form: of dag-pb with a whole sha2-256 digest alone. */
bool cid_has_v0(const struct cid *cid);
/* The v0 form of one that has it. */
struct cid cid_to_v0(const struct cid *cid);

static inline bool cid_equal(const struct cid *a, const struct cid *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* The multihash: code, length, digest. Borrowed from cid. */
static inline struct slice cid_multihash(const struct cid *cid)
{
    return (struct slice){(const char *)cid->bytes + cid->hash_offset,
                          (size_t)(cid->size - cid->hash_offset)};
}

static inline const uint8_t *cid_digest(const struct cid *cid)
{
    return cid->bytes + cid->digest_offset;
}

#endif
