// SPDX-License-Identifier: Apache-2.0
/* What the files of placement share. Private to placement*.c. */
#ifndef FEDERATION_PLACEMENT_PRIVATE_H
#define FEDERATION_PLACEMENT_PRIVATE_H

#include "conf/arena.h"
#include "federation/placement.h"
#include "federation/placement_pick.h"
#include "federation/placement_weight.h"
#include "policy/expression.h"

/* What was found of a site: it passes, a gate (1 and more: table in placement_filter.c), or a part
 * of the rule's filter (PLACEMENT_PART_FIRST and more). */
enum { PLACEMENT_PASSES = 0, PLACEMENT_PART_FIRST = 16 };

/* One rule over all sites: what does not depend on an object. Arrays by site. */
struct placement_map_rule {
    const struct policy_placement_rule *rule;
    uint64_t *hashes;
    uint32_t *scores;
    struct placement_class_state *states;
    uint8_t *classes;
    uint8_t *tiers;   /* if no condition of `prefer` asks for the object */
    uint8_t *fresh;   /* verdict on a new copy */
    uint8_t *lasting; /* on one that exists */
    bool has_own_tiers;
    uint8_t best_class;           /* of the field */
    struct placement_field field; /* those that pass as far as is known without an object */
};

struct placement_map {
    const struct policy *policy;
    struct arena arena;
    uint64_t version;
    uint32_t local;
    size_t site_count;
    const struct placement_seen **seen; /* by site; NULL: not observed */
    struct placement_map_rule *rules;   /* as policy_placement */
    size_t rule_count;
};

/* One object, asked about. */
struct placement_question {
    const struct placement_map *map;
    const struct placement_map_rule *rule; /* NULL: none */
    const struct placement_object *object;
    struct slice groups[POLICY_OWNER_GROUPS_MAX];
    struct expression_facts facts; /* of the object; site and seen as they are asked for */
};

/* Makes the question, and finds the rule. */
void placement_ask(struct placement_question *question, const struct placement_map *map,
                   const struct placement_object *object);

/* It was observed, and no gate is closed. */
bool placement_is_in_sight(const struct placement_map *map, uint32_t site);

/* Points the facts at a site. */
void placement_look_at(struct placement_question *question, uint32_t site);

/* --- placement_filter.c --- */

/* Verdicts without an object, and with. */
uint8_t placement_judge_fresh(const struct placement_map *map,
                              const struct policy_placement_rule *rule, uint32_t site);
uint8_t placement_judge_lasting(const struct placement_map *map,
                                const struct policy_placement_rule *rule, uint32_t site);
uint8_t placement_verdict_fresh(struct placement_question *question, uint32_t site);
uint8_t placement_verdict_lasting(struct placement_question *question, uint32_t site);
/* "no link"; "site.country == 'DE' does not hold". */
void placement_put_verdict(const struct placement_map_rule *rule, uint8_t verdict,
                           struct text *out);

/* --- placement_score.c --- */

/* In parts of POLICY_SCORE_ONE: one term alone, and all of a rule. */
uint32_t placement_term(const struct policy_term *term, const struct document_site *site,
                        const struct policy_seen_values *seen);
uint32_t placement_score(const struct policy_placement_rule *rule, const struct document_site *site,
                         const struct policy_seen_values *seen);

/* The tier: 0 is `local`, then by how many conditions of `prefer` hold. */
uint8_t placement_tier(struct placement_question *question, uint32_t site);

#endif
