// SPDX-License-Identifier: Apache-2.0
/* Rules that change nothing: meant for nobody, never holding, covered by others, or about what
 * nobody may do anyway. */
#include "conf/memory.h"
#include "conf/yaml.h"
#include "policy/check_private.h"
#include "policy/satisfy.h"

#include <stdlib.h>

/* The commands of a rule that some policy could open. */
static struct command_set open_set(const struct document_rule *rule)
{
    struct command_set set = rule->set;

    for (size_t id = bits_next(set.bits, COMMAND_COUNT, 0); id < COMMAND_COUNT;
         id = bits_next(set.bits, COMMAND_COUNT, id + 1))
        if (catalogue_command((enum command_id)id)->danger == DANGER_NEVER)
            bits_clear(set.bits, id);
    return set;
}

/* True if that was worth a finding: the rest would only repeat it. */
static bool check_condition(struct check *check, const struct document_rule *rule)
{
    const struct expression *expression = rule->condition.expression;
    bool can_hold, can_fail;

    if (expression == NULL)
        return false;
    can_hold = expression_can_hold(expression);
    can_fail = expression_can_fail(expression);
    if (can_hold && can_fail)
        return false;
    if (can_hold == rule->is_unless)
        check_finding(check, FINDING_WARNING, rule->condition.node,
                      "the rule '%.*s' can never %s: its condition is always %s%s",
                      SLICE_ARGS(rule->id), rule->is_deny ? "deny" : "allow",
                      can_hold ? "true" : "false",
                      rule->is_deny ? ", unless a value is missing" : "");
    else
        check_finding(check, FINDING_WARNING, rule->condition.node,
                      "the condition of the rule '%.*s' is always %s: it says nothing",
                      SLICE_ARGS(rule->id), can_hold ? "true" : "false");
    return true;
}

static bool check_nobody(struct check *check, size_t i)
{
    const struct document_rule *rule = &check->policy->document.rules[i];

    if (!bits_is_empty(check->rule_profiles[i], check->profile_words))
        return false;
    check_finding(check, FINDING_WARNING, rule->node,
                  "the rule '%.*s' is meant for nobody: there is no one in 'to' who is not in "
                  "'except'",
                  SLICE_ARGS(rule->id));
    return true;
}

/* Who writes `deny when opt.x` may not think of the calls that leave x away. */
static void check_unguarded(struct check *check, const struct document_rule *rule)
{
    struct slice value;

    if (rule->condition.expression == NULL || !rule->is_deny || rule->is_unless)
        return;
    value = expression_unguarded(rule->condition.expression);
    if (value.size > 0)
        check_finding(check, FINDING_NOTE, rule->condition.node,
                      "the rule '%.*s' also denies calls without %.*s; if it should not, write "
                      "has(%.*s) and ...",
                      SLICE_ARGS(rule->id), SLICE_ARGS(value), SLICE_ARGS(value));
}

static bool stands_before(const struct yaml_node *a, const struct yaml_node *b)
{
    int order = strcmp(yaml_name(a->yaml), yaml_name(b->yaml));

    return order < 0 || (order == 0 && a->line < b->line);
}

/* Whether rule j, which always denies, denies all that rule i does. Of two alike the later one is
 * the one too many. */
static bool shadows(const struct check *check, size_t j, size_t i, const struct command_set *open)
{
    const struct document_rule *rules = check->policy->document.rules;

    if (i == j || !check_is_sure_deny(&rules[j]) ||
        !bits_contain(rules[j].set.bits, open->bits, COMMAND_SET_WORDS) ||
        !bits_contain(check->rule_profiles[j], check->rule_profiles[i], check->profile_words))
        return false;
    if (!check_is_sure_deny(&rules[i]) ||
        !bits_contain(rules[i].set.bits, rules[j].set.bits, COMMAND_SET_WORDS) ||
        !bits_contain(check->rule_profiles[i], check->rule_profiles[j], check->profile_words))
        return true;
    return stands_before(rules[j].node, rules[i].node);
}

static bool check_shadowed(struct check *check, size_t i, const struct command_set *open)
{
    const struct document *document = &check->policy->document;
    const struct document_rule *rule = &document->rules[i];

    for (size_t j = 0; j < document->rule_count; j++) {
        const struct document_rule *other = &document->rules[j];

        if (!shadows(check, j, i, open))
            continue;
        check_finding(check, FINDING_WARNING, rule->node,
                      "the rule '%.*s' changes nothing: '%.*s' (%s:%u) denies all of it already",
                      SLICE_ARGS(rule->id), SLICE_ARGS(other->id), yaml_name(other->node->yaml),
                      other->node->line);
        return true;
    }
    return false;
}

/* Whether all that the rule speaks of is denied by the rules that always deny, itself left out. */
static bool is_denied_by_all(struct check *check, size_t i, const struct command_set *open)
{
    const struct document *document = &check->policy->document;
    uint64_t *united = memory_alloc(check->profile_words * sizeof(*united));
    bool is_covered = !bits_is_empty(open->bits, COMMAND_SET_WORDS);

    for (size_t id = bits_next(open->bits, COMMAND_COUNT, 0); is_covered && id < COMMAND_COUNT;
         id = bits_next(open->bits, COMMAND_COUNT, id + 1)) {
        memset(united, 0, check->profile_words * sizeof(*united));
        for (size_t j = 0; j < document->rule_count; j++)
            if (j != i && check_is_sure_deny(&document->rules[j]) &&
                command_set_has(&document->rules[j].set, (enum command_id)id))
                bits_unite(united, check->rule_profiles[j], check->profile_words);
        is_covered = bits_contain(united, check->rule_profiles[i], check->profile_words);
    }
    free(united);
    return is_covered;
}

static bool check_covered(struct check *check, size_t i, const struct command_set *open)
{
    const struct document_rule *rule = &check->policy->document.rules[i];

    for (size_t id = bits_next(open->bits, COMMAND_COUNT, 0); id < COMMAND_COUNT;
         id = bits_next(open->bits, COMMAND_COUNT, id + 1))
        if (!bits_contain(check->denied[id], check->rule_profiles[i], check->profile_words))
            return false; /* the quick look, with itself among the denying */
    if (!is_denied_by_all(check, i, open))
        return false;
    check_finding(check, FINDING_WARNING, rule->node,
                  "the rule '%.*s' changes nothing: other rules together deny all of it already",
                  SLICE_ARGS(rule->id));
    return true;
}

/* Who may use the command, were it not for deny rules. */
static void unite_allowed(const struct check *check, size_t id, bool is_sure, size_t left_out,
                          uint64_t *united)
{
    const struct policy *policy = check->policy;
    const struct document *document = &policy->document;
    const struct command_index *index = &policy->commands[id];
    uint64_t **role_profiles = is_sure ? check->sure_profiles : check->role_profiles;

    for (size_t r = 0; r < document->role_count; r++)
        if (bits_has(index->sure_roles, r) || (!is_sure && bits_has(index->maybe_roles, r)))
            bits_unite(united, role_profiles[r], check->profile_words);
    for (size_t i = 0; i < document->rule_count; i++)
        if (i != left_out && bits_has(index->allows, i) &&
            (!is_sure || document->rules[i].condition.node == NULL))
            bits_unite(united, check->rule_profiles[i], check->profile_words);
}

/* A deny rule about what nobody may do is a safety net, which is worth knowing and no mistake. */
static void check_deny_matters(struct check *check, size_t i, const struct command_set *open)
{
    const struct document_rule *rule = &check->policy->document.rules[i];
    uint64_t *united = memory_alloc(check->profile_words * sizeof(*united));
    bool matters = check->policy->document.is_report;

    for (size_t id = bits_next(open->bits, COMMAND_COUNT, 0); !matters && id < COMMAND_COUNT;
         id = bits_next(open->bits, COMMAND_COUNT, id + 1)) {
        memset(united, 0, check->profile_words * sizeof(*united));
        unite_allowed(check, id, false, SIZE_MAX, united);
        matters = bits_overlap(united, check->rule_profiles[i], check->profile_words);
    }
    if (!matters)
        check_finding(
            check, FINDING_NOTE, rule->node,
            "the rule '%.*s' denies nothing today: nobody whom it is meant for is allowed "
            "any of it",
            SLICE_ARGS(rule->id));
    free(united);
}

static void check_allow_matters(struct check *check, size_t i, const struct command_set *open)
{
    const struct document_rule *rule = &check->policy->document.rules[i];
    uint64_t *united = memory_alloc(check->profile_words * sizeof(*united));
    bool matters = bits_is_empty(open->bits, COMMAND_SET_WORDS);

    for (size_t id = bits_next(open->bits, COMMAND_COUNT, 0); !matters && id < COMMAND_COUNT;
         id = bits_next(open->bits, COMMAND_COUNT, id + 1)) {
        memset(united, 0, check->profile_words * sizeof(*united));
        unite_allowed(check, id, true, i, united);
        matters = !bits_contain(united, check->rule_profiles[i], check->profile_words);
    }
    if (!matters)
        check_finding(check, FINDING_WARNING, rule->node,
                      "the rule '%.*s' allows nothing new: whom it is meant for may do all of it "
                      "already",
                      SLICE_ARGS(rule->id));
    free(united);
}

static void check_rule(struct check *check, size_t i)
{
    const struct document_rule *rule = &check->policy->document.rules[i];
    struct command_set open = open_set(rule);

    if (check_nobody(check, i) || check_condition(check, rule) ||
        bits_is_empty(open.bits, COMMAND_SET_WORDS))
        return;
    check_unguarded(check, rule);
    if (check_shadowed(check, i, &open) || check_covered(check, i, &open))
        return;
    if (rule->is_deny)
        check_deny_matters(check, i, &open);
    else
        check_allow_matters(check, i, &open);
}

void check_rules(struct check *check)
{
    for (size_t i = 0; i < check->policy->document.rule_count; i++)
        check_rule(check, i);
}
