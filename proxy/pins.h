// SPDX-License-Identifier: Apache-2.0
/* The pin commands: answered from the ledger and by the tracker, in Kubo's shapes. A member sees
 * and changes its own pins, and nobody else's. Loop thread only. */
#ifndef PROXY_PINS_H
#define PROXY_PINS_H

#include "proxy/rpc_call.h"

/* Each CID after the other; the first that fails ends the call, and those before stay pinned. With
 * `progress` lines of nodes and bytes. */
void treat_pin_add(struct rpc *rpc);
void treat_pin_rm(struct rpc *rpc);
/* The new one is pinned first, under the name of the old one, which is then unpinned. */
void treat_pin_update(struct rpc *rpc);
/* Streamed, a page of the ledger at a time. */
void treat_pin_ls(struct rpc *rpc);
/* The caller's own recursive pins, each read from end to end where it lies. */
void treat_pin_verify(struct rpc *rpc);

#endif
