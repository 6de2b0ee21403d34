// SPDX-License-Identifier: Apache-2.0
#include "policy/decide.h"

#include "policy/policy_private.h"
#include "policy/rights.h"

#include <assert.h>

static enum truth negate_if(enum truth truth, bool negates)
{
    if (!negates || truth == TRUTH_UNKNOWN)
        return truth;
    return truth == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

/* Over every argument, if the condition speaks of each. An allowing condition is as false as the
 * falsest, a denying one as true as the truest. */
static enum truth evaluate_each(const struct expression *expression, bool is_unless, bool is_deny,
                                struct expression_facts *facts)
{
    bool is_each = (expression_uses(expression) & USES_ARGUMENT) != 0 && facts->call != NULL;
    size_t count = is_each ? facts->call->argument_count : 0;
    enum truth decisive = is_deny ? TRUTH_TRUE : TRUTH_FALSE;
    enum truth result = is_deny ? TRUTH_FALSE : TRUTH_TRUE;

    for (size_t i = 0; i < (count == 0 ? 1 : count); i++) {
        enum truth truth;

        facts->argument = count == 0 ? SIZE_MAX : i;
        truth = negate_if(expression_evaluate(expression, facts), is_unless);
        if (truth == decisive)
            return truth;
        if (truth == TRUTH_UNKNOWN)
            result = truth;
    }
    return result;
}

enum verdict condition_verdict(const struct document_condition *condition, bool is_unless,
                               bool is_deny, const struct expression_facts *facts_)
{
    struct expression_facts facts = *facts_;
    unsigned uses, pending;
    bool more_arguments, may_become_known;
    enum truth truth;

    if (condition->node == NULL)
        return VERDICT_YES;
    uses = expression_uses(condition->expression);
    pending = facts.request->pending;
    if (facts.call != NULL && facts.call->wants_body)
        pending |= PENDING_ARGUMENTS;
    truth = evaluate_each(condition->expression, is_unless, is_deny, &facts);
    more_arguments = (pending & PENDING_ARGUMENTS) != 0 && (uses & USES_ARGUMENT) != 0;
    may_become_known = ((pending & PENDING_ARGUMENTS) != 0 && (uses & USES_ARGUMENTS) != 0) ||
                       ((pending & PENDING_NAMES) != 0 && (uses & USES_CID) != 0);
    if (truth == TRUTH_UNKNOWN)
        return may_become_known ? VERDICT_PENDING : is_deny ? VERDICT_YES : VERDICT_NO;
    if (more_arguments && truth == (is_deny ? TRUTH_FALSE : TRUTH_TRUE))
        return VERDICT_PENDING; /* the next argument may be of another kind */
    return truth == TRUTH_TRUE ? VERDICT_YES : VERDICT_NO;
}

void policy_collect_roles(const struct policy *policy, const struct profile *profile,
                          const struct expression_facts *facts, uint64_t *roles)
{
    memcpy(roles, profile->roles, policy->role_words * sizeof(*roles));
    for (size_t i = bits_next(profile->binds, policy->bind_count, 0); i < policy->bind_count;
         i = bits_next(profile->binds, policy->bind_count, i + 1))
        if (condition_verdict(&policy->binds[i].bind->when, false, false, facts) == VERDICT_YES)
            bits_unite(roles, policy->binds[i].roles, policy->role_words);
}

void policy_token_roles(const struct policy *policy, const struct principal *principal,
                        uint64_t *roles)
{
    memset(roles, 0, policy->role_words * sizeof(*roles));
    for (size_t i = 0; i < principal->token_role_count; i++) {
        uint32_t role = names_find(&policy->document.role_names, principal->token_roles[i]);

        if (role != NAMES_NONE)
            bits_unite(roles, policy->roles[role].closure, policy->role_words);
    }
}

/* What was found so far: what decides, and how sure that is. */
struct outcome {
    enum verdict verdict;
    enum decision_cause cause;
    size_t place; /* of the rule, or of the role */
    size_t item;  /* of the role */
    const struct document_condition *condition;
};

/* A sure find replaces a pending one; the first of each stays. True if the search may end. */
static bool find(struct outcome *outcome, enum verdict verdict, enum decision_cause cause,
                 size_t place, size_t item, const struct document_condition *condition)
{
    if (verdict == VERDICT_NO || (verdict == VERDICT_PENDING && outcome->verdict != VERDICT_NO))
        return false;
    *outcome = (struct outcome){verdict, cause, place, item, condition};
    return verdict == VERDICT_YES;
}

/* The line of the role that allows the command without a condition. */
static size_t sure_item(const struct document_role *role, enum command_id command)
{
    size_t i = 0;

    while (role->items[i].where.node != NULL || !command_set_has(&role->items[i].set, command))
        i++;
    return i;
}

static bool find_in_role(struct outcome *outcome, const struct document_role *role, size_t place,
                         const struct expression_facts *facts)
{
    enum command_id command = facts->call->command->id;

    for (size_t i = 0; i < role->item_count; i++) {
        const struct document_item *item = &role->items[i];

        if (item->where.node != NULL && command_set_has(&item->set, command) &&
            find(outcome, condition_verdict(&item->where, false, false, facts), DECISION_ROLE,
                 place, i, &item->where))
            return true;
    }
    return false;
}

/* Whether some of these roles allow the call. */
static bool find_in_roles(struct outcome *outcome, const struct policy *policy,
                          const uint64_t *roles, const struct expression_facts *facts)
{
    enum command_id command = facts->call->command->id;
    const struct command_index *index = &policy->commands[command];
    const struct document_role *all = policy->document.roles;

    for (size_t w = 0; w < policy->role_words; w++) {
        uint64_t sure = roles[w] & index->sure_roles[w];

        if (sure != 0) {
            size_t place = 64 * w + (size_t)__builtin_ctzll(sure);

            return find(outcome, VERDICT_YES, DECISION_ROLE, place, sure_item(&all[place], command),
                        NULL);
        }
    }
    for (size_t w = 0; w < policy->role_words; w++)
        for (uint64_t maybe = roles[w] & index->maybe_roles[w]; maybe != 0; maybe &= maybe - 1) {
            size_t place = 64 * w + (size_t)__builtin_ctzll(maybe);

            if (find_in_role(outcome, &all[place], place, facts))
                return true;
        }
    return false;
}

static bool find_in_rules(struct outcome *outcome, const struct policy *policy,
                          const uint64_t *candidates, const uint64_t *meant,
                          const struct expression_facts *facts)
{
    for (size_t w = 0; w < policy->rule_words; w++)
        for (uint64_t both = candidates[w] & meant[w]; both != 0; both &= both - 1) {
            size_t place = 64 * w + (size_t)__builtin_ctzll(both);
            const struct document_rule *rule = &policy->document.rules[place];

            if (find(outcome,
                     condition_verdict(&rule->condition, rule->is_unless, rule->is_deny, facts),
                     DECISION_RULE, place, 0, &rule->condition))
                return true;
        }
    return false;
}

/* --- Putting it together --- */

static void set_cause(const struct policy *policy, const struct outcome *outcome,
                      struct decision *decision)
{
    decision->cause = outcome->cause;
    if (outcome->condition != NULL)
        decision->clause = outcome->condition->text;
    if (outcome->cause == DECISION_RULE) {
        decision->rule = (uint32_t)outcome->place;
        decision->id = policy->rules[outcome->place].id;
        decision->place = &policy->rules[outcome->place].place;
    } else {
        decision->id = policy->document.roles[outcome->place].id;
        decision->place = &policy->item_places[policy->first_item[outcome->place] + outcome->item];
    }
}

unsigned policy_rights_of(const struct policy *policy, const uint64_t *roles)
{
    unsigned rights = 0;

    for (size_t i = bits_next(roles, policy->document.role_count, 0);
         i < policy->document.role_count; i = bits_next(roles, policy->document.role_count, i + 1))
        rights |= policy->document.roles[i].rights;
    return rights;
}

static void add_reports(const struct policy *policy, const struct profile *profile,
                        const struct expression_facts *facts, struct decision *decision)
{
    const uint64_t *reports = policy->commands[facts->call->command->id].reports;

    for (size_t w = 0; w < policy->rule_words; w++)
        for (uint64_t both = reports[w] & profile->rules[w]; both != 0; both &= both - 1) {
            size_t place = 64 * w + (size_t)__builtin_ctzll(both);
            const struct document_rule *rule = &policy->document.rules[place];

            if (condition_verdict(&rule->condition, rule->is_unless, rule->is_deny, facts) !=
                VERDICT_YES)
                continue;
            if (decision->report_count < DECISION_REPORTS_MAX)
                decision->reports[decision->report_count] = (struct decision_report){
                    (uint32_t)place,
                    rule->is_deny ? decision->is_allowed : decision->cause == DECISION_DEFAULT};
            decision->report_count++;
        }
}

static bool is_expired(const struct document_member *member, const struct policy_request *request)
{
    if (member == NULL || member->expires_ms == 0 || request->ignores_expiry)
        return false;
    return request->now_ms == 0 || request->now_ms >= member->expires_ms;
}

/* `mode: report` opens what the policy would deny to members and the anonymous, never what no
 * policy opens, and never to partners; a token keeps its own bounds. */
static bool is_opened_by_report(const struct policy *policy, const struct principal *principal,
                                const struct call *call, bool is_in_token)
{
    return policy->document.is_report && is_in_token && call->command->danger != DANGER_NEVER &&
           (principal->kind == PRINCIPAL_MEMBER || principal->kind == PRINCIPAL_ANONYMOUS);
}

/* What the rules and roles say of a principal that may act at all. */
static void decide(const struct policy *policy, const struct profile *profile,
                   const struct expression_facts *facts, struct decision *decision)
{
    const struct command_index *index = &policy->commands[facts->call->command->id];
    const bool is_narrowed = facts->principal->token_roles != NULL;
    const unsigned needs = policy_call_needs(facts->call);
    uint64_t roles[BITS_WORDS(POLICY_ROLES_MAX)], ceiling[BITS_WORDS(POLICY_ROLES_MAX)];
    struct outcome denied = {.verdict = VERDICT_NO}, allowed = {.verdict = VERDICT_NO};
    struct outcome in_token = {.verdict = is_narrowed ? VERDICT_NO : VERDICT_YES};

    find_in_rules(&denied, policy, index->denies, profile->rules, facts);
    policy_collect_roles(policy, profile, facts, roles);
    if (!find_in_roles(&allowed, policy, roles, facts))
        find_in_rules(&allowed, policy, index->allows, profile->rules, facts);
    decision->rights = policy_rights_of(policy, roles);
    if (is_narrowed) {
        policy_token_roles(policy, facts->principal, ceiling);
        find_in_roles(&in_token, policy, ceiling, facts);
        decision->rights &= policy_rights_of(policy, ceiling);
    }
    decision->is_final = true;
    if (denied.verdict == VERDICT_YES) {
        set_cause(policy, &denied, decision);
    } else if (facts->call->command->danger == DANGER_NEVER) {
        decision->cause = DECISION_NEVER;
    } else if (allowed.verdict == VERDICT_NO) {
        decision->cause = DECISION_DEFAULT;
    } else if (in_token.verdict == VERDICT_NO) {
        decision->cause = DECISION_TOKEN;
    } else if ((needs & ~decision->rights) != 0) {
        decision->cause = DECISION_RIGHT;
        decision->needed = needs & ~decision->rights;
    } else {
        decision->is_allowed = true;
        decision->is_final = denied.verdict == VERDICT_NO && allowed.verdict == VERDICT_YES &&
                             in_token.verdict == VERDICT_YES;
        set_cause(policy, &allowed, decision);
    }
    if (decision->is_final)
        add_reports(policy, profile, facts, decision);
    if (!decision->is_allowed && is_opened_by_report(policy, facts->principal, facts->call,
                                                     in_token.verdict != VERDICT_NO)) {
        decision->is_allowed = true;
        decision->is_report = true;
        decision->is_final = in_token.verdict == VERDICT_YES;
    }
    if (!decision->is_allowed)
        decision->rights = 0;
}

void policy_decide(const struct policy *policy, const struct principal *principal,
                   const struct call *call, const struct policy_request *request,
                   struct decision *decision)
{
    struct expression_facts facts = {.principal = principal, .call = call, .request = request};
    const struct profile *profile =
        policy_profile(policy, principal, &facts.document, &facts.member);

    *decision = (struct decision){.is_final = true};
    if (profile == NULL)
        decision->cause = DECISION_UNKNOWN;
    else if (is_expired(facts.document, request))
        decision->cause = DECISION_EXPIRED;
    else
        decide(policy, profile, &facts, decision);
}
