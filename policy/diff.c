// SPDX-License-Identifier: Apache-2.0
/* Members are compared by their profiles: those with the same profile before and after change
 * alike, so that each pair of profiles is compared once. */
#include "policy/diff.h"

#include "conf/memory.h"
#include "policy/policy_private.h"

#include <stdlib.h>

enum { PIECES_MAX = 4096 };

struct comparison {
    const struct policy *before, *after;
    struct policy_diff *diff;
    size_t room;
};

/* One side of what is compared: a profile, or a role by itself. */
struct side {
    const struct policy *policy;
    const struct profile *profile; /* NULL: there is nobody */
    enum principal_kind kind;
    const uint64_t *role; /* of a role: what it is and inherits; then profile is not looked at */
};

/* --- Conditions --- */

/* The texts of all conditions that bear on something, as a set of hashes. */
struct pieces {
    uint64_t items[PIECES_MAX];
    size_t count;
};

static void add_piece(struct pieces *pieces, const char *kind, uint64_t outer,
                      const struct document_condition *condition)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ outer;

    for (; *kind != '\0'; kind++)
        hash = (hash ^ (uint8_t)*kind) * UINT64_C(1099511628211);
    for (size_t i = 0; i < condition->text.size; i++)
        hash = (hash ^ (uint8_t)condition->text.data[i]) * UINT64_C(1099511628211);
    if (pieces->count < PIECES_MAX)
        pieces->items[pieces->count++] = hash;
}

static void add_roles(struct pieces *pieces, const struct policy *policy, const uint64_t *roles,
                      enum command_id command, uint64_t outer)
{
    size_t count = policy->document.role_count;

    for (size_t r = bits_next(roles, count, 0); r < count; r = bits_next(roles, count, r + 1)) {
        const struct document_role *role = &policy->document.roles[r];

        for (size_t i = 0; i < role->item_count; i++)
            if (command_set_has(&role->items[i].set, command))
                add_piece(pieces, "where", outer, &role->items[i].where);
    }
}

static uint64_t last_piece(const struct pieces *pieces)
{
    return pieces->count > 0 ? pieces->items[pieces->count - 1] : 0;
}

static void add_profile(struct pieces *pieces, const struct policy *policy,
                        const struct profile *profile, enum command_id command)
{
    const struct document *document = &policy->document;

    add_roles(pieces, policy, profile->roles, command, 0);
    for (size_t b = bits_next(profile->binds, policy->bind_count, 0); b < policy->bind_count;
         b = bits_next(profile->binds, policy->bind_count, b + 1)) {
        add_piece(pieces, "bind", 0, &policy->binds[b].bind->when);
        add_roles(pieces, policy, policy->binds[b].roles, command, last_piece(pieces));
    }
    for (size_t i = bits_next(profile->rules, document->rule_count, 0); i < document->rule_count;
         i = bits_next(profile->rules, document->rule_count, i + 1)) {
        const struct document_rule *rule = &document->rules[i];

        if (!rule->is_report && command_set_has(&rule->set, command))
            add_piece(pieces, rule->is_deny ? "deny" : "allow", rule->is_unless, &rule->condition);
    }
}

static int compare_hashes(const void *a_, const void *b_)
{
    uint64_t a = *(const uint64_t *)a_, b = *(const uint64_t *)b_;

    return (a > b) - (a < b);
}

static void sort_unique(struct pieces *pieces)
{
    size_t kept = 0;

    if (pieces->count > 1)
        qsort(pieces->items, pieces->count, sizeof(pieces->items[0]), compare_hashes);
    for (size_t i = 0; i < pieces->count; i++)
        if (i == 0 || pieces->items[i] != pieces->items[i - 1])
            pieces->items[kept++] = pieces->items[i];
    pieces->count = kept;
}

static void collect(struct pieces *pieces, const struct side *side, enum command_id command)
{
    pieces->count = 0;
    if (side->role != NULL)
        add_roles(pieces, side->policy, side->role, command, 0);
    else
        add_profile(pieces, side->policy, side->profile, command);
    sort_unique(pieces);
}

static bool have_same_conditions(const struct side *a, const struct side *b,
                                 enum command_id command)
{
    struct pieces *pieces = memory_alloc(2 * sizeof(*pieces));
    bool is_same;

    collect(&pieces[0], a, command);
    collect(&pieces[1], b, command);
    is_same =
        pieces[0].count == pieces[1].count &&
        memcmp(pieces[0].items, pieces[1].items, pieces[0].count * sizeof(pieces[0].items[0])) == 0;
    free(pieces);
    return is_same;
}

/* --- One pair --- */

static enum policy_access role_access(const struct side *side, enum command_id command)
{
    const struct command_index *index = &side->policy->commands[command];
    size_t words = side->policy->role_words;

    return bits_overlap(side->role, index->sure_roles, words)    ? ACCESS_ALLOWED
           : bits_overlap(side->role, index->maybe_roles, words) ? ACCESS_CONDITIONAL
                                                                 : ACCESS_DENIED;
}

static enum policy_access access_of(const struct side *side, enum command_id command)
{
    if (side->role != NULL)
        return role_access(side, command);
    if (side->profile == NULL)
        return ACCESS_DENIED;
    return profile_access(side->policy, side->profile, side->kind, command);
}

static enum policy_access roles_right(const struct policy *policy, const uint64_t *roles,
                                      enum policy_right right)
{
    size_t count = policy->document.role_count;

    for (size_t i = bits_next(roles, count, 0); i < count; i = bits_next(roles, count, i + 1))
        if ((policy->document.roles[i].rights & right) != 0)
            return ACCESS_ALLOWED;
    return ACCESS_DENIED;
}

static enum policy_access right_of(const struct side *side, enum policy_right right)
{
    const struct policy *policy = side->policy;

    if (side->role != NULL)
        return roles_right(policy, side->role, right);
    if (side->profile == NULL)
        return ACCESS_DENIED;
    if (roles_right(policy, side->profile->roles, right) == ACCESS_ALLOWED)
        return ACCESS_ALLOWED;
    for (size_t b = bits_next(side->profile->binds, policy->bind_count, 0); b < policy->bind_count;
         b = bits_next(side->profile->binds, policy->bind_count, b + 1))
        if (roles_right(policy, policy->binds[b].roles, right) == ACCESS_ALLOWED)
            return ACCESS_CONDITIONAL;
    return ACCESS_DENIED;
}

/* Fills changes, which has room for all there can be. */
static size_t compare(const struct side *before, const struct side *after,
                      struct policy_change *changes)
{
    static const enum policy_right rights[] = {RIGHT_READ_ANY, RIGHT_SHARED_NODE};
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        struct policy_change change = {.command = (enum command_id)id};

        if (catalogue_command(change.command)->danger == DANGER_NEVER)
            continue;
        change.before = access_of(before, change.command);
        change.after = access_of(after, change.command);
        if (change.before != change.after || (change.before == ACCESS_CONDITIONAL &&
                                              !have_same_conditions(before, after, change.command)))
            changes[count++] = change;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
        struct policy_change change = {.command = COMMAND_COUNT, .right = rights[i]};

        change.before = right_of(before, rights[i]);
        change.after = right_of(after, rights[i]);
        if (change.before != change.after)
            changes[count++] = change;
    }
    return count;
}

/* Adds what changes between the sides, if anything does; names become the diff's. */
static void add(struct comparison *comparison, enum changed_kind kind, const struct side *before,
                const struct side *after, struct slice *names, size_t name_count)
{
    struct policy_change changes[COMMAND_COUNT + 2];
    size_t count = compare(before, after, changes);
    struct policy_diff *diff = comparison->diff;

    if (count == 0) {
        free(names);
        return;
    }
    if (diff->count == comparison->room) {
        comparison->room = comparison->room == 0 ? 16 : 2 * comparison->room;
        diff->items = memory_resize_array(diff->items, comparison->room, sizeof(*diff->items));
    }
    diff->items[diff->count++] = (struct policy_changed){
        kind, names, name_count,
        (struct policy_change *)(void *)memory_copy(changes, count * sizeof(*changes)), count};
}

static struct slice *one_name(struct slice name)
{
    struct slice *names = memory_alloc(sizeof(*names));

    *names = name;
    return names;
}

/* --- Who there is --- */

static struct side role_side(const struct policy *policy, struct slice id)
{
    uint32_t role = names_find(&policy->document.role_names, id);

    return (struct side){.policy = policy,
                         .role = role == NAMES_NONE ? NULL : policy->roles[role].closure};
}

static struct side group_side(const struct policy *policy, struct slice id)
{
    uint32_t group = names_find(&policy->document.group_names, id);

    return (struct side){
        .policy = policy,
        .kind = PRINCIPAL_MEMBER,
        .profile = group == NAMES_NONE ? NULL : &policy->profiles[policy->group_profiles[group]]};
}

static struct side principal_side(const struct policy *policy, const struct principal *principal)
{
    const struct document_member *document;
    const struct policy_member *member;

    return (struct side){.policy = policy,
                         .kind = principal->kind,
                         .profile = policy_profile(policy, principal, &document, &member)};
}

static void add_named(struct comparison *comparison, enum changed_kind kind, struct slice id)
{
    bool is_role = kind == CHANGED_ROLE;
    struct side before = (is_role ? role_side : group_side)(comparison->before, id);
    struct side after = (is_role ? role_side : group_side)(comparison->after, id);

    add(comparison, kind, &before, &after, one_name(id), 1);
}

static void compare_roles(struct comparison *comparison)
{
    const struct document *before = &comparison->before->document;
    const struct document *after = &comparison->after->document;

    for (size_t i = 0; i < before->role_count; i++)
        add_named(comparison, CHANGED_ROLE, before->roles[i].id);
    for (size_t i = 0; i < after->role_count; i++)
        if (names_find(&before->role_names, after->roles[i].id) == NAMES_NONE)
            add_named(comparison, CHANGED_ROLE, after->roles[i].id);
}

static void compare_groups(struct comparison *comparison)
{
    const struct document *before = &comparison->before->document;
    const struct document *after = &comparison->after->document;

    for (size_t i = 0; i < before->group_count; i++)
        add_named(comparison, CHANGED_GROUP, before->groups[i].id);
    for (size_t i = 0; i < after->group_count; i++)
        if (names_find(&before->group_names, after->groups[i].id) == NAMES_NONE)
            add_named(comparison, CHANGED_GROUP, after->groups[i].id);
}

/* A member and its profile in both, for sorting those alike together. */
struct pair {
    uint32_t before, after; /* NAMES_NONE: it is not in that policy */
    struct slice id;
};

static int compare_pairs(const void *a_, const void *b_)
{
    const struct pair *a = a_, *b = b_;

    if (a->before != b->before)
        return a->before < b->before ? -1 : 1;
    if (a->after != b->after)
        return a->after < b->after ? -1 : 1;
    return strcmp(a->id.data, b->id.data);
}

static uint32_t member_profile(const struct policy *policy, struct slice id)
{
    uint32_t member = names_find(&policy->document.member_names, id);

    return member == NAMES_NONE ? NAMES_NONE : policy->member_profiles[member];
}

static size_t pair_members(const struct comparison *comparison, struct pair *pairs)
{
    const struct document *before = &comparison->before->document;
    const struct document *after = &comparison->after->document;
    size_t count = 0;

    for (size_t i = 0; i < before->member_count; i++)
        pairs[count++] = (struct pair){comparison->before->member_profiles[i],
                                       member_profile(comparison->after, before->members[i].id),
                                       before->members[i].id};
    for (size_t i = 0; i < after->member_count; i++)
        if (names_find(&before->member_names, after->members[i].id) == NAMES_NONE)
            pairs[count++] = (struct pair){NAMES_NONE, comparison->after->member_profiles[i],
                                           after->members[i].id};
    return count;
}

static struct side profile_side(const struct policy *policy, uint32_t profile)
{
    return (struct side){.policy = policy,
                         .kind = PRINCIPAL_MEMBER,
                         .profile = profile == NAMES_NONE ? NULL : &policy->profiles[profile]};
}

static void compare_members(struct comparison *comparison)
{
    size_t room =
        comparison->before->document.member_count + comparison->after->document.member_count;
    struct pair *pairs = memory_alloc((room + 1) * sizeof(*pairs));
    size_t count = pair_members(comparison, pairs), end;

    if (count > 1)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < count; i = end) {
        struct side before = profile_side(comparison->before, pairs[i].before);
        struct side after = profile_side(comparison->after, pairs[i].after);
        struct slice *names;

        for (end = i; end < count && pairs[end].before == pairs[i].before &&
                      pairs[end].after == pairs[i].after;)
            end++;
        names = memory_alloc((end - i) * sizeof(*names));
        for (size_t j = i; j < end; j++)
            names[j - i] = pairs[j].id;
        add(comparison, CHANGED_MEMBER, &before, &after, names, end - i);
    }
    free(pairs);
}

static void compare_principal(struct comparison *comparison, enum changed_kind kind,
                              enum principal_kind of, struct slice id)
{
    struct principal principal = {.kind = of, .id = id};
    struct side before = principal_side(comparison->before, &principal);
    struct side after = principal_side(comparison->after, &principal);

    add(comparison, kind, &before, &after, one_name(id), kind == CHANGED_PARTNER ? 1 : 0);
}

static void compare_others(struct comparison *comparison)
{
    const struct names *before = &comparison->before->partners;
    struct slice name;

    for (size_t cursor = 0; names_next(before, &cursor, &name);)
        compare_principal(comparison, CHANGED_PARTNER, PRINCIPAL_PARTNER, name);
    for (size_t cursor = 0; names_next(&comparison->after->partners, &cursor, &name);)
        if (names_find(before, name) == NAMES_NONE)
            compare_principal(comparison, CHANGED_PARTNER, PRINCIPAL_PARTNER, name);
    compare_principal(comparison, CHANGED_PARTNER, PRINCIPAL_PARTNER, (struct slice){"", 0});
    compare_principal(comparison, CHANGED_ANONYMOUS, PRINCIPAL_ANONYMOUS, (struct slice){"", 0});
}

static void add_grant(struct policy_diff *diff, const struct policy_grant *before,
                      const struct policy_grant *after)
{
    if (before != NULL && after != NULL && policy_grant_equal(before, after))
        return;
    diff->grants = memory_resize_array(diff->grants, diff->grant_count + 1, sizeof(*diff->grants));
    diff->grants[diff->grant_count++] = (struct policy_grant_change){before, after};
}

static void compare_grants(struct comparison *comparison)
{
    const struct policy *before = comparison->before, *after = comparison->after;

    for (size_t i = 0; i < policy_grant_count(before); i++) {
        const struct policy_grant *grant = policy_grant(before, i);

        add_grant(comparison->diff, grant, policy_grant_find(after, grant->partner));
    }
    for (size_t i = 0; i < policy_grant_count(after); i++)
        if (policy_grant_find(before, policy_grant(after, i)->partner) == NULL)
            add_grant(comparison->diff, NULL, policy_grant(after, i));
}

void policy_diff(const struct policy *before, const struct policy *after, struct policy_diff *diff)
{
    struct comparison comparison = {.before = before, .after = after, .diff = diff};

    *diff = (struct policy_diff){0};
    compare_roles(&comparison);
    compare_groups(&comparison);
    compare_members(&comparison);
    compare_others(&comparison);
    compare_grants(&comparison);
}

void policy_diff_dispose(struct policy_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        free((void *)diff->items[i].names);
        free((void *)diff->items[i].changes);
    }
    free(diff->items);
    free(diff->grants);
    *diff = (struct policy_diff){0};
}
