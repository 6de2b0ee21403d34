// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about the denylist. What is optional has a question mark.
 *
 *   /deny/add     {"cid", "reason"?}     -> {"cid", "multihash", "reason", "added"}
 *   /deny/remove  {"cid"}                -> the same, as it was
 *   /deny/list    {"after"?, "limit"?}   -> {"denied": [the same, ...], "has_more"}; after: the
 * last multihash
 *
 * cid: any form; the list is by multihash, and shows the CIDv1 with the codec raw. multihash:
 * hexadecimal. */
#ifndef PROXY_OPERATOR_DENY_H
#define PROXY_OPERATOR_DENY_H

#include "auth/operator.h"

extern const struct operator_route deny_routes[];

#endif
