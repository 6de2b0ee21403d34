// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about members: who there is and what it owns, suspending, removing. What is
 * optional has a question mark; members are "alice" or "member:alice". Control thread only.
 *
 *   /member/list      {"after"?}         -> {"members": [member object, ...], "has_more"}, by id
 *   /member/suspend   {"id", "reason"?}  -> {"id", "since", "reason"}
 *   /member/resume    {"id"}             -> the same, as it was
 *   /member/remove    {"id"}             -> {"id", "tokens_revoked", "policy", "pins", "bytes"};
 *                                           policy: where it stands there, or null
 *   /member/transfer  operator_transfer.h
 *
 * A member object: id, state ("active", "expired", "suspended", "gone": not in the policy), since
 * and reason (null unless suspended), pins, bytes, has_ownerless. */
#ifndef PROXY_OPERATOR_MEMBER_H
#define PROXY_OPERATOR_MEMBER_H

#include "auth/operator.h"

extern const struct operator_route member_routes[];

/* ---- what these routes share */

/* The member that `name` names; whether there is one is not asked. */
bool operator_member_read(const json_t *input, const char *name, char id[ID_SIZE],
                          struct error *err);

/* Without a policy there are no members: false, and the call is refused. */
bool operator_member_has_policy(struct operator_call *call);

/* The ledger's last answers come when it is closed already: true, and the call is refused. */
bool operator_member_has_ended(struct operator_call *call);

/* {"id", "since", "reason"} */
json_t *operator_member_describe(const struct suspended_record *record);

/* operator_member_list.c: a route. */
void operator_member_list(struct operator_call *call);

#endif
