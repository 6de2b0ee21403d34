// SPDX-License-Identifier: Apache-2.0
/* The quotas of a policy: what they limit, and for whom.
 *
 *   quotas:
 *     - {id: all, scope: org, stored: {bytes: 50TiB, pins: 1000000, soft: 85%}}
 *     - {id: each, scope: each member, stored: {bytes: 200GiB}, upload: {bytes: 50GiB, per: 24h},
 *        egress: {bytes: 500GiB, per: 30d}, requests: {rate: 50/s, burst: 200}, concurrent: 16}
 *
 * All that apply to a caller hold at once, and the tightest of them is named when it refuses. A
 * group's limit is on the sum over all who are in it or in a group below it. Borrowed from the
 * policy; any thread. */
#ifndef POLICY_QUOTAS_H
#define POLICY_QUOTAS_H

#include "policy/policy.h"
#include "policy/quota_rate.h"

enum { POLICY_QUOTAS_MAX = 1000 };

enum policy_quota_scope {
    QUOTA_SCOPE_ORG,     /* "org": everybody together, the anonymous and partners too */
    QUOTA_SCOPE_MEMBER,  /* "each member" */
    QUOTA_SCOPE_GROUP,   /* "group:staff" */
    QUOTA_SCOPE_TOKEN,   /* "each token" */
    QUOTA_SCOPE_PARTNER, /* "partner:beta": what it stores here */
};

/* Bytes in any span of time of this length. bytes 0: not limited. */
struct policy_quota_window {
    uint64_t bytes;
    uint64_t per_ms;
};

struct policy_quota {
    struct slice id;
    enum policy_quota_scope scope;
    struct slice group;   /* QUOTA_SCOPE_GROUP: its id */
    struct slice partner; /* QUOTA_SCOPE_PARTNER: its id */
    struct policy_place place;
    const char *label;                  /* "each (policy.yaml:31)": what refusals name */
    uint64_t stored_bytes, stored_pins; /* 0: not limited */
    uint64_t soft_bytes, soft_pins;     /* 0: no warning */
    struct policy_quota_window upload, egress;
    struct quota_rate requests; /* calls 0: not limited */
    uint64_t concurrent;        /* 0: not limited */
};

/* In the order of ids. */
size_t policy_quota_count(const struct policy *policy);
const struct policy_quota *policy_quota(const struct policy *policy, size_t index);

/* Is it about what this principal asks? A member's groups are as the policy has them. */
bool policy_quota_applies(const struct policy *policy, const struct policy_quota *quota,
                          const struct principal *principal);

/* Of a group and the groups above it, itself first, at most max: how many; 0: no such group. */
size_t policy_group_line(const struct policy *policy, struct slice group, struct slice *groups,
                         size_t max);

/* "the organization", "each member", "the group staff", "each token", "the partner beta". */
void policy_quota_put_scope(const struct policy_quota *quota, struct text *out);
/* "stored 200 GiB, upload 50 GiB per 1d, 50 requests per 1s with bursts of 200, 16 at once". */
void policy_quota_put_limits(const struct policy_quota *quota, struct text *out);

#endif
