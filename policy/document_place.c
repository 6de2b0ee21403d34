// SPDX-License-Identifier: Apache-2.0
/* Tests of placement:
 *
 *   - {place: {size: 1GiB, owner: alice, labels: {class: secret}}, by: secret,
 *      expect: {only: [local], not: [beta], copies: 1},
 *      sites: {gamma: {linked: false}, beta: {free: 1GiB}}} */
#include "policy/reader.h"

#include "conf/units.h"
#include "ipfs/call_show.h"

#define NS_PER_MS 1000000

/* ---- what is placed */

static bool read_size(struct reader *reader, const struct yaml_node *node, uint64_t *bytes)
{
    struct error err = {0};

    if (!yaml_read_size(node, bytes, &err))
        return reader_adopt(reader, &err);
    return *bytes <= INT64_MAX || reader_fault(reader, node, "that is too large");
}

static bool read_cid(struct reader *reader, const struct yaml_node *node,
                     struct document_place *place)
{
    struct error err = {0};
    struct cid cid;

    place->cid.node = node;
    if (!reader_text(reader, node, &place->cid.name))
        return false;
    return cid_parse(&cid, place->cid.name, &err) ||
           reader_fault(reader, node, "'%s' is no CID: %s", call_show(place->cid.name).text,
                        err.text);
}

static bool read_owner(struct reader *reader, const struct yaml_node *node,
                       struct document_place *place)
{
    struct subjects owner;

    if (!reader_subjects(reader, node, true, &owner))
        return false;
    if (owner.count != 1 ||
        (owner.items[0].kind != SUBJECT_MEMBER && owner.items[0].kind != SUBJECT_GROUP))
        return reader_fault(reader, node, "the owner is one member, or group:NAME");
    place->is_group = owner.items[0].kind == SUBJECT_GROUP;
    place->owner = owner.items[0].ref;
    return true;
}

static bool read_label(struct reader *reader, const struct yaml_pair *pair, uint8_t *labels)
{
    const struct document *document = reader->document;
    const struct document_label *label;
    struct document_ref ref;
    struct slice text;

    if (!reader_find(reader, pair->key, &document->label_names, "label", &ref) ||
        !reader_text(reader, pair->value, &text))
        return false;
    label = &document->labels[ref.index];
    for (size_t i = 0; i < label->value_count; i++)
        if (slice_equal(label->values[i], text)) {
            labels[ref.index] = (uint8_t)i;
            return true;
        }
    return reader_fault(reader, pair->value, "'%s' is no value of the label '%.*s'",
                        call_show(text).text, SLICE_ARGS(label->name));
}

static bool read_labels(struct reader *reader, const struct yaml_node *node,
                        struct document_place *place)
{
    uint8_t *labels = reader_alloc(reader, POLICY_LABELS_MAX, 1);
    bool is_fine = true;

    memset(labels, UINT8_MAX, POLICY_LABELS_MAX);
    place->labels = labels;
    if (node == NULL)
        return true;
    if (!reader_kind(reader, node, YAML_MAPPING))
        return false;
    for (size_t i = 0; i < node->count; i++)
        is_fine = read_label(reader, &node->pairs[i], labels) && is_fine;
    return is_fine;
}

static bool read_object(struct reader *reader, const struct yaml_node *node,
                        struct document_place *place)
{
    static const char *const known[] = {"size", "cid", "owner", "labels", NULL};
    const struct yaml_node *value;
    bool is_fine = reader_keys(reader, node, known);

    if (!is_fine)
        return false;
    if ((value = yaml_get(node, "size")) != NULL)
        is_fine = read_size(reader, value, &place->bytes);
    if ((value = yaml_get(node, "cid")) != NULL)
        is_fine = read_cid(reader, value, place) && is_fine;
    if ((value = yaml_get(node, "owner")) != NULL)
        is_fine = read_owner(reader, value, place) && is_fine;
    return read_labels(reader, yaml_get(node, "labels"), place) && is_fine;
}

/* ---- what is observed */

static bool read_bool(struct reader *reader, const struct yaml_node *node, int64_t *number)
{
    struct error err = {0};
    bool value;

    if (!yaml_read_bool(node, &value, &err))
        return reader_adopt(reader, &err);
    *number = value;
    return true;
}

static bool read_ratio(struct reader *reader, const struct yaml_node *node, int64_t *number)
{
    struct error err = {0};
    struct slice text = {0};
    uint64_t percent = 0;

    if (!reader_text(reader, node, &text))
        return false;
    if (text.data[text.size - 1] != '%' ||
        !units_parse_integer((struct slice){text.data, text.size - 1}, &percent, &err) ||
        percent > 100)
        return reader_fault(reader, node, "a ratio stands here: 0%% to 100%%");
    *number = (int64_t)percent * (POLICY_SCORE_ONE / 100);
    return true;
}

static bool read_duration(struct reader *reader, const struct yaml_node *node, int64_t *number)
{
    struct error err = {0};
    uint64_t ms;

    if (!yaml_read_duration(node, &ms, &err))
        return reader_adopt(reader, &err);
    if (ms > INT64_MAX / NS_PER_MS)
        return reader_fault(reader, node, "that is too long");
    *number = (int64_t)ms * NS_PER_MS;
    return true;
}

static bool read_bytes(struct reader *reader, const struct yaml_node *node, int64_t *number)
{
    uint64_t bytes = 0;
    bool is_fine = read_size(reader, node, &bytes);

    *number = is_fine ? (int64_t)bytes : 0;
    return is_fine;
}

static bool (*const seen_readers[])(struct reader *, const struct yaml_node *, int64_t *) = {
    [SEEN_IS_BOOL] = read_bool,
    [SEEN_IS_BYTES] = read_bytes,
    [SEEN_IS_RATIO] = read_ratio,
    [SEEN_IS_DURATION] = read_duration,
};

static bool read_seen(struct reader *reader, const struct yaml_pair *pair,
                      struct document_place_site *site)
{
    int64_t linked = 0;

    if (slice_is(pair->key->text, "linked")) {
        if (!read_bool(reader, pair->value, &linked))
            return false;
        site->is_down = linked == 0;
        return true;
    }
    for (int i = 0; i < POLICY_SEEN_COUNT; i++)
        if (slice_is(pair->key->text, policy_seen_facts[i].name))
            return seen_readers[policy_seen_facts[i].kind](reader, pair->value,
                                                           &site->seen.values[i]);
    return reader_fault(reader, pair->key, "'%s' is nothing that is observed of a site",
                        call_show(pair->key->text).text);
}

/* What a test does not say is as good as it can be. */
static void make_ideal(struct policy_seen_values *seen)
{
    seen->has = (UINT32_C(1) << POLICY_SEEN_COUNT) - 1;
    for (int i = 0; i < POLICY_SEEN_COUNT; i++)
        seen->values[i] = policy_seen_facts[i].ideal;
}

static bool read_sites(struct reader *reader, const struct yaml_node *node,
                       struct document_place *place)
{
    struct document_place_site *sites;

    if (!reader_kind(reader, node, YAML_MAPPING))
        return false;
    sites = reader_alloc(reader, node->count, sizeof(*sites));
    place->seen = sites;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct document_ref ref;

        if (!reader_find(reader, pair->key, &reader->document->site_names, "site", &ref) ||
            !reader_kind(reader, pair->value, YAML_MAPPING))
            return false;
        sites[i].site = ref.index;
        make_ideal(&sites[i].seen);
        for (size_t j = 0; j < pair->value->count; j++)
            if (!read_seen(reader, &pair->value->pairs[j], &sites[i]))
                return false;
    }
    place->seen_count = node->count;
    return true;
}

/* ---- what is expected */

static bool read_site_list(struct reader *reader, const struct yaml_node *node,
                           const uint32_t **sites, size_t *count)
{
    uint32_t *items;

    if (node == NULL || (node->kind == YAML_LIST && node->count == 0))
        return true;
    if (!reader_is_list(reader, node))
        return false;
    items = reader_alloc(reader, reader_count(node), sizeof(*items));
    *sites = items;
    for (size_t i = 0; i < reader_count(node); i++) {
        struct document_ref ref;

        if (!reader_find(reader, reader_item(node, i), &reader->document->site_names, "site", &ref))
            return false;
        items[(*count)++] = ref.index;
    }
    return true;
}

static bool read_expectation(struct reader *reader, const struct yaml_node *node,
                             struct document_place *place)
{
    static const char *const known[] = {"only", "not", "sites", "copies", NULL};
    struct error err = {0};

    if (!reader_keys(reader, node, known))
        return false;
    place->only_node = yaml_get(node, "only");
    place->not_node = yaml_get(node, "not");
    place->sites_node = yaml_get(node, "sites");
    place->copies_node = yaml_get(node, "copies");
    if (place->sites_node != NULL && place->cid.name.size == 0)
        return reader_fault(reader, place->sites_node,
                            "which of the sites are taken depends on the object: write its 'cid' "
                            "into 'place', or expect 'only', 'not' or 'copies'");
    if (place->copies_node != NULL && !yaml_read_integer(place->copies_node, &place->copies, &err))
        return reader_adopt(reader, &err);
    return read_site_list(reader, place->only_node, &place->only, &place->only_count) &&
           read_site_list(reader, place->not_node, &place->not, &place->not_count) &&
           read_site_list(reader, place->sites_node, &place->sites, &place->sites_count);
}

/* The id of a rule, or "none". */
static bool read_by(struct reader *reader, const struct yaml_node *node,
                    struct document_place *place)
{
    place->by.node = node;
    place->by.index = NAMES_NONE;
    if (slice_is(node->text, "none"))
        return reader_text(reader, node, &place->by.name);
    return reader_find(reader, node, &reader->document->placement_names, "placement rule",
                       &place->by);
}

bool document_read_place_test(struct reader *reader, const struct yaml_node *node,
                              struct document_test *test)
{
    static const char *const known[] = {"place", "expect", "by", "sites", NULL};
    struct document_place *place = reader_alloc(reader, 1, sizeof(*place));
    const struct yaml_node *expect, *by, *sites;

    test->place = place;
    if (!reader_keys(reader, node, known) || !read_object(reader, yaml_get(node, "place"), place))
        return false;
    expect = yaml_get(node, "expect");
    by = yaml_get(node, "by");
    sites = yaml_get(node, "sites");
    if (expect == NULL && by == NULL)
        return reader_fault(reader, node, "a test of placement has 'expect', 'by' or both");
    return (expect == NULL || read_expectation(reader, expect, place)) &&
           (by == NULL || read_by(reader, by, place)) &&
           (sites == NULL || read_sites(reader, sites, place));
}
