// SPDX-License-Identifier: Apache-2.0
/* placement: rules. Labels and sites: document_sites.c; spread: document_spread.c. */
#include "policy/reader.h"

#include "conf/units.h"

#define NS_PER_MS 1000000

/* ---- rules */

static bool read_count(struct reader *reader, const struct yaml_node *node, uint32_t least,
                       uint32_t most, const char *what, uint32_t *count)
{
    struct error err = {0};
    uint64_t value;

    if (!yaml_read_integer(node, &value, &err))
        return reader_adopt(reader, &err);
    if (value < least || value > most)
        return reader_fault(reader, node, "%s: %u to %u", what, least, most);
    *count = (uint32_t)value;
    return true;
}

static bool read_copies(struct reader *reader, const struct yaml_node *node,
                        struct document_placement *rule)
{
    static const char *const known[] = {"min", "want", "wait", NULL};
    const struct yaml_node *min, *want, *wait;

    if (node == NULL || !reader_keys(reader, node, known))
        return false;
    min = reader_need(reader, node, "min");
    want = yaml_get(node, "want");
    wait = yaml_get(node, "wait");
    if (min == NULL || !read_count(reader, min, 1, POLICY_COPIES_MAX, "copies", &rule->min))
        return false;
    rule->want = rule->min;
    rule->wait = 1;
    if (want != NULL && !read_count(reader, want, 1, POLICY_COPIES_MAX, "copies", &rule->want))
        return false;
    if (rule->want < rule->min)
        return reader_fault(reader, want, "fewer copies are wanted than there must be at least");
    if (wait != NULL && !read_count(reader, wait, 1, POLICY_COPIES_MAX, "copies", &rule->wait))
        return false;
    return rule->wait <= rule->want ||
           reader_fault(reader, wait, "calls would wait for more copies than are wanted");
}

static bool read_filter(struct reader *reader, const struct yaml_node *node,
                        struct document_placement *rule)
{
    struct expression_part parts[POLICY_PARTS_MAX];

    if (!reader_placement_condition(reader, node, ABOUT_SITE, false, &rule->filter))
        return false;
    return expression_parts(rule->filter.expression, parts, POLICY_PARTS_MAX) <= POLICY_PARTS_MAX ||
           reader_fault(reader, node, "a filter has at most %d parts joined by 'and'",
                        POLICY_PARTS_MAX);
}

static bool read_ratio(struct reader *reader, const struct yaml_node *node, int64_t *number)
{
    struct error err = {0};
    struct slice text = {0};
    uint64_t percent = 101;

    if (!reader_text(reader, node, &text))
        return false;
    if (text.size < 2 || text.data[text.size - 1] != '%' ||
        !units_parse_integer((struct slice){text.data, text.size - 1}, &percent, &err) ||
        percent > 100)
        return reader_fault(reader, node, "a ratio stands here: 0%% to 100%%");
    *number = (int64_t)percent * (POLICY_SCORE_ONE / 100);
    return true;
}

/* One end of a term's range, in the unit of its value. */
static bool read_bound(struct reader *reader, const struct yaml_node *node,
                       enum expression_result result, int64_t *number)
{
    struct error err = {0};
    uint64_t value;

    if (result == RESULT_RATIO)
        return read_ratio(reader, node, number);
    if (result == RESULT_DURATION ? !yaml_read_duration(node, &value, &err)
                                  : !yaml_read_size(node, &value, &err))
        return reader_adopt(reader, &err);
    if (value > (uint64_t)INT64_MAX / NS_PER_MS / 4)
        return reader_fault(reader, node, "that is too large for a score");
    *number = (int64_t)value * (result == RESULT_DURATION ? NS_PER_MS : 1);
    return true;
}

static bool read_range(struct reader *reader, const struct yaml_node *node,
                       struct document_term *term)
{
    const struct yaml_node *worst = yaml_get(node, "worst"), *best = yaml_get(node, "best");
    enum expression_result result = expression_result(term->value.expression);

    term->worst = 0;
    term->best = result == RESULT_TRUTH ? 1 : POLICY_SCORE_ONE;
    if (result == RESULT_TRUTH && (worst != NULL || best != NULL))
        return reader_fault(reader, node, "a condition is worth all or nothing: it has no range");
    if (result == RESULT_TRUTH || (result == RESULT_RATIO && worst == NULL && best == NULL))
        return true;
    worst = reader_need(reader, node, "worst");
    best = reader_need(reader, node, "best");
    if (worst == NULL || best == NULL || !read_bound(reader, worst, result, &term->worst) ||
        !read_bound(reader, best, result, &term->best))
        return false;
    return term->worst != term->best ||
           reader_fault(reader, best, "between 'worst' and 'best' must be something");
}

static bool read_term(struct reader *reader, const struct yaml_node *node,
                      struct document_term *term)
{
    static const char *const known[] = {"value", "weight", "worst", "best", NULL};
    const struct yaml_node *value, *weight;

    if (!reader_keys(reader, node, known))
        return false;
    value = reader_need(reader, node, "value");
    weight = reader_need(reader, node, "weight");
    if (value == NULL || weight == NULL ||
        !reader_placement_condition(reader, value, ABOUT_SITE, true, &term->value) ||
        !read_count(reader, weight, 1, 1000, "a weight", &term->weight))
        return false;
    if ((expression_uses(term->value.expression) & USES_OBJECT) != 0)
        return reader_fault(reader, value,
                            "a score is of a site alone, whatever is placed; put what depends on "
                            "the object into 'filter' or 'prefer', or into a rule of its own");
    return read_range(reader, node, term);
}

static bool read_score(struct reader *reader, const struct yaml_node *node,
                       struct document_placement *rule)
{
    struct document_term *terms;
    bool is_fine = true;

    if (!reader_kind(reader, node, YAML_LIST))
        return false;
    if (node->count == 0 || node->count > POLICY_TERMS_MAX)
        return reader_fault(reader, node, "a score has 1 to %d terms", POLICY_TERMS_MAX);
    terms = reader_alloc(reader, node->count, sizeof(*terms));
    rule->terms = terms;
    rule->term_count = node->count;
    for (size_t i = 0; i < node->count; i++)
        is_fine = read_term(reader, node->items[i], &terms[i]) && is_fine;
    return is_fine;
}

static bool read_prefer(struct reader *reader, const struct yaml_node *node,
                        struct document_placement *rule)
{
    struct document_condition *prefers;
    bool is_fine = true;

    if (!reader_is_list(reader, node))
        return false;
    rule->prefer_count = reader_count(node);
    if (rule->prefer_count > POLICY_PREFER_MAX)
        return reader_fault(reader, node, "'prefer' has at most %d conditions", POLICY_PREFER_MAX);
    prefers = reader_alloc(reader, rule->prefer_count, sizeof(*prefers));
    rule->prefers = prefers;
    for (size_t i = 0; i < rule->prefer_count; i++)
        is_fine = reader_placement_condition(reader, reader_item(node, i), ABOUT_SITE, false,
                                             &prefers[i]) &&
                  is_fine;
    return is_fine;
}

static bool read_parts(struct reader *reader, const struct yaml_node *node,
                       struct document_placement *rule)
{
    const struct yaml_node *value;
    bool is_fine = read_copies(reader, reader_need(reader, node, "copies"), rule);

    if ((value = yaml_get(node, "priority")) != NULL)
        is_fine = read_count(reader, value, 0, 1000000, "a priority", &rule->priority) && is_fine;
    if ((value = yaml_get(node, "for")) != NULL)
        is_fine =
            reader_placement_condition(reader, value, ABOUT_OBJECT, false, &rule->when) && is_fine;
    if ((value = yaml_get(node, "filter")) != NULL)
        is_fine = read_filter(reader, value, rule) && is_fine;
    if ((value = yaml_get(node, "score")) != NULL)
        is_fine = read_score(reader, value, rule) && is_fine;
    if ((value = yaml_get(node, "spread")) != NULL)
        is_fine = document_read_spread(reader, value, rule) && is_fine;
    if ((value = yaml_get(node, "prefer")) != NULL)
        is_fine = read_prefer(reader, value, rule) && is_fine;
    return is_fine;
}

static bool read_rule(struct reader *reader, const struct yaml_node *node,
                      struct document_placement *rule)
{
    static const char *const known[] = {"id",     "for",    "copies",   "filter", "score",
                                        "spread", "prefer", "priority", NULL};
    const struct yaml_node *id;

    if (!reader_keys(reader, node, known))
        return false;
    id = reader_need(reader, node, "id");
    rule->node = id;
    return id != NULL && reader_id(reader, id, "placement rule", &rule->id) &&
           read_parts(reader, node, rule);
}

static void read_rules(struct reader *reader, const struct yaml_node *node)
{
    struct document *document = reader->document;

    if (document->placement_count + node->count > POLICY_PLACEMENT_RULES_MAX) {
        reader_fault(reader, node, "there are more than %d rules of placement",
                     POLICY_PLACEMENT_RULES_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        struct document_placement *rule = &document->placements[document->placement_count];

        if (read_rule(reader, node->items[i], rule))
            document->placement_count++;
        else
            *rule = (struct document_placement){0};
    }
}

/* By priority. Two of one priority would need an order, and there is none. */
static void order_rules(struct reader *reader)
{
    struct document *document = reader->document;
    size_t count = document->placement_count;
    uint32_t *order = reader_alloc(reader, count, sizeof(*order));

    document->placement_order = order;
    for (size_t i = 0; i < count; i++) {
        const struct document_placement *rule = &document->placements[i];
        size_t at = i;

        for (; at > 0 && document->placements[order[at - 1]].priority < rule->priority; at--)
            order[at] = order[at - 1];
        order[at] = (uint32_t)i;
        if (at > 0 && document->placements[order[at - 1]].priority == rule->priority)
            reader_fault(reader, rule->node,
                         "the rules '%.*s' and '%.*s' have one priority, %u: which of them is for "
                         "an object must not depend on their order",
                         SLICE_ARGS(document->placements[order[at - 1]].id), SLICE_ARGS(rule->id),
                         rule->priority);
    }
}

/* ---- all of it */

/* The part of that name in all files, each of the right kind. */
static void each_part(struct reader *reader, const struct section *section, const char *name,
                      enum yaml_kind kind,
                      void (*read)(struct reader *reader, const struct yaml_node *node))
{
    for (size_t i = 0; i < section->count; i++) {
        const struct yaml_node *part = yaml_get(section->nodes[i], name);

        if (part != NULL && reader_kind(reader, part, kind))
            read(reader, part);
    }
}

void document_read_placement(struct reader *reader, const struct section *section)
{
    static const char *const known[] = {"labels", "sites", "rules", NULL};
    struct document *document = reader->document;

    if (section->count == 0)
        return;
    document->placement_node = section->nodes[0];
    for (size_t i = 0; i < section->count; i++)
        reader_keys(reader, section->nodes[i], known);
    document->labels = reader_alloc(reader, POLICY_LABELS_MAX, sizeof(*document->labels));
    each_part(reader, section, "labels", YAML_MAPPING, document_name_labels);
    document_finish_labels(reader);
    each_part(reader, section, "sites", YAML_MAPPING, document_read_sites);
    document_finish_sites(reader);
    document->placements =
        reader_alloc(reader, POLICY_PLACEMENT_RULES_MAX, sizeof(*document->placements));
    each_part(reader, section, "rules", YAML_LIST, read_rules);
    reader_sort(reader, document->placements, document->placement_count,
                sizeof(*document->placements), "placement rule", &document->placement_names);
    order_rules(reader);
}
