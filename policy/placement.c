// SPDX-License-Identifier: Apache-2.0
/* From the document's placement to what placement looks at. */
#include "policy/placement.h"

#include "policy/policy_private.h"

#include <assert.h>

bool policy_has_placement(const struct policy *policy)
{
    return policy->document.placement_node != NULL;
}

size_t policy_placement_count(const struct policy *policy)
{
    return policy->document.placement_count;
}

const struct policy_placement_rule *policy_placement(const struct policy *policy, size_t index)
{
    assert(index < policy->document.placement_count);
    return &policy->placements[index];
}

uint32_t policy_placement_wait(const struct policy *policy)
{
    uint32_t most = 1;

    for (size_t i = 0; i < policy->document.placement_count; i++)
        if (policy->placements[i].wait > most)
            most = policy->placements[i].wait;
    return most;
}

size_t policy_site_count(const struct policy *policy)
{
    return policy->document.site_count;
}

struct slice policy_site(const struct policy *policy, size_t index)
{
    return policy_site_facts(policy, index)->id;
}

uint32_t policy_site_find(const struct policy *policy, struct slice id)
{
    return names_find(&policy->document.site_names, id);
}

const struct document_site *policy_site_facts(const struct policy *policy, size_t index)
{
    assert(index < policy->document.site_count);
    return &policy->document.sites[index];
}

struct slice policy_site_attribute(const struct policy *policy, size_t index,
                                   struct slice attribute)
{
    const struct document_site *site = policy_site_facts(policy, index);
    uint32_t found = names_find(&policy->document.site_attributes.names, attribute);

    for (size_t i = 0; i < site->value_count; i++)
        if (site->values[i].attribute == found && site->values[i].value.type != CONSTANT_LIST)
            return site->values[i].value.text;
    return (struct slice){NULL, 0};
}

size_t policy_owner_groups(const struct policy *policy, const struct owner *owner,
                           struct slice *groups, size_t max)
{
    const struct policy_member *member;
    size_t count = 0;

    if (owner != NULL && owner->kind == OWNER_GROUP)
        return policy_group_line(policy, slice_of(owner->id), groups, max);
    member = owner != NULL && owner->kind == OWNER_MEMBER
                 ? policy_member_find(policy, slice_of(owner->id))
                 : NULL;
    for (; member != NULL && count < member->group_count && count < max; count++)
        groups[count] = member->groups[count];
    return count;
}

/* ---- building */

static void build_terms(struct policy *policy, const struct document_placement *from,
                        struct policy_placement_rule *rule)
{
    struct policy_term *terms =
        arena_alloc(&policy->arena, (from->term_count + 1) * sizeof(*terms));

    for (size_t i = 0; i < from->term_count; i++) {
        const struct document_term *term = &from->terms[i];

        terms[i] = (struct policy_term){term->value.expression, term->value.text, term->worst,
                                        term->best, term->weight};
    }
    rule->terms = terms;
    rule->term_count = from->term_count;
}

static void build_caps(struct policy *policy, const struct document_placement *from,
                       struct policy_placement_rule *rule)
{
    struct policy_cap *caps = arena_alloc(&policy->arena, (from->cap_count + 1) * sizeof(*caps));

    for (size_t i = 0; i < from->cap_count; i++)
        caps[i] =
            (struct policy_cap){from->caps[i].name, from->caps[i].most, from->caps[i].domains};
    rule->caps = caps;
    rule->cap_count = from->cap_count;
}

static void build_prefers(struct policy *policy, const struct document_placement *from,
                          struct policy_placement_rule *rule)
{
    const struct expression **prefers =
        arena_alloc(&policy->arena, (from->prefer_count + 1) * sizeof(struct expression *));

    for (size_t i = 0; i < from->prefer_count; i++)
        prefers[i] = from->prefers[i].expression;
    rule->prefers = prefers;
    rule->prefer_count = from->prefer_count;
}

static void build_filter(struct policy *policy, const struct document_placement *from,
                         struct policy_placement_rule *rule)
{
    struct expression_part *parts = arena_alloc(&policy->arena, POLICY_PARTS_MAX * sizeof(*parts));

    rule->filter = from->filter.expression;
    if (rule->filter != NULL)
        rule->part_count = expression_parts(rule->filter, parts, POLICY_PARTS_MAX);
    assert(rule->part_count <= POLICY_PARTS_MAX);
    rule->parts = parts;
}

void policy_build_placement(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->placements =
        arena_alloc(&policy->arena, (document->placement_count + 1) * sizeof(*policy->placements));
    for (size_t i = 0; i < document->placement_count; i++) {
        const struct document_placement *from = &document->placements[document->placement_order[i]];
        struct policy_placement_rule *rule = &policy->placements[i];

        *rule = (struct policy_placement_rule){.id = from->id,
                                               .place = document_place(from->node),
                                               .min = from->min,
                                               .want = from->want,
                                               .wait = from->wait,
                                               .priority = from->priority,
                                               .when = from->when.expression};
        build_filter(policy, from, rule);
        build_terms(policy, from, rule);
        build_caps(policy, from, rule);
        build_prefers(policy, from, rule);
    }
}
