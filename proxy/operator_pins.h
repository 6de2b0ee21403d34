// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about pins. An owner is "member:alice", "group:staff" or "operator".
 *
 *   /pin/list          {"owner"?, "state"?, "after"?, "limit"?} -> {"pins": [...], "has_more",
 *                      "last"}; by id; "last" is the next page's "after". With "state", pages may
 *                      be short or empty
 *   /pin/status        {"pin"}: a CID, or a pin's id -> {"cid", "ledger": {...} or null, "pins":
 *                      [...], "copies": [...], "storage": {...}, "checked"}; a copy is as in
 *                      federation/operator_allocations.h, the one here has site "local"
 *   /pin/adopt         {"owner", "cids": [...]} or {"owner", "all": true} -> as /pin/adopt/status
 *   /pin/adopt/status  {} -> see adoption.h
 *
 * A pin: id, owner, cid (as typed), mode, state, name, created, expires (null: never). */
#ifndef PROXY_OPERATOR_PINS_H
#define PROXY_OPERATOR_PINS_H

#include "auth/operator.h"

struct gateway;

extern const struct operator_route pin_routes[];

/* The storage goes away: who waits for its word is told so. */
void pin_inquiries_end(struct gateway *gateway);

#endif
