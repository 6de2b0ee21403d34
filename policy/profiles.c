// SPDX-License-Identifier: Apache-2.0
/* Which roles, conditional bindings and rules are meant for whom. Subjects are resolved to sets
 * once; a member's set is the union of its own, its groups' and everybody's. */
#include "policy/policy_private.h"

#include "conf/id.h"
#include "conf/memory.h"

#include <stdlib.h>

/* The sets of one kind of subject, as one run of words: roles, binds, rules, and the rules that it
 * is excepted from. */
struct sets {
    uint64_t *words;
};

struct builder {
    struct policy *policy;
    size_t size; /* of one run, in words */
    struct sets everyone, members, partners, anonymous;
    struct sets *groups; /* each with its parents' */
    struct names
        own_names; /* "m" or "p" and the id of members and partners with sets of their own */
    struct sets *own;
    struct slice *own_ids;
    bool *own_is_partner;
    size_t own_count, own_room;
    struct names interned; /* runs without the last part, to profiles */
};

static uint64_t *make_words(struct builder *builder)
{
    uint64_t *words = arena_alloc(&builder->policy->arena, builder->size * sizeof(*words));

    memset(words, 0, builder->size * sizeof(*words));
    return words;
}

/* Offsets in a run. */
static size_t binds_at(const struct policy *policy)
{
    return policy->role_words;
}

static size_t rules_at(const struct policy *policy)
{
    return policy->role_words + policy->bind_words;
}

static size_t exceptions_at(const struct policy *policy)
{
    return rules_at(policy) + policy->rule_words;
}

/* --- Whom a subject means --- */

static struct sets own_sets(struct builder *builder, const struct subject *subject)
{
    bool is_partner = subject->kind == SUBJECT_PARTNER;
    size_t size = subject->ref.name.size + 1;
    char *key = arena_alloc(&builder->policy->arena, size);
    uint32_t found;

    key[0] = is_partner ? 'p' : 'm';
    memcpy(key + 1, subject->ref.name.data, size - 1);
    found = names_add(&builder->own_names, (struct slice){key, size}, (uint32_t)builder->own_count);
    if (found != NAMES_NONE)
        return builder->own[found];
    if (builder->own_count == builder->own_room) {
        builder->own_room = builder->own_room == 0 ? 16 : 2 * builder->own_room;
        builder->own = memory_resize_array(builder->own, builder->own_room, sizeof(struct sets));
        builder->own_ids =
            memory_resize_array(builder->own_ids, builder->own_room, sizeof(struct slice));
        builder->own_is_partner =
            memory_resize_array(builder->own_is_partner, builder->own_room, sizeof(bool));
    }
    builder->own[builder->own_count].words = make_words(builder);
    builder->own_ids[builder->own_count] = (struct slice){key + 1, size - 1};
    builder->own_is_partner[builder->own_count] = is_partner;
    return builder->own[builder->own_count++];
}

static struct sets sets_of(struct builder *builder, const struct subject *subject)
{
    switch (subject->kind) {
    case SUBJECT_EVERYONE:
        return builder->everyone;
    case SUBJECT_MEMBERS:
        return builder->members;
    case SUBJECT_PARTNERS:
        return builder->partners;
    case SUBJECT_ANONYMOUS:
        return builder->anonymous;
    case SUBJECT_GROUP:
        return builder->groups[subject->ref.index];
    default:
        return own_sets(builder, subject);
    }
}

static void mark(struct builder *builder, const struct subjects *subjects, size_t offset,
                 size_t place)
{
    for (size_t i = 0; i < subjects->count; i++)
        bits_set(sets_of(builder, &subjects->items[i]).words + offset, place);
}

static void mark_binds(struct builder *builder)
{
    struct policy *policy = builder->policy;
    size_t conditional = 0;

    for (size_t i = 0; i < policy->document.bind_count; i++) {
        const struct document_bind *bind = &policy->document.binds[i];

        if (bind->when.node != NULL) {
            mark(builder, &bind->to, binds_at(policy), conditional++);
            continue;
        }
        for (size_t r = 0; r < bind->roles.count; r++)
            for (size_t s = 0; s < bind->to.count; s++)
                bits_unite(sets_of(builder, &bind->to.items[s]).words,
                           policy->roles[bind->roles.items[r].index].closure, policy->role_words);
    }
}

static void mark_rules(struct builder *builder)
{
    const struct document *document = &builder->policy->document;

    for (size_t i = 0; i < document->rule_count; i++) {
        mark(builder, &document->rules[i].to, rules_at(builder->policy), i);
        mark(builder, &document->rules[i].except, exceptions_at(builder->policy), i);
    }
}

/* What a group's parents have, its members have. Groups form no circle. */
static void inherit_groups(struct builder *builder)
{
    const struct document *document = &builder->policy->document;
    uint64_t **united = memory_alloc((document->group_count + 1) * sizeof(*united));

    for (size_t i = 0; i < document->group_count; i++) {
        united[i] = make_words(builder);
        for (size_t at = i; at != NAMES_NONE; at = document->groups[at].parent.index)
            bits_unite(united[i], builder->groups[at].words, builder->size);
    }
    for (size_t i = 0; i < document->group_count; i++)
        builder->groups[i].words = united[i];
    free(united);
}

/* --- Profiles --- */

/* The profile with what a run says; made if it is the first. The run may be used again. */
static uint32_t intern(struct builder *builder, uint64_t *run)
{
    struct policy *policy = builder->policy;
    size_t kept = exceptions_at(policy) * sizeof(*run);
    uint32_t found;
    uint64_t *words;

    bits_subtract(run + rules_at(policy), run + exceptions_at(policy), policy->rule_words);
    found = names_find(&builder->interned, (struct slice){(char *)run, kept});
    if (found != NAMES_NONE)
        return found;
    words = arena_alloc(&policy->arena, kept);
    memcpy(words, run, kept);
    names_add(&builder->interned, (struct slice){(char *)words, kept},
              (uint32_t)policy->profile_count);
    if ((policy->profile_count & (policy->profile_count - 1)) == 0)
        policy->profiles = memory_resize_array(
            policy->profiles, policy->profile_count == 0 ? 1 : 2 * policy->profile_count,
            sizeof(*policy->profiles));
    policy->profiles[policy->profile_count] =
        (struct profile){words, words + binds_at(policy), words + rules_at(policy)};
    return (uint32_t)policy->profile_count++;
}

static void begin_run(const struct builder *builder, uint64_t *run)
{
    memcpy(run, builder->everyone.words, builder->size * sizeof(*run));
}

static void add_own(const struct builder *builder, char kind, struct slice id, uint64_t *run)
{
    char key[ID_SIZE + 1];
    uint32_t found;

    key[0] = kind;
    memcpy(key + 1, id.data, id.size);
    found = names_find(&builder->own_names, (struct slice){key, id.size + 1});
    if (found < builder->own_count)
        bits_unite(run, builder->own[found].words, builder->size);
}

static uint32_t member_profile(struct builder *builder, const struct document_member *member,
                               uint64_t *run)
{
    begin_run(builder, run);
    bits_unite(run, builder->members.words, builder->size);
    for (size_t i = 0; i < member->groups.count; i++)
        bits_unite(run, builder->groups[member->groups.items[i].index].words, builder->size);
    add_own(builder, 'm', member->id, run);
    return intern(builder, run);
}

static void build_members(struct builder *builder, uint64_t *run)
{
    struct policy *policy = builder->policy;
    const struct document *document = &policy->document;

    policy->member_profiles = arena_alloc(&policy->arena, (document->member_count + 1) *
                                                              sizeof(*policy->member_profiles));
    for (size_t i = 0; i < document->member_count; i++)
        policy->member_profiles[i] = member_profile(builder, &document->members[i], run);
}

static void build_groups(struct builder *builder, uint64_t *run)
{
    struct policy *policy = builder->policy;
    size_t count = policy->document.group_count;

    policy->group_profiles =
        arena_alloc(&policy->arena, (count + 1) * sizeof(*policy->group_profiles));
    for (size_t i = 0; i < count; i++) {
        begin_run(builder, run);
        bits_unite(run, builder->members.words, builder->size);
        bits_unite(run, builder->groups[i].words, builder->size);
        policy->group_profiles[i] = intern(builder, run);
    }
}

static void build_others(struct builder *builder, uint64_t *run)
{
    struct policy *policy = builder->policy;

    begin_run(builder, run);
    policy->operator_profile = intern(builder, run);
    begin_run(builder, run);
    bits_unite(run, builder->anonymous.words, builder->size);
    policy->anonymous_profile = intern(builder, run);
    begin_run(builder, run);
    bits_unite(run, builder->partners.words, builder->size);
    policy->partner_profile = intern(builder, run);
    for (size_t i = 0; i < builder->own_count; i++) {
        if (!builder->own_is_partner[i])
            continue;
        begin_run(builder, run);
        bits_unite(run, builder->partners.words, builder->size);
        add_own(builder, 'p', builder->own_ids[i], run);
        names_add(&policy->partners, builder->own_ids[i], intern(builder, run));
    }
}

void policy_build_profiles(struct policy *policy)
{
    struct builder builder = {.policy = policy};
    uint64_t *run;

    builder.size = exceptions_at(policy) + policy->rule_words;
    builder.everyone.words = make_words(&builder);
    builder.members.words = make_words(&builder);
    builder.partners.words = make_words(&builder);
    builder.anonymous.words = make_words(&builder);
    builder.groups = memory_alloc((policy->document.group_count + 1) * sizeof(struct sets));
    for (size_t i = 0; i < policy->document.group_count; i++)
        builder.groups[i].words = make_words(&builder);
    mark_binds(&builder);
    mark_rules(&builder);
    inherit_groups(&builder);
    run = make_words(&builder);
    build_members(&builder, run);
    build_groups(&builder, run);
    build_others(&builder, run);
    free(builder.groups);
    free(builder.own);
    free(builder.own_ids);
    free(builder.own_is_partner);
    names_dispose(&builder.own_names);
    names_dispose(&builder.interned);
}
