// SPDX-License-Identifier: Apache-2.0
/* Paths of reads that lead through an object which the storage has lost: what they begin with is
 * brought back from a partner that holds it (federation/retrieval.h) before they are resolved. Kubo
 * looks for blocks of a path in the network, whatever it is told, and says nothing for half a
 * minute; so the path's first block is asked for by itself. Of calls that are decided on what fails
 * for want of a block is read_back.h's. Loop thread only. */
#ifndef PROXY_BRING_BACK_H
#define PROXY_BRING_BACK_H

#include "proxy/rpc_call.h"

/* Of argument rpc->resolving_index. False: there is nothing to be done (any more). True: again is
 * called when that is so, or the call is refused. */
MUST_USE bool bring_back_first(struct rpc *rpc, void (*again)(struct rpc *rpc));

/* The path of that argument could not be resolved: err says why. True: again is called when it is
 * worth another try, once for each argument; or the call is refused. False: it is for the caller to
 * refuse. */
MUST_USE bool bring_back(struct rpc *rpc, const struct error *err, void (*again)(struct rpc *rpc));

/* The exchange has ended. */
void bring_back_end(struct rpc *rpc);

#endif
