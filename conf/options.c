// SPDX-License-Identifier: Apache-2.0
/* Walks a document along the option table. */
#include "conf/options.h"

#include "conf/memory.h"
#include "conf/options_value.h"
#include "conf/suggest.h"
#include "conf/yaml.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const struct option *table;
    const char *folder;
    void *object;
};

static void *field_of(const struct option *option, void *object)
{
    return (char *)object + option->offset;
}

/* A default that does not parse is a mistake in the table, which a test of the table finds. */
static bool set_default(const struct walk *walk, const struct option *option, struct error *err)
{
    struct slice rest = slice_of(option->value);
    void *field = field_of(option, walk->object);

    if (!option_is_list(option->type))
        return option_parse(option, rest, walk->folder, field, err);
    while (rest.size > 0) {
        struct slice item = rest;
        const char *comma = memchr(rest.data, ',', rest.size);

        if (comma != NULL)
            item.size = (size_t)(comma - item.data);
        if (!option_parse(option, item, walk->folder, field, err))
            return false;
        rest = (struct slice){rest.data + item.size, rest.size - item.size};
        while (rest.size > 0 && (*rest.data == ',' || *rest.data == ' '))
            rest = (struct slice){rest.data + 1, rest.size - 1};
    }
    return true;
}

/* One scalar of the document into the field. */
static bool read_scalar(const struct walk *walk, const struct option *option,
                        const struct yaml_node *node, struct error *err)
{
    void *field = field_of(option, walk->object);
    struct slice text = {0};

    if (option->type == OPTION_BOOL)
        return yaml_read_bool(node, field, err);
    if (!yaml_read_text(node, &text, err))
        return false;
    if (option_is_number(option->type) && node->is_quoted)
        return yaml_error(node, ERROR_SYNTAX, err, "%s: '%.*s' is quoted; write it without quotes",
                          option->name, SLICE_ARGS(text));
    if (option_parse(option, text, walk->folder, field, err))
        return true;
    error_prefix(err, "%s", option->name);
    return yaml_error_at(node, err);
}

static bool read_option(const struct walk *walk, const struct option *option,
                        const struct yaml_node *key, const struct yaml_node *node,
                        struct error *err)
{
    if (option->type == OPTION_UNBUILT)
        return yaml_error(key, ERROR_UNSUPPORTED, err,
                          "%s is not built yet in this version; remove it", option->name);
    option_dispose(option->type, field_of(option, walk->object)); /* the default gives way */
    if (!option_is_list(option->type))
        return read_scalar(walk, option, node, err);
    if (!yaml_expect(node, YAML_LIST, err))
        return false;
    for (size_t i = 0; i < node->count; i++)
        if (!read_scalar(walk, option, node->items[i], err))
            return false;
    return true;
}

/* What stands behind "PREFIX." in the name, or NULL. An empty prefix is before every name. */
static const char *behind(const char *name, struct slice prefix)
{
    if (prefix.size == 0)
        return name;
    if (strncmp(name, prefix.data, prefix.size) != 0 || name[prefix.size] != '.')
        return NULL;
    return name + prefix.size + 1;
}

static bool is_section(const struct option *table, struct slice name)
{
    for (; table->name != NULL; table++)
        if (behind(table->name, name) != NULL)
            return true;
    return false;
}

static const struct option *find(const struct option *table, struct slice name)
{
    for (; table->name != NULL; table++)
        if (slice_is(name, table->name))
            return table;
    return NULL;
}

/* The option elsewhere in the table whose last word is the key. */
static const char *same_word(const struct option *table, struct slice key)
{
    for (; table->name != NULL; table++) {
        const char *dot = strrchr(table->name, '.');

        if (table->type != OPTION_UNBUILT && slice_is(key, dot != NULL ? dot + 1 : table->name))
            return table->name;
    }
    return NULL;
}

static bool has_dot(struct slice key)
{
    return memchr(key.data, '.', key.size) != NULL;
}

/* The nearest key of the section, or else the option of that name in another one. */
static struct slice nearest_key(const struct option *table, struct slice section, struct slice key)
{
    const char *elsewhere = same_word(table, key);
    struct suggestion suggestion;

    suggestion_init(&suggestion, key);
    for (const struct option *option = table; option->name != NULL; option++) {
        const char *rest = behind(option->name, section);

        if (rest != NULL && option->type != OPTION_UNBUILT)
            suggestion_offer_slice(&suggestion, (struct slice){rest, strcspn(rest, ".")});
    }
    if (suggestion.best.size == 0 && elsewhere != NULL)
        return slice_of(elsewhere);
    return suggestion.best;
}

static bool unknown_key(const struct option *table, struct slice section,
                        const struct yaml_node *key, struct error *err)
{
    struct slice nearest = nearest_key(table, section, key->text);

    if (has_dot(key->text))
        return yaml_error(
            key, ERROR_SYNTAX, err,
            "unknown key '%.*s'; a key has no dots: write each level on a line of its "
            "own, indented below the one before",
            SLICE_ARGS(key->text));
    if (nearest.size > 0)
        return yaml_error(key, ERROR_SYNTAX, err, "unknown key '%.*s'%s%.*s; did you mean %.*s?",
                          SLICE_ARGS(key->text), section.size > 0 ? " in " : "",
                          SLICE_ARGS(section), SLICE_ARGS(nearest));
    return yaml_error(key, ERROR_SYNTAX, err,
                      "unknown key '%.*s'%s%.*s; causeway help config lists the options",
                      SLICE_ARGS(key->text), section.size > 0 ? " in " : "", SLICE_ARGS(section));
}

static bool read_section(const struct walk *walk, const struct yaml_node *node, struct text *name,
                         struct error *err);

/* One key, whose section's name (section bytes of it) stands in `name`. */
static bool read_pair(const struct walk *walk, const struct yaml_pair *pair, struct text *name,
                      size_t section, struct error *err)
{
    const struct option *option;

    if (section > 0)
        text_put_char(name, '.');
    text_put_slice(name, pair->key->text);
    if (pair->key->text.size > 0 && !has_dot(pair->key->text)) {
        option = find(walk->table, text_slice(name));
        if (option != NULL)
            return read_option(walk, option, pair->key, pair->value, err);
        if (is_section(walk->table, text_slice(name)))
            return read_section(walk, pair->value, name, err);
    }
    return unknown_key(walk->table, (struct slice){name->data, section}, pair->key, err);
}

/* Recursion is bounded by the levels of the table's names. */
static bool read_section(const struct walk *walk, const struct yaml_node *node, struct text *name,
                         struct error *err)
{
    size_t section = name->size;

    if (!yaml_expect(node, YAML_MAPPING, err))
        return false;
    for (size_t i = 0; i < node->count; i++) {
        if (!read_pair(walk, &node->pairs[i], name, section, err))
            return false;
        name->size = section;
    }
    return true;
}

bool options_read(const struct option *table, const struct yaml *yaml, const char *folder,
                  void *object, struct error *err)
{
    struct walk walk = {.table = table, .folder = folder, .object = object};
    struct text name = {0};
    bool is_fine;

    for (const struct option *option = table; option->name != NULL; option++)
        if (option->type != OPTION_UNBUILT && option->value != NULL &&
            !set_default(&walk, option, err))
            return error_prefix(err, "default of %s", option->name);
    is_fine = read_section(&walk, yaml_root(yaml), &name, err);
    text_dispose(&name);
    return is_fine;
}

void options_dispose(const struct option *table, void *object)
{
    for (; table->name != NULL; table++)
        if (table->type != OPTION_UNBUILT)
            option_dispose(table->type, field_of(table, object));
}

bool options_error(const struct yaml *yaml, const char *name, struct error *err, const char *format,
                   ...)
{
    const struct yaml_node *node = yaml_get_path(yaml_root(yaml), name);
    struct error made = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(made.text, sizeof(made.text), format, args);
    va_end(args);
    if (node != NULL)
        return yaml_error(node, ERROR_SYNTAX, err, "%s: %s", name, made.text);
    return error_set(err, ERROR_SYNTAX, "%s: %s: %s", yaml_name(yaml), name, made.text);
}
