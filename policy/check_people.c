// SPDX-License-Identifier: Apache-2.0
/* Members who may do nothing, groups without members, words that nothing uses. */
#include "conf/memory.h"
#include "conf/suggest.h"
#include "conf/yaml.h"
#include "policy/check_private.h"

#include <stdlib.h>

static bool may_do_something(const struct policy *policy, const struct profile *profile)
{
    const struct document *document = &policy->document;

    if (!bits_is_empty(profile->roles, policy->role_words) ||
        !bits_is_empty(profile->binds, policy->bind_words))
        return true;
    for (size_t i = bits_next(profile->rules, document->rule_count, 0); i < document->rule_count;
         i = bits_next(profile->rules, document->rule_count, i + 1))
        if (!document->rules[i].is_deny && !document->rules[i].is_report)
            return true;
    return false;
}

static void check_members(struct check *check, uint64_t now_ms)
{
    const struct policy *policy = check->policy;

    for (size_t i = 0; i < policy->document.member_count; i++) {
        const struct document_member *member = &policy->document.members[i];

        if (!may_do_something(policy, &policy->profiles[policy->member_profiles[i]]))
            check_finding(check, FINDING_WARNING, member->node,
                          "the member '%.*s' may do nothing: no role is bound to it",
                          SLICE_ARGS(member->id));
        if (member->expires_ms > 0 && now_ms > 0 && now_ms >= member->expires_ms)
            check_finding(check, FINDING_NOTE, member->node, "the membership of '%.*s' is over",
                          SLICE_ARGS(member->id));
    }
}

static void check_groups(struct check *check)
{
    const struct document *document = &check->policy->document;
    bool *has_member = memory_alloc(document->group_count + 1);

    for (size_t i = 0; i < document->member_count; i++)
        for (size_t j = 0; j < document->members[i].groups.count; j++)
            for (size_t at = document->members[i].groups.items[j].index; at != NAMES_NONE;
                 at = document->groups[at].parent.index)
                has_member[at] = true;
    for (size_t i = 0; i < document->group_count; i++)
        if (!has_member[i])
            check_finding(check, FINDING_WARNING, document->groups[i].node,
                          "nobody is in the group '%.*s'", SLICE_ARGS(document->groups[i].id));
    free(has_member);
}

static void check_vars(struct check *check)
{
    const struct document *document = &check->policy->document;

    for (size_t i = 0; i < document->var_count; i++)
        if (!document->vars[i].is_used)
            check_finding(check, FINDING_WARNING, document->vars[i].node,
                          "no condition uses the var '%.*s'", SLICE_ARGS(document->vars[i].name));
}

/* An attribute is also shown to programs, so one that no condition uses is no mistake, unless it
 * looks like one that some condition does use, or like the one that certificates are found by. */
static void check_attributes(struct check *check)
{
    static const char certificate[] = "certificate";
    const struct document *document = &check->policy->document;

    for (size_t i = 0; i < document->attributes.count; i++) {
        const struct document_attribute *attribute = &document->attributes.items[i];
        struct suggestion near;

        if (attribute->is_used || slice_is(attribute->name, certificate))
            continue;
        suggestion_init(&near, attribute->name);
        suggestion_offer(&near, certificate);
        for (size_t j = 0; j < document->attributes.count; j++)
            if (document->attributes.items[j].is_used)
                suggestion_offer_slice(&near, document->attributes.items[j].name);
        if (near.best.size > 0)
            check_finding(check, FINDING_WARNING, attribute->node,
                          "no condition asks for the attribute '%.*s'; did you mean '%.*s'?",
                          SLICE_ARGS(attribute->name), SLICE_ARGS(near.best));
        else
            check_finding(check, FINDING_NOTE, attribute->node,
                          "no condition asks for the attribute '%.*s'",
                          SLICE_ARGS(attribute->name));
    }
}

void check_people(struct check *check, uint64_t now_ms)
{
    check_members(check, now_ms);
    check_groups(check);
    check_vars(check);
    check_attributes(check);
}
