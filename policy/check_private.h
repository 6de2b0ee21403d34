// SPDX-License-Identifier: Apache-2.0
/* What the parts of policy_check share. Private to check*.c. */
#ifndef POLICY_CHECK_PRIVATE_H
#define POLICY_CHECK_PRIVATE_H

#include "policy/finding.h"
#include "policy/policy_private.h"

/* Sets of profiles are words of bits. Profiles of nobody count for nothing; any partner and the
 * anonymous are somebody. */
struct check {
    const struct policy *policy;
    struct findings *findings;
    size_t profile_words;
    const uint64_t *inhabited;
    uint64_t **rule_profiles; /* by rule: for whom it is meant */
    uint64_t **role_profiles; /* by role: who has it, perhaps under a condition */
    uint64_t **sure_profiles; /* by role: who has it always */
    uint64_t **denied;        /* by command: to whom enforced rules without conditions deny it */
};

void check_finding(struct check *check, enum finding_level level, const struct yaml_node *node,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A rule that denies without a condition, and is enforced. */
bool check_is_sure_deny(const struct document_rule *rule);

/* check_rules.c: shadowed, dead and empty rules. */
void check_rules(struct check *check);
/* check_roles.c: roles that nobody has, lines that say nothing. */
void check_roles(struct check *check);
/* check_people.c: members, groups, vars, attributes. */
void check_people(struct check *check, uint64_t now_ms);

/* check_quotas.c: quotas that never decide, and none where one is needed. */
void check_quotas(struct check *check);

/* check_placement.c: rules that are for nothing, or never find enough sites. */
void check_placement(struct check *check);

#endif
