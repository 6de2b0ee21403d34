// SPDX-License-Identifier: Apache-2.0
/* Which part of a condition failed, and what its values were. */
#include "ipfs/call_show.h"
#include "ipfs/multicodec.h"
#include "policy/expression_private.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>

static struct slice source_of(const struct expression *expression, const struct node *node)
{
    return (struct slice){expression->text.data + node->begin, node->size};
}

static size_t add_clauses(struct evaluation *evaluation, uint32_t place,
                          struct expression_clause *clauses, size_t max, size_t count)
{
    const struct node *node = &evaluation->expression->nodes[place];

    if (node->op == OP_AND) {
        count = add_clauses(evaluation, node->left, clauses, max, count);
        return add_clauses(evaluation, node->right, clauses, max, count);
    }
    if (count < max)
        clauses[count] = (struct expression_clause){source_of(evaluation->expression, node),
                                                    evaluate_node(evaluation, place)};
    return count + 1;
}

size_t expression_clauses(const struct expression *expression, const struct expression_facts *facts,
                          struct expression_clause *clauses, size_t max)
{
    struct evaluation evaluation = {.expression = expression, .facts = facts};

    return add_clauses(&evaluation, expression->root, clauses, max, 0);
}

static void put_address(const struct sockaddr *address, struct text *out)
{
    char room[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, room,
                  sizeof(room));
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, room,
                  sizeof(room));
    text_put_text(out, room);
}

static void put_code(const struct node *node, int64_t code, struct text *out)
{
    char name[MULTICODEC_NAME_SIZE];
    bool has_name = node->type == TYPE_CODEC ? multicodec_codec_name((uint64_t)code, name)
                                             : multicodec_hash_name((uint64_t)code, name);

    if (has_name)
        text_put_text(out, name);
    else
        text_put_format(out, "0x%" PRIx64, (uint64_t)code);
}

static void put_list(const struct node *node, const struct value *value, struct text *out)
{
    size_t count = value->count;

    if (node->op == OP_ARGUMENTS || node->op == OP_OPTION) {
        text_put_text(out, "given");
        return;
    }
    text_put_char(out, '[');
    for (size_t i = 0; i < count && i < 10; i++)
        text_put_format(
            out, "%s%s", i > 0 ? ", " : "",
            call_show(value->texts != NULL ? value->texts[i] : value->constants[i].text).text);
    text_put_text(out, count > 10 ? ", ...]" : "]");
}

static void put_value(const struct node *node, const struct value *value, struct text *out)
{
    if (node->is_list) {
        put_list(node, value, out);
        return;
    }
    switch (node->type) {
    case TYPE_BOOL:
        text_put_text(out, value->number != 0 ? "true" : "false");
        break;
    case TYPE_INTEGER:
        text_put_format(out, "%" PRId64, value->number);
        break;
    case TYPE_RATIO:
        text_put_format(out, "%g%%", (double)value->number / 10000);
        break;
    case TYPE_DURATION:
        text_put_format(out, "%gs", (double)value->number / 1e9);
        break;
    case TYPE_ADDRESS:
        put_address(value->address, out);
        break;
    case TYPE_KIND:
        text_put_text(out, principal_kind_name((enum principal_kind)value->number));
        break;
    case TYPE_WEEKDAY:
        text_put_text(out, weekday_names[value->number]);
        break;
    case TYPE_CODEC:
    case TYPE_HASH:
        put_code(node, value->number, out);
        break;
    default:
        text_put_format(out, "'%s'", call_show(value->text).text);
    }
}

static bool is_reference(const struct node *node)
{
    return (node->op >= OP_ARGUMENT && node->op <= OP_SEEN) || node->op == OP_LENGTH;
}

/* Whether the same text was a reference before this one: it is told once. */
static bool was_told(const struct expression *expression, uint32_t place, struct slice text,
                     struct slice part)
{
    for (uint32_t i = 0; i < place; i++)
        if (is_reference(&expression->nodes[i]) &&
            expression->text.data + expression->nodes[i].begin >= part.data &&
            slice_equal(source_of(expression, &expression->nodes[i]), text))
            return true;
    return false;
}

/* The operand of len() is told by len() itself. */
static bool is_measured(const struct expression *expression, uint32_t place)
{
    return place < expression->root && expression->nodes[place + 1].op == OP_LENGTH &&
           expression->nodes[place + 1].left == place;
}

void expression_put_values(const struct expression *expression,
                           const struct expression_facts *facts, struct slice part,
                           struct text *out)
{
    struct evaluation evaluation = {.expression = expression, .facts = facts};
    const char *separator = "";

    for (uint32_t i = 0; i <= expression->root; i++) {
        const struct node *node = &expression->nodes[i];
        struct slice text = source_of(expression, node);
        struct value value = {0};

        if (!is_reference(node) || text.data < part.data ||
            text.data + text.size > part.data + part.size || is_measured(expression, i) ||
            was_told(expression, i, text, part))
            continue;
        text_put_text(out, separator);
        text_put_slice(out, text);
        if (value_load(&evaluation, node, &value)) {
            text_put_text(out, " is ");
            put_value(node, &value, out);
        } else {
            text_put_text(out, " is missing");
        }
        separator = ", ";
    }
}

static bool is_guarded(const struct expression *expression, struct slice source)
{
    for (uint32_t i = 0; i <= expression->root; i++) {
        const struct node *node = &expression->nodes[i];

        if (node->op == OP_HAS &&
            slice_equal(source_of(expression, &expression->nodes[node->left]), source))
            return true;
    }
    return false;
}

struct slice expression_unguarded(const struct expression *expression)
{
    for (uint32_t i = 0; i <= expression->root; i++) {
        const struct node *node = &expression->nodes[i];
        struct slice source = source_of(expression, node);

        if ((node->op == OP_OPTION || node->op == OP_CONTENT_LENGTH) &&
            !is_guarded(expression, source))
            return source;
    }
    return (struct slice){NULL, 0};
}
