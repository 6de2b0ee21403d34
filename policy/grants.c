// SPDX-License-Identifier: Apache-2.0
#include "policy/grants.h"

#include "conf/units.h"
#include "policy/policy_private.h"

static const char *make_label(struct policy *policy, const struct document_grant *grant)
{
    struct policy_place place = document_place(grant->node);
    struct text text = {0};
    const char *label;

    text_put_format(&text, "grants to %.*s (%s:%u)", SLICE_ARGS(grant->partner), place.file,
                    place.line);
    label = arena_copy(&policy->arena, text.data, text.size);
    text_dispose(&text);
    return label;
}

/* In the order of partners, as document.grants. */
void policy_build_grants(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->grants =
        arena_alloc(&policy->arena, (document->grant_count + 1) * sizeof(*policy->grants));
    for (size_t i = 0; i < document->grant_count; i++) {
        const struct document_grant *grant = &document->grants[i];
        struct policy_grant *shown = &policy->grants[i];

        *shown = (struct policy_grant){.partner = grant->partner,
                                       .place = document_place(grant->node),
                                       .label = make_label(policy, grant)};
        shown->we_store.is_given = grant->gives_here;
        shown->we_store.bytes = grant->here_bytes;
        shown->we_store.pins = grant->here_pins;
        shown->we_store.max_object = grant->here_max_object;
        shown->we_store.rate = grant->here_rate;
        shown->they_store.is_given = grant->gives_there;
        shown->they_store.bytes = grant->there_bytes;
        shown->they_store.until_ms = grant->there_until_ms;
        shown->they_store.data = grant->data.text;
    }
}

size_t policy_grant_count(const struct policy *policy)
{
    return policy->document.grant_count;
}

const struct policy_grant *policy_grant(const struct policy *policy, size_t index)
{
    return &policy->grants[index];
}

const struct policy_grant *policy_grant_find(const struct policy *policy, struct slice partner)
{
    uint32_t found = names_find(&policy->document.grant_names, partner);

    return found == NAMES_NONE ? NULL : &policy->grants[found];
}

bool policy_grant_covers(const struct policy *policy, const struct policy_grant *grant,
                         const struct policy_object *object)
{
    const struct document_grant *written = &policy->document.grants[grant - policy->grants];
    struct slice groups[POLICY_OWNER_GROUPS_MAX];
    struct expression_facts facts = {.object = object, .owner_groups = groups};

    if (!grant->they_store.is_given)
        return false;
    if (written->data.node == NULL)
        return true;
    facts.owner_group_count =
        policy_owner_groups(policy, object->owner, groups, POLICY_OWNER_GROUPS_MAX);
    return expression_evaluate(written->data.expression, &facts) == TRUTH_TRUE;
}

bool policy_grant_equal(const struct policy_grant *a, const struct policy_grant *b)
{
    return a->we_store.is_given == b->we_store.is_given && a->we_store.bytes == b->we_store.bytes &&
           a->we_store.pins == b->we_store.pins &&
           a->we_store.max_object == b->we_store.max_object &&
           a->we_store.rate == b->we_store.rate &&
           a->they_store.is_given == b->they_store.is_given &&
           a->they_store.bytes == b->they_store.bytes &&
           a->they_store.until_ms == b->they_store.until_ms &&
           slice_equal(a->they_store.data, b->they_store.data);
}

/* ---- in words */

static void put_here(const struct policy_grant *grant, struct text *out)
{
    char size[UNITS_TEXT_SIZE];

    text_put_format(out, "we store %s", units_print_size(size, grant->we_store.bytes));
    if (grant->we_store.pins > 0)
        text_put_format(out, " in %llu pins", (unsigned long long)grant->we_store.pins);
    if (grant->we_store.max_object > 0)
        text_put_format(out, ", objects of %s", units_print_size(size, grant->we_store.max_object));
    if (grant->we_store.rate > 0)
        text_put_format(out, ", %s a second", units_print_size(size, grant->we_store.rate));
}

static void put_there(const struct policy_grant *grant, struct text *out)
{
    char size[UNITS_TEXT_SIZE], until[UNITS_TIMESTAMP_SIZE];

    text_put_format(out, "they store %s", units_print_size(size, grant->they_store.bytes));
    if (grant->they_store.until_ms > 0)
        text_put_format(out, " until %s", units_print_timestamp(until, grant->they_store.until_ms));
    if (grant->they_store.data.size > 0)
        text_put_format(out, " of what %.*s", SLICE_ARGS(grant->they_store.data));
}

void policy_grant_put(const struct policy_grant *grant, struct text *out)
{
    if (grant->we_store.is_given)
        put_here(grant, out);
    if (grant->we_store.is_given && grant->they_store.is_given)
        text_put_text(out, "; ");
    if (grant->they_store.is_given)
        put_there(grant, out);
}

static void put_number(struct text *out, const char *name, uint64_t value)
{
    if (value > 0)
        text_put_format(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

void policy_grant_put_json(const struct policy_grant *grant, struct text *out)
{
    char until[UNITS_TIMESTAMP_SIZE];

    text_put_text(out, "{\"we_store\":");
    if (grant->we_store.is_given) {
        text_put_format(out, "{\"bytes\":%llu", (unsigned long long)grant->we_store.bytes);
        put_number(out, "pins", grant->we_store.pins);
        put_number(out, "max_object", grant->we_store.max_object);
        put_number(out, "rate", grant->we_store.rate);
        text_put_char(out, '}');
    } else {
        text_put_text(out, "null");
    }
    text_put_text(out, ",\"they_store\":");
    if (grant->they_store.is_given) {
        text_put_format(out, "{\"bytes\":%llu", (unsigned long long)grant->they_store.bytes);
        if (grant->they_store.until_ms > 0)
            text_put_format(out, ",\"until\":\"%s\"",
                            units_print_timestamp(until, grant->they_store.until_ms));
        if (grant->they_store.data.size > 0) {
            text_put_text(out, ",\"data\":\"");
            text_put_json(out, grant->they_store.data);
            text_put_char(out, '"');
        }
        text_put_char(out, '}');
    } else {
        text_put_text(out, "null");
    }
    text_put_char(out, '}');
}
