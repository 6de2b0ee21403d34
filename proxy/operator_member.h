// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about members: who there is and what it owns, suspending, removing, giving
 * pins to another owner. What is optional has a question mark; owners are "alice", "member:alice"
 * or "group:staff".
 *
 *   /member/list      {"after"?}             -> {"members": [member object, ...], "has_more"}, by
 * id /member/suspend   {"id", "reason"?}      -> {"id", "since", "reason"} /member/resume    {"id"}
 * -> the same, as it was /member/remove    {"id"}                 -> {"id", "tokens_revoked",
 * "policy" (where it stands in the policy, or null), "pins", "bytes"} /member/transfer  {"from",
 * "to", "after"?} -> {"moved", "left": [{"id", "cid", "why"}, ...], "after", "has_more"}: a page of
 * pins at a time
 *
 * A member object: id, state ("active", "expired", "suspended", "gone": not in the policy), since
 * and reason (null unless suspended), pins, bytes, has_ownerless. */
#ifndef PROXY_OPERATOR_MEMBER_H
#define PROXY_OPERATOR_MEMBER_H

#include "auth/operator.h"
#include "proxy/pin_batch.h"

extern const struct operator_route member_routes[];

/* The transfer that is under way; one at a time. {0} is at rest. */
struct member_transfer {
    struct operator_call *call; /* NULL: none is */
    char after[ULID_SIZE];
    bool has_more;
    json_t *left; /* what was not moved, and why */
    struct pin_batch batch;
};

/* What is under way is refused; before the tracker ends. */
void member_transfer_stop(struct member_transfer *transfer);

#endif
