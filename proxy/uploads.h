// SPDX-License-Identifier: Apache-2.0
/* Uploads: add, dag/import, dag/put, block/put. They go to the storage without pinning; what Kubo
 * would have pinned is claimed for its owner (upstream/tracker.h), and the end of the reply waits
 * until every claim is durable. Without a wish to pin, an upload is relayed.
 *
 *   owner, options -> intent in the journal -> relayed: body seen, reply seen -> reply held
 *   -> claims, a few at a time -> the reply's end, or an error in its place
 *
 * Nothing is fetched for what an upload links to but did not bring, unless the caller has the right
 * read-any. Of several roots those pinned before one failed stay pinned, as in Kubo. Loop thread
 * only. */
#ifndef PROXY_UPLOADS_H
#define PROXY_UPLOADS_H

#include "proxy/rpc_call.h"

void uploads_treat(struct rpc *rpc);

#endif
