// SPDX-License-Identifier: Apache-2.0
/* A set of CIDs that keeps 8 bytes for each: about 11 bytes of memory a CID, 55 MB for 5,000,000.
 *
 * It keeps a keyed 64-bit hash (SipHash-2-4) of the CID's bytes instead of the CID. Two CIDs of a
 * set of n share one by accident with a chance of n^2 / 2^65 (7e-7 for 5,000,000), and nobody can
 * make two that do without the key: draw a random one for each set that outsiders fill. A CID
 * wrongly taken for a member makes a walk skip it: who verifies then meets a block he does not
 * expect, and refuses. One thread at a time. */
#ifndef IPFS_CID_SET_H
#define IPFS_CID_SET_H

#include "ipfs/cid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CID_SET_SHARDS 256

struct cid_set_key {
    uint64_t words[2];
};

struct cid_set {
    struct cid_set_key key;
    uint64_t count;
    size_t bytes; /* of the tables */
    struct cid_set_shard {
        uint64_t *slots; /* 0: empty */
        uint32_t capacity;
        uint32_t used;
    } shards[CID_SET_SHARDS];
};

void cid_set_init(struct cid_set *set, const struct cid_set_key *key);
void cid_set_dispose(struct cid_set *set);

/* False: it was in the set. */
bool cid_set_add(struct cid_set *set, const struct cid *cid);
bool cid_set_has(const struct cid_set *set, const struct cid *cid);

/* What a set keeps of a CID, for sets that are kept elsewhere: never 0. */
uint64_t cid_set_print(const struct cid_set_key *key, const struct cid *cid);

#endif
