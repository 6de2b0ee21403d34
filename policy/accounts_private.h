// SPDX-License-Identifier: Apache-2.0
/* The accounts from inside. Private to accounts*.c. */
#ifndef POLICY_ACCOUNTS_PRIVATE_H
#define POLICY_ACCOUNTS_PRIVATE_H

#include "policy/accounts.h"
#include "policy/names.h"

#include <pthread.h>

/* What is stored by one owner; or the sum of a group's; or the organization's. */
struct account {
    char *key;
    char *scope;        /* "member alice", "group staff", "the organization" */
    struct owner owner; /* kind 0: the organization; OWNER_GROUP: what the group itself owns, too */
    bool is_sum;
    struct quota_counter bytes, pins;
    /* What of bytes is reserved by uploads that run, and not charged. Both are true together only
     * while begun equals ended. */
    _Atomic uint64_t reserved, begun, ended;
    struct account **groups; /* sums that it is part of, under the policy in force */
    size_t group_count;
};

struct accounts {
    pthread_mutex_t mutex; /* of the tables, and of groups in accounts */
    const struct policy *policy;
    struct names stored_names, meter_names;
    struct account **stored;
    size_t stored_count, stored_room;
    struct accounts_meter **meters;
    size_t meter_count, meter_room;
    char **meter_keys;
    _Atomic(struct accounts_window *) dirty;
    uint64_t clock_offset_ms; /* wall clock less monotonic, when it began */
};

#endif
