// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "conf/units.h"
#include "federation/allocations.h"
#include "federation/links.h"
#include "federation/operator_allocations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WITHIN_MS     (UINT64_C(7) * 24 * ALLOCATION_HOUR_MS) /* unless said: time to place it anew */
#define WITHIN_MAX_MS (UINT64_C(366) * 24 * ALLOCATION_HOUR_MS)

enum { SAID_MAX = ALLOCATION_SAID_SIZE - 1 };

static const char *text_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* ---- /allocation/evict: looked for at each link, then told to its machine */

struct eviction {
    json_t *links;
    size_t at;
    json_t *found;
};

static void eviction_end(struct operator_call *call)
{
    struct eviction *eviction = *operator_context(call);

    json_decref(eviction->links);
    json_decref(eviction->found);
    free(eviction);
    *operator_context(call) = NULL;
}

static void on_evicted(void *call_, const struct error *err)
{
    struct operator_call *call = call_;
    struct eviction *eviction = *operator_context(call);
    const json_t *found = eviction->found;

    if (err != NULL)
        operator_refuse_error(call, err);
    else
        operator_answer(
            call, 200,
            json_pack("{s:O,s:O,s:O,s:o}", "id", json_object_get(found, "id"), "partner",
                      json_object_get(found, "partner"), "cid", json_object_get(found, "cid"),
                      "said",
                      json_sprintf("%s is told, and places it anew; it goes when they have "
                                   "released it, or when the time is over",
                                   text_member(found, "partner"))));
    eviction_end(call);
}

static bool read_within(const json_t *input, uint64_t now_ms, uint64_t *until_ms, struct error *err)
{
    struct slice text = operator_text(input, "within");
    uint64_t within_ms = WITHIN_MS;

    if (text.data != NULL && !slice_is(text, "0") && !units_parse_duration(text, &within_ms, err))
        return error_prefix(err, "within");
    if (text.data != NULL && slice_is(text, "0"))
        within_ms = 0;
    *until_ms = within_ms == 0 ? 0 : now_ms + within_ms;
    return within_ms <= WITHIN_MAX_MS || error_set(err, ERROR_LIMIT, "within: at most 366d");
}

/* States in which our operator has something to take back. */
static bool can_go(const char *state)
{
    static const enum allocation_state states[] = {ALLOCATION_RESERVED,  ALLOCATION_RECEIVING,
                                                   ALLOCATION_IMPORTING, ALLOCATION_PINNED,
                                                   ALLOCATION_LEAVING,   ALLOCATION_ORPHANED};

    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (strcmp(state, allocation_state_name(states[i])) == 0)
            return true;
    return false;
}

static void evict_found(struct operator_call *call)
{
    struct eviction *eviction = *operator_context(call);
    const json_t *input = operator_input(call);
    struct allocation_event event = {.kind = ALLOCATION_EVICT,
                                     .said = operator_text(input, "reason")};
    const char *state = text_member(eviction->found, "state");
    struct error err = {0};
    bool started = false;

    snprintf(event.id, sizeof(event.id), "%s", text_member(eviction->found, "id"));
    if (!can_go(state))
        error_set(&err, ERROR_REFUSED, "it is %s: there is nothing here to evict", state);
    else if (read_within(input, operator_now_ms(call), &event.until_ms, &err))
        started = allocations_tell(operator_site(call)->allocations,
                                   text_member(eviction->found, "partner"), ALLOCATION_HOLDER,
                                   &event, on_evicted, call, &err);
    if (started)
        return;
    operator_refuse_error(call, &err);
    eviction_end(call);
}

static void look_at_next(struct operator_call *call);

static void on_looked(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct eviction *eviction = *operator_context(call);

    if (transaction->err.code == ERROR_NOT_FOUND) {
        eviction->at++;
        look_at_next(call);
    } else if (transaction->err.code != ERROR_NONE) {
        operator_refuse_error(call, &transaction->err);
        eviction_end(call);
    } else {
        eviction->found = allocation_describe(&transaction->allocation_get.entry, eviction->links,
                                              operator_now_ms(call));
        evict_found(call);
    }
}

static void look_at_next(struct operator_call *call)
{
    struct eviction *eviction = *operator_context(call);
    const json_t *link = json_array_get(eviction->links, eviction->at);
    struct transaction *get;
    struct error err = {0};

    if (link == NULL) {
        operator_refuse(call, 404,
                        "no partner has an allocation %s here; causeway allocation list --role "
                        "holder has those that there are",
                        operator_text(operator_input(call), "id").data);
        eviction_end(call);
        return;
    }
    get = transaction_create(TRANSACTION_ALLOCATION_GET);
    snprintf(get->allocation_get.link, ULID_SIZE, "%s", text_member(link, "id"));
    get->allocation_get.role = ALLOCATION_ROLE_HOLDER;
    snprintf(get->allocation_get.id, ULID_SIZE, "%s",
             operator_text(operator_input(call), "id").data);
    if (store_start(operator_site(call)->store, operator_site(call)->loop, get, on_looked, call,
                    &err))
        return;
    transaction_destroy(&get);
    operator_refuse(call, 503, "%s", err.text);
    eviction_end(call);
}

static bool check_evict(const json_t *input, struct error *err)
{
    static const char *const fields[] = {"\"id", "\"reason", "\"within", NULL};
    struct slice reason = operator_text(input, "reason");

    if (!operator_check_fields(input, fields, err))
        return false;
    if (!ulid_is_valid(operator_text(input, "id")))
        return error_set(err, ERROR_SYNTAX, "id: of an allocation; causeway allocation list");
    if (reason.size == 0)
        return error_set(err, ERROR_SYNTAX, "reason is missing: its owner is told why");
    return reason.size <= SAID_MAX ||
           error_set(err, ERROR_LIMIT, "reason: at most %d bytes", SAID_MAX);
}

void operator_evict(struct operator_call *call)
{
    struct eviction *eviction;
    struct error err = {0};

    if (!operator_allocations_begin(call))
        return;
    if (operator_site(call)->allocations == NULL) {
        operator_refuse(call, 501, "not built: nothing is placed at partners yet");
        return;
    }
    if (!check_evict(operator_input(call), &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    eviction = memory_alloc(sizeof(*eviction));
    *eviction = (struct eviction){.links = links_describe(operator_site(call)->links, NULL)};
    *operator_context(call) = eviction;
    look_at_next(call);
}
