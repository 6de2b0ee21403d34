// SPDX-License-Identifier: Apache-2.0
/* A store of blocks in memory, for tests of ipfs/unixfs_edit.h. */
#ifndef TESTS_UNIT_IPFS_EDIT_KIT_H
#define TESTS_UNIT_IPFS_EDIT_KIT_H

#include "ipfs/cid.h"
#include "ipfs/unixfs_edit.h"

struct kit;

struct kit *kit_create(void);
void kit_destroy(struct kit **kit);
struct unixfs_store kit_store(struct kit *kit);
size_t kit_count(const struct kit *kit); /* of distinct blocks */
/* That block is lost. */
void kit_lose(struct kit *kit, const struct cid *cid);

/* A directory or file with nothing in it. */
struct cid kit_empty_directory(struct kit *kit, int version, uint64_t hash);
struct cid kit_empty_file(struct kit *kit, int version, uint64_t hash);
/* Puts a dag-pb block with that message and no links. */
struct cid kit_put_message(struct kit *kit, int version, uint64_t hash, struct slice message);

#endif
