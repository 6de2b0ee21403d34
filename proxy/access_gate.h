// SPDX-License-Identifier: Apache-2.0
/* The decision about a call: may it pass? Without a policy, by `allow` of causeway.yaml. */
#ifndef PROXY_ACCESS_GATE_H
#define PROXY_ACCESS_GATE_H

#include "ipfs/call.h"
#include "proxy/site.h"

/* What is decided about, as far as it is known. */
struct access_question {
    const struct exchange *exchange;
    const struct call *call;
};

/* true: let it through. false: err (ERROR_REFUSED) has the sentence for the caller. */
MUST_USE bool access_gate(struct site *site, const struct access_question *question,
                          struct error *err);

/* May the command be used at all, by any call? For lists of commands. */
bool access_allows_command(const struct site *site, enum command_id id);

#endif
