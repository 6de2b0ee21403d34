// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_private.h"

/* A line from worst to best, cut off at both ends. What is missing is worth nothing. */
uint32_t placement_term(const struct policy_term *term, const struct document_site *site,
                        const struct policy_seen_values *seen)
{
    const struct expression_facts facts = {.site = site, .seen = seen};
    __int128 share;
    int64_t value;

    if (!expression_number(term->value, &facts, &value))
        return 0;
    share =
        ((__int128)value - term->worst) * POLICY_SCORE_ONE / ((__int128)term->best - term->worst);
    return share < 0 ? 0 : share > POLICY_SCORE_ONE ? POLICY_SCORE_ONE : (uint32_t)share;
}

uint32_t placement_score(const struct policy_placement_rule *rule, const struct document_site *site,
                         const struct policy_seen_values *seen)
{
    uint64_t sum = 0, weights = 0;

    for (size_t i = 0; i < rule->term_count; i++) {
        sum += (uint64_t)rule->terms[i].weight * placement_term(&rule->terms[i], site, seen);
        weights += rule->terms[i].weight;
    }
    return weights == 0 ? POLICY_SCORE_ONE : (uint32_t)(sum / weights);
}

uint8_t placement_tier(struct placement_question *question, uint32_t site)
{
    const struct policy_placement_rule *rule = question->rule->rule;
    uint8_t tier = 1 + POLICY_PREFER_MAX;

    if (site == question->map->local)
        return 0;
    placement_look_at(question, site);
    for (size_t i = 0; i < rule->prefer_count; i++)
        tier -= expression_evaluate(rule->prefers[i], &question->facts) == TRUTH_TRUE;
    return tier;
}
