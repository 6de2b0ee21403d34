// SPDX-License-Identifier: Apache-2.0
/* A map: what can be known of sites and rules before there is an object. */
#include "federation/placement_private.h"

#include "conf/memory.h"

#include <stdlib.h>

struct placement_seen placement_seen_ideal(struct slice site)
{
    struct placement_seen seen = {.gate = PLACEMENT_OPEN, .room_bytes = UINT64_MAX};

    if (site.size < sizeof(seen.site))
        memcpy(seen.site, site.data, site.size);
    seen.seen.has = (UINT32_C(1) << POLICY_SEEN_COUNT) - 1;
    for (int i = 0; i < POLICY_SEEN_COUNT; i++)
        seen.seen.values[i] = policy_seen_facts[i].ideal;
    return seen;
}

static void *array(struct placement_map *map, size_t count, size_t size)
{
    void *made = arena_alloc(&map->arena, (count + 1) * size);

    memset(made, 0, (count + 1) * size);
    return made;
}

static void take_seen(struct placement_map *map, const struct placement_seen *seen, size_t count)
{
    struct placement_seen *kept = array(map, count, sizeof(*kept));

    map->seen = array(map, map->site_count, sizeof(struct placement_seen *));
    for (size_t i = 0; i < count; i++) {
        uint32_t site = policy_site_find(map->policy, slice_of(seen[i].site));

        kept[i] = seen[i];
        if (site != UINT32_MAX)
            map->seen[site] = &kept[i];
    }
}

/* Where the classes of a rule go on from. */
struct lineage {
    const struct placement_map *before;    /* NULL: nowhere */
    const struct placement_map_rule *rule; /* of the map before; NULL: it is new */
    uint64_t now_ms;
};

/* The same rule in the map before. */
static const struct placement_map_rule *find_before(const struct placement_map *before,
                                                    struct slice id)
{
    for (size_t i = 0; before != NULL && i < before->rule_count; i++)
        if (slice_equal(before->rules[i].rule->id, id))
            return &before->rules[i];
    return NULL;
}

bool placement_is_in_sight(const struct placement_map *map, uint32_t site)
{
    return map->seen[site] != NULL && map->seen[site]->gate == PLACEMENT_OPEN;
}

static void follow_class(const struct placement_map *map, const struct lineage *lineage,
                         struct placement_map_rule *rule, uint32_t site)
{
    struct slice id = policy_site(map->policy, site);
    uint32_t there = UINT32_MAX;

    if (lineage->before != NULL && lineage->rule != NULL)
        there = policy_site_find(lineage->before->policy, id);
    if (there != UINT32_MAX)
        rule->states[site] = lineage->rule->states[there];
    /* Of a site that is out of sight no score says anything: its class waits until it is back. */
    if (placement_is_in_sight(map, site))
        placement_class_follow(&rule->states[site], rule->scores[site], lineage->now_ms);
    rule->classes[site] = rule->states[site].is_known
                              ? rule->states[site].class
                              : (uint8_t)placement_class(rule->scores[site]);
}

static bool asks_for_object(const struct policy_placement_rule *rule)
{
    for (size_t i = 0; i < rule->prefer_count; i++)
        if ((expression_uses(rule->prefers[i]) & USES_OBJECT) != 0)
            return true;
    return false;
}

static void build_site(struct placement_map *map, struct placement_map_rule *rule, uint32_t site,
                       const struct lineage *lineage)
{
    const struct placement_object nothing = {.min_copies = 0};
    struct placement_question question = {.map = map, .rule = rule, .object = &nothing};
    const struct placement_seen *seen = map->seen[site];
    struct slice id = policy_site(map->policy, site);

    rule->hashes[site] = placement_hash_site(rule->rule->id, id);
    rule->scores[site] = placement_score(rule->rule, policy_site_facts(map->policy, site),
                                         seen != NULL ? &seen->seen : NULL);
    follow_class(map, lineage, rule, site);
    rule->fresh[site] = placement_judge_fresh(map, rule->rule, site);
    rule->lasting[site] = placement_judge_lasting(map, rule->rule, site);
    if (!rule->has_own_tiers)
        rule->tiers[site] = placement_tier(&question, site);
}

static void build_field(struct placement_map *map, struct placement_map_rule *rule)
{
    uint32_t *sites = array(map, map->site_count, sizeof(*sites));
    uint64_t *hashes = array(map, map->site_count, sizeof(*hashes));
    uint8_t *classes = array(map, map->site_count, 1), *tiers = array(map, map->site_count, 1);
    size_t count = 0;

    rule->best_class = PLACEMENT_CLASSES - 1;
    for (uint32_t i = 0; i < map->site_count; i++) {
        if (rule->fresh[i] != PLACEMENT_PASSES)
            continue;
        sites[count] = i;
        hashes[count] = rule->hashes[i];
        classes[count] = rule->classes[i];
        tiers[count++] = rule->tiers[i];
        if (rule->classes[i] < rule->best_class)
            rule->best_class = rule->classes[i];
    }
    rule->field = (struct placement_field){
        count, sites, hashes, classes, tiers, rule->rule->caps, rule->rule->cap_count};
}

static void build_rule(struct placement_map *map, size_t index, const struct placement_map *before,
                       uint64_t now_ms)
{
    struct placement_map_rule *rule = &map->rules[index];
    struct lineage lineage = {.before = before, .now_ms = now_ms};
    size_t count = map->site_count;

    rule->rule = policy_placement(map->policy, index);
    lineage.rule = find_before(before, rule->rule->id);
    rule->hashes = array(map, count, sizeof(*rule->hashes));
    rule->scores = array(map, count, sizeof(*rule->scores));
    rule->states = array(map, count, sizeof(*rule->states));
    rule->classes = array(map, count, 1);
    rule->tiers = array(map, count, 1);
    rule->fresh = array(map, count, 1);
    rule->lasting = array(map, count, 1);
    rule->has_own_tiers = asks_for_object(rule->rule);
    for (uint32_t i = 0; i < count; i++)
        build_site(map, rule, i, &lineage);
    build_field(map, rule);
}

void placement_map_create(struct placement_map **result, const struct policy *policy,
                          const struct placement_seen *seen, size_t count,
                          const struct placement_map *before, uint64_t version, uint64_t now_ms)
{
    struct placement_map *map = memory_alloc(sizeof(*map));

    map->policy = policy_ref(policy);
    map->version = version;
    map->site_count = policy_site_count(policy);
    map->local = policy_site_find(policy, SLICE("local"));
    take_seen(map, seen, count);
    map->rule_count = policy_placement_count(policy);
    map->rules = array(map, map->rule_count, sizeof(*map->rules));
    for (size_t i = 0; i < map->rule_count; i++)
        build_rule(map, i, before, now_ms);
    *result = map;
}

void placement_map_destroy(struct placement_map **map)
{
    if (*map == NULL)
        return;
    policy_unref(&(*map)->policy);
    arena_dispose(&(*map)->arena);
    free(*map);
    *map = NULL;
}

uint64_t placement_map_version(const struct placement_map *map)
{
    return map->version;
}

const struct policy *placement_map_policy(const struct placement_map *map)
{
    return map->policy;
}

size_t placement_site_count(const struct placement_map *map)
{
    return map->site_count;
}

struct slice placement_site(const struct placement_map *map, uint32_t site)
{
    return policy_site(map->policy, site);
}

uint32_t placement_site_find(const struct placement_map *map, struct slice id)
{
    return policy_site_find(map->policy, id);
}
