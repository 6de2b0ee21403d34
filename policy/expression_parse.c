// SPDX-License-Identifier: Apache-2.0
/* From text to typed nodes, in one pass. */
#include "policy/expression_private.h"

#include "conf/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool parser_fault(struct parser *parser, size_t at, const char *format, ...)
{
    struct error made = {0};
    va_list args;

    if (parser->err->code != ERROR_NONE)
        return false;
    va_start(args, format);
    vsnprintf(made.text, sizeof(made.text), format, args);
    va_end(args);
    parser->fault = at;
    return error_set(parser->err, ERROR_SYNTAX, "%s", made.text);
}

bool parser_advance(struct parser *parser)
{
    struct error err = {0};

    parser->position = parser->token.end;
    if (lex_next(parser->text, &parser->position, &parser->token, &err))
        return true;
    return parser_fault(parser, parser->position, "%s", err.text);
}

/* Where the last token that was taken ends: blanks before the next one do not belong to it. */
static size_t end_of_taken(const struct parser *parser)
{
    size_t end = parser->token.begin;

    while (end > 0 && strchr(" \t\r\n", parser->text.data[end - 1]) != NULL)
        end--;
    return end;
}

bool parser_push(struct parser *parser, struct node node, size_t begin, uint32_t *place)
{
    node.begin = (uint32_t)begin;
    node.size = (uint32_t)(end_of_taken(parser) - begin);
    parser->cost += 1 + node.count;
    if (parser->cost > EXPRESSION_COST_MAX)
        return parser_fault(parser, begin,
                            "this condition does too much: its parts and the items "
                            "of its lists are more than %d",
                            EXPRESSION_COST_MAX);
    if (parser->count == parser->room) {
        parser->room = parser->room == 0 ? 16 : 2 * parser->room;
        parser->nodes = memory_resize_array(parser->nodes, parser->room, sizeof(node));
    }
    *place = (uint32_t)parser->count;
    parser->nodes[parser->count++] = node;
    return true;
}

bool parser_expect(struct parser *parser, enum token_kind kind, const char *what)
{
    if (parser->token.kind == kind)
        return parser_advance(parser);
    if (parser->token.kind == TOKEN_END)
        return parser_fault(parser, parser->token.begin,
                            "the condition ends here, but %s is "
                            "missing",
                            what);
    return parser_fault(parser, parser->token.begin, "expected %s, found '%.*s'", what,
                        SLICE_ARGS(parser->token.text));
}

static bool parse_or(struct parser *parser, uint32_t *place);

/* --- Operands --- */

/* has(opt.name) */
static bool parse_has(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin;
    struct node node = {.op = OP_HAS, .type = TYPE_BOOL};

    return parser_advance(parser) && parser_expect(parser, TOKEN_OPEN, "'('") &&
           parse_reference(parser, &node.left) && parser_expect(parser, TOKEN_CLOSE, "')'") &&
           parser_push(parser, node, begin, place);
}

/* len(args), len(opt.name) */
static bool parse_length(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin, at;
    struct node node = {.op = OP_LENGTH, .type = TYPE_INTEGER};
    const struct node *of;

    if (!parser_advance(parser) || !parser_expect(parser, TOKEN_OPEN, "'('"))
        return false;
    at = parser->token.begin;
    if (!parse_reference(parser, &node.left))
        return false;
    of = &parser->nodes[node.left];
    if (!of->is_list && of->type != TYPE_TEXT)
        return parser_fault(parser, at, "len() takes a text or a list, and this is %s",
                            type_name(of));
    return parser_expect(parser, TOKEN_CLOSE, "')'") && parser_push(parser, node, begin, place);
}

static bool parse_parenthesis(struct parser *parser, uint32_t *place)
{
    return parser_advance(parser) && parse_or(parser, place) &&
           parser_expect(parser, TOKEN_CLOSE, "')'");
}

static bool parse_primary(struct parser *parser, uint32_t *place)
{
    const struct token token = parser->token;
    struct node node;

    if (token.kind == TOKEN_OPEN)
        return parse_parenthesis(parser, place);
    if (token.kind == TOKEN_OPEN_LIST)
        return parse_list(parser, place);
    if (token_starts_constant(token.kind))
        return parse_constant(parser, &node) && parser_push(parser, node, token.begin, place);
    if (slice_is(token.text, "has"))
        return parse_has(parser, place);
    if (slice_is(token.text, "len"))
        return parse_length(parser, place);
    if (token.kind == TOKEN_NAME)
        return parse_reference(parser, place);
    return parser_expect(parser, TOKEN_NAME, "a value");
}

static bool parse_product(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin;
    uint32_t right = 0;

    if (!parse_primary(parser, place))
        return false;
    while (parser->token.kind == TOKEN_TIMES)
        if (!parser_advance(parser) || !parse_primary(parser, &right) ||
            !type_arithmetic(parser, TOKEN_TIMES, *place, right, begin, place))
            return false;
    return true;
}

static bool parse_sum(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin;
    uint32_t right = 0;

    if (!parse_product(parser, place))
        return false;
    while (parser->token.kind == TOKEN_PLUS || parser->token.kind == TOKEN_MINUS) {
        enum token_kind sign = parser->token.kind;

        if (!parser_advance(parser) || !parse_product(parser, &right) ||
            !type_arithmetic(parser, sign, *place, right, begin, place))
            return false;
    }
    return true;
}

/* not binds tighter than a comparison. */
static bool parse_unary(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin;
    struct node node = {.op = OP_NOT, .type = TYPE_BOOL};
    bool is_fine;

    if (parser->token.kind != TOKEN_NOT)
        return parse_sum(parser, place);
    if (++parser->depth > EXPRESSION_DEPTH_MAX)
        return parser_fault(parser, begin, "more than %d levels are nested here",
                            EXPRESSION_DEPTH_MAX);
    is_fine = parser_advance(parser) && parse_unary(parser, &node.left);
    parser->depth--;
    if (!is_fine)
        return false;
    if (parser->nodes[node.left].type != TYPE_BOOL || parser->nodes[node.left].is_list)
        return parser_fault(parser, begin,
                            "'not' takes a truth value, and what follows is %s; write not (...) "
                            "around a comparison",
                            type_name(&parser->nodes[node.left]));
    return parser_push(parser, node, begin, place);
}

static bool is_comparison(enum token_kind kind)
{
    return (kind >= TOKEN_EQUAL && kind <= TOKEN_GREATER_EQUAL) || kind == TOKEN_IN ||
           kind == TOKEN_UNDER || kind == TOKEN_LIKE;
}

static bool parse_comparison(struct parser *parser, uint32_t *place)
{
    size_t begin = parser->token.begin;
    enum token_kind sign;
    uint32_t left = 0, right = 0, upper = 0;

    if (!parse_unary(parser, &left))
        return false;
    *place = left;
    sign = parser->token.kind;
    if (sign == TOKEN_NOT)
        return parser_fault(parser, parser->token.begin, "write not (A in B), not A not in B");
    if (!is_comparison(sign))
        return true;
    if (!parser_advance(parser) || !parse_unary(parser, &right))
        return false;
    if (parser->token.kind == TOKEN_RANGE && sign == TOKEN_IN) {
        if (!parser_advance(parser) || !parse_unary(parser, &upper) ||
            !type_range(parser, left, right, upper, begin, place))
            return false;
    } else if (!type_comparison(parser, sign, left, right, begin, place)) {
        return false;
    }
    if (is_comparison(parser->token.kind))
        return parser_fault(parser, parser->token.begin,
                            "comparisons do not chain; write A and B between two of them");
    return true;
}

/* Left-associative chains of one sign. */
static bool parse_chain(struct parser *parser, enum token_kind sign, enum op op,
                        bool (*parse_inner)(struct parser *, uint32_t *), uint32_t *place)
{
    size_t begin = parser->token.begin;

    if (!parse_inner(parser, place))
        return false;
    while (parser->token.kind == sign) {
        struct node node = {.op = op, .type = TYPE_BOOL, .left = *place};

        if (!parser_advance(parser) || !parse_inner(parser, &node.right) ||
            !type_expect_truth(parser, node.left) || !type_expect_truth(parser, node.right) ||
            !parser_push(parser, node, begin, place))
            return false;
    }
    return true;
}

static bool parse_and(struct parser *parser, uint32_t *place)
{
    return parse_chain(parser, TOKEN_AND, OP_AND, parse_comparison, place);
}

static bool parse_or(struct parser *parser, uint32_t *place)
{
    bool is_fine;

    if (++parser->depth > EXPRESSION_DEPTH_MAX)
        return parser_fault(parser, parser->token.begin, "more than %d levels are nested here",
                            EXPRESSION_DEPTH_MAX);
    is_fine = parse_chain(parser, TOKEN_OR, OP_OR, parse_and, place);
    parser->depth--;
    return is_fine;
}

static bool expect_value(struct parser *parser, uint32_t place)
{
    const struct node *node = &parser->nodes[place];

    if (!node->is_list && (node->type == TYPE_BOOL || node->type == TYPE_INTEGER ||
                           node->type == TYPE_DURATION || node->type == TYPE_RATIO))
        return true;
    return parser_fault(parser, node->begin,
                        "a number, size, duration, ratio or condition has to stand here, and this "
                        "is %s",
                        type_name(node));
}

static bool parse_whole(struct parser *parser, uint32_t *root)
{
    if (parser->text.size > EXPRESSION_SIZE_MAX)
        return parser_fault(parser, 0, "a condition has at most %d bytes", EXPRESSION_SIZE_MAX);
    if (!parser_advance(parser))
        return false;
    if (parser->token.kind == TOKEN_END)
        return parser_fault(parser, 0, "a condition is missing here");
    if (!parse_or(parser, root))
        return false;
    if (parser->token.kind != TOKEN_END)
        return parser_fault(parser, parser->token.begin,
                            "'%.*s' cannot follow here; conditions are joined by 'and' and 'or'",
                            SLICE_ARGS(parser->token.text));
    return parser->is_value ? expect_value(parser, *root) : type_expect_truth(parser, *root);
}

static bool compile(struct parser *parser, const struct expression **expression, size_t *offset,
                    struct error *err)
{
    struct error own = {0};
    uint32_t root = 0;
    bool is_fine;

    parser->err = &own;
    is_fine = parse_whole(parser, &root);
    *expression = NULL;
    *offset = parser->fault;
    if (is_fine) {
        struct expression *made = arena_alloc(parser->arena, sizeof(*made));
        struct node *nodes = arena_alloc(parser->arena, parser->count * sizeof(*nodes));

        memcpy(nodes, parser->nodes, parser->count * sizeof(*nodes));
        *made = (struct expression){parser->text, nodes, root, parser->uses};
        *expression = made;
    } else {
        error_copy(err, &own);
    }
    free(parser->nodes);
    return is_fine;
}

bool expression_compile(const struct expression **expression, struct slice text,
                        const struct command_set *commands, struct document *document,
                        struct arena *arena, size_t *offset, struct error *err)
{
    struct parser parser = {
        .text = text, .commands = commands, .document = document, .arena = arena};

    return compile(&parser, expression, offset, err);
}

bool expression_compile_placement(const struct expression **expression, struct slice text,
                                  enum expression_about about, bool is_value,
                                  struct document *document, struct arena *arena, size_t *offset,
                                  struct error *err)
{
    struct parser parser = {.text = text,
                            .is_placement = true,
                            .about = about,
                            .is_value = is_value,
                            .document = document,
                            .arena = arena};

    return compile(&parser, expression, offset, err);
}

enum expression_result expression_result(const struct expression *expression)
{
    enum type type = expression->nodes[expression->root].type;

    return type == TYPE_BOOL       ? RESULT_TRUTH
           : type == TYPE_INTEGER  ? RESULT_INTEGER
           : type == TYPE_DURATION ? RESULT_DURATION
                                   : RESULT_RATIO;
}

unsigned expression_uses(const struct expression *expression)
{
    return expression->uses;
}
