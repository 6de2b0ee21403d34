// SPDX-License-Identifier: Apache-2.0
/* quotas. */
#include "policy/reader.h"

#include "conf/id.h"
#include "conf/units.h"
#include "ipfs/call_show.h"

#define MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)

/* ---- whom it is about */

static bool read_group(struct reader *reader, const struct yaml_node *node, struct slice name,
                       struct document_quota *quota)
{
    struct suggestion near;
    struct slice known;

    quota->scope = QUOTA_SCOPE_GROUP;
    quota->group = (struct document_ref){name, node, NAMES_NONE};
    quota->group.index = names_find(&reader->document->group_names, name);
    if (quota->group.index != NAMES_NONE)
        return true;
    suggestion_init(&near, name);
    for (size_t cursor = 0; names_next(&reader->document->group_names, &cursor, &known);)
        suggestion_offer_slice(&near, known);
    if (near.best.size > 0)
        return reader_fault(reader, node, "there is no group '%s'; did you mean 'group:%.*s'?",
                            call_show(name).text, SLICE_ARGS(near.best));
    return reader_fault(reader, node, "there is no group '%s'", call_show(name).text);
}

static bool read_partner(struct reader *reader, const struct yaml_node *node, struct slice name,
                         struct document_quota *quota)
{
    struct error err = {0};

    quota->scope = QUOTA_SCOPE_PARTNER;
    quota->partner = name;
    return id_check(name, "partner", &err) || reader_adopt_at(reader, node, &err);
}

static bool read_scope(struct reader *reader, const struct yaml_node *node,
                       struct document_quota *quota)
{
    static const struct {
        const char *text;
        enum policy_quota_scope scope;
    } whole[] = {{"org", QUOTA_SCOPE_ORG},
                 {"each member", QUOTA_SCOPE_MEMBER},
                 {"each token", QUOTA_SCOPE_TOKEN}};
    const struct yaml_node *scope = reader_need(reader, node, "scope");
    struct slice text = {0};

    if (scope == NULL || !reader_text(reader, scope, &text))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
        if (slice_is(text, whole[i].text)) {
            quota->scope = whole[i].scope;
            return true;
        }
    if (slice_starts(text, "group:"))
        return read_group(reader, scope, (struct slice){text.data + 6, text.size - 6}, quota);
    if (slice_starts(text, "partner:"))
        return read_partner(reader, scope, (struct slice){text.data + 8, text.size - 8}, quota);
    return reader_fault(reader, scope,
                        "'%s' is no scope of a quota; there are org, each member, group:NAME, each "
                        "token and partner:NAME",
                        call_show(text).text);
}

/* ---- what it limits */

static bool read_size(struct reader *reader, const struct yaml_node *node, uint64_t *bytes)
{
    struct error err = {0};

    if (!yaml_read_size(node, bytes, &err))
        return reader_adopt(reader, &err);
    return *bytes > 0 || reader_fault(reader, node,
                                      "a limit of 0 bytes is refused: leave it away for no limit, "
                                      "or deny the commands with a rule");
}

static bool read_number(struct reader *reader, const struct yaml_node *node, uint64_t max,
                        const char *what, uint64_t *number)
{
    struct error err = {0};

    if (!yaml_read_integer(node, number, &err))
        return reader_adopt(reader, &err);
    if (*number == 0)
        return reader_fault(reader, node,
                            "a limit of 0 %s is refused: leave it away for no limit, or deny the "
                            "commands with a rule",
                            what);
    return *number <= max ||
           reader_fault(reader, node, "at most %llu %s", (unsigned long long)max, what);
}

static bool read_period(struct reader *reader, const struct yaml_node *node, uint64_t *ms)
{
    struct error err = {0};

    if (!yaml_read_duration(node, ms, &err))
        return reader_adopt(reader, &err);
    return (*ms >= 1000 && *ms <= MAX_MS) ||
           reader_fault(reader, node, "a window is 1s to 366d long");
}

/* 85% of value, rounded down. */
static uint64_t share_of(uint64_t value, uint64_t percent)
{
    return value / 100 * percent + value % 100 * percent / 100;
}

/* "85%" of each limit, or a size below that of bytes. */
static bool read_soft(struct reader *reader, const struct yaml_node *node,
                      struct document_quota *quota)
{
    struct error err = {0};
    struct slice text = {0};
    uint64_t percent = 0;

    if (!reader_text(reader, node, &text))
        return false;
    if (text.size > 1 && text.data[text.size - 1] == '%') {
        text.size--;
        if (!units_parse_integer(text, &percent, &err))
            return reader_adopt_at(reader, node, &err);
        if (percent == 0 || percent >= 100)
            return reader_fault(reader, node, "a soft limit lies below the hard one: 1%% to 99%%");
        quota->soft_bytes = share_of(quota->stored_bytes, percent);
        quota->soft_pins = share_of(quota->stored_pins, percent);
        return true;
    }
    if (!read_size(reader, node, &quota->soft_bytes))
        return false;
    if (quota->stored_bytes == 0)
        return reader_fault(reader, node,
                            "a soft limit in bytes needs 'bytes' beside it; for pins write a "
                            "percentage");
    return quota->soft_bytes < quota->stored_bytes ||
           reader_fault(reader, node, "a soft limit lies below the hard one");
}

static bool read_stored(struct reader *reader, const struct yaml_node *node,
                        struct document_quota *quota)
{
    static const char *const known[] = {"bytes", "pins", "soft", NULL};
    const struct yaml_node *bytes, *pins, *soft;

    if (!reader_keys(reader, node, known))
        return false;
    bytes = yaml_get(node, "bytes");
    pins = yaml_get(node, "pins");
    soft = yaml_get(node, "soft");
    if (bytes == NULL && pins == NULL)
        return reader_fault(reader, node, "say how much: 'bytes', 'pins' or both");
    if (quota->scope == QUOTA_SCOPE_TOKEN)
        return reader_fault(reader, node,
                            "what is stored belongs to members and groups, not to the tokens they "
                            "used: write 'each member' or a group");
    return (bytes == NULL || read_size(reader, bytes, &quota->stored_bytes)) &&
           (pins == NULL || read_number(reader, pins, INT64_MAX, "pins", &quota->stored_pins)) &&
           (soft == NULL || read_soft(reader, soft, quota));
}

static bool read_window(struct reader *reader, const struct yaml_node *node,
                        struct policy_quota_window *window)
{
    static const char *const known[] = {"bytes", "per", NULL};
    const struct yaml_node *bytes, *per;

    if (!reader_keys(reader, node, known))
        return false;
    bytes = reader_need(reader, node, "bytes");
    per = reader_need(reader, node, "per");
    return bytes != NULL && per != NULL && read_size(reader, bytes, &window->bytes) &&
           read_period(reader, per, &window->per_ms);
}

/* "100/s", "1000/h". */
static bool read_rate(struct reader *reader, const struct yaml_node *node, struct quota_rate *rate)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    struct error err = {0};
    struct slice text = {0};

    if (!reader_text(reader, node, &text))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(units) && text.size > 2; i++)
        if (text.data[text.size - 2] == '/' && text.data[text.size - 1] == units[i].unit)
            rate->per_ms = units[i].ms;
    if (rate->per_ms == 0)
        return reader_fault(reader, node, "'%s' is no rate; write 100/s, 1000/m, 5000/h or 20000/d",
                            call_show(text).text);
    text.size -= 2;
    if (!units_parse_integer(text, &rate->calls, &err))
        return reader_adopt_at(reader, node, &err);
    return (rate->calls > 0 && rate->calls <= 1000000) ||
           reader_fault(reader, node, "a rate is 1 to 1000000 in its time");
}

static bool read_requests(struct reader *reader, const struct yaml_node *node,
                          struct quota_rate *requests)
{
    static const char *const known[] = {"rate", "burst", NULL};
    const struct yaml_node *rate, *burst;

    if (!reader_keys(reader, node, known))
        return false;
    rate = reader_need(reader, node, "rate");
    burst = reader_need(reader, node, "burst");
    return rate != NULL && burst != NULL && read_rate(reader, rate, requests) &&
           read_number(reader, burst, 1000000, "requests at once", &requests->burst);
}

static bool read_limits(struct reader *reader, const struct yaml_node *node,
                        struct document_quota *quota)
{
    const struct yaml_node *stored = yaml_get(node, "stored"), *upload = yaml_get(node, "upload"),
                           *egress = yaml_get(node, "egress"),
                           *requests = yaml_get(node, "requests"),
                           *concurrent = yaml_get(node, "concurrent");
    bool is_fine = true;

    if (stored == NULL && upload == NULL && egress == NULL && requests == NULL &&
        concurrent == NULL)
        return reader_fault(reader, node,
                            "this quota limits nothing; there are stored, upload, egress, requests "
                            "and concurrent");
    if (quota->scope == QUOTA_SCOPE_PARTNER &&
        (stored == NULL || upload != NULL || egress != NULL || requests != NULL ||
         concurrent != NULL))
        return reader_fault(reader, node,
                            "a quota on a partner limits what it stores ('stored'), and that "
                            "alone; what goes over its link, causeway link limit bounds");
    if (stored != NULL)
        is_fine = read_stored(reader, stored, quota);
    if (upload != NULL)
        is_fine = read_window(reader, upload, &quota->upload) && is_fine;
    if (egress != NULL)
        is_fine = read_window(reader, egress, &quota->egress) && is_fine;
    if (requests != NULL)
        is_fine = read_requests(reader, requests, &quota->requests) && is_fine;
    if (concurrent != NULL)
        is_fine = read_number(reader, concurrent, 1000000, "calls at once", &quota->concurrent) &&
                  is_fine;
    return is_fine;
}

static bool read_quota(struct reader *reader, const struct yaml_node *node,
                       struct document_quota *quota)
{
    static const char *const known[] = {"id",     "scope",    "stored",     "upload",
                                        "egress", "requests", "concurrent", NULL};
    bool is_fine = reader_keys(reader, node, known);
    const struct yaml_node *id;

    if (node->kind != YAML_MAPPING)
        return false;
    id = reader_need(reader, node, "id");
    quota->node = id;
    if (id == NULL || !reader_id(reader, id, "quota", &quota->id))
        return false;
    return read_scope(reader, node, quota) && is_fine && read_limits(reader, node, quota);
}

void document_read_quotas(struct reader *reader, const struct section *section)
{
    struct document *document = reader->document;
    size_t room = section->items < POLICY_QUOTAS_MAX ? section->items : POLICY_QUOTAS_MAX;

    document->quotas = reader_alloc(reader, room, sizeof(*document->quotas));
    if (room < section->items)
        reader_fault(reader, section->nodes[0], "there are more than %d quotas", POLICY_QUOTAS_MAX);
    for (size_t f = 0; f < section->count; f++)
        for (size_t i = 0; i < section->nodes[f]->count && document->quota_count < room; i++) {
            struct document_quota *quota = &document->quotas[document->quota_count];

            if (read_quota(reader, section->nodes[f]->items[i], quota))
                document->quota_count++;
            else
                *quota = (struct document_quota){0};
        }
    reader_sort(reader, document->quotas, document->quota_count, sizeof(*document->quotas), "quota",
                &document->quota_names);
}
