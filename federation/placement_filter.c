// SPDX-License-Identifier: Apache-2.0
/* Which sites may have a copy. Gates are the same for every rule; behind them stand the parts of
 * the rule's filter. */
#include "federation/placement_private.h"

#include <assert.h>

static bool was_seen(const struct placement_seen *seen, const struct placement_object *object,
                     uint32_t site)
{
    (void)object;
    (void)site;
    return seen != NULL;
}

static bool has_link(const struct placement_seen *seen, const struct placement_object *object,
                     uint32_t site)
{
    (void)object;
    (void)site;
    return seen->gate != PLACEMENT_NO_LINK;
}

static bool has_grant(const struct placement_seen *seen, const struct placement_object *object,
                      uint32_t site)
{
    (void)object;
    (void)site;
    return seen->gate != PLACEMENT_NO_GRANT;
}

static bool has_room(const struct placement_seen *seen, const struct placement_object *object,
                     uint32_t site)
{
    (void)site;
    return object->facts.bytes <= seen->room_bytes;
}

static bool is_not_barred(const struct placement_seen *seen, const struct placement_object *object,
                          uint32_t site)
{
    (void)seen;
    for (size_t i = 0; i < object->barred_count; i++)
        if (object->barred[i] == site)
            return false;
    return true;
}

static const struct gate {
    const char *reason;
    bool needs_object;
    bool (*passes)(const struct placement_seen *, const struct placement_object *, uint32_t site);
} gates[] = {
    {"not observed", false, was_seen}, /* first: those behind it look at what was */
    {"no link", false, has_link},       {"no grant", false, has_grant},
    {"no room for it", true, has_room}, {"refused it lately", true, is_not_barred},
};

static_assert(ARRAY_SIZE(gates) < PLACEMENT_PART_FIRST, "gates and parts share one number");

/* The first gate that does not let a new copy pass, of those that ask for the object, or do not. */
static uint8_t judge_gates(const struct placement_seen *seen, const struct placement_object *object,
                           uint32_t site)
{
    for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
        if (gates[i].needs_object == (object != NULL) && !gates[i].passes(seen, object, site))
            return (uint8_t)(1 + i);
    return PLACEMENT_PASSES;
}

/* The first part that does not hold, of those that use these and do not use those. */
static uint8_t judge_parts(const struct policy_placement_rule *rule,
                           const struct expression_facts *facts, unsigned with, unsigned without)
{
    for (size_t i = 0; i < rule->part_count; i++) {
        unsigned uses = rule->parts[i].uses;

        if ((uses & with) == with && (uses & without) == 0 &&
            expression_evaluate_part(rule->filter, &rule->parts[i], facts) != TRUTH_TRUE)
            return (uint8_t)(PLACEMENT_PART_FIRST + i);
    }
    return PLACEMENT_PASSES;
}

static struct expression_facts site_facts(const struct placement_map *map, uint32_t site)
{
    const struct placement_seen *seen = map->seen[site];

    return (struct expression_facts){.site = policy_site_facts(map->policy, site),
                                     .seen = seen != NULL ? &seen->seen : NULL};
}

uint8_t placement_judge_fresh(const struct placement_map *map,
                              const struct policy_placement_rule *rule, uint32_t site)
{
    const struct expression_facts facts = site_facts(map, site);
    uint8_t verdict = judge_gates(map->seen[site], NULL, site);

    return verdict != PLACEMENT_PASSES ? verdict : judge_parts(rule, &facts, 0, USES_OBJECT);
}

uint8_t placement_judge_lasting(const struct placement_map *map,
                                const struct policy_placement_rule *rule, uint32_t site)
{
    const struct expression_facts facts = site_facts(map, site);

    return judge_parts(rule, &facts, 0, USES_OBJECT | USES_SEEN);
}

uint8_t placement_verdict_fresh(struct placement_question *question, uint32_t site)
{
    uint8_t verdict = question->rule->fresh[site];

    if (verdict == PLACEMENT_PASSES)
        verdict = judge_gates(question->map->seen[site], question->object, site);
    if (verdict != PLACEMENT_PASSES)
        return verdict;
    placement_look_at(question, site);
    return judge_parts(question->rule->rule, &question->facts, USES_OBJECT, 0);
}

uint8_t placement_verdict_lasting(struct placement_question *question, uint32_t site)
{
    uint8_t verdict = question->rule->lasting[site];

    if (verdict != PLACEMENT_PASSES)
        return verdict;
    placement_look_at(question, site);
    return judge_parts(question->rule->rule, &question->facts, USES_OBJECT, USES_SEEN);
}

void placement_put_verdict(const struct placement_map_rule *rule, uint8_t verdict, struct text *out)
{
    if (verdict == PLACEMENT_PASSES) {
        text_put_text(out, "may take it");
    } else if (verdict < PLACEMENT_PART_FIRST) {
        text_put_text(out, gates[verdict - 1].reason);
    } else {
        text_put_slice(out, rule->rule->parts[verdict - PLACEMENT_PART_FIRST].text);
        text_put_text(out, " does not hold");
    }
}
