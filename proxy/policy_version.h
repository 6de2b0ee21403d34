// SPDX-License-Identifier: Apache-2.0
/* A version of the policy, as the ledger keeps it: its files in one text, JSON [{"name", "text"},
 * ...]. Pure. */
#ifndef PROXY_POLICY_VERSION_H
#define PROXY_POLICY_VERSION_H

#include "policy/source.h"

void policy_version_pack(const struct policy_sources *sources, struct text *out);
/* sources: policy_sources_dispose frees them. */
MUST_USE bool policy_version_unpack(struct policy_sources *sources, struct slice packed,
                                    struct error *err);

#endif
