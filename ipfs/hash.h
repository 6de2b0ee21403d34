// SPDX-License-Identifier: Apache-2.0
/* Multihash: names, sizes, hashing of one block, of many at once and of a stream, and verification.
 * Source: github.com/multiformats/multihash and multicodec (codes and names); Kubo's own rules for
 * what it accepts (boxo verifcid). Pure; any thread.
 *
 * Computed here: identity, sha1, sha2-256, sha2-512, sha3-224 to -512, dbl-sha2-256, blake2b-8 to
 * -512, blake2s-8 to -256. Any other hash is refused by its name. */
#ifndef IPFS_HASH_H
#define IPFS_HASH_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_DIGEST_MAX 64 /* of what is computed; an identity "digest" may have CID_DIGEST_MAX */
#define HASH_DIGEST_MIN 20 /* a shorter one proves too little: Kubo refuses it too */

enum hash_code {
    HASH_IDENTITY = 0x00,
    HASH_SHA1 = 0x11,
    HASH_SHA2_256 = 0x12,
    HASH_SHA2_512 = 0x13,
    HASH_SHA3_512 = 0x14,
    HASH_SHA3_384 = 0x15,
    HASH_SHA3_256 = 0x16,
    HASH_SHA3_224 = 0x17,
    HASH_DBL_SHA2_256 = 0x56,
    HASH_BLAKE2B_8 = 0xb201, /* one code for each whole number of bytes */
    HASH_BLAKE2B_256 = 0xb220,
    HASH_BLAKE2B_512 = 0xb240,
    HASH_BLAKE2S_8 = 0xb241,
    HASH_BLAKE2S_256 = 0xb260,
};

struct hash_name {
    char text[32];
};

/* "sha2-256"; a code without a name in the table is written as a number, "0x7fff". */
struct hash_name hash_name(uint64_t code);

/* False for a name that the table does not have. Says nothing about support. */
MUST_USE bool hash_find(struct slice name, uint64_t *code);

/* Bytes of a whole digest. 0: not known, or (identity) as long as the data. */
size_t hash_size(uint64_t code);

/* Whether digests can be computed here; identity counts. */
bool hash_is_supported(uint64_t code);

/* Whether a CID of this hash and digest size may name a block: a supported hash; 20 bytes up to the
 * whole digest (a prefix of it may stand for it); identity 0 to 128 bytes. ERROR_UNSUPPORTED names
 * the hash, ERROR_LIMIT the size. */
MUST_USE bool hash_check(uint64_t code, size_t digest_size, struct error *err);

struct hash_job {
    struct slice data;               /* borrowed until hash_many returns */
    uint64_t code;                   /* supported, and not identity */
    uint8_t digest[HASH_DIGEST_MAX]; /* out: hash_size(code) bytes */
};

/* Computes all digests. Jobs may be of any hashes and sizes; those of sha2-256 and dbl-sha2-256 run
 * side by side in vector lanes where that is faster: hand over 16 and more at a time, of mixed
 * sizes 64 and more. */
void hash_many(struct hash_job *jobs, size_t count);

/* One digest; the rules of hash_job. */
void hash_block(uint64_t code, struct slice data, uint8_t digest[HASH_DIGEST_MAX]);

/* The CID of a block. version 0 demands dag-pb and sha2-256; identity demands at most
 * CID_DIGEST_MAX bytes. */
void hash_make_cid(struct cid *cid, int version, uint64_t codec, uint64_t hash, struct slice block);

/* Whether the block is what cid names. ERROR_MISMATCH if not, else the errors of hash_check. */
MUST_USE bool hash_verify(const struct cid *cid, struct slice block, struct error *err);

struct hash_claim {
    const struct cid *cid; /* borrowed */
    struct slice block;    /* borrowed */
    bool holds;            /* out */
};

/* The same for many at once. True if all hold; else err tells of the first that does not. */
MUST_USE bool hash_verify_many(struct hash_claim *claims, size_t count, struct error *err);

/* A digest of bytes that come in pieces. code: supported, and not identity. */
struct hash_stream;
struct hash_stream *hash_stream_create(uint64_t code);
void hash_stream_destroy(struct hash_stream **stream);
void hash_stream_update(struct hash_stream *stream, const void *data, size_t size);
/* Writes hash_size(code) bytes, and begins anew. */
void hash_stream_finish(struct hash_stream *stream, uint8_t digest[HASH_DIGEST_MAX]);

#endif
