// SPDX-License-Identifier: Apache-2.0
#include "federation/placement.h"

#include "federation/placement_private.h"

#include <assert.h>

enum { HELD_MAX = 256 }; /* copies of one object that are looked at */

static_assert(1 + POLICY_PREFER_MAX < PLACEMENT_TIERS, "every tier has its number");

const char *placement_state_name(enum placement_state state)
{
    static const char *const names[] = {[PLACEMENT_COMPLETE] = "complete",
                                        [PLACEMENT_DEGRADED] = "degraded",
                                        [PLACEMENT_STUCK] = "stuck"};

    return names[state];
}

const char *placement_cause_name(enum placement_cause cause)
{
    static const char *const names[] = {[PLACEMENT_FILTERED] = "filtered",
                                        [PLACEMENT_CROWDED] = "crowded",
                                        [PLACEMENT_SURPLUS] = "surplus",
                                        [PLACEMENT_WORSE] = "worse"};

    return names[cause];
}

/* ---- the question */

static const struct placement_map_rule *find_rule(const struct placement_question *question)
{
    const struct placement_map *map = question->map;

    for (size_t i = 0; i < map->rule_count; i++) {
        const struct expression *when = map->rules[i].rule->when;

        if (when == NULL || expression_evaluate(when, &question->facts) == TRUTH_TRUE)
            return &map->rules[i];
    }
    return NULL;
}

void placement_ask(struct placement_question *question, const struct placement_map *map,
                   const struct placement_object *object)
{
    const struct owner *owner = object->facts.owner;

    question->map = map;
    question->object = object;
    question->facts =
        (struct expression_facts){.object = &object->facts, .owner_groups = question->groups};
    question->facts.owner_group_count =
        policy_owner_groups(map->policy, owner, question->groups, POLICY_OWNER_GROUPS_MAX);
    /* What a partner left here is not carried on: one hop. */
    question->rule = owner != NULL && owner->kind == OWNER_PARTNER ? NULL : find_rule(question);
}

void placement_look_at(struct placement_question *question, uint32_t site)
{
    const struct placement_seen *seen = question->map->seen[site];

    question->facts.site = policy_site_facts(question->map->policy, site);
    question->facts.seen = seen != NULL ? &seen->seen : NULL;
}

/* ---- the answer */

struct decision {
    struct placement_question question;
    struct placement_result *result;
    struct placement_walk walk;
    uint8_t tiers[POLICY_SITES_MAX]; /* by place in the field, if they depend on the object */
    uint32_t leaving;                /* of a copy that may move: its class and order */
    uint64_t leaving_order;
};

static uint8_t tier_of(struct decision *decision, uint32_t site)
{
    const struct placement_map_rule *rule = decision->question.rule;

    assert(site < decision->question.map->site_count);
    return rule->has_own_tiers ? placement_tier(&decision->question, site) : rule->tiers[site];
}

/* As placement_order, of a site that need not be in the field. */
static uint64_t order_of(struct decision *decision, uint32_t site)
{
    const struct placement_map_rule *rule = decision->question.rule;
    const uint8_t tier = tier_of(decision, site);
    const struct placement_field alone = {
        1, &site, &rule->hashes[site], &rule->classes[site], &tier, NULL, 0};
    const struct placement_walk walk = {.field = &alone, .object = decision->walk.object};

    return placement_order(&walk, 0);
}

static bool may_take(void *arg, uint32_t site)
{
    struct decision *decision = arg;

    return placement_verdict_fresh(&decision->question, site) == PLACEMENT_PASSES;
}

/* In the place of a copy that exists: only what is better by enough, and would have come before. */
static bool may_replace(void *arg, uint32_t site)
{
    struct decision *decision = arg;
    const struct placement_map_rule *rule = decision->question.rule;

    return rule->classes[site] + PLACEMENT_GAIN_CLASSES < rule->classes[decision->leaving] &&
           order_of(decision, site) < decision->leaving_order && may_take(arg, site);
}

static void start(struct decision *decision)
{
    const struct placement_map_rule *rule = decision->question.rule;

    decision->walk = (struct placement_walk){
        .field = &rule->field,
        .object = placement_hash_object(decision->question.object->root),
        .may_take = may_take,
        .arg = decision,
    };
    if (!rule->has_own_tiers)
        return;
    for (size_t i = 0; i < rule->field.count; i++)
        decision->tiers[i] = placement_tier(&decision->question, rule->field.sites[i]);
    decision->walk.own_tiers = decision->tiers;
}

/* What is here belongs to whoever pinned it: it is never told to go. */
static void release(struct decision *decision, uint32_t site, enum placement_cause cause)
{
    struct placement_result *result = decision->result;

    if (site == decision->question.map->local || result->released_count == POLICY_COPIES_MAX)
        return;
    result->released[result->released_count].site = site;
    result->released[result->released_count++].cause = cause;
}

/* The copies that exist, in order. */
static size_t sort_held(struct decision *decision, uint32_t *held)
{
    const struct placement_object *object = decision->question.object;
    uint64_t orders[HELD_MAX];
    size_t count = 0;

    for (size_t i = 0; i < object->held_count && count < HELD_MAX; i++) {
        uint64_t order = order_of(decision, object->held[i]);
        size_t at = count++;

        for (; at > 0 && (order < orders[at - 1] ||
                          (order == orders[at - 1] && object->held[i] < held[at - 1]));
             at--) {
            orders[at] = orders[at - 1];
            held[at] = held[at - 1];
        }
        orders[at] = order;
        held[at] = object->held[i];
    }
    return count;
}

static void keep(struct decision *decision)
{
    struct placement_result *result = decision->result;
    uint32_t held[HELD_MAX];
    size_t count = sort_held(decision, held), cap;

    for (size_t i = 0; i < count; i++)
        if (placement_verdict_lasting(&decision->question, held[i]) != PLACEMENT_PASSES)
            release(decision, held[i], PLACEMENT_FILTERED);
        else if (!placement_fits(decision->walk.field, result->sites, result->count, held[i], &cap))
            release(decision, held[i], PLACEMENT_CROWDED);
        else if (result->count == result->want)
            release(decision, held[i], PLACEMENT_SURPLUS);
        else
            result->sites[result->count++] = held[i];
    result->kept = result->count;
}

static void remove_at(struct placement_result *result, size_t at)
{
    memmove(&result->sites[at], &result->sites[at + 1],
            (result->count - at - 1) * sizeof(result->sites[0]));
    result->count--;
}

static void insert_at(struct placement_result *result, size_t at, uint32_t site)
{
    memmove(&result->sites[at + 1], &result->sites[at],
            (result->count - at) * sizeof(result->sites[0]));
    result->sites[at] = site;
    result->count++;
}

/* Moves the copy at that place of the kept ones if that gains enough. */
static bool move(struct decision *decision, size_t at)
{
    struct placement_result *result = decision->result;
    struct placement_walk walk = decision->walk;
    uint32_t site = result->sites[at];
    size_t count = result->count;

    decision->leaving = site;
    decision->leaving_order = order_of(decision, site);
    walk.may_take = may_replace;
    remove_at(result, at);
    result->count = placement_pick(&walk, result->sites, result->count, count);
    if (result->count < count) {
        insert_at(result, at, site);
        return false;
    }
    result->kept--;
    release(decision, site, PLACEMENT_WORSE);
    return true;
}

/* The last in order first. Each copy once: what came in its place stays. A copy at a site that is
 * out of sight stays too: to replace it is repair, not gain. */
static void improve(struct decision *decision)
{
    const struct placement_map_rule *rule = decision->question.rule;
    struct placement_result *result = decision->result;

    for (size_t at = result->kept; at > 0; at--)
        if (placement_is_in_sight(decision->question.map, result->sites[at - 1]) &&
            rule->best_class + PLACEMENT_GAIN_CLASSES < rule->classes[result->sites[at - 1]])
            move(decision, at - 1);
}

/* No rule is for it: the copy here, and no other. */
static void stay(struct decision *decision)
{
    const struct placement_object *object = decision->question.object;
    struct placement_result *result = decision->result;

    result->min = result->want = 1;
    for (size_t i = 0; i < object->held_count; i++)
        if (object->held[i] == decision->question.map->local)
            result->kept = 1;
        else
            release(decision, object->held[i], PLACEMENT_SURPLUS);
    if (decision->question.map->local != PLACEMENT_NONE)
        result->sites[result->count++] = decision->question.map->local;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void place(struct decision *decision)
{
    const struct policy_placement_rule *rule = decision->question.rule->rule;
    struct placement_result *result = decision->result;
    uint32_t asked = decision->question.object->min_copies;

    result->rule = rule;
    result->min = larger(rule->min, asked < POLICY_COPIES_MAX ? asked : POLICY_COPIES_MAX);
    result->want = larger(rule->want, result->min);
    start(decision);
    keep(decision);
    result->count = placement_pick(&decision->walk, result->sites, result->count, result->want);
    improve(decision);
}

void placement_decide(const struct placement_map *map, const struct placement_object *object,
                      struct placement_result *result)
{
    struct decision decision; /* not zeroed: most of it is tiers, which few rules need */

    result->rule = NULL;
    result->count = result->kept = result->released_count = 0;
    decision.result = result;
    placement_ask(&decision.question, map, object);
    if (decision.question.rule == NULL)
        stay(&decision);
    else
        place(&decision);
    result->state = result->count >= result->want  ? PLACEMENT_COMPLETE
                    : result->count >= result->min ? PLACEMENT_DEGRADED
                                                   : PLACEMENT_STUCK;
}
