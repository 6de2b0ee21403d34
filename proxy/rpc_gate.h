// SPDX-License-Identifier: Apache-2.0
/* What every call of the RPC API must be, whoever makes it: rules that no policy changes. Asked
 * after the policy: who may not use a command learns only that (rpc.h has the whole order). Each
 * refusal is one sentence. Pure. */
#ifndef PROXY_RPC_GATE_H
#define PROXY_RPC_GATE_H

#include "http/head.h"
#include "ipfs/call.h"

/* Before the body: its kind suits the command, nothing names files of the server, a change comes
 * over HTTP/1.1. */
MUST_USE bool rpc_gate(const struct head *head, const struct call *call, struct error *err);

/* Does the argument name something that may stand for something else a moment later? Not where the
 * name itself is what the command is about. */
bool rpc_gate_needs_resolving(const struct call *call, size_t index);

#endif
