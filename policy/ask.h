// SPDX-License-Identifier: Apache-2.0
/* Calls and callers as people write them, in tests and on the command line. Pure. */
#ifndef POLICY_ASK_H
#define POLICY_ASK_H

#include "ipfs/call.h"
#include "policy/policy.h"

struct asked_call {
    struct call *call;
    bool is_incomplete; /* it needs arguments and none were written: they count as pending */
};

/* Reads a call in the form of the RPC API (pin/add?arg=CID&recursive=false, /api/v0/ before it or
 * not) or in that of the ipfs command (pin add CID --recursive=false; blanks part the words, single
 * and double quotes keep them together). The names of files to upload count for nothing. Unlike the
 * RPC API, which drops it, an option that the command does not have is an error. */
MUST_USE bool ask_call(struct asked_call *asked, struct slice text, struct error *err);
void asked_call_dispose(struct asked_call *asked);

/* "alice", "member:alice", "partner:beta", "anonymous". The id is borrowed from text. Whether there
 * is such a member is not asked. */
MUST_USE bool ask_principal(struct principal *principal, struct slice text, struct error *err);

#endif
