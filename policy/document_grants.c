// SPDX-License-Identifier: Apache-2.0
/* grants. */
#include "policy/grants.h"
#include "policy/reader.h"

#include "conf/units.h"
#include "ipfs/call_show.h"

static bool read_size(struct reader *reader, const struct yaml_node *node, uint64_t *bytes)
{
    struct error err = {0};

    if (!yaml_read_size(node, bytes, &err))
        return reader_adopt(reader, &err);
    return *bytes > 0 || reader_fault(reader, node,
                                      "a grant of 0 bytes gives nothing: leave the line away, and "
                                      "nothing is granted");
}

static bool read_pins(struct reader *reader, const struct yaml_node *node, uint64_t *pins)
{
    struct error err = {0};

    if (!yaml_read_integer(node, pins, &err))
        return reader_adopt(reader, &err);
    return (*pins > 0 && *pins <= INT64_MAX) ||
           reader_fault(reader, node,
                        "a grant of 0 pins gives nothing: leave it away for no bound "
                        "on their number");
}

/* Less would not move a block in its time. */
#define RATE_MIN UINT64_C(16384)

/* "100MiB/s" */
static bool read_rate(struct reader *reader, const struct yaml_node *node, uint64_t *rate)
{
    struct error err = {0};
    struct slice text = {0};

    if (!reader_text(reader, node, &text))
        return false;
    if (text.size < 3 || text.data[text.size - 2] != '/' || text.data[text.size - 1] != 's')
        return reader_fault(reader, node, "'%s' is no rate of bytes; write 100MiB/s",
                            call_show(text).text);
    text.size -= 2;
    if (!units_parse_size(text, rate, &err))
        return reader_adopt_at(reader, node, &err);
    if (*rate == 0)
        return reader_fault(reader, node,
                            "a rate of 0 lets nothing through: leave it "
                            "away for no bound");
    return *rate >= RATE_MIN ||
           reader_fault(reader, node, "a rate below 16KiB/s would not move a block in its time");
}

/* What they may store here. */
static bool read_here(struct reader *reader, const struct yaml_node *node,
                      struct document_grant *grant)
{
    static const char *const known[] = {"bytes", "pins", "max_object", "rate", NULL};
    const struct yaml_node *bytes, *pins, *max_object, *rate;

    if (!reader_keys(reader, node, known))
        return false;
    grant->gives_here = true;
    bytes = reader_need(reader, node, "bytes");
    pins = yaml_get(node, "pins");
    max_object = yaml_get(node, "max_object");
    rate = yaml_get(node, "rate");
    if (bytes == NULL || !read_size(reader, bytes, &grant->here_bytes) ||
        (pins != NULL && !read_pins(reader, pins, &grant->here_pins)) ||
        (max_object != NULL && !read_size(reader, max_object, &grant->here_max_object)) ||
        (rate != NULL && !read_rate(reader, rate, &grant->here_rate)))
        return false;
    return grant->here_max_object <= grant->here_bytes ||
           reader_fault(reader, max_object,
                        "an object of this size is more than all that is "
                        "granted ('bytes')");
}

/* What of ours may go there. */
static bool read_there(struct reader *reader, const struct yaml_node *node,
                       struct document_grant *grant)
{
    static const char *const known[] = {"bytes", "until", "data", NULL};
    const struct yaml_node *bytes, *until, *data;

    if (!reader_keys(reader, node, known))
        return false;
    grant->gives_there = true;
    bytes = reader_need(reader, node, "bytes");
    until = yaml_get(node, "until");
    data = yaml_get(node, "data");
    return bytes != NULL && read_size(reader, bytes, &grant->there_bytes) &&
           (until == NULL || reader_time(reader, until, &grant->there_until_ms)) &&
           (data == NULL ||
            reader_placement_condition(reader, data, ABOUT_OBJECT, false, &grant->data));
}

static bool read_grant(struct reader *reader, const struct yaml_node *node,
                       struct document_grant *grant)
{
    static const char *const known[] = {"partner", "we_store", "they_store", NULL};
    bool is_fine = reader_keys(reader, node, known);
    const struct yaml_node *partner, *here, *there;

    if (node->kind != YAML_MAPPING)
        return false;
    partner = reader_need(reader, node, "partner");
    grant->node = partner;
    if (partner == NULL || !reader_id(reader, partner, "partner", &grant->partner))
        return false;
    here = yaml_get(node, "we_store");
    there = yaml_get(node, "they_store");
    if (here == NULL && there == NULL)
        return is_fine && reader_fault(reader, node,
                                       "this grant gives nothing; there are we_store (what of "
                                       "theirs is stored here) and they_store");
    if (here != NULL)
        is_fine = read_here(reader, here, grant) && is_fine;
    if (there != NULL)
        is_fine = read_there(reader, there, grant) && is_fine;
    return is_fine;
}

void document_read_grants(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;
    size_t room = section->items < POLICY_GRANTS_MAX ? section->items : POLICY_GRANTS_MAX;

    document->grants = reader_alloc(reader, room, sizeof(*document->grants));
    if (room < section->items)
        reader_fault(reader, section->nodes[0], "there are more than %d grants", POLICY_GRANTS_MAX);
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count && document->grant_count < room; i++) {
            struct document_grant *grant = &document->grants[document->grant_count];

            if (read_grant(reader, section->nodes[f]->items[i], grant))
                document->grant_count++;
            else
                *grant = (struct document_grant){0};
        }
    reader_sort(reader, document->grants, document->grant_count, sizeof(*document->grants),
                "grant to", &document->grant_names);
}
