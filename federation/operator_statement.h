// SPDX-License-Identifier: Apache-2.0
/* /link/statement: {"partner", "at" (OURS,THEIRS: the cut), "after" (the page behind this id),
 * "alone" (the partner is not asked)} -> one page: {"cut", "there" (the cut as they write it;
 * missing: their side of it is not known), "link", "epoch", "sides":
 * [{"org","pins","bytes","settled"}], "count", "page" (multibase), "digest", "last" (id behind
 * which the next page begins; missing: there is none), "signature", "agrees" (true, false, null:
 * they were not asked, or did not answer), "why", "their_signature", "their_org", "differences":
 * [{"id","cid","holder","is": "ours"|"theirs"|"both"}]}. */
#ifndef FEDERATION_OPERATOR_STATEMENT_H
#define FEDERATION_OPERATOR_STATEMENT_H

#include "auth/operator.h"

extern const struct operator_route statement_routes[];

#endif
