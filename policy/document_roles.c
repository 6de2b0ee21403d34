// SPDX-License-Identifier: Apache-2.0
/* roles and bind. */
#include "policy/reader.h"

#include "ipfs/call_show.h"

static bool read_item_where(struct reader *reader, const struct yaml_node *node,
                            struct document_item *item)
{
    static const char *const known[] = {"command", "where", NULL};
    const struct yaml_node *command, *where;

    if (!reader_keys(reader, node, known))
        return false;
    command = reader_need(reader, node, "command");
    where = yaml_get(node, "where");
    if (command == NULL || !reader_commands(reader, command, PATTERN_ALLOW, &item->set))
        return false;
    if (where == NULL)
        return reader_fault(reader, node,
                            "'where' is missing here; without a condition, write the "
                            "command alone");
    return reader_condition(reader, where, &item->set, &item->where);
}

/* A pattern, or {command, where}. */
static bool read_item(struct reader *reader, const struct yaml_node *node,
                      struct document_item *item)
{
    item->node = node;
    if (node->kind == YAML_MAPPING)
        return read_item_where(reader, node, item);
    if (node->kind == YAML_LIST)
        return reader_fault(reader, node, "a list cannot stand in this list");
    return reader_commands(reader, node, PATTERN_ALLOW, &item->set);
}

static void read_items(struct reader *reader, const struct yaml_node *node,
                       struct document_role *role)
{
    struct document_item *items;

    if (node->kind != YAML_MAPPING && !reader_is_list(reader, node))
        return;
    items = reader_alloc(reader, reader_count(node), sizeof(*items));
    role->items = items;
    for (size_t i = 0; i < reader_count(node); i++)
        if (read_item(reader, reader_item(node, i), &items[role->item_count]))
            role->item_count++;
        else
            items[role->item_count] = (struct document_item){0};
}

static void read_rights(struct reader *reader, const struct yaml_node *node,
                        struct document_role *role)
{

    if (!reader_is_list(reader, node))
        return;
    for (size_t i = 0; i < reader_count(node); i++) {
        const struct yaml_node *item = reader_item(node, i);
        struct suggestion near;
        struct slice name;
        unsigned right;

        if (!reader_text(reader, item, &name))
            continue;
        if (policy_right_parse(&right, name)) {
            role->rights |= right;
            continue;
        }
        suggestion_init(&near, name);
        suggestion_offer(&near, policy_right_name(RIGHT_READ_ANY));
        suggestion_offer(&near, policy_right_name(RIGHT_SHARED_NODE));
        if (near.best.size > 0)
            reader_fault(reader, item, "there is no right '%s'; did you mean '%.*s'?",
                         call_show(name).text, SLICE_ARGS(near.best));
        else
            reader_fault(reader, item, "there is no right '%s'; there are read-any and shared-node",
                         call_show(name).text);
    }
}

static void read_inherits(struct reader *reader, const struct yaml_node *node,
                          struct document_role *role)
{
    struct document_ref *refs;
    size_t found = 0;

    if (!reader_is_list(reader, node))
        return;
    refs = reader_alloc(reader, reader_count(node), sizeof(*refs));
    for (size_t i = 0; i < reader_count(node); i++)
        if (reader_find(reader, reader_item(node, i), &reader->document->role_names, "role",
                        &refs[found]))
            found++;
    role->inherits = (struct document_refs){refs, found};
}

/* Once all roles have their names. */
static void read_role(struct reader *reader, struct document_role *role)
{
    static const char *const known[] = {"inherits", "allow", "rights", NULL};
    const struct yaml_node *node;

    if (!reader_keys(reader, role->body, known))
        return;
    if ((node = yaml_get(role->body, "inherits")) != NULL)
        read_inherits(reader, node, role);
    if ((node = yaml_get(role->body, "allow")) != NULL)
        read_items(reader, node, role);
    if ((node = yaml_get(role->body, "rights")) != NULL)
        read_rights(reader, node, role);
    if (role->body->count == 0)
        reader_fault(reader, role->node,
                     "the role '%.*s' says nothing: it has none of inherits, "
                     "allow and rights",
                     SLICE_ARGS(role->id));
}

/* Adds the roles that `role` inherits, and theirs, to seen. True if `wanted` is among them. The
 * recursion is as deep as there are roles, at most POLICY_ROLES_MAX. */
static bool reaches(const struct document *document, size_t role, size_t wanted, uint64_t *seen)
{
    const struct document_refs *inherits = &document->roles[role].inherits;

    for (size_t i = 0; i < inherits->count; i++) {
        uint32_t next = inherits->items[i].index;

        if (next == wanted)
            return true;
        if (bits_has(seen, next))
            continue;
        bits_set(seen, next);
        if (reaches(document, next, wanted, seen))
            return true;
    }
    return false;
}

static void refuse_circles(struct reader *reader)
{
    struct document *document = reader->document;

    for (size_t i = 0; i < document->role_count; i++) {
        uint64_t seen[BITS_WORDS(POLICY_ROLES_MAX)] = {0};
        struct document_role *role = &document->roles[i];

        if (!reaches(document, i, i, seen))
            continue;
        reader_fault(reader, role->inherits.items[0].node,
                     "the role '%.*s' inherits itself, perhaps by way of others",
                     SLICE_ARGS(role->id));
        role->inherits.count = 0; /* so that nobody walks in it */
    }
}

void document_read_roles(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;
    size_t room = section->items < POLICY_ROLES_MAX ? section->items : POLICY_ROLES_MAX;

    document->roles = reader_alloc(reader, room, sizeof(*document->roles));
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count; i++) {
            const struct yaml_pair *pair = &section->nodes[f]->pairs[i];
            struct document_role *role;

            if (document->role_count == room) {
                reader_fault(reader, pair->key, "there are more than %d roles", POLICY_ROLES_MAX);
                f = section->count - 1;
                break;
            }
            role = &document->roles[document->role_count];
            role->node = pair->key;
            role->body = pair->value;
            document->role_count += reader_id(reader, pair->key, "role", &role->id);
        }
    reader_sort(reader, document->roles, document->role_count, sizeof(*document->roles), "role",
                &document->role_names);
    for (size_t i = 0; i < document->role_count; i++)
        read_role(reader, &document->roles[i]);
    refuse_circles(reader);
}

/* --- bind --- */

static bool read_bind_roles(struct reader *reader, const struct yaml_node *node,
                            struct document_bind *bind)
{
    struct document_ref *refs;
    bool is_fine = true;

    if (!reader_is_list(reader, node))
        return false;
    refs = reader_alloc(reader, reader_count(node), sizeof(*refs));
    for (size_t i = 0; i < reader_count(node); i++)
        if (!reader_find(reader, reader_item(node, i), &reader->document->role_names, "role",
                         &refs[i]))
            is_fine = false;
    bind->roles = (struct document_refs){refs, is_fine ? reader_count(node) : 0};
    return is_fine;
}

static bool read_bind(struct reader *reader, const struct yaml_node *node,
                      struct document_bind *bind)
{
    static const char *const known[] = {"to", "roles", "when", NULL};
    const struct yaml_node *to, *roles, *when;
    bool is_fine;

    bind->node = node;
    if (!reader_keys(reader, node, known))
        return false;
    to = reader_need(reader, node, "to");
    roles = reader_need(reader, node, "roles");
    when = yaml_get(node, "when");
    is_fine = to != NULL && reader_subjects(reader, to, false, &bind->to);
    is_fine = roles != NULL && read_bind_roles(reader, roles, bind) && is_fine;
    if (when != NULL)
        is_fine = reader_condition(reader, when, NULL, &bind->when) && is_fine;
    return is_fine;
}

void document_read_binds(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;
    size_t room = section->items < DOCUMENT_BINDS_MAX ? section->items : DOCUMENT_BINDS_MAX;

    document->binds = reader_alloc(reader, room, sizeof(*document->binds));
    if (room < section->items)
        reader_fault(reader, section->nodes[0], "there are more than %d bindings",
                     DOCUMENT_BINDS_MAX);
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count && document->bind_count < room; i++) {
            struct document_bind *bind = &document->binds[document->bind_count];

            if (read_bind(reader, section->nodes[f]->items[i], bind))
                document->bind_count++;
            else
                *bind = (struct document_bind){0};
        }
}
