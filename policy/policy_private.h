// SPDX-License-Identifier: Apache-2.0
/* A compiled policy from inside. Private to policy/.
 *
 * Roles, rules and conditional bindings are numbered, in the order of their names; sets of them are
 * words of bits. For every command it is known which roles and rules speak of it, for every
 * principal which of them are meant for it: a decision looks at what is in both. Principals for
 * whom everything is the same share a profile. */
#ifndef POLICY_POLICY_PRIVATE_H
#define POLICY_POLICY_PRIVATE_H

#include "policy/document.h"
#include "policy/expression.h"
#include "policy/placement.h"

#include <stdatomic.h>

/* What is meant for some principals. */
struct profile {
    const uint64_t *roles; /* bound without a condition, and what they inherit */
    const uint64_t *binds; /* of policy->binds */
    const uint64_t *rules;
};

/* A binding with a condition. */
struct conditional_bind {
    const struct document_bind *bind;
    const uint64_t *roles; /* and what they inherit */
};

struct role {
    const struct document_role *role;
    const uint64_t *closure; /* itself and what it inherits */
    unsigned rights;         /* of the closure */
};

/* What speaks of one command. */
struct command_index {
    const uint64_t *sure_roles;                /* allow it, without a condition */
    const uint64_t *maybe_roles;               /* have lines with conditions for it */
    const uint64_t *denies, *allows, *reports; /* rules; those of mode: report only in reports */
};

struct policy {
    atomic_uint references;
    struct document document;
    struct arena arena;
    char hash[POLICY_HASH_SIZE];
    size_t role_words, bind_words, rule_words;
    struct role *roles; /* as document.roles */
    struct conditional_bind *binds;
    size_t bind_count;
    struct command_index commands[COMMAND_COUNT];
    struct policy_rule *rules;                /* as document.rules */
    struct policy_quota *quotas;              /* as document.quotas */
    struct policy_grant *grants;              /* as document.grants */
    struct policy_member *members;            /* as document.members */
    struct policy_placement_rule *placements; /* by priority */
    struct profile *profiles;
    size_t profile_count;
    uint32_t *member_profiles; /* as document.members */
    uint32_t *group_profiles;  /* as document.groups: of a member who is in this group alone */
    struct names partners;     /* those that are named, to profiles */
    uint32_t partner_profile;  /* of all others */
    uint32_t anonymous_profile;
    uint32_t operator_profile;
    struct policy_place *item_places; /* of the lines of all roles, one role after the other */
    size_t *first_item;               /* by role: where its lines begin in item_places */
};

/* The profile of a principal, and the member that it is (else NULL). NULL: a member that is not in
 * the policy. */
const struct profile *policy_profile(const struct policy *policy, const struct principal *principal,
                                     const struct document_member **document,
                                     const struct policy_member **member);

/* policy_access of a principal of this kind with that profile. */
enum policy_access profile_access(const struct policy *policy, const struct profile *profile,
                                  enum principal_kind kind, enum command_id command);

/* Builds policy->quotas. quotas.c */
void policy_build_quotas(struct policy *policy);

/* Builds policy->grants. grants.c */
void policy_build_grants(struct policy *policy);
/* Builds policy->placements. placement.c */
void policy_build_placement(struct policy *policy);

/* Builds policy->profiles and what leads to them. profiles.c */
void policy_build_profiles(struct policy *policy);

/* Whether a condition lets something happen. */
enum verdict {
    VERDICT_NO,
    VERDICT_YES,
    VERDICT_PENDING, /* it depends on what is not known yet */
};
/* Of an allowing condition, which has to hold for every argument and with nothing missing; of a
 * denying one, for which one argument or a missing value is enough. No condition: yes. */
enum verdict condition_verdict(const struct document_condition *condition, bool is_unless,
                               bool is_deny, const struct expression_facts *facts);

/* The roles that the principal has under these facts, as bits of policy->roles. */
void policy_collect_roles(const struct policy *policy, const struct profile *profile,
                          const struct expression_facts *facts, uint64_t *roles);
/* What these roles give, enum policy_right. */
unsigned policy_rights_of(const struct policy *policy, const uint64_t *roles);
/* The roles that a token is narrowed to, and what they inherit; unknown names are none. */
void policy_token_roles(const struct policy *policy, const struct principal *principal,
                        uint64_t *roles);

#endif
