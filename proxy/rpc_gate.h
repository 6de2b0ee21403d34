// SPDX-License-Identifier: Apache-2.0
/* The gates of the RPC API: may this call pass? Each refusal is one sentence: what, and how to get
 * it changed. Pure. */
#ifndef PROXY_RPC_GATE_H
#define PROXY_RPC_GATE_H

#include "conf/config.h"
#include "http/head.h"
#include "ipfs/call.h"

/* Before the body: the command's class, what no gateway lets through, and whether the body suits
 * the command. */
MUST_USE bool rpc_gate_head(const struct config *config, const struct head *head,
                            const struct call *call, struct error *err);

/* With all arguments known, those of a body too. */
MUST_USE bool rpc_gate_arguments(const struct config *config, const struct call *call,
                                 struct error *err);

/* Does the argument name something that may stand for something else a moment later? Not where the
 * name itself is what the command is about. */
bool rpc_gate_needs_resolving(const struct call *call, size_t index);

bool rpc_gate_allows_class(const struct config *config, enum command_class class);

/* Is there any call of this command that passes? */
bool rpc_gate_allows_command(const struct config *config, const struct command *command);

#endif
