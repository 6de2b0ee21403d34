// SPDX-License-Identifier: Apache-2.0
/* The decision about a call: by the policy or, without one, by `allow` of causeway.yaml; and its
 * record. */
#ifndef PROXY_ACCESS_GATE_H
#define PROXY_ACCESS_GATE_H

#include "policy/decide.h"
#include "proxy/site.h"

/* What is decided about, as far as it is known. */
struct access_question {
    const struct exchange *exchange;
    const struct principal *principal;
    const struct call *call;
    int64_t content_length; /* as struct policy_request has it */
    unsigned pending;       /* enum policy_pending */
    unsigned *rights;       /* out, enum policy_right; NULL: not asked */
};

/* true: let it through. false: err (ERROR_REFUSED) has the sentence for the caller. To the audit
 * log go denials, final decisions about what changes something, and what rules on trial (mode:
 * report) would have done. */
MUST_USE bool access_gate(struct site *site, const struct access_question *question,
                          struct error *err);

/* The same for a call that could not be read: call is an empty one of the command. false: whatever
 * was meant, the caller may not use the command. */
MUST_USE bool access_gate_command(struct site *site, const struct access_question *question,
                                  struct error *err);

/* A line in the audit log for a call that the policy lets through and something else denies: rule
 * names it. Without a policy nothing is recorded. */
void access_gate_record_denied(struct site *site, const struct exchange *exchange,
                               const struct principal *principal, const struct call *call,
                               struct slice rule, struct slice message);

/* May this principal use the command at all, by any call? For lists of commands. */
bool access_allows_command(const struct site *site, const struct principal *principal,
                           enum command_id id);

#endif
