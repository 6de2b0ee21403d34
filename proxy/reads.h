// SPDX-License-Identifier: Apache-2.0
/* Commands that read what somebody names: of what is held here, or with the right `read-any` from
 * the network too. Without the right they go upstream with `offline=true`, and a block that is not
 * here is told in the storage's own words. Loop thread only. */
#ifndef PROXY_READS_H
#define PROXY_READS_H

#include "proxy/rpc_call.h"

/* Relays, or refuses: a command that reads far more than it answers waits for no place. */
void reads_serve(struct rpc *rpc);

/* Nothing may be fetched for this caller: by the last decision, which need not be final. */
bool reads_are_offline(const struct rpc *rpc);

/* Takes a place among the commands that read far more than they answer (`limits.walks`), until the
 * exchange ends. False: refused with 429. */
MUST_USE bool reads_take_walk(struct rpc *rpc);

/* Whether the call reads far more than it answers. */
bool reads_is_walk(const struct call *call);

#endif
