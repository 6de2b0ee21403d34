// SPDX-License-Identifier: Apache-2.0
/* Policies, sites and objects for the tests of placement. */
#ifndef TESTS_UNIT_FEDERATION_PLACEMENT_KIT_H
#define TESTS_UNIT_FEDERATION_PLACEMENT_KIT_H

#include "federation/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KIT_HEAD                                                                                   \
    "version: 1\norg: lab.example\nmembers: {alice: {groups: [lab]}}\ngroups: {lab: {}}\n"         \
    "roles: {r: {allow: add}}\nbind: [{to: \"member:*\", roles: r}]\nplacement:\n"                 \
    "  labels: {class: {values: [public, secret]}}\n"

static inline const struct policy *kit_policy(const char *yaml)
{
    struct policy_source source = {"p", slice_of(yaml)};
    const struct policy *policy;
    struct error err = {0};

    if (!policy_compile(&policy, &source, 1, NULL, &err))
        fail_msg("%s", err.text);
    return policy;
}

/* local and site-00 ... in countries of four: `count` with local. without: left out, or -1. */
static inline const struct policy *kit_sites(int count, int without, const char *rules)
{
    const struct policy *policy;
    struct text yaml = {0};

    text_put_text(&yaml, KIT_HEAD "  sites:\n    local: {attributes: {country: here}}\n");
    for (int i = 0; i < count - 1; i++)
        if (i != without)
            text_put_format(&yaml, "    site-%02d: {attributes: {country: c%d}}\n", i, i % 4);
    text_put_format(&yaml, "  rules:\n%s", rules);
    policy = kit_policy(yaml.data);
    text_dispose(&yaml);
    return policy;
}

/* What was observed: all sites at their best, to be changed before kit_map. */
struct kit_seen {
    struct placement_seen sites[64];
    size_t count;
};

static inline struct kit_seen kit_seen(const struct policy *policy)
{
    struct kit_seen seen = {.count = policy_site_count(policy)};

    assert_true(seen.count <= ARRAY_SIZE(seen.sites));
    for (size_t i = 0; i < seen.count; i++)
        seen.sites[i] = placement_seen_ideal(policy_site(policy, i));
    return seen;
}

static inline struct placement_seen *kit_site(struct kit_seen *seen, const char *id)
{
    for (size_t i = 0; i < seen->count; i++)
        if (strcmp(seen->sites[i].site, id) == 0)
            return &seen->sites[i];
    fail_msg("there is no site %s", id);
    return NULL;
}

static inline struct placement_map *kit_map(const struct policy *policy,
                                            const struct kit_seen *seen)
{
    struct placement_map *map;

    placement_map_create(&map, policy, seen->sites, seen->count, NULL, 1, 0);
    return map;
}

/* The policy's map with all sites at their best; takes the reference. */
static inline struct placement_map *kit_best(const struct policy *policy)
{
    struct kit_seen seen = kit_seen(policy);
    struct placement_map *map = kit_map(policy, &seen);

    policy_unref(&policy);
    return map;
}

/* An object by number: valid until the next call. */
static inline struct placement_object kit_object(uint32_t number)
{
    static uint8_t root[36] = {0x01, 0x55, 0x12, 0x20};
    struct placement_object object = {.root = {(const char *)root, sizeof(root)}};

    memcpy(root + 4, &number, sizeof(number));
    object.facts.bytes = 1000;
    object.facts.codec = 0x55;
    return object;
}

/* "local site-03 | -site-02 (gone)": copies kept and new, and those that go. */
static inline const char *kit_said(const struct placement_map *map,
                                   const struct placement_result *result)
{
    static char said[1000];
    size_t used = 0;

    said[0] = '\0';
    for (size_t i = 0; i < result->count; i++)
        used += (size_t)snprintf(said + used, sizeof(said) - used, "%s%s%.*s", i > 0 ? " " : "",
                                 i >= result->kept ? "+" : "",
                                 SLICE_ARGS(placement_site(map, result->sites[i])));
    for (size_t i = 0; i < result->released_count; i++)
        used += (size_t)snprintf(said + used, sizeof(said) - used, " -%.*s(%s)",
                                 SLICE_ARGS(placement_site(map, result->released[i].site)),
                                 placement_cause_name(result->released[i].cause));
    return said;
}

#endif
