// SPDX-License-Identifier: Apache-2.0
/* What expressions may ask for in placement: the object, its owner and labels, and a site. */
#include "conf/suggest.h"
#include "ipfs/call_show.h"
#include "policy/expression_private.h"
#include "policy/placement.h"

const struct policy_seen_fact policy_seen_facts[POLICY_SEEN_COUNT] = {
    [SEEN_HEALTHY] = {"healthy", SEEN_IS_BOOL, 1},
    [SEEN_FREE] = {"free", SEEN_IS_BYTES, INT64_C(1) << 60},
    [SEEN_CAPACITY] = {"capacity", SEEN_IS_BYTES, INT64_C(1) << 60},
    [SEEN_FREE_RATIO] = {"free_ratio", SEEN_IS_RATIO, POLICY_SCORE_ONE},
    [SEEN_LOAD] = {"load", SEEN_IS_RATIO, 0},
    [SEEN_RTT] = {"rtt", SEEN_IS_DURATION, 0},
    [SEEN_UPTIME] = {"uptime", SEEN_IS_RATIO, POLICY_SCORE_ONE},
    [SEEN_VERIFIED] = {"verified", SEEN_IS_RATIO, POLICY_SCORE_ONE},
};

static const enum type seen_types[] = {[SEEN_IS_BOOL] = TYPE_BOOL,
                                       [SEEN_IS_BYTES] = TYPE_INTEGER,
                                       [SEEN_IS_RATIO] = TYPE_RATIO,
                                       [SEEN_IS_DURATION] = TYPE_DURATION};

/* --- Compiling --- */

/* Fields whose names are fixed. */
static const struct fixed {
    const char *object, *field;
    enum op op;
    enum type type;
    bool is_list;
    unsigned uses;
} fixed[] = {
    {"object", "size", OP_OBJECT_SIZE, TYPE_INTEGER, false, USES_OBJECT},
    {"object", "codec", OP_OBJECT_CODEC, TYPE_CODEC, false, USES_OBJECT},
    {"owner", "id", OP_OWNER_ID, TYPE_TEXT, false, USES_OBJECT},
    {"owner", "groups", OP_OWNER_GROUPS, TYPE_TEXT, true, USES_OBJECT},
    {"site", "id", OP_SITE_ID, TYPE_TEXT, false, USES_SITE},
};

/* A field that was found: the node that stands for it. */
static bool push_field(struct parser *parser, struct node node, unsigned uses, size_t begin,
                       uint32_t *place)
{
    parser->uses |= uses;
    return parser_push(parser, node, begin, place);
}

static bool find_label(struct parser *parser, struct slice name, struct node *node, unsigned *uses)
{
    uint32_t index = names_find(&parser->document->label_names, name);

    *node = (struct node){.op = OP_LABEL, .type = TYPE_LABEL, .number = index};
    *uses = USES_OBJECT;
    return index != NAMES_NONE;
}

static bool find_seen(struct slice name, struct node *node, unsigned *uses)
{
    for (int i = 0; i < POLICY_SEEN_COUNT; i++)
        if (slice_is(name, policy_seen_facts[i].name)) {
            *node = (struct node){
                .op = OP_SEEN, .type = seen_types[policy_seen_facts[i].kind], .number = i};
            *uses = USES_SITE | USES_SEEN;
            return true;
        }
    return false;
}

static bool find_attribute(struct parser *parser, struct slice name, struct node *node,
                           unsigned *uses)
{
    static const enum type types[] = {[CONSTANT_BOOL] = TYPE_BOOL,
                                      [CONSTANT_INTEGER] = TYPE_INTEGER,
                                      [CONSTANT_DURATION] = TYPE_DURATION,
                                      [CONSTANT_TEXT] = TYPE_TEXT};
    struct document_attributes *attributes = &parser->document->site_attributes;
    uint32_t index = names_find(&attributes->names, name);
    const struct constant *example;

    if (index == NAMES_NONE)
        return false;
    attributes->items[index].is_used = true;
    example = &attributes->items[index].example;
    *node = (struct node){.op = OP_SITE_ATTRIBUTE, .number = index};
    node->is_list = example->type == CONSTANT_LIST;
    node->type = types[node->is_list ? example->items[0].type : example->type];
    *uses = USES_SITE;
    return true;
}

static bool find_field(struct parser *parser, struct slice object, struct slice name,
                       struct node *node, unsigned *uses)
{
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (slice_is(object, fixed[i].object) && slice_is(name, fixed[i].field)) {
            *node = (struct node){
                .op = fixed[i].op, .type = fixed[i].type, .is_list = fixed[i].is_list};
            *uses = fixed[i].uses;
            return true;
        }
    if (slice_is(object, "label"))
        return find_label(parser, name, node, uses);
    return slice_is(object, "site") &&
           (find_seen(name, node, uses) || find_attribute(parser, name, node, uses));
}

static bool unknown_field(struct parser *parser, struct slice object, struct slice name, size_t at)
{
    const struct document *document = parser->document;
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (slice_is(object, fixed[i].object))
            suggestion_offer(&near, fixed[i].field);
    for (size_t i = 0; slice_is(object, "label") && i < document->label_count; i++)
        suggestion_offer_slice(&near, document->labels[i].name);
    for (size_t i = 0; slice_is(object, "site") && i < POLICY_SEEN_COUNT; i++)
        suggestion_offer(&near, policy_seen_facts[i].name);
    for (size_t i = 0; slice_is(object, "site") && i < document->site_attributes.count; i++)
        suggestion_offer_slice(&near, document->site_attributes.items[i].name);
    if (near.best.size > 0)
        return parser_fault(parser, at, "there is no %.*s.%.*s; did you mean %.*s.%.*s?",
                            SLICE_ARGS(object), SLICE_ARGS(name), SLICE_ARGS(object),
                            SLICE_ARGS(near.best));
    return parser_fault(parser, at, "there is no %.*s.%.*s%s", SLICE_ARGS(object), SLICE_ARGS(name),
                        slice_is(object, "site")    ? ": no site of this policy has that attribute"
                        : slice_is(object, "label") ? " among the labels of this policy"
                                                    : "");
}

bool parse_placement_reference(struct parser *parser, uint32_t *place)
{
    const struct slice object = parser->token.text;
    size_t begin = parser->token.begin, at = 0;
    bool is_site = slice_is(object, "site");
    struct slice name = {0};
    struct node node;
    unsigned uses;

    if (!is_site && !slice_is(object, "object") && !slice_is(object, "owner") &&
        !slice_is(object, "label"))
        return parser_fault(parser, begin,
                            "'%s' is not known in placement; texts stand in quotes, and there are "
                            "object, owner, label and site",
                            call_show(object).text);
    if (is_site && parser->about == ABOUT_OBJECT)
        return parser_fault(parser, begin,
                            "which objects a rule is for does not depend on a site; put this into "
                            "'filter'");
    if (!parser_advance(parser) || !parser_take_field(parser, &name, &at))
        return false;
    if (!find_field(parser, object, name, &node, &uses))
        return unknown_field(parser, object, name, at);
    return push_field(parser, node, uses, begin, place);
}

/* --- Constants that sites' values are compared with --- */

static bool check_site_id(struct parser *parser, struct slice id, size_t at)
{
    const struct document *document = parser->document;
    struct suggestion near;

    if (names_find(&document->site_names, id) != NAMES_NONE)
        return true;
    suggestion_init(&near, id);
    for (size_t i = 0; i < document->site_count; i++)
        suggestion_offer_slice(&near, document->sites[i].id);
    return parser_fault(parser, at, "there is no site '%s'%s%.*s%s", call_show(id).text,
                        near.best.size > 0 ? "; did you mean '" : "", SLICE_ARGS(near.best),
                        near.best.size > 0 ? "'?" : "");
}

/* 'us' where sites have 'US' would never hold, and look as if it did. */
static bool check_case(struct parser *parser, uint32_t attribute, struct slice text, size_t at)
{
    const struct document *document = parser->document;
    struct slice other = {0};

    for (size_t i = 0; i < document->site_count; i++)
        for (size_t j = 0; j < document->sites[i].value_count; j++) {
            const struct document_value *value = &document->sites[i].values[j];

            if (value->attribute != attribute || value->value.type != CONSTANT_TEXT)
                continue;
            if (slice_equal(value->value.text, text))
                return true;
            if (slice_equal_caseless(value->value.text, text))
                other = value->value.text;
        }
    return other.size == 0 ||
           parser_fault(parser, at, "no site has the %.*s '%s', but one has '%.*s': case counts",
                        SLICE_ARGS(document->site_attributes.items[attribute].name),
                        call_show(text).text, SLICE_ARGS(other));
}

static bool check_text(struct parser *parser, const struct node *value, struct slice text,
                       size_t at)
{
    return value->op == OP_SITE_ID ? check_site_id(parser, text, at)
                                   : check_case(parser, (uint32_t)value->number, text, at);
}

bool type_check_site(struct parser *parser, const struct node *value, const struct node *constant)
{
    if ((value->op != OP_SITE_ID && value->op != OP_SITE_ATTRIBUTE) || value->type != TYPE_TEXT ||
        constant->op != OP_CONSTANT || constant->type != TYPE_TEXT)
        return true;
    if (!constant->is_list)
        return check_text(parser, value, constant->text, constant->begin);
    for (size_t i = 0; i < constant->count; i++)
        if (!check_text(parser, value, constant->items[i].text, constant->begin))
            return false;
    return true;
}

/* --- At run time --- */

static bool load_label(const struct expression_facts *facts, const struct node *node,
                       struct value *value)
{
    const uint8_t *labels = facts->object->labels;

    value->number = labels == NULL ? 0 : labels[node->number];
    return true;
}

static bool load_attribute(const struct document_site *site, const struct node *node,
                           struct value *value)
{
    for (size_t i = 0; i < site->value_count; i++) {
        const struct constant *constant = &site->values[i].value;

        if (site->values[i].attribute != (uint32_t)node->number)
            continue;
        value->number = constant->number;
        value->text = constant->text;
        value->constants = constant->items;
        value->count = constant->count;
        return true;
    }
    return false;
}

static bool load_seen(const struct policy_seen_values *seen, const struct node *node,
                      struct value *value)
{
    if (seen == NULL || (seen->has & (UINT32_C(1) << node->number)) == 0)
        return false;
    value->number = seen->values[node->number];
    return true;
}

static bool load_object(const struct expression_facts *facts, const struct node *node,
                        struct value *value)
{
    const struct policy_object *object = facts->object;

    switch (node->op) {
    case OP_OBJECT_SIZE:
        value->number = (int64_t)object->bytes;
        return object->bytes <= INT64_MAX;
    case OP_OBJECT_CODEC:
        value->number = (int64_t)object->codec;
        return true;
    case OP_LABEL:
        return load_label(facts, node, value);
    case OP_OWNER_ID:
        if (object->owner != NULL)
            value->text = slice_of(object->owner->id);
        return object->owner != NULL;
    default:
        value->texts = facts->owner_groups;
        value->count = facts->owner_group_count;
        return true;
    }
}

bool value_load_placement(const struct expression_facts *facts, const struct node *node,
                          struct value *value)
{
    if (node->op < OP_SITE_ID)
        return facts->object != NULL && load_object(facts, node, value);
    if (facts->site == NULL)
        return false;
    if (node->op == OP_SEEN)
        return load_seen(facts->seen, node, value);
    if (node->op == OP_SITE_ATTRIBUTE)
        return load_attribute(facts->site, node, value);
    value->text = facts->site->id;
    return true;
}

/* --- Parts --- */

static unsigned uses_of(const struct expression *expression, struct slice part)
{
    unsigned uses = 0;

    for (uint32_t i = 0; i <= expression->root; i++) {
        const struct node *node = &expression->nodes[i];
        const char *begin = expression->text.data + node->begin;

        if (begin < part.data || begin >= part.data + part.size)
            continue;
        if (node->op == OP_SEEN)
            uses |= USES_SITE | USES_SEEN;
        else if (node->op >= OP_SITE_ID)
            uses |= USES_SITE;
        else if (node->op >= OP_OBJECT_SIZE)
            uses |= USES_OBJECT;
    }
    return uses;
}

static size_t add_parts(const struct expression *expression, uint32_t place,
                        struct expression_part *parts, size_t max, size_t count)
{
    const struct node *node = &expression->nodes[place];

    if (node->op == OP_AND) {
        count = add_parts(expression, node->left, parts, max, count);
        return add_parts(expression, node->right, parts, max, count);
    }
    if (count < max) {
        struct slice text = {expression->text.data + node->begin, node->size};

        parts[count] = (struct expression_part){text, place, uses_of(expression, text)};
    }
    return count + 1;
}

size_t expression_parts(const struct expression *expression, struct expression_part *parts,
                        size_t max)
{
    return add_parts(expression, expression->root, parts, max, 0);
}
