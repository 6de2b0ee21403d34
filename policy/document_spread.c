// SPDX-License-Identifier: Apache-2.0
/* spread: the domains that copies are spread over. Of two domains one must lie within the other or
 * both be apart; then the greedy walk of placement finds the most copies that there can be, and a
 * site more or less changes at most one copy of an object. Domains that cross would move up to
 * four, and leave copies unplaced although there is room. */
#include "policy/reader.h"

#include <stdio.h>
#include <stdlib.h>

/* The value of a site's attribute; NULL: it has none. */
static const struct constant *value_of(const struct document_site *site, uint32_t attribute)
{
    for (size_t i = 0; i < site->value_count; i++)
        if (site->values[i].attribute == attribute)
            return &site->values[i].value;
    return NULL;
}

/* What two equal values have in common: a text as it is, of others the number. */
static struct slice value_key(struct reader *reader, const struct constant *value)
{
    char digits[32];
    int size;

    if (value->type == CONSTANT_TEXT)
        return value->text;
    size = snprintf(digits, sizeof(digits), "%lld", (long long)value->number);
    return (struct slice){arena_copy(&reader->document->arena, digits, (size_t)size), (size_t)size};
}

/* Numbers the domains; each site has to be in one. */
static bool find_domains(struct reader *reader, struct document_cap *cap)
{
    struct document *document = reader->document;
    uint32_t *domains = reader_alloc(reader, document->site_count, sizeof(*domains));
    struct names numbers = {0};
    bool is_fine = true;

    for (size_t i = 0; is_fine && i < document->site_count; i++) {
        const struct constant *value = value_of(&document->sites[i], cap->attribute);
        uint32_t found;

        if (value == NULL || value->type == CONSTANT_LIST) {
            is_fine = reader_fault(reader, cap->node,
                                   "the site '%.*s' (line %u) has no single '%.*s': copies there "
                                   "could not be counted",
                                   SLICE_ARGS(document->sites[i].id), document->sites[i].node->line,
                                   SLICE_ARGS(cap->name));
            break;
        }
        found = names_add(&numbers, value_key(reader, value), (uint32_t)numbers.count);
        domains[i] = found == NAMES_NONE ? (uint32_t)numbers.count - 1 : found;
    }
    names_dispose(&numbers);
    cap->domains = domains;
    return is_fine;
}

static bool read_cap(struct reader *reader, const struct yaml_pair *pair, struct document_cap *cap)
{
    struct document_attributes *attributes = &reader->document->site_attributes;
    struct error err = {0};
    struct document_ref ref;
    uint64_t most;

    if (!reader_find(reader, pair->key, &attributes->names, "attribute of sites", &ref))
        return false;
    if (!yaml_read_integer(pair->value, &most, &err))
        return reader_adopt(reader, &err);
    if (most == 0 || most > POLICY_COPIES_MAX)
        return reader_fault(reader, pair->value, "copies in one domain: 1 to %d",
                            POLICY_COPIES_MAX);
    attributes->items[ref.index].is_used = true;
    *cap = (struct document_cap){ref.name, pair->key, ref.index, (uint32_t)most, NULL};
    return find_domains(reader, cap);
}

enum { UNSEEN = UINT32_MAX, MANY = UINT32_MAX - 1 };

/* For each domain of one cap the one domain of another that all its sites are in, or MANY. */
static uint32_t *find_around(struct reader *reader, const struct document_cap *inner,
                             const struct document_cap *outer)
{
    size_t count = reader->document->site_count;
    uint32_t *around = reader_alloc(reader, count + 1, sizeof(*around));

    memset(around, 0xff, (count + 1) * sizeof(*around));
    for (size_t i = 0; i < count; i++) {
        uint32_t *one = &around[inner->domains[i]];

        *one = *one == UNSEEN || *one == outer->domains[i] ? outer->domains[i] : MANY;
    }
    return around;
}

static bool told_crossing(struct reader *reader, const struct document_cap *a,
                          const struct document_cap *b, size_t site)
{
    const struct document *document = reader->document;
    const struct document_site *sites = document->sites;
    size_t in_a = 0, in_b = 0;

    for (size_t i = 0; i < document->site_count; i++) {
        bool is_a = a->domains[i] == a->domains[site], is_b = b->domains[i] == b->domains[site];

        in_a = is_a && !is_b ? i : in_a;
        in_b = is_b && !is_a ? i : in_b;
    }
    return reader_fault(reader, b->node,
                        "'%.*s' and '%.*s' cross: '%.*s' and '%.*s' share the %.*s but not the "
                        "%.*s, '%.*s' and '%.*s' the %.*s but not the %.*s. Spread domains lie "
                        "within each other, as countries, cities and houses do; keep one of the "
                        "two, and ask for the other in 'prefer' or 'score'",
                        SLICE_ARGS(a->name), SLICE_ARGS(b->name), SLICE_ARGS(sites[site].id),
                        SLICE_ARGS(sites[in_a].id), SLICE_ARGS(a->name), SLICE_ARGS(b->name),
                        SLICE_ARGS(sites[site].id), SLICE_ARGS(sites[in_b].id), SLICE_ARGS(b->name),
                        SLICE_ARGS(a->name));
}

static bool check_nested(struct reader *reader, const struct document_cap *a,
                         const struct document_cap *b)
{
    const uint32_t *around_a = find_around(reader, a, b), *around_b = find_around(reader, b, a);

    for (size_t i = 0; i < reader->document->site_count; i++)
        if (around_a[a->domains[i]] == MANY && around_b[b->domains[i]] == MANY)
            return told_crossing(reader, a, b, i);
    return true;
}

bool document_read_spread(struct reader *reader, const struct yaml_node *node,
                          struct document_placement *rule)
{
    struct document_cap *caps;

    if (!reader_kind(reader, node, YAML_MAPPING))
        return false;
    if (node->count == 0 || node->count > POLICY_CAPS_MAX)
        return reader_fault(reader, node, "'spread' has 1 to %d attributes", POLICY_CAPS_MAX);
    caps = reader_alloc(reader, node->count, sizeof(*caps));
    rule->caps = caps;
    for (size_t i = 0; i < node->count; i++)
        if (!read_cap(reader, &node->pairs[i], &caps[i]))
            return false;
    rule->cap_count = node->count;
    for (size_t i = 0; i < node->count; i++)
        for (size_t j = 0; j < i; j++)
            if (!check_nested(reader, &caps[j], &caps[i]))
                return false;
    return true;
}
