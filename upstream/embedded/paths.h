// SPDX-License-Identifier: Apache-2.0
/* Where a path leads: "/ipfs/<cid>/a/b" by the names of UnixFS directories, plain or sharded, and
 * by the keys and indexes of dag-cbor and dag-json; "/ipld/<cid>/Links/0/Hash/..." by those alone,
 * also in dag-pb, as Kubo reads either.
 *
 * In a slice of a task; reads a few blocks for each name. Errors in Kubo's words. */
#ifndef UPSTREAM_EMBEDDED_PATHS_H
#define UPSTREAM_EMBEDDED_PATHS_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/call.h"
#include "ipfs/cid.h"

struct task;

#define PATH_BLOCKS_MAX 1024 /* that one path may lead through */

struct path_end {
    struct cid cid; /* of the last block */
    struct slice
        rest; /* of the path, inside that block: "" mostly, else "/a/b". Borrowed from it */
};

/* The last block of an IPFS or IPLD path; it is not read, so it may be missing. Whoever has no use
 * for what lies inside a block (cat, ls, pin/add, ...) passes over rest, as Kubo does.
 *   ERROR_NOT_FOUND     a block on the way is missing, or a name ("no link named ...")
 *                       or it is an IPNS name: nothing is known of those here
 *   ERROR_UNSUPPORTED   a block on the way cannot be read, or has nothing below it
 *   ERROR_LIMIT         it leads through more than PATH_BLOCKS_MAX blocks */
MUST_USE bool path_resolve(struct task *task, const struct call_path *path, struct path_end *end,
                           struct error *err);

#endif
