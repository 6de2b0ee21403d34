// SPDX-License-Identifier: Apache-2.0
/* A caller from inside. Private to caller*.c. */
#ifndef POLICY_CALLER_PRIVATE_H
#define POLICY_CALLER_PRIVATE_H

#include "policy/caller.h"

struct caller_item {
    const struct policy_quota *quota;
    struct accounts_meter *meter;
};

struct caller {
    unsigned references;
    const struct policy *policy;
    struct accounts *accounts;
    struct caller_item *items; /* in the order of the quotas' ids */
    size_t count;
    struct quota_limit *running; /* of items with a limit on calls at once */
    size_t *running_items;
    size_t running_count;
    bool has_requests, has_upload, has_egress;
    struct text calls_line, upload_line; /* RateLimit-Policy of calls without and with a body */
    /* The rate that was tightest when the last call began; NULL: none. */
    const struct caller_item *tightest;
    struct quota_rate_verdict rate;
};

static inline const struct policy_quota_window *caller_window_limit(const struct caller_item *item,
                                                                    enum caller_dimension flow)
{
    return flow == CALLER_UPLOAD ? &item->quota->upload : &item->quota->egress;
}

static inline struct accounts_window *caller_window(const struct caller_item *item,
                                                    enum caller_dimension flow)
{
    return flow == CALLER_UPLOAD ? item->meter->upload : item->meter->egress;
}

#endif
