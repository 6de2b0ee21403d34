// SPDX-License-Identifier: Apache-2.0
/* What a scalar means is up to the reader that asks; each says what would be right. */
#include "conf/units.h"
#include "conf/yaml.h"

#include <stdarg.h>
#include <stdio.h>

bool yaml_error_at(const struct yaml_node *node, struct error *err)
{
    return error_prefix(err, "%s:%u:%u", yaml_name(node->yaml), node->line, node->column);
}

bool yaml_error(const struct yaml_node *node, enum error_code code, struct error *err,
                const char *format, ...)
{
    struct error made = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(made.text, sizeof(made.text), format, args);
    va_end(args);
    return error_set(err, code, "%s:%u:%u: %s", yaml_name(node->yaml), node->line, node->column,
                     made.text);
}

bool yaml_expect(const struct yaml_node *node, enum yaml_kind kind, struct error *err)
{
    static const char *const expected[] = {
        "one value",
        "a list: '- ITEM' lines, or [ITEM, ITEM]",
        "a mapping: 'KEY: VALUE' lines below it",
    };
    static const char *const found[] = {"a single value", "a list", "a mapping"};

    if (node->kind == kind)
        return true;
    if (node->kind == YAML_TEXT && node->text.size == 0 && !node->is_quoted)
        return yaml_error(node, ERROR_SYNTAX, err, "nothing is written here; expected %s",
                          expected[kind]);
    return yaml_error(node, ERROR_SYNTAX, err, "expected %s, found %s", expected[kind],
                      found[node->kind]);
}

static bool is_one_of(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (slice_equal_caseless(text, slice_of(*words)))
            return true;
    return false;
}

bool yaml_read_text(const struct yaml_node *node, struct slice *text, struct error *err)
{
    if (!yaml_expect(node, YAML_TEXT, err))
        return false;
    if (!node->is_quoted && node->text.size == 0)
        return yaml_error(node, ERROR_SYNTAX, err,
                          "no value is written; give one, or remove the key");
    if (!node->is_quoted &&
        (slice_is(node->text, "~") || slice_equal_caseless(node->text, SLICE("null"))))
        return yaml_error(node, ERROR_SYNTAX, err,
                          "'%.*s' is no value; remove the key, or quote it if the text is meant",
                          SLICE_ARGS(node->text));
    *text = node->text;
    return true;
}

bool yaml_read_bool(const struct yaml_node *node, bool *value, struct error *err)
{
    static const char *const yes[] = {"true", "yes", "on", "y", NULL};
    static const char *const no[] = {"false", "no", "off", "n", NULL};
    struct slice text = {0};

    if (!yaml_read_text(node, &text, err))
        return false;
    *value = slice_is(text, "true");
    if (!node->is_quoted && (*value || slice_is(text, "false")))
        return true;
    if (is_one_of(text, yes) || is_one_of(text, no))
        return yaml_error(node, ERROR_SYNTAX, err,
                          "'%.*s' is not read as a truth value; write a plain %s", SLICE_ARGS(text),
                          is_one_of(text, yes) ? "true" : "false");
    return yaml_error(node, ERROR_SYNTAX, err, "'%.*s' is neither true nor false",
                      SLICE_ARGS(text));
}

/* A plain scalar, for readers of numbers. */
static bool read_plain(const struct yaml_node *node, struct slice *text, struct error *err)
{
    if (!yaml_read_text(node, text, err))
        return false;
    if (node->is_quoted)
        return yaml_error(node, ERROR_SYNTAX, err, "'%.*s' is quoted; write it without quotes",
                          SLICE_ARGS(*text));
    return true;
}

bool yaml_read_integer(const struct yaml_node *node, uint64_t *value, struct error *err)
{
    struct slice text = {0};

    return read_plain(node, &text, err) &&
           (units_parse_integer(text, value, err) || yaml_error_at(node, err));
}

bool yaml_read_size(const struct yaml_node *node, uint64_t *bytes, struct error *err)
{
    struct slice text = {0};

    return read_plain(node, &text, err) &&
           (units_parse_size(text, bytes, err) || yaml_error_at(node, err));
}

bool yaml_read_duration(const struct yaml_node *node, uint64_t *milliseconds, struct error *err)
{
    struct slice text = {0};

    return read_plain(node, &text, err) &&
           (units_parse_duration(text, milliseconds, err) || yaml_error_at(node, err));
}

bool yaml_read_address(const struct yaml_node *node, struct address *address, struct error *err)
{
    struct slice text = {0};

    return yaml_read_text(node, &text, err) &&
           (address_parse(address, text, err) || yaml_error_at(node, err));
}
