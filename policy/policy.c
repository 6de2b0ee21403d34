// SPDX-License-Identifier: Apache-2.0
/* What a compiled policy tells of itself. */
#include "policy/policy.h"

#include "policy/policy_private.h"

#include <assert.h>

const char *policy_hash(const struct policy *policy)
{
    return policy->hash;
}

struct slice policy_org(const struct policy *policy)
{
    return policy->document.org;
}

size_t policy_member_count(const struct policy *policy)
{
    return policy->document.member_count;
}

const struct policy_member *policy_member(const struct policy *policy, size_t index)
{
    assert(index < policy->document.member_count);
    return &policy->members[index];
}

const struct policy_member *policy_member_find(const struct policy *policy, struct slice id)
{
    uint32_t found = names_find(&policy->document.member_names, id);

    return found == NAMES_NONE ? NULL : &policy->members[found];
}

bool policy_has_role(const struct policy *policy, struct slice role)
{
    return names_find(&policy->document.role_names, role) != NAMES_NONE;
}

bool policy_has_group(const struct policy *policy, struct slice group)
{
    return names_find(&policy->document.group_names, group) != NAMES_NONE;
}

size_t policy_rule_count(const struct policy *policy)
{
    return policy->document.rule_count;
}

const struct policy_rule *policy_rule(const struct policy *policy, size_t index)
{
    assert(index < policy->document.rule_count);
    return &policy->rules[index];
}

const struct profile *policy_profile(const struct policy *policy, const struct principal *principal,
                                     const struct document_member **document,
                                     const struct policy_member **member)
{
    uint32_t found;

    *document = NULL;
    *member = NULL;
    switch (principal->kind) {
    case PRINCIPAL_MEMBER:
        found = names_find(&policy->document.member_names, principal->id);
        if (found == NAMES_NONE)
            return NULL;
        *document = &policy->document.members[found];
        *member = &policy->members[found];
        return &policy->profiles[policy->member_profiles[found]];
    case PRINCIPAL_PARTNER:
        found = names_find(&policy->partners, principal->id);
        return &policy->profiles[found == NAMES_NONE ? policy->partner_profile : found];
    case PRINCIPAL_OPERATOR:
        return &policy->profiles[policy->operator_profile];
    default:
        return &policy->profiles[policy->anonymous_profile];
    }
}
