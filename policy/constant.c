// SPDX-License-Identifier: Apache-2.0
#include "policy/constant.h"

#include "conf/units.h"
#include "conf/yaml.h"

#define NS_PER_MS 1000000

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (slice_equal_caseless(text, slice_of(*words)))
            return true;
    return false;
}

/* Digits with what numbers are made of elsewhere: 0o17, 0x1f, 1_000, 1.5, 1e3, 12:30, 2026-01-31,
 * .5, +1, -1, .inf, .nan. A dotted address is none. */
static bool looks_like_number(struct slice text)
{
    size_t i = text.data[0] == '+' || text.data[0] == '-' || text.data[0] == '.';
    size_t dots = text.data[0] == '.', others = 0;

    if (i == text.size)
        return false;
    if (!is_digit(text.data[i]))
        return slice_equal_caseless((struct slice){text.data + i, text.size - i}, SLICE("inf")) ||
               slice_equal_caseless((struct slice){text.data + i, text.size - i}, SLICE("nan")) ||
               slice_equal_caseless((struct slice){text.data + i, text.size - i}, SLICE(".inf"));
    for (; i < text.size; i++) {
        dots += text.data[i] == '.';
        others += strchr("0123456789.:_-+eEoxXabcdfABCDF", text.data[i]) == NULL;
    }
    return others == 0 && dots < 2;
}

static bool is_ambiguous(struct slice text)
{
    static const char *const words[] = {"yes", "no", "on", "off", "y", "n", "true", "false", NULL};

    return is_one_of(text, words) || looks_like_number(text);
}

/* Digits and a unit, such as 5GiB or 30s. False, and no error, for anything else. */
static bool read_unit(struct constant *constant, struct slice text)
{
    uint64_t value;
    bool is_size = units_parse_size(text, &value, NULL);

    if (!is_digit(text.data[0]))
        return false;
    if (is_size && value <= INT64_MAX)
        constant->type = CONSTANT_INTEGER;
    else if (!is_size && units_parse_duration(text, &value, NULL) && value <= INT64_MAX / NS_PER_MS)
        constant->type = CONSTANT_DURATION;
    else
        return false;
    constant->number = (int64_t)(is_size ? value : value * NS_PER_MS);
    return true;
}

static bool read_scalar(struct constant *constant, const struct yaml_node *node, struct error *err)
{
    struct slice text;

    if (!yaml_read_text(node, &text, err))
        return false;
    *constant = (struct constant){.type = CONSTANT_TEXT, .text = text};
    if (text.size > CONSTANT_TEXT_MAX)
        return yaml_error(node, ERROR_LIMIT, err, "a text has at most %d bytes", CONSTANT_TEXT_MAX);
    if (node->is_quoted || read_unit(constant, text))
        return true;
    if (slice_is(text, "true") || slice_is(text, "false")) {
        constant->type = CONSTANT_BOOL;
        constant->number = slice_is(text, "true");
        return true;
    }
    if (is_ambiguous(text))
        return yaml_error(node, ERROR_SYNTAX, err,
                          "'%.*s' means different things to different readers of YAML; quote it if "
                          "the text is meant, else write plain digits, true or false",
                          SLICE_ARGS(text));
    return true;
}

bool constant_read(struct constant *constant, const struct yaml_node *node, struct arena *arena,
                   struct error *err)
{
    struct constant *items;

    if (node->kind != YAML_LIST)
        return read_scalar(constant, node, err);
    if (node->count == 0 || node->count > CONSTANT_ITEMS_MAX)
        return yaml_error(node, ERROR_LIMIT, err, "a list has from 1 to %d items",
                          CONSTANT_ITEMS_MAX);
    items = arena_alloc(arena, node->count * sizeof(*items));
    for (size_t i = 0; i < node->count; i++) {
        if (!read_scalar(&items[i], node->items[i], err))
            return false;
        if (items[i].type != items[0].type)
            return yaml_error(node->items[i], ERROR_SYNTAX, err,
                              "this is %s, but the list began with %s",
                              constant_type_name(&items[i]), constant_type_name(&items[0]));
    }
    *constant = (struct constant){.type = CONSTANT_LIST, .items = items, .count = node->count};
    return true;
}

const char *constant_type_name(const struct constant *constant)
{
    static const char *const names[] = {"a truth value", "a number", "a duration", "a text"};
    static const char *const lists[] = {"a list of truth values", "a list of numbers",
                                        "a list of durations", "a list of texts"};

    return constant->type == CONSTANT_LIST ? lists[constant->items[0].type] : names[constant->type];
}

bool constant_same_type(const struct constant *a, const struct constant *b)
{
    if (a->type != b->type)
        return false;
    return a->type != CONSTANT_LIST || a->items[0].type == b->items[0].type;
}
