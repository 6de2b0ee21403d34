// SPDX-License-Identifier: Apache-2.0
/* A call goes to the storage as it was checked, and its reply to the client. Loop thread only. */
#ifndef PROXY_RPC_RELAY_H
#define PROXY_RPC_RELAY_H

#include "proxy/rpc_call.h"

void rpc_relay(struct rpc *rpc);

/* The request that rpc_relay makes, for who changes something of it before upstream_relay. */
struct upstream_request rpc_relay_request(struct rpc *rpc);

#endif
