// SPDX-License-Identifier: Apache-2.0
/* The condition is split into alternatives, each a list of comparisons that must hold together
 * (with or without `not`); an alternative is possible if each value that it speaks of can be what
 * all its comparisons want. */
#include "policy/satisfy.h"

#include "policy/expression_private.h"

enum {
    ATOMS_MAX = 100,
    WORK_MAX = 100,
    DEPTH_MAX = 64, /* of alternatives inside of alternatives */
    STEPS_MAX = 20000,
    CANDIDATES_MAX = 1000,
};

/* One comparison that has to be true, or false. */
struct atom {
    const struct node *node;
    bool is_negated;
};

struct search {
    const struct expression *expression;
    size_t steps, depth;
    struct atom atoms[ATOMS_MAX];
    size_t atom_count;
};

/* What is still to be split. */
struct work {
    struct atom items[WORK_MAX];
    size_t count;
};

static const struct node *node_at(const struct search *search, uint32_t place)
{
    return &search->expression->nodes[place];
}

static struct slice source_of(const struct search *search, const struct node *node)
{
    return (struct slice){search->expression->text.data + node->begin, node->size};
}

static bool is_comparison(enum op op)
{
    return op >= OP_EQUAL && op <= OP_LIKE;
}

/* The value that a comparison speaks of; NULL: it speaks of two. */
static const struct node *value_of(const struct search *search, const struct node *atom)
{
    const struct node *left, *right;

    if (atom->op == OP_HAS)
        return node_at(search, atom->left);
    if (!is_comparison(atom->op))
        return atom; /* a truth value by itself */
    left = node_at(search, atom->left);
    if (atom->op == OP_RANGE_IN)
        return left;
    right = node_at(search, atom->right);
    if (left->op == OP_CONSTANT && !right->is_list)
        return right;
    return right->op == OP_CONSTANT && left->op != OP_CONCAT ? left : NULL;
}

/* --- One candidate against one comparison --- */

struct candidate {
    int64_t number;
    struct slice text;
};

static bool is_same(enum type type, const struct candidate *candidate, struct slice text,
                    int64_t number)
{
    if (type == TYPE_PATH)
        return path_is_equal(candidate->text, text) == TRUTH_TRUE;
    return type == TYPE_TEXT ? slice_equal(candidate->text, text) : candidate->number == number;
}

static bool is_in_list(enum type type, const struct candidate *candidate, const struct node *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_same(type, candidate, list->items[i].text, list->items[i].number))
            return true;
    return false;
}

/* Constants stand on the right, or (of an order) on the left. */
static bool is_ordered_so(const struct search *search, const struct node *atom, int64_t number)
{
    const struct node *left = node_at(search, atom->left), *right = node_at(search, atom->right);
    bool is_turned = left->op == OP_CONSTANT;
    int64_t a = is_turned ? left->number : number, b = is_turned ? number : right->number;

    switch (atom->op) {
    case OP_LESS:
        return a < b;
    case OP_LESS_EQUAL:
        return a <= b;
    case OP_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

static bool candidate_meets(const struct search *search, const struct atom *atom,
                            const struct candidate *candidate)
{
    const struct node *node = atom->node;
    const struct node *right = node_at(search, node->right);
    enum type type = value_of(search, node)->type;
    bool is_met = true;

    switch (node->op) {
    case OP_HAS:
        break;
    case OP_EQUAL:
        is_met = is_same(type, candidate, right->text, right->number);
        break;
    case OP_UNEQUAL:
        is_met = !is_same(type, candidate, right->text, right->number);
        break;
    case OP_IN:
        is_met = is_in_list(type, candidate, right);
        break;
    case OP_RANGE_IN:
        is_met = candidate->number >= node->number && candidate->number <= node->upper;
        break;
    case OP_UNDER:
        is_met = path_is_under(candidate->text, right->text) == TRUTH_TRUE;
        break;
    case OP_LIKE:
        is_met = text_is_like(candidate->text, right->text);
        break;
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        is_met = is_ordered_so(search, node, candidate->number);
        break;
    default: /* a truth value by itself */
        is_met = candidate->number != 0;
    }
    return is_met != atom->is_negated;
}

/* --- All comparisons of one value --- */

/* Which values make a difference. */
struct candidates {
    struct candidate items[CANDIDATES_MAX];
    size_t count;
    bool is_all; /* no others are possible, or any other is like one of these */
};

static void add_number(struct candidates *candidates, int64_t number)
{
    if (candidates->count < CANDIDATES_MAX)
        candidates->items[candidates->count++].number = number;
    else
        candidates->is_all = false;
}

static void add_text(struct candidates *candidates, struct slice text)
{
    if (candidates->count < CANDIDATES_MAX)
        candidates->items[candidates->count++].text = text;
    else
        candidates->is_all = false;
}

/* The least that a number of this kind can be. */
static int64_t least_of(const struct node *value)
{
    bool is_count = value->op == OP_LENGTH || value->op == OP_CONTENT_LENGTH ||
                    value->op == OP_HOUR || value->op == OP_ARGUMENT_VERSION;

    return is_count ? 0 : INT64_MIN;
}

static int64_t greatest_of(const struct node *value)
{
    return value->op == OP_HOUR ? 23 : value->op == OP_ARGUMENT_VERSION ? 1 : INT64_MAX;
}

/* Around a constant the outcome may change; between two constants it does not. */
static void add_around(struct candidates *candidates, const struct node *value, int64_t number)
{
    int64_t least = least_of(value), greatest = greatest_of(value);

    for (int64_t step = -1; step <= 1; step++) {
        int64_t near;

        if (!__builtin_add_overflow(number, step, &near) && near >= least && near <= greatest)
            add_number(candidates, near);
    }
}

static bool is_enumerated(enum type type)
{
    return type == TYPE_BOOL || type == TYPE_KIND || type == TYPE_WEEKDAY;
}

static void add_constants_of(struct candidates *candidates, const struct search *search,
                             const struct atom *atom, const struct node *value)
{
    const struct node *node = atom->node;
    const struct node *right = node_at(search, node->right);
    bool is_text = value->type == TYPE_TEXT || value->type == TYPE_PATH;

    if (is_enumerated(value->type))
        return; /* they are all candidates */
    if (node->op == OP_RANGE_IN) {
        add_around(candidates, value, node->number);
        add_around(candidates, value, node->upper);
    } else if (node->op == OP_IN) {
        for (size_t i = 0; i < right->count; i++)
            if (is_text)
                add_text(candidates, right->items[i].text);
            else
                add_around(candidates, value, right->items[i].number);
    } else if (is_comparison(node->op)) {
        if (right->op != OP_CONSTANT)
            right = node_at(search, node->left);
        if (is_text)
            add_text(candidates, right->text);
        else
            add_around(candidates, value, right->number);
    }
}

/* A text that is none of the constants: whether one may be meant depends on what is negated. */
static bool wants_listed_text(const struct atom *atom)
{
    enum op op = atom->node->op;

    if (op == OP_UNEQUAL)
        return atom->is_negated;
    return (op == OP_EQUAL || op == OP_IN) && !atom->is_negated;
}

/* Numbers around every constant stand for all numbers; a few words are all words; texts are all
 * only where some comparison wants one of a list. */
static void collect(struct candidates *candidates, const struct search *search,
                    const struct atom *atoms, size_t count, const struct node *value)
{
    bool is_text = value->type == TYPE_TEXT || value->type == TYPE_PATH;

    candidates->is_all = !is_text;
    for (size_t i = 0; i < count; i++) {
        add_constants_of(candidates, search, &atoms[i], value);
        if (is_text && wants_listed_text(&atoms[i]))
            candidates->is_all = true;
    }
    if (is_enumerated(value->type))
        for (int64_t i = 0; i < (value->type == TYPE_BOOL   ? 2
                                 : value->type == TYPE_KIND ? 4
                                                            : 7);
             i++)
            add_number(candidates, i);
    else if (!is_text)
        add_around(candidates, value, 0);
    if (value->op == OP_HOUR)
        add_around(candidates, value, 12);
}

/* A pattern that every text meets cannot be negated. */
static bool is_hopeless(const struct search *search, const struct atom *atom)
{
    struct slice pattern;

    if (!atom->is_negated || (atom->node->op != OP_LIKE && atom->node->op != OP_UNDER))
        return false;
    pattern = node_at(search, atom->node->right)->text;
    for (size_t i = 0; i < pattern.size; i++)
        if (pattern.data[i] != (atom->node->op == OP_LIKE ? '*' : '/'))
            return false;
    return pattern.size > 0;
}

static bool can_all_meet(const struct search *search, const struct atom *atoms, size_t count,
                         const struct node *value)
{
    struct candidates candidates = {.count = 0};

    for (size_t i = 0; i < count; i++)
        if (is_hopeless(search, &atoms[i]))
            return false;
    collect(&candidates, search, atoms, count, value);
    for (size_t c = 0; c < candidates.count; c++) {
        bool meets = true;

        for (size_t i = 0; meets && i < count; i++)
            meets = candidate_meets(search, &atoms[i], &candidates.items[c]);
        if (meets)
            return true;
    }
    return !candidates.is_all;
}

/* --- Addresses --- */

static bool network_covers(const struct network *wide, const struct network *narrow)
{
    unsigned whole = wide->prefix_bits / 8, rest = wide->prefix_bits % 8;

    if (wide->family != narrow->family || wide->prefix_bits > narrow->prefix_bits ||
        memcmp(wide->bytes, narrow->bytes, whole) != 0)
        return false;
    return rest == 0 || ((wide->bytes[whole] ^ narrow->bytes[whole]) >> (8 - rest)) == 0;
}

/* The part of a network that lies in the list, or NULL. Networks overlap only by one holding the
 * other. */
static const struct network *cut(const struct network *network, const struct node *list)
{
    const struct network *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (network_covers(&list->networks[i], network))
            return network;
        if (network_covers(network, &list->networks[i]))
            found = &list->networks[i];
    }
    return found;
}

static bool is_covered(const struct network *network, const struct node *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (network_covers(&list->networks[i], network))
            return true;
    return false;
}

static bool network_meets(const struct search *search, const struct atom *atoms, size_t count,
                          const struct network *network)
{
    for (size_t i = 0; i < count && network != NULL; i++)
        if (atoms[i].node->op == OP_IN && !atoms[i].is_negated)
            network = cut(network, node_at(search, atoms[i].node->right));
    for (size_t i = 0; i < count && network != NULL; i++)
        if (atoms[i].node->op == OP_IN && atoms[i].is_negated &&
            is_covered(network, node_at(search, atoms[i].node->right)))
            return false;
    return network != NULL;
}

static bool can_address_meet(const struct search *search, const struct atom *atoms, size_t count)
{
    static const struct network everything[] = {{.family = AF_INET}, {.family = AF_INET6}};

    for (size_t i = 0; i < count; i++) {
        const struct node *list = node_at(search, atoms[i].node->right);

        if (atoms[i].node->op != OP_IN || atoms[i].is_negated)
            continue;
        for (size_t n = 0; n < list->count; n++)
            if (network_meets(search, atoms, count, &list->networks[n]))
                return true;
        return false;
    }
    return network_meets(search, atoms, count, &everything[0]) ||
           network_meets(search, atoms, count, &everything[1]);
}

/* --- One alternative --- */

/* The same text twice, once negated. */
static bool contradicts(const struct search *search, const struct atom *a, const struct atom *b)
{
    return a->is_negated != b->is_negated &&
           slice_equal(source_of(search, a->node), source_of(search, b->node));
}

/* `not has(x)` beside anything that needs x. */
static bool lacks(const struct search *search, const struct atom *has, const struct atom *other)
{
    const struct node *value = value_of(search, other->node);

    if (has->node->op != OP_HAS || !has->is_negated || other->node->op == OP_HAS || value == NULL)
        return false;
    return slice_equal(source_of(search, node_at(search, has->node->left)),
                       source_of(search, value));
}

/* The comparisons of the same value as atom `first` speaks of, if it is the first to do so. */
static size_t gather(const struct search *search, size_t first, struct atom *same)
{
    const struct node *value = value_of(search, search->atoms[first].node);
    struct slice source;
    size_t count = 0;

    if (value == NULL || value->is_list)
        return 0;
    source = source_of(search, value);
    for (size_t i = 0; i < search->atom_count; i++) {
        const struct node *other = value_of(search, search->atoms[i].node);

        if (other == NULL || !slice_equal(source_of(search, other), source))
            continue;
        if (search->atoms[i].node->op == OP_HAS)
            continue;
        if (i < first)
            return 0;
        same[count++] = search->atoms[i];
    }
    return count;
}

static bool is_possible(const struct search *search)
{
    struct atom same[ATOMS_MAX];

    for (size_t i = 0; i < search->atom_count; i++)
        for (size_t j = 0; j < search->atom_count; j++)
            if (contradicts(search, &search->atoms[i], &search->atoms[j]) ||
                lacks(search, &search->atoms[i], &search->atoms[j]))
                return false;
    for (size_t i = 0; i < search->atom_count; i++) {
        const struct node *value = value_of(search, search->atoms[i].node);
        size_t count = gather(search, i, same);

        if (count > 0 && !(value->type == TYPE_ADDRESS ? can_address_meet(search, same, count)
                                                       : can_all_meet(search, same, count, value)))
            return false;
    }
    return true;
}

/* --- Splitting --- */

static bool explore(struct search *search, struct work work);

/* One side has to hold. */
static bool explore_either(struct search *search, struct work work, const struct atom *atom)
{
    size_t before = search->atom_count;
    bool is_found;

    if (search->depth == DEPTH_MAX)
        return true;
    search->depth++;
    work.items[work.count++] = (struct atom){node_at(search, atom->node->left), atom->is_negated};
    is_found = explore(search, work);
    if (!is_found) {
        search->atom_count = before;
        work.items[work.count - 1].node = node_at(search, atom->node->right);
        is_found = explore(search, work);
    }
    search->depth--;
    return is_found;
}

/* Gives up, with "possible", on what takes too many steps. */
static bool explore(struct search *search, struct work work)
{
    while (work.count > 0) {
        struct atom atom = work.items[--work.count];
        enum op op = atom.node->op;

        if (++search->steps > STEPS_MAX || search->atom_count == ATOMS_MAX ||
            work.count + 2 > WORK_MAX)
            return true;
        if (op == OP_NOT) {
            work.items[work.count++] =
                (struct atom){node_at(search, atom.node->left), !atom.is_negated};
        } else if ((op == OP_AND || op == OP_OR) && (op == OP_AND) == atom.is_negated) {
            return explore_either(search, work, &atom);
        } else if (op == OP_AND || op == OP_OR) {
            for (int i = 0; i < 2; i++)
                work.items[work.count++] = (struct atom){
                    node_at(search, i == 0 ? atom.node->left : atom.node->right), atom.is_negated};
        } else if (op == OP_CONSTANT) {
            if ((atom.node->number != 0) == atom.is_negated)
                return false;
        } else {
            search->atoms[search->atom_count++] = atom;
        }
    }
    return is_possible(search);
}

static bool can_be(const struct expression *expression, bool is_negated)
{
    struct search search = {.expression = expression};
    struct work work = {.count = 1};

    work.items[0] = (struct atom){&expression->nodes[expression->root], is_negated};
    return explore(&search, work);
}

bool expression_can_hold(const struct expression *expression)
{
    return can_be(expression, false);
}

bool expression_can_fail(const struct expression *expression)
{
    return can_be(expression, true);
}
