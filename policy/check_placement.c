// SPDX-License-Identifier: Apache-2.0
/* Rules of placement that can never be for anything, or never find enough sites. */
#include "conf/yaml.h"
#include "policy/check_private.h"
#include "policy/satisfy.h"

/* A rule that is for everything leaves nothing to those below it. */
static void check_covered(struct check *check, const struct document *document)
{
    const struct document_placement *whole = NULL;

    for (size_t i = 0; i < document->placement_count; i++) {
        const struct document_placement *rule = &document->placements[document->placement_order[i]];

        if (whole != NULL)
            check_finding(check, FINDING_WARNING, rule->node,
                          "the rule '%.*s' is for nothing: '%.*s' (line %u) is for every object "
                          "and has a higher priority",
                          SLICE_ARGS(rule->id), SLICE_ARGS(whole->id), whole->node->line);
        else if (rule->when.node == NULL)
            whole = rule;
    }
}

static void check_condition(struct check *check, const struct document_condition *condition,
                            const char *what)
{
    if (condition->node != NULL && !expression_can_hold(condition->expression))
        check_finding(check, FINDING_WARNING, condition->node, "this can never hold, so %s", what);
}

/* Whether what is declared of a site lets copies be there. */
static bool may_have(const struct policy_placement_rule *rule, const struct document_site *site)
{
    const struct expression_facts facts = {.site = site};

    for (size_t i = 0; i < rule->part_count; i++)
        if ((rule->parts[i].uses & (USES_OBJECT | USES_SEEN)) == 0 &&
            expression_evaluate_part(rule->filter, &rule->parts[i], &facts) != TRUTH_TRUE)
            return false;
    return true;
}

static bool fits(const struct policy_placement_rule *rule, const uint32_t *taken, size_t count,
                 uint32_t site)
{
    for (size_t c = 0; c < rule->cap_count; c++) {
        const uint32_t *domains = rule->caps[c].domains;
        size_t there = 0;

        for (size_t i = 0; i < count; i++)
            there += domains[taken[i]] == domains[site];
        if (there >= rule->caps[c].most)
            return false;
    }
    return true;
}

/* Domains are nested, so any order of the sites finds the most copies. */
static void check_enough(struct check *check, const struct policy_placement_rule *rule,
                         const struct document_placement *from)
{
    const struct document *document = &check->policy->document;
    uint32_t taken[POLICY_COPIES_MAX];
    size_t count = 0;

    for (uint32_t i = 0; i < document->site_count && count < rule->want; i++)
        if (may_have(rule, &document->sites[i]) && fits(rule, taken, count, i))
            taken[count++] = i;
    if (count < rule->want)
        check_finding(check, FINDING_WARNING, from->node,
                      "the rule '%.*s' wants %u copies, at least %u, and never finds places for "
                      "more than %zu: sites, their attributes and 'spread' leave no others",
                      SLICE_ARGS(rule->id), rule->want, rule->min, count);
}

static void check_attributes(struct check *check, const struct document *document)
{
    for (size_t i = 0; i < document->site_attributes.count; i++) {
        const struct document_attribute *attribute = &document->site_attributes.items[i];

        if (!attribute->is_used)
            check_finding(check, FINDING_NOTE, attribute->node,
                          "no rule asks for the attribute '%.*s' of sites",
                          SLICE_ARGS(attribute->name));
    }
}

void check_placement(struct check *check)
{
    const struct document *document = &check->policy->document;

    if (document->placement_node == NULL)
        return;
    check_covered(check, document);
    for (size_t i = 0; i < document->placement_count; i++) {
        const struct document_placement *rule = &document->placements[document->placement_order[i]];

        check_condition(check, &rule->when, "the rule is for nothing");
        check_condition(check, &rule->filter, "no site may have a copy");
        check_enough(check, &check->policy->placements[i], rule);
    }
    check_attributes(check, document);
}
