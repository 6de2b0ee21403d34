// SPDX-License-Identifier: Apache-2.0
/* What is stored: counters of owners, groups, the organization. */
#include "conf/memory.h"
#include "policy/accounts_private.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- finding, with the mutex held */

static struct account *add_account(struct accounts *accounts, const char *key, const char *scope)
{
    struct account *account = memory_alloc(sizeof(*account));

    *account = (struct account){.key = memory_copy_text(key), .scope = memory_copy_text(scope)};
    if (accounts->stored_count == accounts->stored_room) {
        accounts->stored_room = accounts->stored_room * 2 + 16;
        accounts->stored =
            memory_resize_array(accounts->stored, accounts->stored_room, sizeof(struct account *));
    }
    names_add(&accounts->stored_names, slice_of(account->key), (uint32_t)accounts->stored_count);
    accounts->stored[accounts->stored_count++] = account;
    return account;
}

static struct account *find_account(struct accounts *accounts, const char *key)
{
    uint32_t at = names_find(&accounts->stored_names, slice_of(key));

    return at == NAMES_NONE ? NULL : accounts->stored[at];
}

static struct account *org_account(struct accounts *accounts)
{
    struct account *account = find_account(accounts, "org");

    return account != NULL ? account : add_account(accounts, "org", "the organization");
}

static struct account *sum_account(struct accounts *accounts, struct slice group)
{
    char key[ID_SIZE + 8], scope[ID_SIZE + 8];
    struct account *account;

    snprintf(key, sizeof(key), "sum %.*s", SLICE_ARGS(group));
    account = find_account(accounts, key);
    if (account != NULL)
        return account;
    snprintf(scope, sizeof(scope), "group %.*s", SLICE_ARGS(group));
    account = add_account(accounts, key, scope);
    account->is_sum = true;
    account->owner.kind = OWNER_GROUP;
    snprintf(account->owner.id, ID_SIZE, "%.*s", SLICE_ARGS(group));
    return account;
}

/* The sums that an owner's charge is part of. */
static size_t find_sums(struct accounts *accounts, const struct policy *policy,
                        const struct owner *owner, struct account **sums)
{
    const struct policy_member *member;
    struct slice line[ACCOUNTS_GROUPS_MAX];
    const struct slice *groups = line;
    size_t count = 0;

    if (policy == NULL)
        return 0;
    if (owner->kind == OWNER_GROUP) {
        count = policy_group_line(policy, slice_of(owner->id), line, ACCOUNTS_GROUPS_MAX);
    } else if (owner->kind == OWNER_MEMBER) {
        member = policy_member_find(policy, slice_of(owner->id));
        groups = member != NULL ? member->groups : NULL;
        count = member != NULL ? member->group_count : 0;
    }
    if (count > ACCOUNTS_GROUPS_MAX)
        count = ACCOUNTS_GROUPS_MAX;
    for (size_t i = 0; i < count; i++)
        sums[i] = sum_account(accounts, groups[i]);
    return count;
}

static void keep_sums(struct account *account, struct account **sums, size_t count)
{
    free(account->groups);
    account->groups = memory_resize_array(NULL, count + 1, sizeof(struct account *));
    for (size_t i = 0; i < count; i++)
        account->groups[i] = sums[i];
    account->group_count = count;
}

static struct account *owner_account(struct accounts *accounts, const struct owner *owner)
{
    char key[ID_SIZE + 16], scope[ID_SIZE + 16];
    struct account *sums[ACCOUNTS_GROUPS_MAX];
    struct account *account;

    snprintf(key, sizeof(key), "%s %s", owner_kind_name(owner->kind), owner->id);
    account = find_account(accounts, key);
    if (account != NULL)
        return account;
    snprintf(scope, sizeof(scope), "%s %s", owner_kind_name(owner->kind), owner->id);
    account = add_account(accounts, key, scope);
    account->owner = *owner;
    keep_sums(account, sums, find_sums(accounts, accounts->policy, owner, sums));
    return account;
}

/* ---- a policy moves members */

/* What is charged, as no reservation of an upload changes it. */
static uint64_t charged_bytes(struct account *account)
{
    for (;;) {
        uint64_t begun = atomic_load(&account->begun), used, reserved;

        if (begun == atomic_load(&account->ended)) {
            used = atomic_load(&account->bytes.used);
            reserved = atomic_load(&account->reserved);
            if (begun == atomic_load(&account->begun))
                return used - reserved;
        }
        sched_yield();
    }
}

static bool has_sum(struct account *const *sums, size_t count, const struct account *sum)
{
    for (size_t i = 0; i < count; i++)
        if (sums[i] == sum)
            return true;
    return false;
}

static void move(struct accounts *accounts, struct account *account)
{
    struct account *sums[ACCOUNTS_GROUPS_MAX];
    size_t count = find_sums(accounts, accounts->policy, &account->owner, sums);
    uint64_t bytes = charged_bytes(account), pins = atomic_load(&account->pins.used);

    for (size_t i = 0; i < count; i++)
        if (!has_sum(account->groups, account->group_count, sums[i])) {
            atomic_fetch_add(&sums[i]->bytes.used, bytes);
            atomic_fetch_add(&sums[i]->pins.used, pins);
        }
    for (size_t i = 0; i < account->group_count; i++)
        if (!has_sum(sums, count, account->groups[i])) {
            atomic_fetch_sub(&account->groups[i]->bytes.used, bytes);
            atomic_fetch_sub(&account->groups[i]->pins.used, pins);
        }
    keep_sums(account, sums, count);
}

void accounts_put_in_force(struct accounts *accounts, const struct policy *policy)
{
    const struct policy *old = accounts->policy;
    size_t count;

    pthread_mutex_lock(&accounts->mutex);
    accounts->policy = policy != NULL ? policy_ref(policy) : NULL;
    count = accounts->stored_count; /* sums may be added */
    for (size_t i = 0; i < count; i++)
        if (accounts->stored[i]->owner.kind != 0 && !accounts->stored[i]->is_sum)
            move(accounts, accounts->stored[i]);
    pthread_mutex_unlock(&accounts->mutex);
    policy_unref(&old);
}

/* ---- usage and limits */

static void set_one(struct account *account, const struct usage *usage)
{
    uint64_t bytes = charged_bytes(account), pins = atomic_load(&account->pins.used);

    for (size_t i = 0; i < account->group_count; i++) {
        atomic_fetch_add(&account->groups[i]->bytes.used, usage->bytes - bytes);
        atomic_fetch_add(&account->groups[i]->pins.used, usage->pins - pins);
    }
    atomic_fetch_add(&account->bytes.used, usage->bytes - bytes);
    atomic_fetch_add(&account->pins.used, usage->pins - pins);
}

void accounts_set_usage(struct accounts *accounts, const struct owner *owner,
                        const struct usage *usage)
{
    pthread_mutex_lock(&accounts->mutex);
    set_one(owner == NULL ? org_account(accounts) : owner_account(accounts, owner), usage);
    pthread_mutex_unlock(&accounts->mutex);
}

/* Is this quota about what the account counts? */
static bool limits_account(const struct policy_quota *quota, const struct account *account)
{
    switch (quota->scope) {
    case QUOTA_SCOPE_ORG:
        return account->owner.kind == 0;
    case QUOTA_SCOPE_MEMBER:
        return account->owner.kind == OWNER_MEMBER;
    case QUOTA_SCOPE_GROUP:
        return account->is_sum && slice_is(quota->group, account->owner.id);
    case QUOTA_SCOPE_PARTNER:
        return account->owner.kind == OWNER_PARTNER && slice_is(quota->partner, account->owner.id);
    case QUOTA_SCOPE_TOKEN:
        break;
    }
    return false;
}

/* The tightest of several quotas on one counter. */
static struct quota_limit limit_on(struct account *account, const struct policy *policy,
                                   bool is_pins)
{
    struct quota_limit limit = {.id = "none",
                                .scope = account->scope,
                                .limit = UINT64_MAX,
                                .counter = is_pins ? &account->pins : &account->bytes};
    size_t count = policy != NULL ? policy_quota_count(policy) : 0;

    for (size_t i = 0; i < count; i++) {
        const struct policy_quota *quota = policy_quota(policy, i);
        uint64_t most = is_pins ? quota->stored_pins : quota->stored_bytes;

        if (most == 0 || most >= limit.limit || !limits_account(quota, account))
            continue;
        limit.id = quota->label;
        limit.limit = most;
        limit.soft = is_pins ? quota->soft_pins : quota->soft_bytes;
    }
    return limit;
}

size_t accounts_limits(void *accounts_, const struct owner *owner, bool is_pins,
                       struct quota_limit *limits)
{
    struct accounts *accounts = accounts_;
    struct account *account;
    size_t count = 0;

    pthread_mutex_lock(&accounts->mutex);
    account = owner == NULL ? org_account(accounts) : owner_account(accounts, owner);
    limits[count++] = limit_on(account, accounts->policy, is_pins);
    for (size_t i = 0; i < account->group_count; i++)
        limits[count++] = limit_on(account->groups[i], accounts->policy, is_pins);
    pthread_mutex_unlock(&accounts->mutex);
    return count;
}

size_t accounts_stored(struct accounts *accounts, const struct policy *policy,
                       const struct owner *owner, bool is_pins, struct quota_limit *limits)
{
    struct account *sums[ACCOUNTS_GROUPS_MAX];
    size_t count = 0, sum_count;

    pthread_mutex_lock(&accounts->mutex);
    limits[count++] = limit_on(owner_account(accounts, owner), policy, is_pins);
    sum_count = find_sums(accounts, policy, owner, sums);
    for (size_t i = 0; i < sum_count; i++)
        limits[count++] = limit_on(sums[i], policy, is_pins);
    limits[count++] = limit_on(org_account(accounts), policy, is_pins);
    pthread_mutex_unlock(&accounts->mutex);
    return count;
}

/* ---- reservations */

void accounts_reserve(struct accounts *accounts, const struct policy *policy,
                      const struct owner *owner, uint64_t slice,
                      struct accounts_reservation *reservation)
{
    size_t count = accounts_stored(accounts, policy, owner, false, reservation->limits);

    pthread_mutex_lock(&accounts->mutex);
    reservation->owner = owner_account(accounts, owner);
    pthread_mutex_unlock(&accounts->mutex);
    quota_reserve(&reservation->bytes, reservation->limits, count, slice);
}

bool accounts_spend(struct accounts_reservation *reservation, uint64_t bytes,
                    struct quota_verdict *verdict)
{
    struct account *owner = reservation->owner;
    uint64_t before = reservation->bytes.taken;
    bool has_room;

    atomic_fetch_add(&owner->begun, 1);
    has_room = quota_spend(&reservation->bytes, bytes, verdict);
    atomic_fetch_add(&owner->reserved, reservation->bytes.taken - before);
    atomic_fetch_add(&owner->ended, 1);
    return has_room;
}

void accounts_drop(struct accounts_reservation *reservation)
{
    struct account *owner = reservation->owner;
    uint64_t before = reservation->bytes.taken;

    atomic_fetch_add(&owner->begun, 1);
    quota_drop(&reservation->bytes);
    atomic_fetch_sub(&owner->reserved, before);
    atomic_fetch_add(&owner->ended, 1);
}
