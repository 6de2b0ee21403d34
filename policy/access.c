// SPDX-License-Identifier: Apache-2.0
/* What can be said of a principal and a command before there is a call. */
#include "policy/policy_private.h"
#include "policy/rights.h"

static enum policy_access at_most(enum policy_access a, enum policy_access b)
{
    return a < b ? a : b;
}

static enum policy_access at_least(enum policy_access a, enum policy_access b)
{
    return a > b ? a : b;
}

/* What the command needs besides, of roles that allow it or of others. */
static bool has_rights(const struct policy *policy, const uint64_t *roles, enum command_id command)
{
    return (policy_command_needs(command) & ~policy_rights_of(policy, roles)) == 0;
}

/* Whether roles that are bound surely, or maybe, give what the command needs besides. */
static enum policy_access of_rights(const struct policy *policy, const struct profile *profile,
                                    enum command_id command)
{
    uint64_t roles[BITS_WORDS(POLICY_ROLES_MAX)];

    if (has_rights(policy, profile->roles, command))
        return ACCESS_ALLOWED;
    memcpy(roles, profile->roles, policy->role_words * sizeof(*roles));
    for (size_t i = bits_next(profile->binds, policy->bind_count, 0); i < policy->bind_count;
         i = bits_next(profile->binds, policy->bind_count, i + 1))
        bits_unite(roles, policy->binds[i].roles, policy->role_words);
    return has_rights(policy, roles, command) ? ACCESS_CONDITIONAL : ACCESS_DENIED;
}

static enum policy_access of_condition(const struct document_condition *condition)
{
    return condition->node == NULL ? ACCESS_ALLOWED : ACCESS_CONDITIONAL;
}

static enum policy_access of_roles(const struct policy *policy, const uint64_t *roles,
                                   enum command_id command)
{
    const struct command_index *index = &policy->commands[command];

    if (bits_overlap(roles, index->sure_roles, policy->role_words))
        return ACCESS_ALLOWED;
    if (bits_overlap(roles, index->maybe_roles, policy->role_words))
        return ACCESS_CONDITIONAL;
    return ACCESS_DENIED;
}

static enum policy_access of_binds(const struct policy *policy, const struct profile *profile,
                                   enum command_id command)
{
    enum policy_access access = ACCESS_DENIED;

    for (size_t i = bits_next(profile->binds, policy->bind_count, 0); i < policy->bind_count;
         i = bits_next(profile->binds, policy->bind_count, i + 1))
        access = at_least(
            access, at_most(of_roles(policy, policy->binds[i].roles, command), ACCESS_CONDITIONAL));
    return access;
}

/* The strongest of the rules in both sets. */
static enum policy_access of_rules(const struct policy *policy, const uint64_t *candidates,
                                   const uint64_t *meant)
{
    enum policy_access access = ACCESS_DENIED;

    for (size_t w = 0; w < policy->rule_words; w++)
        for (uint64_t both = candidates[w] & meant[w]; both != 0; both &= both - 1) {
            size_t place = 64 * w + (size_t)__builtin_ctzll(both);

            access = at_least(access, of_condition(&policy->document.rules[place].condition));
        }
    return access;
}

static bool is_opened_by_report(const struct policy *policy, enum principal_kind kind)
{
    return policy->document.is_report && (kind == PRINCIPAL_MEMBER || kind == PRINCIPAL_ANONYMOUS);
}

enum policy_access profile_access(const struct policy *policy, const struct profile *profile,
                                  enum principal_kind kind, enum command_id command)
{
    const struct command_index *index = &policy->commands[command];
    enum policy_access access, denied;

    if (catalogue_command(command)->danger == DANGER_NEVER)
        return ACCESS_NEVER;
    if (is_opened_by_report(policy, kind))
        return ACCESS_ALLOWED;
    denied = of_rules(policy, index->denies, profile->rules);
    access = of_roles(policy, profile->roles, command);
    access = at_least(access, of_binds(policy, profile, command));
    access = at_least(access, of_rules(policy, index->allows, profile->rules));
    access = at_most(access, of_rights(policy, profile, command));
    if (denied == ACCESS_ALLOWED) /* denied without a condition */
        return ACCESS_DENIED;
    return denied == ACCESS_CONDITIONAL ? at_most(access, ACCESS_CONDITIONAL) : access;
}

enum policy_access policy_access(const struct policy *policy, const struct principal *principal,
                                 enum command_id command)
{
    const struct document_member *document;
    const struct policy_member *member;
    const struct profile *profile = policy_profile(policy, principal, &document, &member);
    uint64_t ceiling[BITS_WORDS(POLICY_ROLES_MAX)];
    enum policy_access access;

    if (profile == NULL)
        return catalogue_command(command)->danger == DANGER_NEVER ? ACCESS_NEVER : ACCESS_DENIED;
    access = profile_access(policy, profile, principal->kind, command);
    if (principal->token_roles == NULL)
        return access;
    policy_token_roles(policy, principal, ceiling);
    if (!is_opened_by_report(policy, principal->kind) && !has_rights(policy, ceiling, command))
        return at_most(access, ACCESS_DENIED);
    return at_most(access, of_roles(policy, ceiling, command));
}

const char *policy_access_name(enum policy_access access)
{
    static const char *const names[] = {"never", "denied", "conditional", "allowed"};

    return names[access];
}
