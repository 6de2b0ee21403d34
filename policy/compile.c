// SPDX-License-Identifier: Apache-2.0
/* From a document to what decisions look at. */
#include "policy/policy_private.h"

#include "conf/memory.h"
#include "conf/yaml.h"
#include "ipfs/hash.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t *make_bits(struct policy *policy, size_t words)
{
    uint64_t *bits = arena_alloc(&policy->arena, words * sizeof(*bits));

    memset(bits, 0, words * sizeof(*bits));
    return bits;
}

/* --- Roles --- */

/* Adds a role and what it inherits. The recursion is as deep as roles inherit from each other, and
 * they do not in circles. */
static void add_closure(const struct document *document, size_t role, uint64_t *closure)
{
    const struct document_refs *inherits = &document->roles[role].inherits;

    if (bits_has(closure, role))
        return;
    bits_set(closure, role);
    for (size_t i = 0; i < inherits->count; i++)
        add_closure(document, inherits->items[i].index, closure);
}

static void build_roles(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->roles = arena_alloc(&policy->arena, (document->role_count + 1) * sizeof(struct role));
    for (size_t i = 0; i < document->role_count; i++) {
        uint64_t *closure = make_bits(policy, policy->role_words);
        struct role *role = &policy->roles[i];

        add_closure(document, i, closure);
        *role = (struct role){.role = &document->roles[i], .closure = closure};
        for (size_t r = bits_next(closure, document->role_count, 0); r < document->role_count;
             r = bits_next(closure, document->role_count, r + 1))
            role->rights |= document->roles[r].rights;
    }
}

static void build_binds(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->binds =
        arena_alloc(&policy->arena, (document->bind_count + 1) * sizeof(*policy->binds));
    for (size_t i = 0; i < document->bind_count; i++) {
        const struct document_bind *bind = &document->binds[i];
        uint64_t *roles;

        if (bind->when.node == NULL)
            continue;
        roles = make_bits(policy, policy->role_words);
        for (size_t r = 0; r < bind->roles.count; r++)
            bits_unite(roles, policy->roles[bind->roles.items[r].index].closure,
                       policy->role_words);
        policy->binds[policy->bind_count++] = (struct conditional_bind){bind, roles};
    }
    policy->bind_words = BITS_WORDS(policy->bind_count);
}

/* --- By command --- */

/* Bits that are still written; the index of the policy reads them. */
struct index_rows {
    uint64_t *sure, *maybe, *denies, *allows, *reports;
};

static void index_role(struct index_rows *rows, size_t role, const struct document_item *item)
{
    for (size_t id = bits_next(item->set.bits, COMMAND_COUNT, 0); id < COMMAND_COUNT;
         id = bits_next(item->set.bits, COMMAND_COUNT, id + 1))
        bits_set(item->where.node == NULL ? rows[id].sure : rows[id].maybe, role);
}

static void index_rule(struct index_rows *rows, size_t place, const struct document_rule *rule)
{
    for (size_t id = bits_next(rule->set.bits, COMMAND_COUNT, 0); id < COMMAND_COUNT;
         id = bits_next(rule->set.bits, COMMAND_COUNT, id + 1))
        bits_set(rule->is_report ? rows[id].reports
                 : rule->is_deny ? rows[id].denies
                                 : rows[id].allows,
                 place);
}

static void build_index(struct policy *policy)
{
    const struct document *document = &policy->document;
    struct index_rows rows[COMMAND_COUNT];

    for (size_t id = 0; id < COMMAND_COUNT; id++)
        rows[id] = (struct index_rows){
            make_bits(policy, policy->role_words), make_bits(policy, policy->role_words),
            make_bits(policy, policy->rule_words), make_bits(policy, policy->rule_words),
            make_bits(policy, policy->rule_words)};
    for (size_t i = 0; i < document->role_count; i++)
        for (size_t j = 0; j < document->roles[i].item_count; j++)
            index_role(rows, i, &document->roles[i].items[j]);
    for (size_t i = 0; i < document->rule_count; i++)
        index_rule(rows, i, &document->rules[i]);
    for (size_t id = 0; id < COMMAND_COUNT; id++)
        policy->commands[id] = (struct command_index){
            rows[id].sure, rows[id].maybe, rows[id].denies, rows[id].allows, rows[id].reports};
}

/* --- What is shown of it --- */

static void build_rules(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->rules =
        arena_alloc(&policy->arena, (document->rule_count + 1) * sizeof(*policy->rules));
    for (size_t i = 0; i < document->rule_count; i++) {
        const struct document_rule *rule = &document->rules[i];

        policy->rules[i] = (struct policy_rule){
            .id = rule->id,
            .is_deny = rule->is_deny,
            .is_report = rule->is_report,
            .message = rule->message,
            .condition = rule->condition.text,
            .place = document_place(rule->node),
        };
    }
}

static void build_item_places(struct policy *policy)
{
    const struct document *document = &policy->document;
    size_t count = 0;

    policy->first_item =
        arena_alloc(&policy->arena, (document->role_count + 1) * sizeof(*policy->first_item));
    for (size_t i = 0; i < document->role_count; i++) {
        policy->first_item[i] = count;
        count += document->roles[i].item_count;
    }
    policy->item_places = arena_alloc(&policy->arena, (count + 1) * sizeof(*policy->item_places));
    for (size_t i = 0; i < document->role_count; i++)
        for (size_t j = 0; j < document->roles[i].item_count; j++)
            policy->item_places[policy->first_item[i] + j] =
                document_place(document->roles[i].items[j].node);
}

/* The groups it was put into and their parents, each once. */
static void build_member_groups(struct policy *policy, const struct document_member *member,
                                struct policy_member *shown)
{
    const struct document *document = &policy->document;
    size_t room = 0, count = 0;
    struct slice *groups;

    for (size_t i = 0; i < member->groups.count; i++)
        for (size_t at = member->groups.items[i].index; at != NAMES_NONE;
             at = document->groups[at].parent.index)
            room++;
    groups = arena_alloc(&policy->arena, (room + 1) * sizeof(*groups));
    for (size_t i = 0; i < member->groups.count; i++)
        for (size_t at = member->groups.items[i].index; at != NAMES_NONE;
             at = document->groups[at].parent.index) {
            bool is_there = false;

            for (size_t j = 0; j < count; j++)
                is_there = is_there || groups[j].data == document->groups[at].id.data;
            if (!is_there)
                groups[count++] = document->groups[at].id;
        }
    shown->groups = groups;
    shown->group_count = count;
}

static struct slice list_text(struct policy *policy, const struct constant *list)
{
    struct text joined = {0};
    struct slice kept;

    for (size_t i = 0; i < list->count; i++) {
        text_put_text(&joined, i > 0 ? "," : "");
        text_put_slice(&joined, list->items[i].text);
    }
    kept = (struct slice){arena_copy(&policy->arena, joined.data, joined.size), joined.size};
    text_dispose(&joined);
    return kept;
}

static void build_members(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->members =
        arena_alloc(&policy->arena, (document->member_count + 1) * sizeof(*policy->members));
    for (size_t i = 0; i < document->member_count; i++) {
        const struct document_member *member = &document->members[i];
        struct policy_member *shown = &policy->members[i];
        struct principal_attribute *attributes =
            arena_alloc(&policy->arena, (member->value_count + 1) * sizeof(*attributes));

        *shown = (struct policy_member){.id = member->id, .expires_ms = member->expires_ms};
        build_member_groups(policy, member, shown);
        for (size_t j = 0; j < member->value_count; j++) {
            const struct document_value *value = &member->values[j];

            attributes[j].name = document->attributes.items[value->attribute].name;
            attributes[j].value = value->value.type == CONSTANT_LIST
                                      ? list_text(policy, &value->value)
                                      : value->value.text;
        }
        shown->attributes = attributes;
        shown->attribute_count = member->value_count;
        shown->place = document_place(member->node);
    }
}

/* --- All of it --- */

static int compare_names(const void *a_, const void *b_)
{
    const struct policy_source *const *a = a_, *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

/* Each part with its length before it, so that no two sets of files print alike. */
static void hash_sources(const struct policy_source *sources, size_t count,
                         char out[POLICY_HASH_SIZE])
{
    const struct policy_source **sorted =
        memory_alloc((count + 1) * sizeof(struct policy_source *));
    struct hash_stream *stream = hash_stream_create(HASH_SHA2_256);
    uint8_t digest[HASH_DIGEST_MAX];

    for (size_t i = 0; i < count; i++)
        sorted[i] = &sources[i];
    qsort(sorted, count, sizeof(struct policy_source *), compare_names);
    for (size_t i = 0; i < count; i++) {
        char sizes[64];
        int used = snprintf(sizes, sizeof(sizes), "%zu %zu\n", strlen(sorted[i]->name),
                            sorted[i]->bytes.size);

        hash_stream_update(stream, sizes, (size_t)used);
        hash_stream_update(stream, sorted[i]->name, strlen(sorted[i]->name));
        hash_stream_update(stream, sorted[i]->bytes.data, sorted[i]->bytes.size);
    }
    hash_stream_finish(stream, digest);
    hash_stream_destroy(&stream);
    free(sorted);
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void destroy(struct policy *policy)
{
    names_dispose(&policy->partners);
    free(policy->profiles);
    arena_dispose(&policy->arena);
    document_dispose(&policy->document);
    free(policy);
}

static void build(struct policy *policy)
{
    policy->role_words = BITS_WORDS(policy->document.role_count);
    policy->rule_words = BITS_WORDS(policy->document.rule_count);
    build_roles(policy);
    build_binds(policy);
    build_index(policy);
    build_rules(policy);
    policy_build_placement(policy);
    policy_build_quotas(policy);
    policy_build_grants(policy);
    build_item_places(policy);
    build_members(policy);
    policy_build_profiles(policy);
}

/* The first error, and how many follow. */
static void tell(const struct findings *findings, struct error *err)
{
    struct text text = {0};
    size_t more = findings->counts[FINDING_ERROR] - 1;

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];

        if (finding->level != FINDING_ERROR)
            continue;
        text_put_text(&text, finding->file);
        if (finding->line > 0)
            text_put_format(&text, ":%u:%u", finding->line, finding->column);
        text_put_format(&text, ": %.350s", finding->text);
        break;
    }
    if (more > 0)
        text_put_format(&text, " (and %zu more mistake%s)", more, more == 1 ? "" : "s");
    error_set(err, ERROR_SYNTAX, "%s", text.data);
    text_dispose(&text);
}

bool policy_compile(const struct policy **policy, const struct policy_source *sources, size_t count,
                    struct findings *findings, struct error *err)
{
    struct policy *made = memory_alloc(sizeof(*made));
    struct findings found = {0};
    bool is_fine;

    *policy = NULL;
    atomic_init(&made->references, 1);
    is_fine = document_read(&made->document, sources, count, &found);
    findings_sort(&found);
    if (is_fine) {
        hash_sources(sources, count, made->hash);
        build(made);
        *policy = made;
    } else {
        tell(&found, err);
        destroy(made);
    }
    for (size_t i = 0; findings != NULL && i < found.count; i++)
        findings_add(findings, found.items[i].level, found.items[i].file, found.items[i].line,
                     found.items[i].column, "%s", found.items[i].text);
    findings_dispose(&found);
    return is_fine;
}

const struct policy *policy_ref(const struct policy *policy)
{
    atomic_fetch_add_explicit(&((struct policy *)policy)->references, 1, memory_order_relaxed);
    return policy;
}

void policy_unref(const struct policy **policy)
{
    struct policy *old = (struct policy *)*policy;

    *policy = NULL;
    if (old != NULL && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1)
        destroy(old);
}
