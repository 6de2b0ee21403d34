// SPDX-License-Identifier: Apache-2.0
/* placement: labels and sites. */
#include "policy/reader.h"

#include "ipfs/call_show.h"

/* ---- labels */

/* The place of a value; UINT8_MAX, with an error: there is no such value. */
static uint8_t find_value(struct reader *reader, const struct yaml_node *node,
                          const struct document_label *label)
{
    struct suggestion near;
    struct slice text;

    if (!reader_text(reader, node, &text))
        return UINT8_MAX;
    suggestion_init(&near, text);
    for (size_t i = 0; i < label->value_count; i++) {
        if (slice_equal(label->values[i], text))
            return (uint8_t)i;
        suggestion_offer_slice(&near, label->values[i]);
    }
    reader_fault(reader, node, "'%s' is no value of the label '%.*s'%s%.*s%s", call_show(text).text,
                 SLICE_ARGS(label->name), near.best.size > 0 ? "; did you mean '" : "",
                 SLICE_ARGS(near.best), near.best.size > 0 ? "'?" : "");
    return UINT8_MAX;
}

static bool read_values(struct reader *reader, const struct yaml_node *node,
                        struct document_label *label)
{
    struct slice *values;

    if (!reader_is_list(reader, node))
        return false;
    if (reader_count(node) > POLICY_LABEL_VALUES_MAX)
        return reader_fault(reader, node, "a label has at most %d values", POLICY_LABEL_VALUES_MAX);
    values = reader_alloc(reader, reader_count(node), sizeof(*values));
    label->values = values;
    for (size_t i = 0; i < reader_count(node); i++) {
        const struct yaml_node *item = reader_item(node, i);

        if (!reader_id(reader, item, "value of a label", &values[i]))
            return false;
        for (size_t j = 0; j < i; j++)
            if (slice_equal(values[i], values[j]))
                return reader_fault(reader, item, "the value '%.*s' stands here twice",
                                    SLICE_ARGS(values[i]));
        label->value_count++;
    }
    return true;
}

static bool read_give(struct reader *reader, const struct yaml_node *node,
                      const struct document_label *label, struct document_give *give)
{
    static const char *const known[] = {"to", "value", NULL};
    const struct yaml_node *to, *value;

    if (!reader_keys(reader, node, known))
        return false;
    to = reader_need(reader, node, "to");
    value = reader_need(reader, node, "value");
    if (to == NULL || value == NULL || !reader_subjects(reader, to, false, &give->to))
        return false;
    for (size_t i = 0; i < give->to.count; i++)
        if (give->to.items[i].kind > SUBJECT_GROUP)
            return reader_fault(reader, give->to.items[i].ref.node,
                                "labels are given to what members and groups own");
    give->value = find_value(reader, value, label);
    return give->value != UINT8_MAX;
}

static void read_gives(struct reader *reader, const struct yaml_node *node,
                       struct document_label *label)
{
    struct document_give *gives;

    if (!reader_kind(reader, node, YAML_LIST))
        return;
    gives = reader_alloc(reader, node->count, sizeof(*gives));
    label->gives = gives;
    for (size_t i = 0; i < node->count; i++)
        label->give_count += read_give(reader, node->items[i], label, &gives[label->give_count]);
}

/* Once all labels have their names. */
static void read_label(struct reader *reader, struct document_label *label)
{
    static const char *const known[] = {"values", "give", NULL};
    const struct yaml_node *values, *give;

    if (!reader_keys(reader, label->body, known))
        return;
    values = reader_need(reader, label->body, "values");
    give = yaml_get(label->body, "give");
    if (values != NULL && read_values(reader, values, label) && give != NULL)
        read_gives(reader, give, label);
}

void document_name_labels(struct reader *reader, const struct yaml_node *node)
{
    struct document *document = reader->document;

    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];

        if (!reader_word(reader, pair->key, "a label"))
            continue;
        if (document->label_count == POLICY_LABELS_MAX) {
            reader_fault(reader, pair->key, "there are more than %d labels", POLICY_LABELS_MAX);
            return;
        }
        document->labels[document->label_count++] = (struct document_label){
            .name = pair->key->text, .node = pair->key, .body = pair->value};
    }
}

void document_finish_labels(struct reader *reader)
{
    struct document *document = reader->document;

    reader_sort(reader, document->labels, document->label_count, sizeof(*document->labels), "label",
                &document->label_names);
    for (size_t i = 0; i < document->label_count; i++)
        read_label(reader, &document->labels[i]);
}

/* ---- sites */

/* Names that mean something already. */
static void check_attribute(struct reader *reader, const struct document_value *value,
                            struct slice name)
{
    bool is_taken = slice_is(name, "id");

    for (int i = 0; i < POLICY_SEEN_COUNT; i++)
        is_taken = is_taken || slice_is(name, policy_seen_facts[i].name);
    if (is_taken)
        reader_fault(reader, value->node,
                     "site.%.*s is what is observed, not declared; take another name",
                     SLICE_ARGS(name));
}

static void read_site(struct reader *reader, const struct yaml_pair *pair)
{
    static const char *const known[] = {"attributes", NULL};
    struct document *document = reader->document;
    struct document_site *site = &document->sites[document->site_count];
    const struct yaml_node *attributes;

    if (!reader_id(reader, pair->key, "site", &site->id))
        return;
    site->node = pair->key;
    document->site_count++;
    if (!reader_keys(reader, pair->value, known))
        return;
    attributes = yaml_get(pair->value, "attributes");
    if (attributes != NULL)
        reader_attributes(reader, attributes, &document->site_attributes, &site->values,
                          &site->value_count);
    for (size_t i = 0; i < site->value_count; i++)
        check_attribute(reader, &site->values[i],
                        document->site_attributes.items[site->values[i].attribute].name);
}

void document_read_sites(struct reader *reader, const struct yaml_node *node)
{
    struct document *document = reader->document;
    struct document_site *grown;

    if (document->site_count + node->count > POLICY_SITES_MAX) {
        reader_fault(reader, node, "there are more than %d sites", POLICY_SITES_MAX);
        return;
    }
    grown = reader_alloc(reader, document->site_count + node->count, sizeof(*grown));
    if (document->site_count > 0)
        memcpy(grown, document->sites, document->site_count * sizeof(*grown));
    document->sites = grown;
    for (size_t i = 0; i < node->count; i++)
        read_site(reader, &node->pairs[i]);
}

void document_finish_sites(struct reader *reader)
{
    struct document *document = reader->document;

    reader_sort(reader, document->sites, document->site_count, sizeof(*document->sites), "site",
                &document->site_names);
    if (names_find(&document->site_names, SLICE("local")) == NAMES_NONE)
        reader_fault(reader, document->placement_node,
                     "the site 'local' is missing under 'sites': the storage here, where every "
                     "first copy is");
}
