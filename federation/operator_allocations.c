// SPDX-License-Identifier: Apache-2.0
#include "federation/operator_allocations.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "federation/allocation_codec.h"
#include "federation/links.h"
#include "federation/placer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 500 };

/* ---- one, as people read it */

static json_t *time_of(uint64_t ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    return ms == 0 ? json_null() : json_string(units_print_timestamp(text, ms));
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static const char *role_name(unsigned role)
{
    return role == ALLOCATION_OWNER ? "owner" : "holder";
}

static const char *text_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* NULL: no link that is there. */
static const char *partner_of(const json_t *links, const char *link)
{
    const json_t *each;
    size_t i;

    json_array_foreach((json_t *)links, i, each)
    {
        if (strcmp(text_member(each, "id"), link) == 0)
            return text_member(each, "partner");
    }
    return NULL;
}

static void put_record(json_t *out, const struct allocation_record *record, uint64_t now_ms)
{
    char why[ALLOCATION_WHY_SIZE];

    json_object_set_new(out, "blocks", number(record->blocks));
    json_object_set_new(out, "position", number(record->position));
    json_object_set_new(out, "evidence", time_of(record->seen_ms));
    json_object_set_new(out, "evidence_age_ms",
                        record->seen_ms == 0
                            ? json_null()
                            : number(now_ms > record->seen_ms ? now_ms - record->seen_ms : 0));
    json_object_set_new(out, "counts", json_boolean(allocation_counts(record)));
    json_object_set_new(
        out, "stuck",
        json_boolean(allocation_is_stuck(record) || allocation_is_overdue(record, now_ms)));
    json_object_set_new(out, "reason",
                        record->reason == ALLOCATION_NO_REASON
                            ? json_null()
                            : json_string(allocation_reason_name(record->reason)));
    json_object_set_new(out, "retry", time_of(record->retry_ms > now_ms ? record->retry_ms : 0));
    json_object_set_new(out, "why", json_string(allocation_why(record, now_ms, why)));
}

static json_t *describe_cid(const struct allocation_entry *entry)
{
    struct error err = {0};
    struct text text = {0};
    struct cid cid;
    json_t *out;

    if (!cid_from_bytes(&cid, entry->object.data, entry->object.size, &err))
        return json_null();
    cid_print(&cid, CID_BASE_DEFAULT, &text);
    out = json_string(text.data);
    text_dispose(&text);
    return out;
}

json_t *allocation_describe(const struct allocation_entry *entry, const json_t *links,
                            uint64_t now_ms)
{
    const char *partner = partner_of(links, entry->link);
    struct allocation_record record;
    struct error err = {0};
    json_t *out = json_pack(
        "{s:s,s:s,s:s?,s:s,s:s,s:o,s:s,s:o,s:i,s:o}", "id", entry->id, "link", entry->link,
        "partner", partner, "site", partner != NULL ? partner : entry->link, "role",
        role_name(entry->role), "cid", describe_cid(entry), "state", entry->state, "bytes",
        number(entry->bytes), "priority", (int)entry->priority, "since", time_of(entry->since_ms));

    if (allocation_read(&record, entry->record, &err)) {
        json_object_set_new(out, "bytes", number(record.bytes));
        put_record(out, &record, now_ms);
    } else {
        json_object_set_new(out, "why",
                            json_sprintf("its record in the ledger cannot be read: %s", err.text));
    }
    return out;
}

/* ---- /allocation/list: each call reads one page of one link's one role */

/* Where a page begins: PARTNER/ROLE/ID. */
struct place {
    char partner[ID_SIZE + 1]; /* pass_partner */
    unsigned role;
    char id[ULID_SIZE];
};

/* Behind this partner: no name has a '!', and those that go on behind this one are greater. */
static void pass_partner(struct place *place)
{
    size_t length = strlen(place->partner);

    place->partner[length] = '!';
    place->partner[length + 1] = '\0';
}

/* What comes behind the last allocation: "/unplaced/CID". */
static const char unplaced[] = "/unplaced/";

static bool has_unplaced(struct operator_call *call)
{
    return json_is_true(json_object_get(operator_input(call), "unplaced")) &&
           operator_site(call)->placer != NULL;
}

static void describe_unplaced(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_t *seen_ms = json_object_get(row, "seen_ms");

        json_object_set_new(row, "seen", time_of((uint64_t)json_integer_value(seen_ms)));
        json_object_del(row, "seen_ms");
        json_object_set_new(row, "site", json_null());
        json_object_set_new(row, "state", json_string("no site"));
        json_object_set_new(row, "stuck", json_true());
    }
}

/* Behind the last, if there were more than are kept. */
static void put_overflow(struct operator_call *call, json_t *rows)
{
    if (placer_shorts_overflow(operator_site(call)->placer))
        json_array_append_new(rows, json_pack("{s:s,s:n,s:s,s:b,s:s}", "cid", "...", "site",
                                              "state", "no site", "stuck", 1, "why",
                                              "there are more of these than are kept in memory"));
}

static void list_unplaced(struct operator_call *call, struct slice after)
{
    struct error err = {0};
    struct cid cid = {0};
    bool has_more;
    json_t *rows, *last = NULL;

    if (after.size > 0 && !cid_parse(&cid, after, &err)) {
        operator_refuse(call, 400, "after: what a page said was its last");
        return;
    }
    rows = placer_shorts(operator_site(call)->placer,
                         (struct slice){(const char *)cid.bytes, cid.size}, LIST_LIMIT, &has_more);
    describe_unplaced(rows);
    if (has_more)
        last = json_sprintf("%s%s", unplaced,
                            text_member(json_array_get(rows, json_array_size(rows) - 1), "cid"));
    else
        put_overflow(call, rows);
    operator_answer(
        call, 200,
        json_pack("{s:o,s:b,s:o*}", "allocations", rows, "has_more", (int)has_more, "last", last));
}

static bool read_place(struct slice text, struct place *place, struct error *err)
{
    const char *first = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
    const char *last = text.size > 0 ? memrchr(text.data, '/', text.size) : NULL;
    struct slice role, id;

    *place = (struct place){.role = ALLOCATION_OWNER};
    if (text.size == 0)
        return true;
    if (first == NULL || first == last || (size_t)(first - text.data) >= ID_SIZE)
        return error_set(err, ERROR_SYNTAX, "after: what a page said was its last");
    role = (struct slice){first + 1, (size_t)(last - first) - 1};
    id = (struct slice){last + 1, text.size - (size_t)(last - text.data) - 1};
    if ((!slice_is(role, "owner") && !slice_is(role, "holder")) ||
        (id.size > 0 && !ulid_is_valid(id)))
        return error_set(err, ERROR_SYNTAX, "after: what a page said was its last");
    memcpy(place->partner, text.data, (size_t)(first - text.data));
    place->role = slice_is(role, "owner") ? ALLOCATION_OWNER : ALLOCATION_HOLDER;
    if (id.size > 0)
        memcpy(place->id, id.data, id.size);
    return true;
}

static json_t *print_place(const struct place *place)
{
    return json_sprintf("%s/%s/%s", place->partner, role_name(place->role), place->id);
}

static bool is_role_wanted(const json_t *input, unsigned role)
{
    struct slice wanted = operator_text(input, "role");

    return wanted.data == NULL || slice_is(wanted, role_name(role));
}

/* The first link at or behind this name, in the order of names; NULL: there is none. Links come in
 * that order. */
static const json_t *link_from(const json_t *links, const json_t *input, const char *partner)
{
    struct slice wanted = operator_text(input, "partner");
    const json_t *link;
    size_t i;

    json_array_foreach((json_t *)links, i, link)
    {
        const char *name = text_member(link, "partner");

        if (strcmp(name, partner) >= 0 && (wanted.data == NULL || slice_is(wanted, name)))
            return link;
    }
    return NULL;
}

/* The place of the next page that is asked for, at or behind this one; false: there is none. */
static bool move_to_wanted(const json_t *links, const json_t *input, struct place *place,
                           const json_t **link)
{
    for (;;) {
        *link = link_from(links, input, place->partner);
        if (*link == NULL)
            return false;
        if (strcmp(text_member(*link, "partner"), place->partner) != 0) {
            *place = (struct place){.role = ALLOCATION_OWNER};
            snprintf(place->partner, sizeof(place->partner), "%s", text_member(*link, "partner"));
        }
        if (is_role_wanted(input, place->role))
            return true;
        place->id[0] = '\0';
        if (place->role == ALLOCATION_OWNER)
            place->role = ALLOCATION_HOLDER;
        else
            pass_partner(place);
    }
}

static bool is_over(const char *state)
{
    return strcmp(state, allocation_state_name(ALLOCATION_RELEASED)) == 0 ||
           strcmp(state, allocation_state_name(ALLOCATION_GONE)) == 0;
}

static bool is_wanted(const json_t *input, const json_t *row)
{
    struct slice state = operator_text(input, "state");
    const char *is = text_member(row, "state");

    if (json_is_true(json_object_get(input, "stuck")))
        return json_is_true(json_object_get(row, "stuck"));
    if (state.data != NULL)
        return slice_is(state, is);
    return json_is_true(json_object_get(input, "all")) || !is_over(is);
}

static void on_page(struct operator_call *call, struct transaction *transaction)
{
    const struct allocation_list *page = &transaction->allocation_list;
    const json_t *input = operator_input(call), *link;
    json_t *links = links_describe(operator_site(call)->links, NULL), *rows = json_array();
    struct place place = {.role = page->role};
    const char *partner = partner_of(links, page->link);
    bool has_more;

    for (size_t i = 0; i < page->count; i++) {
        json_t *row = allocation_describe(&page->entries[i], links, operator_now_ms(call));

        if (is_wanted(input, row))
            json_array_append(rows, row);
        json_decref(row);
    }
    snprintf(place.partner, sizeof(place.partner) - 1, "%s", partner != NULL ? partner : "");
    if (page->has_more)
        memcpy(place.id, page->entries[page->count - 1].id, ULID_SIZE);
    else if (place.role == ALLOCATION_OWNER)
        place.role = ALLOCATION_HOLDER;
    else
        pass_partner(&place);
    has_more = move_to_wanted(links, input, &place, &link);
    json_decref(links);
    operator_answer(call, 200,
                    json_pack("{s:o,s:b,s:o*}", "allocations", rows, "has_more",
                              (int)(has_more || has_unplaced(call)), "last",
                              has_more             ? print_place(&place)
                              : has_unplaced(call) ? json_string(unplaced)
                                                   : NULL));
}

static bool check_list(const json_t *input, struct error *err)
{
    static const char *const fields[] = {"\"partner", "\"role",  "\"state", "?stuck", "?all",
                                         "?unplaced", "\"after", "#limit",  NULL};
    struct slice role = operator_text(input, "role"), state = operator_text(input, "state");
    bool is_known = state.data == NULL;

    if (!operator_check_fields(input, fields, err))
        return false;
    if (role.data != NULL && !slice_is(role, "owner") && !slice_is(role, "holder"))
        return error_set(err, ERROR_SYNTAX,
                         "role: 'owner' (ours, there) or 'holder' (theirs, here), not '%.32s'",
                         role.data);
    for (enum allocation_state each = ALLOCATION_QUEUED; each < ALLOCATION_STATES; each++)
        is_known = is_known || slice_is(state, allocation_state_name(each));
    return is_known || error_set(err, ERROR_SYNTAX, "state: '%.32s' is none", state.data);
}

bool operator_allocations_begin(struct operator_call *call)
{
    if (operator_site(call)->links != NULL)
        return true;
    operator_refuse(call, 409,
                    "this gateway has no port for partners: set org and "
                    "listen.partners.address in causeway.yaml, and start it anew");
    return false;
}

static struct transaction *page_at(const struct place *place, const char *link, size_t limit)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_entry *after;

    list->allocation_list.by = ALLOCATION_LIST_ID;
    snprintf(list->allocation_list.link, ULID_SIZE, "%s", link);
    list->allocation_list.role = (uint8_t)place->role;
    list->allocation_list.limit = limit;
    if (place->id[0] != '\0') {
        after = arena_alloc(&list->arena, sizeof(*after));
        *after = (struct allocation_entry){.role = (uint8_t)place->role};
        snprintf(after->link, ULID_SIZE, "%s", link);
        memcpy(after->id, place->id, ULID_SIZE);
        list->allocation_list.after = after;
    }
    return list;
}

static void run_list(struct operator_call *call)
{
    const json_t *input = operator_input(call), *link;
    json_int_t limit = json_integer_value(json_object_get(input, "limit"));
    struct slice partner = operator_text(input, "partner"), after = operator_text(input, "after");
    const size_t known = sizeof(unplaced) - 1;
    struct error err = {0};
    struct place place;
    json_t *links;

    if (!operator_allocations_begin(call))
        return;
    if (has_unplaced(call) && after.size >= known && memcmp(after.data, unplaced, known) == 0) {
        list_unplaced(call, (struct slice){after.data + known, after.size - known});
        return;
    }
    if (!check_list(input, &err) || !read_place(operator_text(input, "after"), &place, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    links = links_describe(operator_site(call)->links, NULL);
    if (move_to_wanted(links, input, &place, &link))
        operator_transact(call,
                          page_at(&place, text_member(link, "id"),
                                  limit > 0 && limit < LIST_LIMIT ? (size_t)limit : LIST_LIMIT),
                          on_page);
    else if (partner.data != NULL && operator_text(input, "after").size == 0)
        operator_refuse(call, 404,
                        "there is no link with %s; causeway link list has those that "
                        "there are",
                        partner.data);
    else if (has_unplaced(call))
        list_unplaced(call, (struct slice){NULL, 0});
    else
        operator_answer(call, 200, json_pack("{s:[],s:b}", "allocations", "has_more", 0));
    json_decref(links);
}

const struct operator_route allocation_routes[] = {
    {"/allocation/list", run_list},
    {"/allocation/evict", operator_evict},
    {NULL, NULL},
};
