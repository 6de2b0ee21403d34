// SPDX-License-Identifier: Apache-2.0
/* Reads a CAR and believes nothing: every block is hashed against its CID, stands where a depth
 * first walk from the roots wants it, and at the end none is missing. Pure.
 *
 * Pushed like car_reader. Blocks are gathered and hashed many at once, so the event of a block
 * comes a while after its bytes: memory is bounded by batch_bytes and one section, and by the
 * walk_memory. What is refused is named with its byte and its CID:
 *
 *     a block that is not what its CID says, or of a hash that is not computed here
 *     a block that no block before it links to, or that stands out of order
 *     a block that is there twice (unless allowed), or of a codec whose links cannot be read
 *     an end with blocks missing; everything that car_reader refuses; what passes a limit
 *
 * An identity CID may have a section or none. */
#ifndef IPFS_CAR_VERIFY_H
#define IPFS_CAR_VERIFY_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/car.h"
#include "ipfs/cid.h"
#include "ipfs/walk.h"
#include "ipfs/walk_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAR_VERIFY_BATCH ((size_t)8 << 20)

struct car_verify_options {
    struct car_limits car;
    struct walk_limits limits; /* bytes: of all sections' data, blocks that repeat included */
    const struct cid *roots;   /* what must be there; copied. NULL: what the header says */
    size_t root_count;
    bool allow_repeats; /* the "dups=y" of gateways: a block seen before may come again */
    size_t batch_bytes; /* 0: CAR_VERIFY_BATCH */
};

enum car_verify_event {
    CAR_VERIFY_MORE,
    CAR_VERIFY_HEADER, /* car_verify_reader knows version and roots */
    CAR_VERIFY_BLOCK,  /* car_verify_block: it is what it says, and wanted */
    CAR_VERIFY_END,    /* nothing is missing; from car_verify_finish only */
    CAR_VERIFY_BAD,
};

struct car_verify_block {
    struct cid cid;
    struct slice data; /* valid until the next call */
    uint64_t offset;   /* of its section in the stream */
    uint32_t depth;
    bool repeated; /* was given before */
};

/* All that is needed to go on, with the same walk_memory and input from car.offset. */
struct car_verify_position {
    struct car_position car;
    struct walk_stats stats;
    uint64_t received; /* bytes of data, repeats included */
};

struct car_verify;

/* memory is borrowed, and empty. */
struct car_verify *car_verify_create(const struct car_verify_options *options,
                                     struct walk_memory *memory);
/* Goes on from a position; options.roots is not used. There will be no CAR_VERIFY_HEADER. */
struct car_verify *car_verify_create_at(const struct car_verify_options *options,
                                        struct walk_memory *memory,
                                        const struct car_verify_position *position);
void car_verify_destroy(struct car_verify **verify);

/* Takes bytes from the front of *input and stops at the first event. Call again until
 * CAR_VERIFY_MORE, then with more input. The bytes taken must stay in place until CAR_VERIFY_MORE:
 * blocks that lie whole in large inputs are not copied. */
MUST_USE enum car_verify_event car_verify_next(struct car_verify *verify, struct slice *input,
                                               struct error *err);
/* There is no more input. Call until it is CAR_VERIFY_END or CAR_VERIFY_BAD: blocks may come yet.
 */
MUST_USE enum car_verify_event car_verify_finish(struct car_verify *verify, struct error *err);

const struct car_verify_block *car_verify_block(const struct car_verify *verify);
const struct car_reader *car_verify_reader(const struct car_verify *verify);
const struct walk_stats *car_verify_stats(const struct car_verify *verify);

/* After CAR_VERIFY_BAD: the byte that err names. */
uint64_t car_verify_offset(const struct car_verify *verify);

/* The position behind the last block given. After CAR_VERIFY_BLOCK only. */
struct car_verify_position car_verify_position(const struct car_verify *verify);

#endif
