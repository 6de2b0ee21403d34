// SPDX-License-Identifier: Apache-2.0
#include "policy/reader.h"

#include "conf/id.h"
#include "ipfs/call_show.h"

#include <stdarg.h>
#include <stdio.h>

struct policy_place document_place(const struct yaml_node *node)
{
    return (struct policy_place){yaml_name(node->yaml), node->line, node->column};
}

__attribute__((format(printf, 4, 0))) static void add(struct reader *reader,
                                                      enum finding_level level,
                                                      const struct yaml_node *node,
                                                      const char *format, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), format, args);
    findings_add(reader->findings, level, yaml_name(node->yaml), node->line, node->column, "%s",
                 text);
}

bool reader_fault(struct reader *reader, const struct yaml_node *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(reader, FINDING_ERROR, node, format, args);
    va_end(args);
    return false;
}

void reader_warn(struct reader *reader, const struct yaml_node *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(reader, FINDING_WARNING, node, format, args);
    va_end(args);
}

/* Takes "NAME:LINE:COLUMN: " or "NAME: " off an error and adds the rest. */
static bool adopt(struct reader *reader, const char *name, const struct error *err)
{
    size_t size = strlen(name);
    unsigned line = 0, column = 0;
    int used = 0;

    if (strncmp(err->text, name, size) != 0 || err->text[size] != ':')
        return false;
    if (sscanf(err->text + size, ":%u:%u: %n", &line, &column, &used) != 2 || used == 0) {
        line = column = 0;
        used = err->text[size + 1] == ' ' ? 2 : 1;
    }
    findings_add(reader->findings, FINDING_ERROR, name, line, column, "%s",
                 err->text + size + used);
    return true;
}

bool reader_adopt_named(struct reader *reader, const char *name, const struct error *err)
{
    if (!adopt(reader, name, err))
        findings_add(reader->findings, FINDING_ERROR, name, 0, 0, "%s", err->text);
    return false;
}

bool reader_adopt(struct reader *reader, const struct error *err)
{
    const struct document *document = reader->document;

    for (size_t i = 0; i < document->file_count; i++)
        if (adopt(reader, yaml_name(document->files[i]), err))
            return false;
    findings_add(reader->findings, FINDING_ERROR, "policy", 0, 0, "%s", err->text);
    return false;
}

bool reader_adopt_at(struct reader *reader, const struct yaml_node *node, const struct error *err)
{
    return reader_fault(reader, node, "%s", err->text);
}

bool reader_kind(struct reader *reader, const struct yaml_node *node, enum yaml_kind kind)
{
    struct error err = {0};

    return yaml_expect(node, kind, &err) || reader_adopt(reader, &err);
}

static bool is_known(struct slice key, const char *const *known)
{
    for (; *known != NULL; known++)
        if (slice_is(key, *known))
            return true;
    return false;
}

static bool refuse_key(struct reader *reader, const struct yaml_node *key, const char *const *known)
{
    struct text all = {0};
    struct suggestion near;
    const char *separator = "";

    suggestion_init(&near, key->text);
    for (; *known != NULL; known++) {
        suggestion_offer(&near, *known);
        text_put_format(&all, "%s%s", separator, *known);
        separator = ", ";
    }
    if (near.best.size > 0)
        reader_fault(reader, key, "'%s' is not known here; did you mean '%.*s'?",
                     call_show(key->text).text, SLICE_ARGS(near.best));
    else
        reader_fault(reader, key, "'%s' is not known here; there are: %s",
                     call_show(key->text).text, all.data);
    text_dispose(&all);
    return false;
}

bool reader_keys(struct reader *reader, const struct yaml_node *node, const char *const *known)
{
    bool is_fine = true;

    if (!reader_kind(reader, node, YAML_MAPPING))
        return false;
    for (size_t i = 0; i < node->count; i++)
        if (!is_known(node->pairs[i].key->text, known))
            is_fine = refuse_key(reader, node->pairs[i].key, known);
    return is_fine;
}

const struct yaml_node *reader_need(struct reader *reader, const struct yaml_node *node,
                                    const char *key)
{
    const struct yaml_node *value = yaml_get(node, key);

    if (value == NULL)
        reader_fault(reader, node, "'%s' is missing here", key);
    return value;
}

bool reader_text(struct reader *reader, const struct yaml_node *node, struct slice *text)
{
    struct error err = {0};

    if (!yaml_read_text(node, text, &err))
        return reader_adopt(reader, &err);
    if (text->size > 0)
        return true;
    return reader_fault(reader, node, "an empty text says nothing here");
}

bool reader_id(struct reader *reader, const struct yaml_node *node, const char *what,
               struct slice *id)
{
    struct error err = {0};

    if (!reader_text(reader, node, id))
        return false;
    return id_check(*id, what, &err) || reader_adopt_at(reader, node, &err);
}

size_t reader_count(const struct yaml_node *node)
{
    return node->kind == YAML_LIST ? node->count : 1;
}

const struct yaml_node *reader_item(const struct yaml_node *node, size_t index)
{
    return node->kind == YAML_LIST ? node->items[index] : node;
}

bool reader_is_list(struct reader *reader, const struct yaml_node *node)
{
    if (node->kind == YAML_MAPPING)
        return reader_kind(reader, node, YAML_LIST);
    if (node->kind == YAML_LIST && node->count == 0)
        return reader_fault(reader, node, "an empty list says nothing here");
    return true;
}

bool reader_find(struct reader *reader, const struct yaml_node *node, const struct names *names,
                 const char *what, struct document_ref *ref)
{
    struct suggestion near;
    struct slice name;

    *ref = (struct document_ref){.node = node, .index = NAMES_NONE};
    if (!reader_text(reader, node, &ref->name))
        return false;
    ref->index = names_find(names, ref->name);
    if (ref->index != NAMES_NONE)
        return true;
    suggestion_init(&near, ref->name);
    for (size_t cursor = 0; names_next(names, &cursor, &name);)
        suggestion_offer_slice(&near, name);
    if (near.best.size > 0)
        return reader_fault(reader, node, "there is no %s '%s'; did you mean '%.*s'?", what,
                            call_show(ref->name).text, SLICE_ARGS(near.best));
    return reader_fault(reader, node, "there is no %s '%s'", what, call_show(ref->name).text);
}

void *reader_alloc(struct reader *reader, size_t count, size_t size)
{
    void *result;

    if (count == 0)
        return NULL;
    result = arena_alloc(&reader->document->arena, count * size);
    memset(result, 0, count * size);
    return result;
}
