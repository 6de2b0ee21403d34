// SPDX-License-Identifier: Apache-2.0
/* Commands of the RPC API that the gateway answers itself, in Kubo's shapes. */
#ifndef PROXY_RPC_ANSWERS_H
#define PROXY_RPC_ANSWERS_H

#include "auth/principal.h"
#include "ipfs/call.h"
#include "proxy/site.h"

/* The version that the catalogue is of: clients ask it before every command and send nothing else
 * without it. */
void rpc_answer_version(struct exchange *exchange);

/* The tree of commands that pass the gate; with their options when the call says `flags`. */
void rpc_answer_commands(struct exchange *exchange, const struct site *site,
                         const struct principal *principal, const struct call *call);

#endif
