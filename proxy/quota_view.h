// SPDX-License-Identifier: Apache-2.0
/* How a caller's quotas stand, as JSON: GET /causeway/v1/quota and `causeway quota`.
 *
 *   {"limits": [{"quota", "at", "scope", "dimension", "limit", "used", "left", "soft"?, "per_s"?,
 *                "reset_s"?}, ...], "stored": {"bytes", "pins"}, "org": {"bytes", "pins"}}
 *
 * dimension: stored_bytes, stored_pins, requests, concurrent, upload_bytes, egress_bytes. stored is
 * what the owner is charged, each object once for each owner; org is what the organization holds,
 * each object once whoever owns it, so the owners' sum may be larger. */
#ifndef PROXY_QUOTA_VIEW_H
#define PROXY_QUOTA_VIEW_H

#include "policy/caller.h"

#include <jansson.h>

/* caller NULL: nothing that passes by is limited. A new object. */
json_t *quota_view(struct accounts *accounts, const struct policy *policy,
                   const struct principal *principal, struct caller *caller);

#endif
