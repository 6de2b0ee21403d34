// SPDX-License-Identifier: Apache-2.0
/* Which values may be compared, and constants in the form in which they are compared. */
#include "conf/suggest.h"
#include "ipfs/call_show.h"
#include "ipfs/multicodec.h"
#include "policy/expression_private.h"

const char *const weekday_names[7] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

const char *type_name(const struct node *node)
{
    static const char *const names[] = {[TYPE_BOOL] = "a truth value",
                                        [TYPE_INTEGER] = "a number",
                                        [TYPE_DURATION] = "a duration",
                                        [TYPE_TEXT] = "a text",
                                        [TYPE_PATH] = "a path of files/",
                                        [TYPE_ADDRESS] = "an address",
                                        [TYPE_NETWORK] = "a network",
                                        [TYPE_KIND] = "a kind of principal",
                                        [TYPE_WEEKDAY] = "a day of the week",
                                        [TYPE_CODEC] = "a codec",
                                        [TYPE_HASH] = "a hash",
                                        [TYPE_LABEL] = "a label",
                                        [TYPE_RATIO] = "a ratio"};
    static const char *const lists[] = {
        [TYPE_BOOL] = "a list of truth values",  [TYPE_INTEGER] = "a list of numbers",
        [TYPE_DURATION] = "a list of durations", [TYPE_TEXT] = "a list of texts",
        [TYPE_PATH] = "a list of paths",         [TYPE_ADDRESS] = "a list of addresses",
        [TYPE_NETWORK] = "a list of networks",   [TYPE_KIND] = "a list of kinds",
        [TYPE_WEEKDAY] = "a list of days",       [TYPE_CODEC] = "a list of codecs",
        [TYPE_HASH] = "a list of hashes",        [TYPE_LABEL] = "a list of labels",
        [TYPE_RATIO] = "a list of ratios"};

    return (node->is_list ? lists : names)[node->type];
}

bool type_expect_truth(struct parser *parser, uint32_t place)
{
    const struct node *node = &parser->nodes[place];

    if (node->type == TYPE_BOOL && !node->is_list)
        return true;
    return parser_fault(parser, node->begin, "a condition has to stand here, and this is %s",
                        type_name(node));
}

/* --- Words out of a fixed set --- */

static bool label_number(const struct document_label *label, struct slice word, int64_t *number)
{
    for (size_t i = 0; i < label->value_count; i++)
        if (slice_equal(label->values[i], word)) {
            *number = (int64_t)i;
            return true;
        }
    return false;
}

static bool word_number(const struct parser *parser, enum type type, struct slice word,
                        int64_t *number)
{
    enum principal_kind kind;
    uint64_t code;
    bool is_known;

    switch (type) {
    case TYPE_KIND:
        is_known = principal_kind_parse(&kind, word);
        *number = is_known ? (int64_t)kind : 0;
        return is_known;
    case TYPE_WEEKDAY:
        for (int i = 0; i < 7; i++)
            if (slice_is(word, weekday_names[i])) {
                *number = i;
                return true;
            }
        return false;
    case TYPE_LABEL:
        return label_number(parser->label, word, number);
    default:
        is_known = type == TYPE_CODEC ? multicodec_find_codec(word, &code)
                                      : multicodec_find_hash(word, &code);
        *number = is_known ? (int64_t)code : 0;
        return is_known;
    }
}

static void offer_words(const struct parser *parser, enum type type, struct suggestion *near)
{
    static const char *const codecs[] = {"dag-pb",  "raw",  "dag-cbor", "dag-json",  "dag-jose",
                                         "git-raw", "cbor", "json",     "libp2p-key"};
    static const char *const hashes[] = {"sha2-256", "sha2-512", "sha3-256",   "sha3-512",
                                         "identity", "blake3",   "blake2b-256"};

    for (int i = 0; type == TYPE_WEEKDAY && i < 7; i++)
        suggestion_offer(near, weekday_names[i]);
    for (int i = 0; type == TYPE_KIND && i <= PRINCIPAL_OPERATOR; i++)
        suggestion_offer(near, principal_kind_name((enum principal_kind)i));
    for (size_t i = 0; type == TYPE_CODEC && i < ARRAY_SIZE(codecs); i++)
        suggestion_offer(near, codecs[i]);
    for (size_t i = 0; type == TYPE_HASH && i < ARRAY_SIZE(hashes); i++)
        suggestion_offer(near, hashes[i]);
    for (size_t i = 0; type == TYPE_LABEL && i < parser->label->value_count; i++)
        suggestion_offer_slice(near, parser->label->values[i]);
}

static bool unknown_label(struct parser *parser, struct slice word, struct slice near, size_t at)
{
    struct text all = {0};

    for (size_t i = 0; i < parser->label->value_count; i++)
        text_put_format(&all, "%s%.*s", i > 0 ? ", " : "", SLICE_ARGS(parser->label->values[i]));
    parser_fault(parser, at, "'%s' is no value of the label '%.*s'%s%.*s%s there are: %s",
                 call_show(word).text, SLICE_ARGS(parser->label->name),
                 near.size > 0 ? "; did you mean '" : "", SLICE_ARGS(near),
                 near.size > 0 ? "'?" : ";", all.data);
    text_dispose(&all);
    return false;
}

static bool unknown_word(struct parser *parser, enum type type, struct slice word, size_t at)
{
    struct node named = {.type = type};
    struct suggestion near;

    suggestion_init(&near, word);
    offer_words(parser, type, &near);
    if (type == TYPE_LABEL)
        return unknown_label(parser, word, near.best, at);
    if (near.best.size > 0)
        return parser_fault(parser, at, "'%s' is not %s; did you mean '%.*s'?",
                            call_show(word).text, type_name(&named), SLICE_ARGS(near.best));
    return parser_fault(parser, at, "'%s' is not %s%s", call_show(word).text, type_name(&named),
                        type == TYPE_KIND      ? ": member, partner, operator or anonymous"
                        : type == TYPE_WEEKDAY ? ": mon, tue, wed, thu, fri, sat or sun"
                                               : "");
}

static bool convert_words(struct parser *parser, struct node *node, enum type type)
{
    struct constant *items;

    if (!node->is_list)
        return word_number(parser, type, node->text, &node->number) ||
               unknown_word(parser, type, node->text, node->begin);
    items = arena_alloc(parser->arena, node->count * sizeof(*items));
    for (size_t i = 0; i < node->count; i++) {
        items[i] = node->items[i];
        if (!word_number(parser, type, items[i].text, &items[i].number))
            return unknown_word(parser, type, items[i].text, node->begin);
    }
    node->items = items;
    return true;
}

/* --- Networks and paths --- */

static bool convert_networks(struct parser *parser, struct node *node)
{
    size_t count = node->is_list ? node->count : 1;
    struct network *networks = arena_alloc(parser->arena, count * sizeof(*networks));

    for (size_t i = 0; i < count; i++) {
        struct slice text = node->is_list ? node->items[i].text : node->text;
        struct error err = {0};

        if (!network_parse(&networks[i], text, &err))
            return parser_fault(parser, node->begin, "%s", err.text);
    }
    node->networks = networks;
    node->count = count;
    node->is_list = true;
    return true;
}

static bool check_path(struct parser *parser, const struct node *node, struct slice path)
{
    if (path_is_under(path, SLICE("/")) != TRUTH_TRUE)
        return parser_fault(parser, node->begin,
                            "'%s' is no path of files/: it begins with '/' and has no '..'",
                            call_show(path).text);
    return true;
}

static bool check_paths(struct parser *parser, const struct node *node)
{
    if (!node->is_list)
        return check_path(parser, node, node->text);
    for (size_t i = 0; i < node->count; i++)
        if (!check_path(parser, node, node->items[i].text))
            return false;
    return true;
}

/* A constant text where the other side wants something else. False: it cannot be that. */
static bool convert(struct parser *parser, uint32_t place, enum type wanted)
{
    struct node *node = &parser->nodes[place];
    bool is_fine = true;

    if (node->type == wanted || node->op != OP_CONSTANT || node->type != TYPE_TEXT)
        return true;
    switch (wanted) {
    case TYPE_KIND:
    case TYPE_WEEKDAY:
    case TYPE_CODEC:
    case TYPE_HASH:
    case TYPE_LABEL:
        is_fine = convert_words(parser, node, wanted);
        break;
    case TYPE_ADDRESS:
        is_fine = convert_networks(parser, node);
        break;
    case TYPE_PATH:
        is_fine = check_paths(parser, node);
        break;
    default:
        return true;
    }
    node->type = wanted;
    return is_fine;
}

/* --- Comparisons --- */

static bool is_ordered(enum type type)
{
    return type == TYPE_INTEGER || type == TYPE_DURATION || type == TYPE_RATIO ||
           type == TYPE_LABEL;
}

/* Whose values the words on the other side are. Two labels have nothing in common. */
static bool choose_label(struct parser *parser, const struct node *value, const struct node *other)
{
    if (value->op != OP_LABEL)
        return true;
    parser->label = &parser->document->labels[value->number];
    return other->op == OP_CONSTANT ||
           parser_fault(parser, other->begin, "a label is compared with its values: 'secret'");
}

static bool mismatch(struct parser *parser, const struct node *left, const struct node *right,
                     const char *verb)
{
    return parser_fault(parser, right->begin, "%s cannot be %s %s", type_name(left), verb,
                        type_name(right));
}

/* A path may be compared with a text that is put together: '/home/' + principal.id. */
static bool is_comparable(const struct node *left, const struct node *right)
{
    if (left->type == TYPE_PATH && right->type == TYPE_TEXT)
        return true;
    return left->type == right->type;
}

static bool type_equality(struct parser *parser, enum token_kind sign, uint32_t left,
                          uint32_t right, size_t begin, uint32_t *place)
{
    static const enum op ops[] = {
        [TOKEN_EQUAL] = OP_EQUAL,     [TOKEN_UNEQUAL] = OP_UNEQUAL,
        [TOKEN_LESS] = OP_LESS,       [TOKEN_LESS_EQUAL] = OP_LESS_EQUAL,
        [TOKEN_GREATER] = OP_GREATER, [TOKEN_GREATER_EQUAL] = OP_GREATER_EQUAL,
    };
    struct node node = {.op = ops[sign], .type = TYPE_BOOL, .left = left, .right = right};
    const struct node *a = &parser->nodes[left], *b = &parser->nodes[right];

    if (a->op == OP_CONSTANT && b->op == OP_CONSTANT)
        return parser_fault(parser, begin,
                            "two constants are compared here, which is always "
                            "the same");
    if (a->op == OP_CONSTANT && sign <= TOKEN_UNEQUAL) { /* the value first, for those below */
        node.left = right;
        node.right = left;
        a = &parser->nodes[node.left];
        b = &parser->nodes[node.right];
    }
    if (!a->is_list && a->type == TYPE_ADDRESS)
        return parser_fault(parser, b->begin,
                            "an address is compared with 'in': net.src in "
                            "10.0.0.0/8");
    if (!choose_label(parser, a, b) || !convert(parser, node.right, a->type) ||
        !type_check_site(parser, a, b))
        return false;
    if (a->is_list || b->is_list || !is_comparable(a, b) ||
        (sign > TOKEN_UNEQUAL && !is_ordered(a->type)))
        return mismatch(parser, a, b, "compared with");
    return parser_push(parser, node, begin, place);
}

/* 'staff' in principal.groups */
static bool check_group(struct parser *parser, const struct node *name)
{
    const struct document *document = parser->document;
    struct suggestion near;

    if (names_find(&document->group_names, name->text) != NAMES_NONE)
        return true;
    suggestion_init(&near, name->text);
    for (size_t i = 0; i < document->group_count; i++)
        suggestion_offer_slice(&near, document->groups[i].id);
    return parser_fault(parser, name->begin, "there is no group '%s'%s%.*s%s",
                        call_show(name->text).text, near.best.size > 0 ? "; did you mean '" : "",
                        SLICE_ARGS(near.best), near.best.size > 0 ? "'?" : "");
}

static bool type_in(struct parser *parser, uint32_t left, uint32_t right, size_t begin,
                    uint32_t *place)
{
    struct node node = {.op = OP_IN, .type = TYPE_BOOL, .left = left, .right = right};
    const struct node *a = &parser->nodes[left], *b = &parser->nodes[right];

    if (a->op == OP_CONSTANT && b->op == OP_CONSTANT)
        return parser_fault(parser, begin,
                            "two constants are compared here, which is always "
                            "the same");
    if (!choose_label(parser, a, b) || !convert(parser, right, a->type) ||
        !type_check_site(parser, a, b) ||
        ((b->op == OP_PRINCIPAL_GROUPS || b->op == OP_OWNER_GROUPS) && a->op == OP_CONSTANT &&
         !check_group(parser, a)))
        return false;
    if (!b->is_list)
        return parser_fault(parser, b->begin,
                            "'in' needs a list behind it, [A, B] or A..B, and "
                            "this is %s",
                            type_name(b));
    if (a->is_list || !is_comparable(a, b))
        return mismatch(parser, a, b, "in");
    return parser_push(parser, node, begin, place);
}

static bool type_under(struct parser *parser, uint32_t left, uint32_t right, size_t begin,
                       uint32_t *place)
{
    struct node node = {.op = OP_UNDER, .type = TYPE_BOOL, .left = left, .right = right};
    const struct node *a = &parser->nodes[left], *b = &parser->nodes[right];

    if (a->is_list || a->type != TYPE_PATH)
        return parser_fault(parser, a->begin, "'under' compares paths of files/, and this is %s%s",
                            type_name(a), a->op == OP_ARGUMENT ? "; write arg.path" : "");
    if (!convert(parser, right, TYPE_PATH))
        return false;
    if (b->is_list || (b->type != TYPE_PATH && b->type != TYPE_TEXT))
        return mismatch(parser, a, b, "under");
    return parser_push(parser, node, begin, place);
}

static bool type_like(struct parser *parser, uint32_t left, uint32_t right, size_t begin,
                      uint32_t *place)
{
    struct node node = {.op = OP_LIKE, .type = TYPE_BOOL, .left = left, .right = right};
    const struct node *a = &parser->nodes[left], *b = &parser->nodes[right];

    if (a->is_list || a->type != TYPE_TEXT || a->op == OP_CONSTANT)
        return parser_fault(parser, a->begin,
                            "'like' compares a text with a pattern, and this is "
                            "%s",
                            a->op == OP_CONSTANT ? "a constant" : type_name(a));
    if (b->op != OP_CONSTANT || b->is_list || b->type != TYPE_TEXT)
        return parser_fault(parser, b->begin,
                            "behind 'like' stands a pattern in quotes, in which "
                            "* is any text");
    return parser_push(parser, node, begin, place);
}

bool type_comparison(struct parser *parser, enum token_kind sign, uint32_t left, uint32_t right,
                     size_t begin, uint32_t *place)
{
    switch (sign) {
    case TOKEN_IN:
        return type_in(parser, left, right, begin, place);
    case TOKEN_UNDER:
        return type_under(parser, left, right, begin, place);
    case TOKEN_LIKE:
        return type_like(parser, left, right, begin, place);
    default:
        return type_equality(parser, sign, left, right, begin, place);
    }
}

bool type_range(struct parser *parser, uint32_t left, uint32_t lower, uint32_t upper, size_t begin,
                uint32_t *place)
{
    const struct node *a = &parser->nodes[left];
    const struct node *from = &parser->nodes[lower], *to = &parser->nodes[upper];
    struct node node = {.op = OP_RANGE_IN,
                        .type = TYPE_BOOL,
                        .left = left,
                        .number = from->number,
                        .upper = to->number};

    if (from->op != OP_CONSTANT || to->op != OP_CONSTANT || from->is_list || to->is_list ||
        from->type != to->type || !is_ordered(from->type))
        return parser_fault(parser, from->begin, "a range is made of two numbers: 8..18");
    if (from->number > to->number)
        return parser_fault(parser, from->begin,
                            "this range is empty: its end comes before its "
                            "beginning");
    if (a->is_list || a->type != from->type || a->op == OP_CONSTANT)
        return mismatch(parser, a, from, "in a range of");
    return parser_push(parser, node, begin, place);
}

static bool type_concat(struct parser *parser, uint32_t left, uint32_t right, size_t begin,
                        uint32_t *place)
{
    struct node node = {.op = OP_CONCAT, .type = TYPE_TEXT, .left = left, .right = right};
    uint32_t both[] = {left, right};

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        const struct node *part = &parser->nodes[both[i]];

        if (part->is_list || part->type != TYPE_TEXT)
            return parser_fault(parser, part->begin, "'+' puts texts together, and this is %s",
                                type_name(part));
        if (part->op == OP_ARGUMENT || part->op == OP_OPTION)
            return parser_fault(parser, part->begin,
                                "'+' puts constants, principal.id and attributes together; what "
                                "the caller wrote may be of any length");
    }
    return parser_push(parser, node, begin, place);
}

bool type_arithmetic(struct parser *parser, enum token_kind sign, uint32_t left, uint32_t right,
                     size_t begin, uint32_t *place)
{
    static const struct {
        const char *sign;
        enum op op;
    } ops[] = {[TOKEN_PLUS] = {"+", OP_ADD},
               [TOKEN_MINUS] = {"-", OP_SUBTRACT},
               [TOKEN_TIMES] = {"*", OP_MULTIPLY}};
    const struct node *a = &parser->nodes[left], *b = &parser->nodes[right];
    struct node node = {.op = ops[sign].op, .type = a->type, .left = left, .right = right};
    bool is_number = a->type == TYPE_INTEGER || a->type == TYPE_DURATION || a->type == TYPE_RATIO;

    if (sign == TOKEN_PLUS && !is_number)
        return type_concat(parser, left, right, begin, place);
    if (a->is_list || !is_number)
        return parser_fault(parser, a->begin, "'%s' takes numbers, and this is %s", ops[sign].sign,
                            type_name(a));
    if (b->is_list || b->type != a->type || (sign == TOKEN_TIMES && a->type != TYPE_INTEGER))
        return parser_fault(parser, b->begin, "'%s' does not take %s and %s", ops[sign].sign,
                            type_name(a), type_name(b));
    return parser_push(parser, node, begin, place);
}
