// SPDX-License-Identifier: Apache-2.0
/* Changes UnixFS DAGs block by block: an entry of a directory, bytes of a file, a mode or a time.
 * What comes out has the CIDs that `ipfs files` of Kubo 0.43.1 gives. Pure: blocks come from a
 * source and go to a sink, children before parents; none is ever changed in place.
 *
 * A node keeps the CID version and the hash that it had, unless it is said otherwise. Only blocks
 * on the way to what changes are read, and written. */
#ifndef IPFS_UNIXFS_EDIT_H
#define IPFS_UNIXFS_EDIT_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/unixfs.h"
#include "ipfs/unixfs_build.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIXFS_DEPTH_MAX 256 /* nodes of a file, one below the other; deeper ones are refused */

/* block: borrowed until the next call of the store. */
typedef bool (*unixfs_source)(void *arg, const struct cid *cid, struct slice *block,
                              struct error *err);

struct unixfs_store {
    unixfs_source get;
    unixfs_sink put;
    void *arg; /* of both */
};

/* What the block of a CID says of itself: *type of a raw leaf is UNIXFS_RAW. ERROR_UNSUPPORTED: it
 * is neither dag-pb nor raw. */
MUST_USE bool unixfs_look(const struct unixfs_store *store, const struct cid *cid,
                          enum unixfs_type *type, struct unixfs_entry *entry, struct error *err);

/* ---- a node by itself */

/* The same node under a CID of another version or hash. */
MUST_USE bool unixfs_set_format(const struct unixfs_store *store, const struct cid *cid,
                                int version, uint64_t hash, struct unixfs_entry *result,
                                struct error *err);

/* What of stat is given is set: mode (UINT32_MAX: left as it is; 0: taken away), mtime if
 * has_mtime. A raw leaf, which has no place for either, becomes a node of version 0. */
MUST_USE bool unixfs_set_stat(const struct unixfs_store *store, const struct cid *cid,
                              const struct unixfs_stat *stat, struct unixfs_entry *result,
                              struct error *err);

/* ---- directories, plain or sharded */

/* Puts an entry under a name, in the place of any that is there; entry NULL: removes it.
 *
 * A plain directory whose names and CIDs are more than UNIXFS_DIRECTORY_MAX bytes becomes a sharded
 * one. A sharded one becomes plain again when it is no more than that; but that is only looked at
 * when it is smaller than when its growth was 0. *growth: bytes since then, 0 for a directory that
 * nothing is known of; kept by the caller, as Kubo keeps it in memory. (What else Kubo has
 * in memory moves its threshold by up to the length of a name; so near to it, it may choose the
 * other kind.)
 *   ERROR_NOT_FOUND   "file does not exist": nothing of that name to remove */
MUST_USE bool unixfs_directory_set(const struct unixfs_store *store, const struct cid *directory,
                                   struct slice name, const struct unixfs_entry *entry,
                                   int64_t *growth, struct unixfs_entry *result, struct error *err);
#define UNIXFS_DIRECTORY_MAX (256 << 10)

/* ---- files
 *
 * A file keeps its leaves: bytes are overwritten where they stand, and what comes behind the end is
 * appended in Kubo's trickle layout, in leaves of its own. After a false, only destroy. */

struct unixfs_edit;

/* raw_leaves: of what is appended; that of a raw leaf is raw anyhow. now: the time that a file
 * which has one gets when it changes. ERROR_UNSUPPORTED: not a file ("symlinks not yet supported").
 */
MUST_USE bool unixfs_edit_open(struct unixfs_edit **edit, const struct unixfs_store *store,
                               const struct cid *cid, bool raw_leaves,
                               const struct unixfs_stat *now, struct error *err);
void unixfs_edit_destroy(struct unixfs_edit **edit); /* NULL is fine */

/* Bytes that the file has now. */
uint64_t unixfs_edit_size(const struct unixfs_edit *edit);

/* Takes all bytes away. */
MUST_USE bool unixfs_edit_truncate(struct unixfs_edit *edit, struct error *err);

/* Writes over bytes that are there; offset + bytes.size <= unixfs_edit_size. */
MUST_USE bool unixfs_edit_overwrite(struct unixfs_edit *edit, uint64_t offset, struct slice bytes,
                                    struct error *err);

/* One leaf more (at most UNIXFS_CHUNK_MAX bytes, not 0). All leaves appended between two other
 * calls are one row, and shape the file together. */
MUST_USE bool unixfs_edit_append(struct unixfs_edit *edit, struct slice leaf, struct error *err);
/* Ends the row; nothing if there is none. */
MUST_USE bool unixfs_edit_flush(struct unixfs_edit *edit, struct error *err);

/* Ends the row. A file that is nothing but one raw leaf is that leaf then, if raw_leaves. */
MUST_USE bool unixfs_edit_finish(struct unixfs_edit *edit, struct unixfs_entry *result,
                                 struct error *err);

#endif
