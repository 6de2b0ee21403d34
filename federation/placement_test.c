// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_test.h"

#include "conf/memory.h"
#include "federation/placement_explain.h"
#include "policy/document.h"

#include <assert.h>
#include <stdlib.h>

struct trial {
    const struct policy *policy;
    const struct document_place *test;
    struct placement_map *map;
    struct placement_object object;
    struct owner owner;
    struct cid cid;
    uint8_t labels[POLICY_LABELS_MAX];
    struct placement_trace trace;
};

static void make_map(struct trial *trial)
{
    const struct document_place *test = trial->test;
    size_t count = policy_site_count(trial->policy);
    struct placement_seen *seen = memory_alloc((count + 1) * sizeof(*seen));

    for (size_t i = 0; i < count; i++)
        seen[i] = placement_seen_ideal(policy_site(trial->policy, i));
    for (size_t i = 0; i < test->seen_count; i++) {
        struct placement_seen *one = &seen[test->seen[i].site];

        one->seen = test->seen[i].seen;
        one->gate = test->seen[i].is_down ? PLACEMENT_NO_LINK : PLACEMENT_OPEN;
    }
    placement_map_create(&trial->map, trial->policy, seen, count, NULL, 0, 0);
    free(seen);
}

static void make_owner(struct trial *trial)
{
    const struct document_place *test = trial->test;

    if (test->owner.name.size == 0)
        return;
    trial->owner.kind = test->is_group ? OWNER_GROUP : OWNER_MEMBER;
    memcpy(trial->owner.id, test->owner.name.data, test->owner.name.size);
    trial->object.facts.owner = &trial->owner;
}

/* Without a CID any will do: what a test may then ask does not depend on it. */
static void make_object(struct trial *trial)
{
    const struct document_place *test = trial->test;
    struct slice empty = SLICE("");
    struct error err = {0};
    struct cid cid;
    bool is_fine = true;

    if (test->cid.name.size > 0)
        is_fine = cid_parse(&cid, test->cid.name, &err);
    else
        cid_make(&cid, 1, CODEC_RAW, 0, empty.data, empty.size);
    assert(is_fine); /* document_place.c has read it */
    trial->cid = cid_to_v1(&cid);
    trial->object.root = (struct slice){(const char *)trial->cid.bytes, trial->cid.size};
    trial->object.facts.bytes = test->bytes;
    trial->object.facts.codec = trial->cid.codec;
    trial->object.facts.labels = trial->labels;
}

static bool label(struct trial *trial, struct text *why)
{
    struct text asked = {0};
    struct error err = {0};
    bool is_fine;

    for (size_t i = 0; i < policy_label_count(trial->policy); i++)
        if (trial->test->labels[i] != UINT8_MAX)
            text_put_format(
                &asked, "%s%.*s=%.*s", asked.size > 0 ? "," : "",
                SLICE_ARGS(policy_label(trial->policy, i)),
                SLICE_ARGS(policy_label_value(trial->policy, i, trial->test->labels[i])));
    is_fine = policy_label_object(trial->policy, &trial->object.facts, (struct slice){NULL, 0},
                                  text_slice(&asked), trial->labels, &err);
    if (!is_fine)
        text_put_text(why, err.text);
    text_dispose(&asked);
    return is_fine;
}

/* ---- what is expected */

static bool has(const uint32_t *sites, size_t count, uint32_t site)
{
    for (size_t i = 0; i < count; i++)
        if (sites[i] == site)
            return true;
    return false;
}

/* Might it get a copy, be it that of another object? */
static bool may_have(const struct trial *trial, uint32_t site)
{
    for (size_t i = 0; i < trial->trace.count; i++)
        if (trial->trace.lines[i].site == site)
            return trial->trace.lines[i].outcome != PLACEMENT_REFUSED;
    return has(trial->trace.result.sites, trial->trace.result.count, site);
}

static void put_whole(const struct trial *trial, struct text *why)
{
    text_put_text(why, "; ");
    placement_put_reason(trial->map, &trial->object, &trial->trace.result, why);
}

static bool check_allowed(const struct trial *trial, const struct yaml_node **node,
                          struct text *why)
{
    const struct document_place *test = trial->test;

    for (uint32_t i = 0; i < policy_site_count(trial->policy); i++) {
        bool is_wrong = test->only_node != NULL && !has(test->only, test->only_count, i);

        *node = is_wrong ? test->only_node : test->not_node;
        is_wrong = is_wrong || has(test->not, test->not_count, i);
        if (!is_wrong || !may_have(trial, i))
            continue;
        text_put_format(why, "'%.*s' may have a copy", SLICE_ARGS(placement_site(trial->map, i)));
        put_whole(trial, why);
        return false;
    }
    return true;
}

static bool check_sites(const struct trial *trial, const struct yaml_node **node, struct text *why)
{
    const struct document_place *test = trial->test;
    const struct placement_result *result = &trial->trace.result;
    bool is_same = result->count == test->sites_count;

    for (size_t i = 0; i < result->count; i++)
        is_same = is_same && has(test->sites, test->sites_count, result->sites[i]);
    if (test->sites_node == NULL || is_same)
        return true;
    *node = test->sites_node;
    text_put_text(why, "copies go to ");
    for (size_t i = 0; i < result->count; i++)
        text_put_format(why, "%s%.*s", i > 0 ? ", " : "",
                        SLICE_ARGS(placement_site(trial->map, result->sites[i])));
    put_whole(trial, why);
    return false;
}

static bool check_copies(const struct trial *trial, const struct yaml_node **node, struct text *why)
{
    const struct document_place *test = trial->test;

    if (test->copies_node == NULL || test->copies == trial->trace.result.count)
        return true;
    *node = test->copies_node;
    text_put_format(why, "there are %zu copies", trial->trace.result.count);
    put_whole(trial, why);
    return false;
}

static bool check_rule(const struct trial *trial, const struct yaml_node **node, struct text *why)
{
    const struct policy_placement_rule *rule = trial->trace.result.rule;
    struct slice by = trial->test->by.name;

    if (by.size == 0 || slice_equal(by, rule != NULL ? rule->id : SLICE("none")))
        return true;
    *node = trial->test->by.node;
    text_put_text(why, "another rule is for it");
    put_whole(trial, why);
    return false;
}

bool placement_test(const struct policy *policy, const struct document_place *test,
                    const struct yaml_node **node, struct text *why)
{
    struct trial trial = {.policy = policy, .test = test};
    bool is_fine;

    make_map(&trial);
    make_owner(&trial);
    make_object(&trial);
    is_fine = label(&trial, why);
    if (is_fine) {
        placement_explain(&trial.trace, trial.map, &trial.object);
        is_fine = check_rule(&trial, node, why) && check_allowed(&trial, node, why) &&
                  check_sites(&trial, node, why) && check_copies(&trial, node, why);
        placement_trace_dispose(&trial.trace);
    }
    placement_map_destroy(&trial.map);
    return is_fine;
}
