// SPDX-License-Identifier: Apache-2.0
/* UnixFS: what the data of a dag-pb node says about a file, directory or symlink.
 * Source: specs.ipfs.tech/unixfs; field order and defaults as Kubo 0.43.1 writes them. Pure.
 *
 * Read as protocol buffers are: fields in any order, the last of a repeated one counts, unknown
 * ones are passed over. Type is required, and must be one of the six. */
#ifndef IPFS_UNIXFS_H
#define IPFS_UNIXFS_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/protobuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIXFS_HASH_MURMUR3 0x22
#define UNIXFS_FANOUT_MAX   1024

enum unixfs_type {
    UNIXFS_RAW,
    UNIXFS_DIRECTORY,
    UNIXFS_FILE,
    UNIXFS_METADATA,
    UNIXFS_SYMLINK,
    UNIXFS_HAMT, /* one shard of a large directory */
};

struct unixfs_stat {
    uint32_t mode; /* 07777; 0: none. Read: all bits that stand there */
    bool has_mtime;
    int64_t mtime_s;
    uint32_t mtime_ns; /* 0 to 999,999,999 */
};

struct unixfs {
    enum unixfs_type type;
    bool has_data, has_file_size;
    struct slice data;    /* of a leaf; target of a symlink; bits of a shard. Borrowed */
    uint64_t file_size;   /* what the author says: not to be believed */
    uint32_t block_count; /* of sizes: see unixfs_next_size */
    uint64_t hash;        /* of a shard; 0: not there */
    uint64_t fanout;      /* of a shard; 0: not there */
    struct unixfs_stat stat;
    struct slice message; /* the whole, borrowed */
};

MUST_USE bool unixfs_read(struct unixfs *node, struct slice message, struct error *err);

/* The sizes of what lies behind each link of a file, one after another. */
struct unixfs_sizes {
    struct protobuf_reader wire, packed;
};
void unixfs_sizes_begin(struct unixfs_sizes *sizes, const struct unixfs *node);
bool unixfs_next_size(struct unixfs_sizes *sizes, uint64_t *size);

/* A shard that can be used: murmur3; fanout a power of two from 8 to UNIXFS_FANOUT_MAX; no more
 * bits than that. */
MUST_USE bool unixfs_check_shard(const struct unixfs *node, struct error *err);

/* The shape of a HAMT, which its fanout gives. A name's place in a shard of level 0, 1, ... is the
 * next bits of murmur3_64(name), from the highest on; a link there is named by the place in
 * upper-case hex, and, unless it leads to the shard of the next level, the entry's name behind. */
unsigned unixfs_shard_levels(uint64_t fanout);      /* as many as the hash has bits for */
unsigned unixfs_shard_prefix_size(uint64_t fanout); /* characters of the place */
uint32_t unixfs_shard_place(uint64_t fanout, uint64_t hash, unsigned level);
/* Whether the bits of a shard that was checked say that the place is taken. */
bool unixfs_shard_has(const struct unixfs *node, uint32_t place);

/* Appends a message. node->message and node->block_count do not count; sizes are the block sizes of
 * a file. hash and fanout of 0 and a mode of 0 are left out, as is what a has_ says. */
void unixfs_put(struct text *out, const struct unixfs *node, const uint64_t *sizes, size_t count);

#endif
