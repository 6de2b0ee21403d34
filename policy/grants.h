// SPDX-License-Identifier: Apache-2.0
/* What a policy grants: how much each partner may store here, and how much of ours is given to it.
 *
 *   grants:
 *     - partner: beta
 *       we_store: {bytes: 2TiB, pins: 50000, max_object: 100GiB, rate: 100MiB/s}
 *       they_store: {bytes: 1TiB, until: "2028-06-30", data: "label.class != 'secret'"}
 *
 * A link alone lets nobody store anything: what is not granted is refused. In force is the lesser
 * of what both sides grant: their we_store against our they_store. Borrowed from the policy; any
 * thread. */
#ifndef POLICY_GRANTS_H
#define POLICY_GRANTS_H

#include "policy/placement.h"

enum { POLICY_GRANTS_MAX = 10000 };

struct policy_grant {
    struct slice partner;
    struct policy_place place;
    const char *label; /* "grants to beta (policy.yaml:31)": what refusals name */
    struct {
        bool is_given;
        uint64_t bytes;
        uint64_t pins;       /* 0: not limited */
        uint64_t max_object; /* bytes; 0: not limited but by bytes */
        uint64_t rate;       /* bytes a second that they may send; 0: not limited */
    } we_store;              /* of theirs, here */
    struct {
        bool is_given;
        uint64_t bytes;
        uint64_t until_ms; /* since 1970: from then on nothing new goes there; 0: no end */
        struct slice data; /* a condition on what goes there, as written; empty: anything */
    } they_store;          /* of ours, there */
};

/* In the order of partners. */
size_t policy_grant_count(const struct policy *policy);
const struct policy_grant *policy_grant(const struct policy *policy, size_t index);
/* NULL: nothing is granted. */
const struct policy_grant *policy_grant_find(const struct policy *policy, struct slice partner);

/* May this object of ours go there, as far as `data` says? */
bool policy_grant_covers(const struct policy *policy, const struct policy_grant *grant,
                         const struct policy_object *object);

bool policy_grant_equal(const struct policy_grant *a, const struct policy_grant *b);

/* "we store 2 TiB in 50000 pins, objects of 100 GiB, 100 MiB a second; they store 1 TiB until
 * 2028-06-30T00:00:00.000Z". */
void policy_grant_put(const struct policy_grant *grant, struct text *out);
/* {"we_store":{...}|null,"they_store":{...}|null}, members as in the policy; rate in bytes. */
void policy_grant_put_json(const struct policy_grant *grant, struct text *out);

#endif
