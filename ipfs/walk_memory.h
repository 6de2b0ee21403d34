// SPDX-License-Identifier: Apache-2.0
/* What a walk over a DAG remembers: the CIDs that it saw, and the stack of links that it still
 * owes. An interface, so that both can live on disk and outlast the process; one in memory is here.
 *
 * An implementation on disk may write when it likes; who wants to resume keeps it together with the
 * position that the walk or verifier gives (car_verify_position), in one transaction. */
#ifndef IPFS_WALK_MEMORY_H
#define IPFS_WALK_MEMORY_H

#include "conf/error.h"
#include "ipfs/cid.h"
#include "ipfs/cid_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk_memory;

struct walk_memory_ops {
    /* Notes that cid was seen; *added: it was not before. */
    bool (*see)(struct walk_memory *memory, const struct cid *cid, bool *added, struct error *err);
    bool (*saw)(struct walk_memory *memory, const struct cid *cid, bool *seen, struct error *err);
    /* Puts a link on top of the stack; the same CID may be on it many times. */
    bool (*push)(struct walk_memory *memory, const struct cid *cid, uint32_t depth,
                 struct error *err);
    /* Takes the top one off; *found: there was one. */
    bool (*pop)(struct walk_memory *memory, struct cid *cid, uint32_t *depth, bool *found,
                struct error *err);
};

/* The first member of every implementation. */
struct walk_memory {
    const struct walk_memory_ops *ops;
};

/* In memory. key: see cid_set.h. bytes_max bounds set and stack together: beyond it see and push
 * fail with ERROR_LIMIT. */
struct walk_memory *walk_memory_create(const struct cid_set_key *key, size_t bytes_max);
void walk_memory_destroy(struct walk_memory **memory);

/* Bytes in use by one that walk_memory_create made. */
size_t walk_memory_bytes(const struct walk_memory *memory);

#endif
