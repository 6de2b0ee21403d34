// SPDX-License-Identifier: Apache-2.0
/* Reads of objects that the ledger knows and the storage has lost: what fails for want of a block,
 * before any of the reply has gone out, is not passed on. The object is brought back from a partner
 * that holds it (federation/retrieval.h), and the call made once more. What is missed later fails,
 * and is brought back for the next read. Loop thread only. */
#ifndef PROXY_READ_BACK_H
#define PROXY_READ_BACK_H

#include "proxy/rpc_call.h"
#include "upstream/upstream.h"

/* Of a read that is about to be relayed: has its failure looked at, where partners may hold what it
 * reads. Takes rpc's `work`. */
void read_back_watch(struct rpc *rpc, struct upstream_request *request);

#endif
