// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include "conf/memory.h"
#include "conf/yaml.h"
#include "policy/policy_private.h"

#include <stdlib.h>

enum { CLAUSES_MAX = 64 };

struct search {
    const struct policy *policy;
    struct expression_facts facts;
    const struct profile *profile; /* NULL: the member is not in the policy */
    enum command_id command;
    uint64_t roles[BITS_WORDS(POLICY_ROLES_MAX)];
    struct explanation *explanation;
    size_t room;
};

static struct explained *add(struct search *search, struct explained item)
{
    struct explanation *explanation = search->explanation;

    if (explanation->count == search->room) {
        search->room = search->room == 0 ? 16 : 2 * search->room;
        explanation->items =
            memory_resize_array(explanation->items, search->room, sizeof(*explanation->items));
    }
    explanation->items[explanation->count] = item;
    return &explanation->items[explanation->count++];
}

/* The argument for which a condition on every argument is settled: the first that fails an allow,
 * or meets a deny. */
static size_t settling_argument(struct search *search, const struct document_condition *condition,
                                bool is_unless, bool is_deny)
{
    const struct call *call = search->facts.call;

    if ((expression_uses(condition->expression) & USES_ARGUMENT) == 0)
        return SIZE_MAX;
    for (size_t i = 0; i < call->argument_count; i++) {
        enum truth truth;

        search->facts.argument = i;
        truth = expression_evaluate(condition->expression, &search->facts);
        if (is_deny ? truth != (is_unless ? TRUTH_TRUE : TRUTH_FALSE)
                    : truth != (is_unless ? TRUTH_FALSE : TRUTH_TRUE))
            return i;
    }
    return call->argument_count > 0 ? 0 : SIZE_MAX;
}

/* The part of a conjunction that is not true, and the values of it; of one that is true, all. */
static void settle(struct search *search, struct explained *item,
                   const struct document_condition *condition, bool is_unless, bool is_deny)
{
    struct expression_clause clauses[CLAUSES_MAX];
    enum verdict verdict = condition_verdict(condition, is_unless, is_deny, &search->facts);
    struct text values = {0};
    size_t count;

    item->state = verdict == VERDICT_YES  ? EXPLAINED_HOLDS
                  : verdict == VERDICT_NO ? EXPLAINED_FAILS
                                          : EXPLAINED_PENDING;
    if (condition->node == NULL)
        return;
    item->condition = item->clause = condition->text;
    search->facts.argument = settling_argument(search, condition, is_unless, is_deny);
    count = expression_clauses(condition->expression, &search->facts, clauses, CLAUSES_MAX);
    for (size_t i = 0; i < count && i < CLAUSES_MAX; i++)
        if (clauses[i].truth != TRUTH_TRUE) {
            item->clause = clauses[i].text;
            break;
        }
    expression_put_values(condition->expression, &search->facts, item->clause, &values);
    item->values = values.data;
}

static void add_rules(struct search *search, bool is_deny)
{
    const struct document *document = &search->policy->document;

    for (size_t i = 0; i < document->rule_count; i++) {
        const struct document_rule *rule = &document->rules[i];
        struct explained item = {.what = is_deny ? EXPLAINED_DENY : EXPLAINED_ALLOW,
                                 .state = EXPLAINED_NOT_MEANT,
                                 .is_report = rule->is_report,
                                 .id = rule->id,
                                 .place = search->policy->rules[i].place};

        if (rule->is_deny != is_deny || !command_set_has(&rule->set, search->command))
            continue;
        if (search->profile != NULL && bits_has(search->profile->rules, i))
            settle(search, &item, &rule->condition, rule->is_unless, is_deny);
        add(search, item);
    }
}

static void add_roles(struct search *search)
{
    const struct document *document = &search->policy->document;

    for (size_t i = 0; i < document->role_count; i++) {
        const struct document_role *role = &document->roles[i];

        for (size_t j = 0; j < role->item_count; j++) {
            struct explained item = {.what = EXPLAINED_ROLE,
                                     .state = EXPLAINED_NOT_MEANT,
                                     .id = role->id,
                                     .place = document_place(role->items[j].node)};

            if (!command_set_has(&role->items[j].set, search->command))
                continue;
            if (bits_has(search->roles, i))
                settle(search, &item, &role->items[j].where, false, false);
            add(search, item);
        }
    }
}

/* Bindings whose condition does not hold, to roles that speak of the command. */
static void add_binds(struct search *search)
{
    const struct policy *policy = search->policy;
    const struct command_index *index = &policy->commands[search->command];

    for (size_t i = 0; search->profile != NULL && i < policy->bind_count; i++) {
        const struct conditional_bind *bind = &policy->binds[i];
        struct explained item = {.what = EXPLAINED_BIND,
                                 .id = bind->bind->roles.items[0].name,
                                 .place = document_place(bind->bind->node)};

        if (!bits_has(search->profile->binds, i) ||
            (!bits_overlap(bind->roles, index->sure_roles, policy->role_words) &&
             !bits_overlap(bind->roles, index->maybe_roles, policy->role_words)))
            continue;
        settle(search, &item, &bind->bind->when, false, false);
        add(search, item);
    }
}

static int compare_items(const void *a_, const void *b_)
{
    const struct explained *a = a_, *b = b_;
    int order = (int)a->state - (int)b->state;

    if (order == 0)
        order = (int)a->what - (int)b->what;
    if (order == 0)
        order = strcmp(a->place.file, b->place.file);
    return order != 0 ? order : (a->place.line > b->place.line) - (a->place.line < b->place.line);
}

void policy_explain(const struct policy *policy, const struct principal *principal,
                    const struct call *call, const struct policy_request *request,
                    struct explanation *explanation)
{
    struct search search = {.policy = policy,
                            .facts = {.principal = principal, .call = call, .request = request},
                            .command = call->command->id,
                            .explanation = explanation};

    *explanation = (struct explanation){0};
    policy_decide(policy, principal, call, request, &explanation->decision);
    search.profile =
        policy_profile(policy, principal, &search.facts.document, &search.facts.member);
    if (search.profile != NULL)
        policy_collect_roles(policy, search.profile, &search.facts, search.roles);
    add_rules(&search, true);
    add_rules(&search, false);
    add_roles(&search);
    add_binds(&search);
    if (explanation->count > 0)
        qsort(explanation->items, explanation->count, sizeof(*explanation->items), compare_items);
}

void explanation_dispose(struct explanation *explanation)
{
    for (size_t i = 0; i < explanation->count; i++)
        free(explanation->items[i].values);
    free(explanation->items);
    *explanation = (struct explanation){0};
}
