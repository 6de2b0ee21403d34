// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about allocations: what is placed at partners, and what they placed here.
 *
 *   /allocation/list   {"partner"?, "role"?, "state"?, "stuck"?, "all"?, "unplaced"?, "after"?,
 *                       "limit"?}
 *                      -> {"allocations": [allocation...], "has_more", "last"?}; by partner, then
 *                      role, then id; "last" is the next page's "after". Pages may be short or
 *                      empty. Without "all" or "state", what is over is left out. With
 *                      "unplaced" behind them objects that no site is found for, as they were
 *                      looked at last: cid, site (null), state ("no site"), stuck, why, seen
 *   /allocation/evict  {"id", "reason", "within"?} -> {"id", "partner", "cid", "said"}
 *
 * An allocation: id, partner (null: the link is not known any more), site, role ("owner": ours,
 * there; "holder": theirs, here), cid, state, bytes, blocks (0: not known), position, priority,
 * since, evidence (the last; null: none), evidence_age_ms, counts, stuck, reason, retry (null: none
 * planned) and why, one line. */
#ifndef FEDERATION_OPERATOR_ALLOCATIONS_H
#define FEDERATION_OPERATOR_ALLOCATIONS_H

#include "auth/operator.h"

extern const struct operator_route allocation_routes[];

/* How one of the ledger's rows reads. links: of links_describe, for its partner's name; NULL: none
 * is known. A row that cannot be read says so in "why". */
json_t *allocation_describe(const struct allocation_entry *entry, const json_t *links,
                            uint64_t now_ms);

/* False: there is no port for partners, and the call was answered so. */
bool operator_allocations_begin(struct operator_call *call);
/* operator_evict.c: /allocation/evict */
void operator_evict(struct operator_call *call);

#endif
