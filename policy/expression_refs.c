// SPDX-License-Identifier: Apache-2.0
/* What expressions may ask for, and what the catalogue says of it: an option or argument has to be
 * there, and to mean the same, for every command that the condition stands for. A condition for a
 * command that never has the value would always be missing it. */
#include "conf/suggest.h"
#include "policy/expression_private.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_word(const struct token *token)
{
    return token->kind == TOKEN_NAME || (token->kind >= TOKEN_AND && token->kind <= TOKEN_FALSE);
}

bool parser_take_field(struct parser *parser, struct slice *name, size_t *at)
{
    if (parser->token.kind != TOKEN_DOT)
        return parser_fault(parser, parser->token.begin, "a '.' and a name have to follow here");
    if (!parser_advance(parser))
        return false;
    *name = parser->token.text;
    *at = parser->token.begin;
    if (!is_word(&parser->token))
        return parser_fault(parser, *at, "a name has to stand behind the '.'");
    return parser_advance(parser);
}

/* A simple reference: object.field without anything of the call. */
struct simple {
    const char *object, *field;
    enum op op;
    enum type type;
    bool is_list;
};

static const struct simple simples[] = {
    {"principal", "id", OP_PRINCIPAL_ID, TYPE_TEXT, false},
    {"principal", "kind", OP_PRINCIPAL_KIND, TYPE_KIND, false},
    {"principal", "groups", OP_PRINCIPAL_GROUPS, TYPE_TEXT, true},
    {"req", "content_length", OP_CONTENT_LENGTH, TYPE_INTEGER, false},
    {"net", "src", OP_SOURCE, TYPE_ADDRESS, false},
    {"time", "hour", OP_HOUR, TYPE_INTEGER, false},
    {"time", "weekday", OP_WEEKDAY, TYPE_WEEKDAY, false},
};

static const char *const objects[] = {"arg", "args", "opt", "principal", "attributes", "req",
                                      "net", "time", "cid", "has",       "len"};

static bool unknown_field(struct parser *parser, const char *object, struct slice name, size_t at)
{
    struct suggestion near;
    struct text all = {0};

    suggestion_init(&near, name);
    for (size_t i = 0; i < ARRAY_SIZE(simples); i++)
        if (strcmp(simples[i].object, object) == 0) {
            suggestion_offer(&near, simples[i].field);
            text_put_format(&all, "%s%s.%s", all.size > 0 ? ", " : "", object, simples[i].field);
        }
    if (near.best.size > 0)
        parser_fault(parser, at, "there is no %s.%.*s; did you mean %s.%.*s?", object,
                     SLICE_ARGS(name), object, SLICE_ARGS(near.best));
    else
        parser_fault(parser, at, "there is no %s.%.*s; there are: %s", object, SLICE_ARGS(name),
                     all.data);
    text_dispose(&all);
    return false;
}

static bool parse_simple(struct parser *parser, const char *object, size_t begin, uint32_t *place)
{
    struct slice name = {0};
    size_t at = 0;

    if (!parser_take_field(parser, &name, &at))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(simples); i++)
        if (strcmp(simples[i].object, object) == 0 && slice_is(name, simples[i].field)) {
            struct node node = {.op = simples[i].op, .type = simples[i].type};

            node.is_list = simples[i].is_list;
            return parser_push(parser, node, begin, place);
        }
    return unknown_field(parser, object, name, at);
}

static bool parse_attribute(struct parser *parser, size_t begin, uint32_t *place)
{
    static const enum type types[] = {[CONSTANT_BOOL] = TYPE_BOOL,
                                      [CONSTANT_INTEGER] = TYPE_INTEGER,
                                      [CONSTANT_DURATION] = TYPE_DURATION,
                                      [CONSTANT_TEXT] = TYPE_TEXT};
    struct document *document = parser->document;
    struct node node = {.op = OP_ATTRIBUTE};
    const struct constant *example;
    struct suggestion near;
    struct slice name = {0};
    uint32_t index;
    size_t at = 0;

    if (!parser_take_field(parser, &name, &at))
        return false;
    index = names_find(&document->attributes.names, name);
    if (index == NAMES_NONE) {
        suggestion_init(&near, name);
        for (size_t i = 0; i < document->attributes.count; i++)
            suggestion_offer_slice(&near, document->attributes.items[i].name);
        return parser_fault(parser, at, "no member has an attribute '%.*s'%s%.*s%s",
                            SLICE_ARGS(name), near.best.size > 0 ? "; did you mean '" : "",
                            SLICE_ARGS(near.best), near.best.size > 0 ? "'?" : "");
    }
    document->attributes.items[index].is_used = true;
    example = &document->attributes.items[index].example;
    node.number = index;
    node.is_list = example->type == CONSTANT_LIST;
    node.type = types[node.is_list ? example->items[0].type : example->type];
    return parser_push(parser, node, begin, place);
}

/* --- Of the call --- */

static bool need_commands(struct parser *parser, size_t at, const char *what)
{
    if (parser->commands != NULL)
        return true;
    return parser_fault(parser, at,
                        "a binding is for every command, so %s is not known here; put the "
                        "condition into a role's line or into a rule",
                        what);
}

static bool option_type(const struct catalogue_option *option, struct node *node)
{
    static const enum type types[] = {
        [OPT_TYPE_BOOL] = TYPE_BOOL,      [OPT_TYPE_INT32] = TYPE_INTEGER,
        [OPT_TYPE_INT64] = TYPE_INTEGER,  [OPT_TYPE_UINT32] = TYPE_INTEGER,
        [OPT_TYPE_UINT64] = TYPE_INTEGER, [OPT_TYPE_TEXT] = TYPE_TEXT,
        [OPT_TYPE_TEXTS] = TYPE_TEXT,     [OPT_TYPE_DURATION] = TYPE_DURATION,
    };

    node->type = option->kind == ARGUMENT_MFS ? TYPE_PATH : types[option->type];
    node->is_list = option->type == OPT_TYPE_TEXTS;
    node->number = option->id;
    return true;
}

static bool unknown_option(struct parser *parser, const struct command *command, struct slice name,
                           size_t at)
{
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; i < command->option_count; i++)
        suggestion_offer(&near, catalogue_option_name(command->options[i].id));
    if (near.best.size > 0)
        return parser_fault(parser, at, "%s has no option '%.*s'; did you mean opt.%.*s?",
                            command->path, SLICE_ARGS(name), SLICE_ARGS(near.best));
    return parser_fault(parser, at,
                        "%s has no option '%.*s', and this condition is for it too; give it a line "
                        "or rule of its own",
                        command->path, SLICE_ARGS(name));
}

static bool parse_option(struct parser *parser, size_t begin, uint32_t *place)
{
    const struct command *first = NULL;
    struct node node = {.op = OP_OPTION};
    struct slice name = {0};
    size_t at = 0;

    if (!need_commands(parser, begin, "opt") || !parser_take_field(parser, &name, &at))
        return false;
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command((enum command_id)id);
        const struct catalogue_option *option;
        struct node other = {.op = OP_OPTION};

        if (!command_set_has(parser->commands, command->id))
            continue;
        option = catalogue_option_find(command, name);
        if (option == NULL)
            return unknown_option(parser, command, name, at);
        if (!slice_is(name, catalogue_option_name(option->id)))
            return parser_fault(parser, at, "write the long name: opt.%s",
                                catalogue_option_name(option->id));
        option_type(option, &other);
        if (first != NULL && (other.type != node.type || other.is_list != node.is_list))
            return parser_fault(parser, at,
                                "opt.%.*s is %s for %s, but %s for %s; give each a line or rule of "
                                "its own",
                                SLICE_ARGS(name), type_name(&node), first->path, type_name(&other),
                                command->path);
        if (first == NULL)
            first = command;
        node = other;
    }
    return parser_push(parser, node, begin, place);
}

static bool is_file_path(enum argument_kind kind)
{
    return kind == ARGUMENT_MFS || kind == ARGUMENT_MFS_OR_PATH;
}

static bool is_content_path(enum argument_kind kind)
{
    return kind == ARGUMENT_PATH || kind == ARGUMENT_CID || kind == ARGUMENT_MFS_OR_PATH;
}

static bool is_any(enum argument_kind kind)
{
    (void)kind;
    return true;
}

/* Whether that argument (or some argument, for ARGUMENT_EACH) of the command is of the kind. */
static bool has_argument(const struct command *command, int64_t index,
                         bool (*is_wanted)(enum argument_kind))
{
    size_t count = command->argument_count;

    if (index == ARGUMENT_EACH) {
        for (size_t i = 0; i < count; i++)
            if (is_wanted(command->arguments[i].kind))
                return true;
        return false;
    }
    if (count > 0 && (size_t)index >= count && command->arguments[count - 1].many)
        index = (int64_t)count - 1;
    return (size_t)index < count && is_wanted(command->arguments[index].kind);
}

static bool check_arguments(struct parser *parser, int64_t index, size_t at, const char *what,
                            bool (*is_wanted)(enum argument_kind))
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *command = catalogue_command((enum command_id)id);

        if (command_set_has(parser->commands, command->id) &&
            !has_argument(command, index, is_wanted))
            return parser_fault(parser, at,
                                "%s has no %s here, and this condition is for it too; give it a "
                                "line or rule of its own",
                                command->path, what);
    }
    return true;
}

/* "[0]" */
static bool take_index(struct parser *parser, int64_t *index)
{
    const struct token *token = &parser->token;

    if (!parser_advance(parser))
        return false;
    if (token->kind != TOKEN_NUMBER || token->text.size > 5 ||
        sscanf(token->text.data, "%5" SCNd64, index) != 1 || *index < 0 ||
        *index >= CALL_ARGUMENTS_MAX)
        return parser_fault(parser, token->begin, "the number of an argument stands here, from 0");
    if (!parser_advance(parser))
        return false;
    if (token->kind != TOKEN_CLOSE_LIST)
        return parser_fault(parser, token->begin, "a ']' is missing here");
    return parser_advance(parser);
}

/* "arg" or "args[0]"; the parser stands at the word. */
static bool take_argument(struct parser *parser, int64_t *index)
{
    size_t at = parser->token.begin;

    if (!need_commands(parser, at, "an argument"))
        return false;
    parser->uses |= USES_ARGUMENTS;
    *index = ARGUMENT_EACH;
    if (slice_is(parser->token.text, "arg")) {
        parser->uses |= USES_ARGUMENT;
        return parser_advance(parser);
    }
    if (!slice_is(parser->token.text, "args"))
        return parser_fault(parser, at, "arg or args[0] stands here");
    if (!parser_advance(parser))
        return false;
    if (parser->token.kind != TOKEN_OPEN_LIST)
        return parser_fault(parser, at, "args is all of them: write arg, args[0] or len(args)");
    return take_index(parser, index);
}

static bool parse_argument(struct parser *parser, size_t begin, uint32_t *place)
{
    struct node node = {.op = OP_ARGUMENT, .type = TYPE_TEXT};
    struct slice name = {0};
    size_t at = 0;

    if (!take_argument(parser, &node.number))
        return false;
    if (parser->token.kind != TOKEN_DOT)
        return check_arguments(parser, node.number, begin, "argument", is_any) &&
               parser_push(parser, node, begin, place);
    if (!parser_take_field(parser, &name, &at))
        return false;
    if (!slice_is(name, "path"))
        return parser_fault(parser, at, "an argument has no '%.*s'; there is '.path'",
                            SLICE_ARGS(name));
    node.op = OP_ARGUMENT_PATH;
    node.type = TYPE_PATH;
    return check_arguments(parser, node.number, begin, "argument that is a path of files/",
                           is_file_path) &&
           parser_push(parser, node, begin, place);
}

/* `args` alone, inside of len(). */
static bool parse_arguments(struct parser *parser, size_t begin, uint32_t *place)
{
    struct node node = {.op = OP_ARGUMENTS, .type = TYPE_TEXT, .is_list = true};

    parser->uses |= USES_ARGUMENTS;
    return need_commands(parser, begin, "args") &&
           check_arguments(parser, ARGUMENT_EACH, begin, "argument", is_any) &&
           parser_push(parser, node, begin, place);
}

/* cid.codec(arg), cid.hash(args[0]), cid.version(arg) */
static bool parse_cid(struct parser *parser, size_t begin, uint32_t *place)
{
    static const struct {
        const char *name;
        enum op op;
        enum type type;
    } functions[] = {
        {"codec", OP_ARGUMENT_CODEC, TYPE_CODEC},
        {"hash", OP_ARGUMENT_HASH, TYPE_HASH},
        {"version", OP_ARGUMENT_VERSION, TYPE_INTEGER},
    };
    struct node node = {.op = OP_CONSTANT};
    struct slice name = {0};
    size_t at = 0;

    if (!parser_take_field(parser, &name, &at))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        if (slice_is(name, functions[i].name)) {
            node.op = functions[i].op;
            node.type = functions[i].type;
        }
    if (node.op == OP_CONSTANT)
        return parser_fault(parser, at,
                            "there is no cid.%.*s; there are cid.codec(arg), "
                            "cid.hash(arg) and cid.version(arg)",
                            SLICE_ARGS(name));
    if (parser->token.kind != TOKEN_OPEN)
        return parser_fault(parser, parser->token.begin, "an argument has to follow: (arg)");
    if (!parser_advance(parser))
        return false;
    at = parser->token.begin;
    if (!take_argument(parser, &node.number) ||
        !check_arguments(parser, node.number, at, "argument with a CID", is_content_path))
        return false;
    if (parser->token.kind != TOKEN_CLOSE)
        return parser_fault(parser, parser->token.begin, "a ')' is missing here");
    parser->uses |= USES_CID;
    return parser_advance(parser) && parser_push(parser, node, begin, place);
}

static bool unknown_object(struct parser *parser, struct slice name, size_t at)
{
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        suggestion_offer(&near, objects[i]);
    if (near.best.size > 0)
        return parser_fault(parser, at, "'%.*s' is not known; did you mean '%.*s'?",
                            SLICE_ARGS(name), SLICE_ARGS(near.best));
    return parser_fault(parser, at,
                        "'%.*s' is not known; texts stand in quotes, and there are arg, args, opt, "
                        "principal, attributes, req, net, time and cid",
                        SLICE_ARGS(name));
}

/* Whether "args" is followed by "[", without taking it. */
static bool is_indexed(const struct parser *parser)
{
    struct error err = {0};
    struct token after;
    size_t from = parser->token.end;

    return lex_next(parser->text, &from, &after, &err) && after.kind == TOKEN_OPEN_LIST;
}

bool parse_reference(struct parser *parser, uint32_t *place)
{
    const struct slice name = parser->token.text;
    size_t begin = parser->token.begin;

    if (parser->is_placement)
        return parse_placement_reference(parser, place);
    if (slice_is(name, "arg") || (slice_is(name, "args") && is_indexed(parser)))
        return parse_argument(parser, begin, place);
    for (size_t i = 0; i < ARRAY_SIZE(simples); i++)
        if (slice_is(name, simples[i].object))
            return parser_advance(parser) && parse_simple(parser, simples[i].object, begin, place);
    if (slice_is(name, "args"))
        return parser_advance(parser) && parse_arguments(parser, begin, place);
    if (slice_is(name, "opt"))
        return parser_advance(parser) && parse_option(parser, begin, place);
    if (slice_is(name, "attributes"))
        return parser_advance(parser) && parse_attribute(parser, begin, place);
    if (slice_is(name, "cid"))
        return parser_advance(parser) && parse_cid(parser, begin, place);
    return unknown_object(parser, name, begin);
}
