// SPDX-License-Identifier: Apache-2.0
/* Makes UnixFS DAGs of files, directories and symlinks, with the CIDs that `ipfs add` of Kubo
 * 0.43.1 gives. Pure: bytes in, blocks out through a sink, children before parents.
 *
 * Files: the balanced layout, chunks of one size. Directories: one block, or a HAMT when that would
 * be large. Inlining: a small block is its own CID. The trickle layout, rabin and buzhash chunkers
 * and the filestore are refused by name or not there. */
#ifndef IPFS_UNIXFS_BUILD_H
#define IPFS_UNIXFS_BUILD_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/unixfs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIXFS_CHUNK_MAX (((size_t)2 << 20) - 256) /* Kubo's: a block stays within 2 MiB */

enum unixfs_estimate {
    UNIXFS_BY_LINKS, /* bytes of the names and CIDs: what Kubo has always done */
    UNIXFS_BY_BLOCK, /* bytes of the block that it would be */
};

/* How DAGs are made: Kubo's Import section. */
struct unixfs_profile {
    uint64_t hash; /* not identity; only sha2-256 with version 0 */
    size_t chunk_size;
    uint64_t directory_bytes; /* beyond this a directory is sharded */
    uint32_t directory_links; /* beyond this too; 0: no matter how many */
    uint32_t file_links;      /* of a node of a file, at most */
    uint32_t fanout;
    enum unixfs_estimate estimate;
    int cid_version;
    bool raw_leaves;       /* Kubo turns them off when it keeps modes or times */
    bool data_first;       /* Data before Links in dag-pb */
    bool inlines;          /* blocks of up to inline_limit bytes get a CIDv1 of the identity hash */
    uint32_t inline_limit; /* at most CID_DIGEST_MAX */
};

/* What Kubo 0.43.1 does without configuration, for `ipfs add` and `ipfs add --cid-version=1`. */
struct unixfs_profile unixfs_profile_v0(void);
struct unixfs_profile unixfs_profile_v1(void);
/* Kubo's profile "unixfs-v1-2025". */
struct unixfs_profile unixfs_profile_v1_2025(void);

/* Values that no DAG can be made with are refused. */
MUST_USE bool unixfs_profile_check(const struct unixfs_profile *profile, struct error *err);

/* "size-262144", "" and "default"; rabin and buzhash are refused by name. */
MUST_USE bool unixfs_parse_chunker(struct slice text, size_t *chunk_size, struct error *err);

/* Takes one block. The slices are borrowed for the call. To stop, set err and return false. The
 * same block may come more than once; an inlined one comes too, and need not be kept. */
typedef bool (*unixfs_sink)(void *arg, const struct cid *cid, struct slice block,
                            struct error *err);

/* What a link to a DAG says of it. */
struct unixfs_entry {
    struct cid cid;
    uint64_t tsize;     /* bytes of all blocks, each as often as it is linked */
    uint64_t file_size; /* of a file: its bytes */
};

/* A file: write its bytes in pieces of any size, then finish. Holds at most 16 chunks or 8 MiB,
 * whichever is less, and one chunk. After a false, only destroy. */
struct unixfs_file;
struct unixfs_file *unixfs_file_create(const struct unixfs_profile *profile, unixfs_sink sink,
                                       void *arg);
void unixfs_file_destroy(struct unixfs_file **file);
MUST_USE bool unixfs_file_write(struct unixfs_file *file, struct slice bytes, struct error *err);
/* Hands out the chunks that are complete and wait to be hashed side by side with more, and gives
 * their memory back: for who does not know when the next bytes come. even_first: the first one too,
 * which cannot bear a stat then: more bytes come behind it, or the file has none. */
MUST_USE bool unixfs_file_flush(struct unixfs_file *file, bool even_first, struct error *err);
/* stat goes into the root; a file of one raw leaf has no place for it, and loses it, as in Kubo. */
MUST_USE bool unixfs_file_finish(struct unixfs_file *file, const struct unixfs_stat *stat,
                                 struct unixfs_entry *entry, struct error *err);

/* A directory: add its entries in any order, then finish. Holds some 80 bytes and the name for each
 * entry. A name that is empty, "." or "..", or has a slash or a zero byte is refused when added;
 * one that is there twice when finished. */
struct unixfs_directory;
struct unixfs_directory *unixfs_directory_create(const struct unixfs_profile *profile);
void unixfs_directory_destroy(struct unixfs_directory **directory);
MUST_USE bool unixfs_directory_add(struct unixfs_directory *directory, struct slice name,
                                   const struct unixfs_entry *entry, struct error *err);
MUST_USE bool unixfs_directory_finish(struct unixfs_directory *directory,
                                      const struct unixfs_stat *stat, unixfs_sink sink, void *arg,
                                      struct unixfs_entry *entry, struct error *err);

/* What decides whether a directory is sharded, for who holds its entries elsewhere. {0} is one
 * without entries. */
struct unixfs_extent {
    uint64_t count, bytes; /* bytes: by the estimate of the profile */
};
void unixfs_extent_add(struct unixfs_extent *extent, const struct unixfs_profile *profile,
                       struct slice name, const struct unixfs_entry *entry);
bool unixfs_must_shard(const struct unixfs_extent *extent, const struct unixfs_profile *profile,
                       const struct unixfs_stat *stat);

/* A directory of any size as a HAMT, from entries that come in the order of unixfs_hamt_place of
 * their names. Holds one shard of each level. After a false, only destroy. */
struct unixfs_hamt;
uint64_t unixfs_hamt_place(struct slice name);
struct unixfs_hamt *unixfs_hamt_create(const struct unixfs_profile *profile, unixfs_sink sink,
                                       void *arg);
void unixfs_hamt_destroy(struct unixfs_hamt **hamt);
/* ERROR_LIMIT: two names have the same place. The name is copied, not checked. */
MUST_USE bool unixfs_hamt_add(struct unixfs_hamt *hamt, struct slice name,
                              const struct unixfs_entry *entry, struct error *err);
MUST_USE bool unixfs_hamt_finish(struct unixfs_hamt *hamt, const struct unixfs_stat *stat,
                                 struct unixfs_entry *entry, struct error *err);

/* The mode of stat is not kept, as in Kubo. */
MUST_USE bool unixfs_make_symlink(const struct unixfs_profile *profile, struct slice target,
                                  const struct unixfs_stat *stat, unixfs_sink sink, void *arg,
                                  struct unixfs_entry *entry, struct error *err);

#endif
