// SPDX-License-Identifier: Apache-2.0
/* Members and groups that own pins and are not in the policy any more: their pins become ownerless,
 * which are kept and charged to the organization, until they are transferred or the owner is back.
 * Looked at when the gateway starts and whenever another policy comes into force. Control thread
 * only. */
#ifndef PROXY_OWNERS_H
#define PROXY_OWNERS_H

#include "policy/policy.h"
#include "proxy/pin_batch.h"
#include "store/store.h"

struct log_writer;

/* {0} with loop, store, tracker and messages is at rest. */
struct owners {
    struct loop *loop;
    struct store *store;
    struct tracker *tracker;
    struct log_writer *messages;
    const struct policy *policy;     /* counted; of the pass that is under way. NULL: none is */
    struct owner owner;              /* that is being seen to */
    bool is_back;                    /* it is in the policy again */
    char after[ULID_SIZE];           /* its pins up to here are done */
    bool has_more;                   /* ... and behind them there are more */
    uint64_t pins;                   /* of the owner, done */
    struct transaction *transaction; /* under way */
    struct pin_batch batch;
};

/* The policy in force is this one, or none (then nobody is known to be gone). What an earlier call
 * began is given up. */
void owners_compare(struct owners *owners, const struct policy *policy);

void owners_stop(struct owners *owners);

/* Whether the policy has this owner; those who are no members and no groups, it always has. */
bool owners_policy_has(const struct policy *policy, const struct owner *owner);

#endif
