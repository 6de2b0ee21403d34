// SPDX-License-Identifier: Apache-2.0
/* Which member lists which certificate name: a member's attribute `certificate`, as
 * auth/certificate.h writes names. Made once for a policy; immutable; any thread. */
#ifndef PROXY_CERTIFICATE_INDEX_H
#define PROXY_CERTIFICATE_INDEX_H

#include "conf/error.h"
#include "policy/policy.h"

struct certificate_index;

/* Borrows from the policy. Fails when two members list one name, or a name is none. */
MUST_USE bool certificate_index_create(struct certificate_index **index,
                                       const struct policy *policy, struct error *err);
void certificate_index_destroy(struct certificate_index **index);

/* The member's id, or {NULL, 0}. */
struct slice certificate_index_find(const struct certificate_index *index, struct slice name);

#endif
