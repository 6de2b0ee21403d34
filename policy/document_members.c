// SPDX-License-Identifier: Apache-2.0
/* vars, groups and members. */
#include "policy/reader.h"

#include "conf/id.h"
#include "ipfs/call_show.h"

/* --- vars --- */

bool reader_word(struct reader *reader, const struct yaml_node *key, const char *what)
{
    struct slice name = key->text;
    bool is_fine =
        name.size > 0 && name.size < ID_SIZE && name.data[0] >= 'a' && name.data[0] <= 'z';

    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        is_fine =
            is_fine && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    }
    return is_fine || reader_fault(reader, key,
                                   "'%s' cannot be the name of %s: a lower-case letter, then "
                                   "letters, digits, '_' and '-'",
                                   call_show(name).text, what);
}

void document_read_vars(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;

    document->vars = reader_alloc(reader, section->items, sizeof(*document->vars));
    for (size_t f = 0; f < section->count; f++) {
        for (size_t i = 0; i < section->nodes[f]->count; i++) {
            const struct yaml_pair *pair = &section->nodes[f]->pairs[i];
            struct document_var *var = &document->vars[document->var_count];
            struct error err = {0};

            if (!reader_word(reader, pair->key, "a var"))
                continue;
            var->name = pair->key->text;
            var->node = pair->key;
            if (constant_read(&var->value, pair->value, &document->arena, &err))
                document->var_count++;
            else
                reader_adopt(reader, &err);
        }
    }
    reader_sort(reader, document->vars, document->var_count, sizeof(*document->vars), "var",
                &document->var_names);
}

/* --- groups --- */

/* Once all groups have their names. */
static void read_group(struct reader *reader, struct document_group *group)
{
    static const char *const known[] = {"parent", NULL};
    const struct yaml_node *parent = yaml_get(group->body, "parent");

    group->parent.index = NAMES_NONE;
    if (reader_keys(reader, group->body, known) && parent != NULL)
        reader_find(reader, parent, &reader->document->group_names, "group", &group->parent);
}

/* A group is below itself: its parents lead back to it. */
static bool is_circle(const struct document *document, size_t start)
{
    uint32_t at = document->groups[start].parent.index;

    for (size_t steps = 0; at != NAMES_NONE && steps <= document->group_count; steps++) {
        if (at == start)
            return true;
        at = document->groups[at].parent.index;
    }
    return false;
}

void document_read_groups(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;

    document->groups = reader_alloc(reader, section->items, sizeof(*document->groups));
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count; i++) {
            const struct yaml_pair *pair = &section->nodes[f]->pairs[i];
            struct document_group *group = &document->groups[document->group_count];

            group->node = pair->key;
            group->body = pair->value;
            document->group_count += reader_id(reader, pair->key, "group", &group->id);
        }
    reader_sort(reader, document->groups, document->group_count, sizeof(*document->groups), "group",
                &document->group_names);
    for (size_t i = 0; i < document->group_count; i++)
        read_group(reader, &document->groups[i]);
    for (size_t i = 0; i < document->group_count; i++)
        if (is_circle(document, i)) {
            reader_fault(reader, document->groups[i].parent.node,
                         "the group '%.*s' is its own parent, by way of '%.*s'",
                         SLICE_ARGS(document->groups[i].id),
                         SLICE_ARGS(document->groups[i].parent.name));
            document->groups[i].parent.index = NAMES_NONE; /* so that nobody walks in it */
        }
}

/* --- members --- */

static void read_member_groups(struct reader *reader, const struct yaml_node *node,
                               struct document_member *member)
{
    size_t count, found = 0;
    struct document_ref *refs;

    if (!reader_is_list(reader, node))
        return;
    count = reader_count(node);
    refs = reader_alloc(reader, count, sizeof(*refs));
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = reader_item(node, i);
        bool is_twice = false;

        if (!reader_find(reader, item, &reader->document->group_names, "group", &refs[found]))
            continue;
        for (size_t j = 0; j < found; j++)
            is_twice = is_twice || refs[j].index == refs[found].index;
        if (is_twice)
            reader_fault(reader, item, "the group '%.*s' stands here twice",
                         SLICE_ARGS(refs[found].name));
        else
            found++;
    }
    member->groups = (struct document_refs){refs, found};
}

/* The attribute of that name; made when it is the first one. */
static uint32_t find_attribute(struct arena *arena, struct document_attributes *attributes,
                               const struct yaml_node *key, const struct constant *value)
{
    uint32_t place = (uint32_t)attributes->count;
    uint32_t found = names_add(&attributes->names, key->text, place);

    if (found != NAMES_NONE)
        return found;
    if ((attributes->count & (attributes->count - 1)) == 0) {
        size_t room = attributes->count == 0 ? 1 : 2 * attributes->count;
        struct document_attribute *grown = arena_alloc(arena, room * sizeof(*grown));

        if (attributes->count > 0)
            memcpy(grown, attributes->items, attributes->count * sizeof(*grown));
        attributes->items = grown;
    }
    attributes->items[attributes->count++] =
        (struct document_attribute){key->text, key, *value, false};
    return place;
}

static bool read_value(struct reader *reader, const struct yaml_pair *pair,
                       struct document_attributes *attributes, struct document_value *value)
{
    struct arena *arena = &reader->document->arena;
    const struct document_attribute *attribute;
    struct error err = {0};

    if (!reader_word(reader, pair->key, "an attribute"))
        return false;
    if (!constant_read(&value->value, pair->value, arena, &err))
        return reader_adopt(reader, &err);
    value->node = pair->key;
    value->attribute = find_attribute(arena, attributes, pair->key, &value->value);
    attribute = &attributes->items[value->attribute];
    if (constant_same_type(&value->value, &attribute->example))
        return true;
    return reader_fault(reader, pair->value,
                        "'%.*s' is %s here, but %s in %s:%u; one attribute "
                        "has one type",
                        SLICE_ARGS(attribute->name), constant_type_name(&value->value),
                        constant_type_name(&attribute->example), yaml_name(attribute->node->yaml),
                        attribute->node->line);
}

void reader_attributes(struct reader *reader, const struct yaml_node *node,
                       struct document_attributes *attributes, const struct document_value **values,
                       size_t *count)
{
    struct document_value *items;

    if (!reader_kind(reader, node, YAML_MAPPING))
        return;
    items = reader_alloc(reader, node->count, sizeof(*items));
    *values = items;
    for (size_t i = 0; i < node->count; i++)
        *count += read_value(reader, &node->pairs[i], attributes, &items[*count]);
}

static void read_member(struct reader *reader, const struct yaml_pair *pair)
{
    static const char *const known[] = {"groups", "attributes", "expires", NULL};
    struct document *document = reader->document;
    struct document_member *member = &document->members[document->member_count];
    const struct yaml_node *node;

    if (!reader_id(reader, pair->key, "member", &member->id))
        return;
    member->node = pair->key;
    document->member_count++;
    if (!reader_keys(reader, pair->value, known))
        return;
    if ((node = yaml_get(pair->value, "groups")) != NULL)
        read_member_groups(reader, node, member);
    if ((node = yaml_get(pair->value, "attributes")) != NULL)
        reader_attributes(reader, node, &document->attributes, &member->values,
                          &member->value_count);
    if ((node = yaml_get(pair->value, "expires")) != NULL)
        reader_time(reader, node, &member->expires_ms);
}

void document_read_members(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;

    document->members = reader_alloc(reader, section->items, sizeof(*document->members));
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count; i++)
            read_member(reader, &section->nodes[f]->pairs[i]);
    reader_sort(reader, document->members, document->member_count, sizeof(*document->members),
                "member", &document->member_names);
}
