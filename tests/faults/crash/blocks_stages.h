// SPDX-License-Identifier: Apache-2.0
/* What blocks_writer.c does to a block store, for blocks.c to look for: its pieces are bundles of
 * blocks, each put and removed with one write, so that it is there whole or not at all. */
#ifndef TESTS_FAULTS_CRASH_BLOCKS_STAGES_H
#define TESTS_FAULTS_CRASH_BLOCKS_STAGES_H

#include "ipfs/hash.h"

enum stage { STAGE_NONE, STAGE_PUT, STAGE_REMOVED, STAGE_PUT_AGAIN, STAGE_COUNT };

enum { BUNDLE = 3, BUNDLE_BYTES_MAX = 9000, SEGMENT_BYTES = 48 << 10 };

/* How far bundle n goes. */
static inline unsigned stage_last(unsigned n)
{
    return n % 4 == 0 ? STAGE_PUT : n % 8 == 1 ? STAGE_PUT_AGAIN : STAGE_REMOVED;
}

static inline bool stage_has_blocks(unsigned stage)
{
    return stage == STAGE_PUT || stage == STAGE_PUT_AGAIN;
}

/* Block i of bundle n. bytes: BUNDLE_BYTES_MAX, borrowed by the result. */
static inline struct slice stage_block(unsigned n, unsigned i, char *bytes, struct cid *cid)
{
    struct slice block = {bytes, 8 + (n * 7919 + i * 104729) % (n % 3 == 0 ? 8000 : 300)};

    for (size_t at = 0; at < block.size; at++)
        bytes[at] = (char)((n * 31 + i * 17 + at * 7) >> (at % 5));
    memcpy(bytes, &n, sizeof(n));
    memcpy(bytes + sizeof(n), &i, sizeof(i));
    hash_make_cid(cid, 1, CODEC_RAW, HASH_SHA2_256, block);
    return block;
}

#endif
