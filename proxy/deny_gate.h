// SPDX-License-Identifier: Apache-2.0
/* The last gate: what a call names must not be on the denylist, neither what its paths begin with
 * nor what they lead to. Loop thread only. */
#ifndef PROXY_DENY_GATE_H
#define PROXY_DENY_GATE_H

#include "proxy/rpc_call.h"

/* Calls proceed, at once or later, or refuses the call: 410 for what is denied. Names were resolved
 * before. pin/ls and pin/rm pass, as does what pin/update leaves behind: what is denied can be let
 * go of. */
void deny_gate(struct rpc *rpc, void (*proceed)(struct rpc *rpc));

/* True: it is denied; the call was refused, or its reply cut. shown: as the caller knows it. */
bool deny_gate_refuses(struct rpc *rpc, struct slice shown, const struct cid *cid);

/* Does this argument name content, and not to let go of it? */
bool deny_gate_concerns(const struct call *call, size_t index);

#endif
