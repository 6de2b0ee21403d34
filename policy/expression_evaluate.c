// SPDX-License-Identifier: Apache-2.0
#include "policy/expression_private.h"

#include <assert.h>

#define MS_PER_HOUR UINT64_C(3600000)

static enum truth truth_of(bool is_true)
{
    return is_true ? TRUTH_TRUE : TRUTH_FALSE;
}

bool facts_arguments_are_pending(const struct expression_facts *facts)
{
    return facts->call != NULL &&
           (facts->call->wants_body || (facts->request->pending & PENDING_ARGUMENTS) != 0);
}

static const struct call_argument *argument_of(const struct expression_facts *facts,
                                               const struct node *node)
{
    size_t index = node->number == ARGUMENT_EACH ? facts->argument : (size_t)node->number;

    if (facts->call == NULL || index >= facts->call->argument_count)
        return NULL;
    return &facts->call->arguments[index];
}

/* A path below a CID stands for another CID, which is not known before it was resolved. */
static bool load_cid(const struct call_argument *argument, const struct node *node,
                     struct value *value)
{
    const struct call_path *path;

    if (argument == NULL)
        return false;
    path = &argument->path;
    if ((path->kind != CALL_PATH_IPFS && path->kind != CALL_PATH_IPLD) || path->subpath.size > 0)
        return false;
    value->number = node->op == OP_ARGUMENT_CODEC  ? (int64_t)path->cid.codec
                    : node->op == OP_ARGUMENT_HASH ? (int64_t)path->cid.hash
                                                   : path->cid.version;
    return true;
}

static bool load_argument(const struct expression_facts *facts, const struct node *node,
                          struct value *value)
{
    const struct call_argument *argument = argument_of(facts, node);

    if (node->op != OP_ARGUMENT && node->op != OP_ARGUMENT_PATH)
        return load_cid(argument, node, value);
    if (argument == NULL)
        return false;
    value->text = argument->text;
    if (node->op == OP_ARGUMENT)
        return true;
    value->text = argument->path.subpath;
    return argument->path.kind == CALL_PATH_MFS;
}

static bool load_option(const struct expression_facts *facts, const struct node *node,
                        struct value *value)
{
    enum command_option_id id = (enum command_option_id)node->number;

    if (facts->call == NULL || !call_has_option(facts->call, id))
        return false;
    value->option = id;
    value->number = call_option_number(facts->call, id, 0);
    value->text = call_option_text(facts->call, id);
    return true;
}

static bool load_attribute(const struct expression_facts *facts, const struct node *node,
                           struct value *value)
{
    const struct document_member *member = facts->document;

    for (size_t i = 0; member != NULL && i < member->value_count; i++) {
        const struct constant *constant = &member->values[i].value;

        if (member->values[i].attribute != (uint32_t)node->number)
            continue;
        value->number = constant->number;
        value->text = constant->text;
        value->constants = constant->items;
        value->count = constant->count;
        return true;
    }
    return false;
}

static bool load_groups(const struct expression_facts *facts, struct value *value)
{
    value->texts = facts->member != NULL ? facts->member->groups : NULL;
    value->count = facts->member != NULL ? facts->member->group_count : 0;
    return true;
}

static bool load_time(const struct expression_facts *facts, const struct node *node,
                      struct value *value)
{
    uint64_t hours = facts->request->now_ms / MS_PER_HOUR;

    value->number = (int64_t)(node->op == OP_HOUR ? hours % 24 : (hours / 24 + 4) % 7);
    return facts->request->now_ms > 0;
}

static bool load_source(const struct expression_facts *facts, struct value *value)
{
    value->address = facts->principal->peer;
    return value->address != NULL &&
           (value->address->sa_family == AF_INET || value->address->sa_family == AF_INET6);
}

static bool load_length(struct evaluation *evaluation, const struct node *node, struct value *value)
{
    const struct expression_facts *facts = evaluation->facts;
    const struct node *of = &evaluation->expression->nodes[node->left];
    struct value inner = {0};

    if (of->op == OP_ARGUMENTS) {
        value->number = facts->call == NULL ? 0 : (int64_t)facts->call->argument_count;
        return facts->call != NULL && !facts_arguments_are_pending(facts);
    }
    if (!value_load(evaluation, of, &inner))
        return false;
    value->number = (int64_t)(of->is_list ? inner.count : inner.text.size);
    if (of->op == OP_OPTION && of->is_list)
        for (size_t i = 0; i < facts->call->option_count; i++)
            value->number += facts->call->options[i].fact->id == inner.option;
    return true;
}

static void put(struct evaluation *evaluation, struct slice text)
{
    if (text.size > 0)
        memcpy(evaluation->scratch + evaluation->used, text.data, text.size);
    evaluation->used += text.size;
}

/* Puts both parts behind each other into the scratch. One that does not fit is missing. */
static bool load_concat(struct evaluation *evaluation, const struct node *node, struct value *value)
{
    const struct node *nodes = evaluation->expression->nodes;
    struct value left = {0}, right = {0};
    char *room;

    if (!value_load(evaluation, &nodes[node->left], &left) ||
        !value_load(evaluation, &nodes[node->right], &right) ||
        left.text.size + right.text.size > SCRATCH_SIZE - evaluation->used)
        return false;
    room = evaluation->scratch + evaluation->used;
    put(evaluation, left.text);
    put(evaluation, right.text);
    value->text = (struct slice){room, left.text.size + right.text.size};
    return true;
}

/* What does not fit into a number is missing. */
static bool load_arithmetic(struct evaluation *evaluation, const struct node *node,
                            struct value *value)
{
    const struct node *nodes = evaluation->expression->nodes;
    struct value a = {0}, b = {0};

    if (!value_load(evaluation, &nodes[node->left], &a) ||
        !value_load(evaluation, &nodes[node->right], &b))
        return false;
    if (node->op == OP_ADD)
        return !__builtin_add_overflow(a.number, b.number, &value->number);
    if (node->op == OP_SUBTRACT)
        return !__builtin_sub_overflow(a.number, b.number, &value->number);
    return !__builtin_mul_overflow(a.number, b.number, &value->number);
}

static bool load_constant(const struct node *node, struct value *value)
{
    value->number = node->number;
    value->text = node->text;
    value->constants = node->items;
    value->count = node->count;
    return true;
}

static bool load_principal(const struct expression_facts *facts, const struct node *node,
                           struct value *value)
{
    if (node->op == OP_PRINCIPAL_GROUPS)
        return load_groups(facts, value);
    value->number = facts->principal->kind;
    value->text = facts->principal->id;
    return node->op == OP_PRINCIPAL_KIND || value->text.size > 0;
}

bool value_load(struct evaluation *evaluation, const struct node *node, struct value *value)
{
    const struct expression_facts *facts = evaluation->facts;
    enum truth truth;

    if (node->op >= OP_OBJECT_SIZE)
        return value_load_placement(facts, node, value);
    switch (node->op) {
    case OP_CONSTANT:
        return load_constant(node, value);
    case OP_CONCAT:
        return load_concat(evaluation, node, value);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
        return load_arithmetic(evaluation, node, value);
    case OP_LENGTH:
        return load_length(evaluation, node, value);
    case OP_ARGUMENT:
    case OP_ARGUMENT_PATH:
    case OP_ARGUMENT_CODEC:
    case OP_ARGUMENT_HASH:
    case OP_ARGUMENT_VERSION:
        return load_argument(facts, node, value);
    case OP_ARGUMENTS:
        return facts->call != NULL;
    case OP_OPTION:
        return load_option(facts, node, value);
    case OP_CONTENT_LENGTH:
        value->number = facts->request->content_length;
        return value->number >= 0;
    case OP_PRINCIPAL_ID:
    case OP_PRINCIPAL_KIND:
    case OP_PRINCIPAL_GROUPS:
        return load_principal(facts, node, value);
    case OP_ATTRIBUTE:
        return load_attribute(facts, node, value);
    case OP_SOURCE:
        return load_source(facts, value);
    case OP_HOUR:
    case OP_WEEKDAY:
        return load_time(facts, node, value);
    default:
        truth = evaluate_node(evaluation, (uint32_t)(node - evaluation->expression->nodes));
        value->number = truth == TRUTH_TRUE;
        return truth != TRUTH_UNKNOWN;
    }
}

/* --- Comparisons --- */

static bool is_text(enum type type)
{
    return type == TYPE_TEXT;
}

static enum truth is_equal(const struct node *node, const struct value *left, struct slice text,
                           int64_t number)
{
    if (node->type == TYPE_PATH)
        return path_is_equal(left->text, text);
    if (is_text(node->type))
        return truth_of(slice_equal(left->text, text));
    return truth_of(left->number == number);
}

static enum truth negate(enum truth truth)
{
    return truth == TRUTH_UNKNOWN ? truth : truth_of(truth == TRUTH_FALSE);
}

static enum truth compare(enum op op, const struct node *node, const struct value *left,
                          const struct value *right)
{
    switch (op) {
    case OP_EQUAL:
        return is_equal(node, left, right->text, right->number);
    case OP_UNEQUAL:
        return negate(is_equal(node, left, right->text, right->number));
    case OP_LESS:
        return truth_of(left->number < right->number);
    case OP_LESS_EQUAL:
        return truth_of(left->number <= right->number);
    case OP_GREATER:
        return truth_of(left->number > right->number);
    default:
        assert(op == OP_GREATER_EQUAL);
        return truth_of(left->number >= right->number);
    }
}

static enum truth is_in_networks(const struct node *list, const struct sockaddr *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (network_contains(&list->networks[i], address))
            return TRUTH_TRUE;
    return TRUTH_FALSE;
}

static enum truth is_in_options(const struct call *call, enum command_option_id id,
                                struct slice text)
{
    for (size_t i = 0; i < call->option_count; i++)
        if (call->options[i].fact->id == id && slice_equal(call->options[i].text, text))
            return TRUTH_TRUE;
    return TRUTH_FALSE;
}

static enum truth is_in_constants(const struct node *node, const struct value *left,
                                  const struct value *list)
{
    enum truth result = TRUTH_FALSE;

    for (size_t i = 0; i < list->count; i++) {
        const struct constant *item = &list->constants[i];
        enum truth truth = is_equal(node, left, item->text, item->number);

        if (truth == TRUTH_TRUE)
            return truth;
        if (truth == TRUTH_UNKNOWN)
            result = truth;
    }
    return result;
}

static enum truth is_in(const struct evaluation *evaluation, const struct node *node,
                        const struct value *left, const struct node *right,
                        const struct value *list)
{
    if (right->networks != NULL)
        return is_in_networks(right, left->address);
    if (right->op == OP_OPTION)
        return is_in_options(evaluation->facts->call, list->option, left->text);
    if (right->op == OP_PRINCIPAL_GROUPS || right->op == OP_OWNER_GROUPS) {
        for (size_t i = 0; i < list->count; i++)
            if (slice_equal(list->texts[i], left->text))
                return TRUTH_TRUE;
        return TRUTH_FALSE;
    }
    return is_in_constants(node, left, list);
}

static enum truth evaluate_comparison(struct evaluation *evaluation, const struct node *node)
{
    const struct node *nodes = evaluation->expression->nodes;
    const struct node *left_node = &nodes[node->left], *right_node = &nodes[node->right];
    struct value left = {0}, right = {0};
    size_t used = evaluation->used;
    enum truth result = TRUTH_UNKNOWN;

    if (node->op == OP_RANGE_IN) {
        if (value_load(evaluation, left_node, &left))
            result = truth_of(left.number >= node->number && left.number <= node->upper);
    } else if (value_load(evaluation, left_node, &left) &&
               value_load(evaluation, right_node, &right)) {
        if (node->op == OP_IN)
            result = is_in(evaluation, left_node, &left, right_node, &right);
        else if (node->op == OP_UNDER)
            result = path_is_under(left.text, right.text);
        else if (node->op == OP_LIKE)
            result = truth_of(text_is_like(left.text, right.text));
        else
            result = compare(node->op, left_node, &left, &right);
    }
    evaluation->used = used;
    return result;
}

/* An argument that is not there yet may still come. */
static enum truth evaluate_has(struct evaluation *evaluation, const struct node *node)
{
    const struct node *of = &evaluation->expression->nodes[node->left];
    struct value value = {0};

    if (value_load(evaluation, of, &value))
        return TRUTH_TRUE;
    if (of->op >= OP_ARGUMENT && of->op <= OP_ARGUMENT_VERSION &&
        facts_arguments_are_pending(evaluation->facts) &&
        argument_of(evaluation->facts, of) == NULL)
        return TRUTH_UNKNOWN;
    return TRUTH_FALSE;
}

/* As deep as the expression is nested or its chains are long: EXPRESSION_COST_MAX bounds it. */
enum truth evaluate_node(struct evaluation *evaluation, uint32_t place)
{
    const struct node *node = &evaluation->expression->nodes[place];
    struct value value = {0};
    enum truth left, right;

    switch (node->op) {
    case OP_AND:
    case OP_OR:
        left = evaluate_node(evaluation, node->left);
        if (left == (node->op == OP_AND ? TRUTH_FALSE : TRUTH_TRUE))
            return left;
        right = evaluate_node(evaluation, node->right);
        if (right == (node->op == OP_AND ? TRUTH_FALSE : TRUTH_TRUE))
            return right;
        return left == TRUTH_UNKNOWN ? left : right;
    case OP_NOT:
        return negate(evaluate_node(evaluation, node->left));
    case OP_HAS:
        return evaluate_has(evaluation, node);
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
    case OP_IN:
    case OP_RANGE_IN:
    case OP_UNDER:
    case OP_LIKE:
        return evaluate_comparison(evaluation, node);
    default: /* an option, attribute or constant that is a truth value */
        return value_load(evaluation, node, &value) ? truth_of(value.number != 0) : TRUTH_UNKNOWN;
    }
}

enum truth expression_evaluate(const struct expression *expression,
                               const struct expression_facts *facts)
{
    struct evaluation evaluation;

    evaluation.expression = expression;
    evaluation.facts = facts;
    evaluation.used = 0; /* the scratch stays as it is: it is written before it is read */
    return evaluate_node(&evaluation, expression->root);
}

bool expression_number(const struct expression *expression, const struct expression_facts *facts,
                       int64_t *number)
{
    struct evaluation evaluation;
    struct value value = {0};

    evaluation.expression = expression;
    evaluation.facts = facts;
    evaluation.used = 0;
    if (!value_load(&evaluation, &expression->nodes[expression->root], &value))
        return false;
    *number = value.number;
    return true;
}

enum truth expression_evaluate_part(const struct expression *expression,
                                    const struct expression_part *part,
                                    const struct expression_facts *facts)
{
    struct evaluation evaluation;

    evaluation.expression = expression;
    evaluation.facts = facts;
    evaluation.used = 0;
    return evaluate_node(&evaluation, part->node);
}
