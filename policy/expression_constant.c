// SPDX-License-Identifier: Apache-2.0
/* Constants of expressions: numbers, texts, vars, lists. */
#include "conf/memory.h"
#include "conf/suggest.h"
#include "conf/units.h"
#include "policy/expression_private.h"
#include "policy/placement.h"

#include <stdlib.h>

#define NS_PER_MS 1000000

/* 85% */
static bool read_ratio(struct parser *parser, const struct token *token, struct node *node)
{
    uint64_t percent;

    if (!units_parse_integer((struct slice){token->text.data, token->text.size - 1}, &percent,
                             NULL) ||
        percent > 100)
        return parser_fault(parser, token->begin, "'%.*s' is no ratio: write 0%% to 100%%",
                            SLICE_ARGS(token->text));
    *node = (struct node){.op = OP_CONSTANT, .type = TYPE_RATIO};
    node->number = (int64_t)percent * (POLICY_SCORE_ONE / 100);
    return true;
}

static bool read_number(struct parser *parser, const struct token *token, struct node *node)
{
    struct slice digits = token->text;
    bool is_negative = digits.data[0] == '-', is_size, is_duration;
    struct error err = {0};
    uint64_t value;

    if (digits.data[digits.size - 1] == '%')
        return read_ratio(parser, token, node);
    if (is_negative)
        digits = (struct slice){digits.data + 1, digits.size - 1};
    is_size = units_parse_size(digits, &value, &err);
    is_duration = !is_size && units_parse_duration(digits, &value, NULL);
    if (!is_size && !is_duration)
        return parser_fault(parser, token->begin,
                            "'%.*s' is no number; there are plain digits, sizes such as 5GiB and "
                            "durations such as 30s",
                            SLICE_ARGS(token->text));
    if (value > (uint64_t)INT64_MAX / (is_duration ? NS_PER_MS : 1))
        return parser_fault(parser, token->begin, "'%.*s' is too large", SLICE_ARGS(token->text));
    *node = (struct node){.op = OP_CONSTANT, .type = is_duration ? TYPE_DURATION : TYPE_INTEGER};
    node->number = (int64_t)value * (is_duration ? NS_PER_MS : 1) * (is_negative ? -1 : 1);
    return true;
}

/* Without the doubled quotes. */
static struct slice read_quoted(struct parser *parser, const struct token *token)
{
    char quote = parser->text.data[token->begin];
    struct slice text = token->text;
    char *room;
    size_t size = 0;

    if (memchr(text.data, quote, text.size) == NULL)
        return text;
    room = arena_alloc(parser->arena, text.size);
    for (size_t i = 0; i < text.size; i++) {
        room[size++] = text.data[i];
        i += text.data[i] == quote;
    }
    return (struct slice){room, size};
}

static const enum type constant_types[] = {
    [CONSTANT_BOOL] = TYPE_BOOL,
    [CONSTANT_INTEGER] = TYPE_INTEGER,
    [CONSTANT_DURATION] = TYPE_DURATION,
    [CONSTANT_TEXT] = TYPE_TEXT,
};

static bool read_var(struct parser *parser, struct node *node)
{
    size_t begin = parser->token.begin;
    struct document *document = parser->document;
    const struct constant *value;
    struct suggestion near;
    uint32_t index;

    if (!parser_advance(parser))
        return false;
    if (parser->token.kind != TOKEN_NAME)
        return parser_fault(parser, begin, "the name of a var stands behind '$'");
    index = names_find(&document->var_names, parser->token.text);
    if (index == NAMES_NONE) {
        suggestion_init(&near, parser->token.text);
        for (size_t i = 0; i < document->var_count; i++)
            suggestion_offer_slice(&near, document->vars[i].name);
        return parser_fault(parser, begin, "there is no var '%.*s'%s%.*s%s",
                            SLICE_ARGS(parser->token.text),
                            near.best.size > 0 ? "; did you mean '$" : "", SLICE_ARGS(near.best),
                            near.best.size > 0 ? "'?" : "");
    }
    document->vars[index].is_used = true;
    value = &document->vars[index].value;
    *node = (struct node){.op = OP_CONSTANT, .number = value->number, .text = value->text};
    node->is_list = value->type == CONSTANT_LIST;
    node->items = value->items;
    node->count = value->count;
    node->type = constant_types[node->is_list ? value->items[0].type : value->type];
    return true;
}

bool token_starts_constant(enum token_kind kind)
{
    return kind == TOKEN_TEXT || kind == TOKEN_NUMBER || kind == TOKEN_ADDRESS ||
           kind == TOKEN_TRUE || kind == TOKEN_FALSE || kind == TOKEN_DOLLAR;
}

/* One constant; stands behind it afterwards. */
bool parse_constant(struct parser *parser, struct node *node)
{
    const struct token token = parser->token;

    *node = (struct node){.op = OP_CONSTANT, .type = TYPE_TEXT, .text = token.text};
    switch (token.kind) {
    case TOKEN_NUMBER:
        if (!read_number(parser, &token, node))
            return false;
        break;
    case TOKEN_DOLLAR:
        if (!read_var(parser, node))
            return false;
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        node->type = TYPE_BOOL;
        node->number = token.kind == TOKEN_TRUE;
        break;
    case TOKEN_TEXT:
        node->text = read_quoted(parser, &token);
        break;
    default: /* an address: a text until something wants a network */
        break;
    }
    return parser_advance(parser);
}

static enum constant_type constant_type_of(enum type type)
{
    return type == TYPE_BOOL       ? CONSTANT_BOOL
           : type == TYPE_INTEGER  ? CONSTANT_INTEGER
           : type == TYPE_DURATION ? CONSTANT_DURATION
                                   : CONSTANT_TEXT;
}

static bool read_item(struct parser *parser, struct constant *item)
{
    size_t begin = parser->token.begin;
    struct node node;

    if (parser->token.kind == TOKEN_NAME)
        return parser_fault(parser, begin, "texts stand in quotes: '%.*s'",
                            SLICE_ARGS(parser->token.text));
    if (!token_starts_constant(parser->token.kind))
        return parser_fault(parser, begin, "a list holds constants: texts, numbers, addresses");
    if (!parse_constant(parser, &node))
        return false;
    if (node.is_list)
        return parser_fault(parser, begin, "a list cannot stand in a list");
    if (node.type == TYPE_RATIO)
        return parser_fault(parser, begin, "ratios do not stand in lists; write 10%%..20%%");
    *item = (struct constant){constant_type_of(node.type), node.number, node.text, NULL, 0};
    return true;
}

/* [A, B, C] */
bool parse_list(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin, room = 0, count = 0;
    struct constant *items = NULL, *kept;
    bool is_fine = parser_advance(parser);

    while (is_fine) {
        size_t at = parser->token.begin;

        if (count == room) {
            room = room == 0 ? 8 : 2 * room;
            items = memory_resize_array(items, room, sizeof(*items));
        }
        is_fine = read_item(parser, &items[count]);
        if (is_fine && items[count].type != items[0].type)
            is_fine =
                parser_fault(parser, at, "this is %s, but the list began with %s",
                             constant_type_name(&items[count]), constant_type_name(&items[0]));
        count += is_fine;
        if (!is_fine || parser->token.kind != TOKEN_COMMA)
            break;
        is_fine = parser_advance(parser);
    }
    is_fine = is_fine && parser_expect(parser, TOKEN_CLOSE_LIST, "',' or ']'");
    if (is_fine) {
        struct node node = {.op = OP_CONSTANT, .is_list = true, .count = count};

        node.type = constant_types[items[0].type];
        kept = arena_alloc(parser->arena, count * sizeof(*kept));
        memcpy(kept, items, count * sizeof(*kept));
        node.items = kept;
        is_fine = parser_push(parser, node, begin, place);
    }
    free(items);
    return is_fine;
}
