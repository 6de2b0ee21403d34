// SPDX-License-Identifier: Apache-2.0
#include "policy/check.h"

#include "conf/memory.h"
#include "conf/yaml.h"
#include "policy/check_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void check_finding(struct check *check, enum finding_level level, const struct yaml_node *node,
                   const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    findings_add(check->findings, level, yaml_name(node->yaml), node->line, node->column, "%s",
                 text);
}

bool check_is_sure_deny(const struct document_rule *rule)
{
    return rule->is_deny && !rule->is_report && rule->condition.node == NULL;
}

static uint64_t *make_set(struct check *check, struct arena *arena)
{
    uint64_t *words = arena_alloc(arena, check->profile_words * sizeof(*words));

    memset(words, 0, check->profile_words * sizeof(*words));
    return words;
}

/* The operator's profile counts only if others share it. */
static void find_inhabited(struct check *check, struct arena *arena)
{
    const struct policy *policy = check->policy;
    uint64_t *inhabited = make_set(check, arena);
    struct slice name;

    for (size_t i = 0; i < policy->document.member_count; i++)
        bits_set(inhabited, policy->member_profiles[i]);
    bits_set(inhabited, policy->anonymous_profile);
    bits_set(inhabited, policy->partner_profile);
    for (size_t cursor = 0; names_next(&policy->partners, &cursor, &name);)
        bits_set(inhabited, names_find(&policy->partners, name));
    check->inhabited = inhabited;
}

static void find_rule_profiles(struct check *check, struct arena *arena)
{
    const struct policy *policy = check->policy;
    size_t count = policy->document.rule_count;

    check->rule_profiles = arena_alloc(arena, (count + 1) * sizeof(uint64_t *));
    for (size_t i = 0; i < count; i++)
        check->rule_profiles[i] = make_set(check, arena);
    for (size_t p = bits_next(check->inhabited, policy->profile_count, 0);
         p < policy->profile_count; p = bits_next(check->inhabited, policy->profile_count, p + 1))
        for (size_t i = bits_next(policy->profiles[p].rules, count, 0); i < count;
             i = bits_next(policy->profiles[p].rules, count, i + 1))
            bits_set(check->rule_profiles[i], p);
}

static void mark_roles(uint64_t **sets, const uint64_t *roles, size_t role_count, size_t profile)
{
    for (size_t i = bits_next(roles, role_count, 0); i < role_count;
         i = bits_next(roles, role_count, i + 1))
        bits_set(sets[i], profile);
}

static void find_role_profiles(struct check *check, struct arena *arena)
{
    const struct policy *policy = check->policy;
    size_t count = policy->document.role_count;

    check->role_profiles = arena_alloc(arena, (count + 1) * sizeof(uint64_t *));
    check->sure_profiles = arena_alloc(arena, (count + 1) * sizeof(uint64_t *));
    for (size_t i = 0; i < count; i++) {
        check->role_profiles[i] = make_set(check, arena);
        check->sure_profiles[i] = make_set(check, arena);
    }
    for (size_t p = bits_next(check->inhabited, policy->profile_count, 0);
         p < policy->profile_count; p = bits_next(check->inhabited, policy->profile_count, p + 1)) {
        const struct profile *profile = &policy->profiles[p];

        mark_roles(check->role_profiles, profile->roles, count, p);
        mark_roles(check->sure_profiles, profile->roles, count, p);
        for (size_t b = bits_next(profile->binds, policy->bind_count, 0); b < policy->bind_count;
             b = bits_next(profile->binds, policy->bind_count, b + 1))
            mark_roles(check->role_profiles, policy->binds[b].roles, count, p);
    }
}

static void find_denied(struct check *check, struct arena *arena)
{
    const struct document *document = &check->policy->document;

    check->denied = arena_alloc(arena, COMMAND_COUNT * sizeof(uint64_t *));
    for (size_t id = 0; id < COMMAND_COUNT; id++)
        check->denied[id] = make_set(check, arena);
    for (size_t i = 0; i < document->rule_count; i++) {
        const uint64_t *set = document->rules[i].set.bits;

        if (!check_is_sure_deny(&document->rules[i]))
            continue;
        for (size_t id = bits_next(set, COMMAND_COUNT, 0); id < COMMAND_COUNT;
             id = bits_next(set, COMMAND_COUNT, id + 1))
            bits_unite(check->denied[id], check->rule_profiles[i], check->profile_words);
    }
}

static void check_document(struct check *check)
{
    const struct document *document = &check->policy->document;

    if (document->is_report)
        check_finding(check, FINDING_WARNING, document->mode_node,
                      "mode: report blocks nothing but the commands that no policy opens: every "
                      "member, and everybody without a credential, may do everything else");
    if (document->test_count == 0)
        findings_add(check->findings, FINDING_NOTE, yaml_name(document->files[0]), 0, 0,
                     "there are no tests: nothing notices when a change opens or closes more than "
                     "was meant");
}

void policy_check(const struct policy *policy, uint64_t now_ms, policy_place_cb place,
                  struct findings *findings, struct policy_test_counts *tests)
{
    struct check check = {.policy = policy, .findings = findings};
    struct arena arena = {0};

    check.profile_words = BITS_WORDS(policy->profile_count);
    find_inhabited(&check, &arena);
    find_rule_profiles(&check, &arena);
    find_role_profiles(&check, &arena);
    find_denied(&check, &arena);
    check_document(&check);
    check_people(&check, now_ms);
    check_roles(&check);
    check_rules(&check);
    check_quotas(&check);
    check_placement(&check);
    policy_run_tests(policy, place, findings, tests);
    findings_sort(findings);
    arena_dispose(&arena);
}
