// SPDX-License-Identifier: Apache-2.0
#include "federation/operator_links.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "federation/allocations.h"
#include "federation/drains.h"
#include "federation/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 100, HISTORY_LIMIT = 50 };

/* ---- list */

static int compare_partners(const void *a_, const void *b_)
{
    json_t *const *a = a_, *const *b = b_;

    return strcmp(json_string_value(json_object_get(*a, "partner")),
                  json_string_value(json_object_get(*b, "partner")));
}

/* Those behind after, by name. */
static json_t *page_of(json_t *all, const char *after, bool *has_more)
{
    size_t count = json_array_size(all), kept = 0;
    json_t **sorted = memory_alloc((count + 1) * sizeof(json_t *));
    json_t *page = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *link = json_array_get(all, i);

        if (after == NULL || strcmp(json_string_value(json_object_get(link, "partner")), after) > 0)
            sorted[kept++] = link;
    }
    if (kept > 1)
        qsort(sorted, kept, sizeof(json_t *), compare_partners);
    for (size_t i = 0; i < kept && i < LIST_LIMIT; i++)
        json_array_append(page, sorted[i]);
    *has_more = kept > LIST_LIMIT;
    free(sorted);
    return page;
}

void links_operator_list(struct operator_call *call)
{
    static const char *const fields[] = {"\"after", NULL};
    struct error err = {0};
    json_t *all, *page;
    bool has_more;

    if (!links_operator_is_there(call))
        return;
    if (!operator_check_fields(operator_input(call), fields, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    all = links_describe(operator_site(call)->links, NULL);
    page =
        page_of(all, json_string_value(json_object_get(operator_input(call), "after")), &has_more);
    json_decref(all);
    operator_answer(call, 200, json_pack("{s:o,s:b}", "links", page, "has_more", (int)has_more));
}

/* ---- show */

static json_t *describe_event(const struct link_history *event)
{
    char time[UNITS_TIMESTAMP_SIZE];

    return json_pack("{s:s,s:I,s:s%,s:s%,s:s,s:s,s:s%}", "time",
                     units_print_timestamp(time, event->at_ms), "epoch", (json_int_t)event->epoch,
                     "actor", event->actor.size > 0 ? event->actor.data : "", event->actor.size,
                     "event", event->event.size > 0 ? event->event.data : "", event->event.size,
                     "from", event->from, "to", event->to, "said",
                     event->said.size > 0 ? event->said.data : "", event->said.size);
}

/* ---- what each side holds for the other, by our ledger */

struct showing {
    json_t *link;
    unsigned role;
};

static json_t *sum_up(const struct allocation_sum *sum)
{
    uint64_t held = 0, bytes = 0, under_way = 0;

    for (size_t i = 0; i < sum->count; i++) {
        const struct allocation_total *total = &sum->totals[i];
        bool is_held = strcmp(total->state, allocation_state_name(ALLOCATION_PLACED)) == 0 ||
                       strcmp(total->state, allocation_state_name(ALLOCATION_PINNED)) == 0 ||
                       strcmp(total->state, allocation_state_name(ALLOCATION_LEAVING)) == 0;

        held += is_held ? total->count : 0;
        bytes += is_held ? total->bytes : 0;
        under_way += !is_held ? total->pins : 0;
    }
    return json_pack("{s:I,s:I,s:I}", "objects", (json_int_t)held, "bytes", (json_int_t)bytes,
                     "under_way", (json_int_t)under_way);
}

/* What a drain waits for. */
static void put_left(const struct showing *showing, const struct allocation_sum *sum)
{
    json_t *drain = json_object_get(showing->link, "drain"), *left = json_object_get(drain, "left");

    if (drain == NULL)
        return;
    if (left == NULL)
        json_object_set_new(drain, "left", left = json_object());
    json_object_set_new(left, showing->role == ALLOCATION_OWNER ? "ours_there" : "theirs_here",
                        json_integer((json_int_t)drains_count_live(sum)));
}

static void sum_next(struct operator_call *call);

static void on_summed(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct showing *showing = *operator_context(call);
    json_t *holds = json_object_get(showing->link, "holds");

    if (transaction->err.code == ERROR_NONE)
        put_left(showing, &transaction->allocation_sum);
    if (transaction->err.code == ERROR_NONE)
        json_object_set_new(holds, showing->role == ALLOCATION_OWNER ? "ours_there" : "theirs_here",
                            sum_up(&transaction->allocation_sum));
    showing->role++;
    sum_next(call);
}

/* Sums that cannot be had are left out. */
static void sum_next(struct operator_call *call)
{
    struct showing *showing = *operator_context(call);
    const char *id = json_string_value(json_object_get(showing->link, "id"));
    struct transaction *sum;
    struct error err = {0};

    if (id != NULL && showing->role <= ALLOCATION_HOLDER) {
        sum = transaction_create(TRANSACTION_ALLOCATION_SUM);
        snprintf(sum->allocation_sum.link, ULID_SIZE, "%s", id);
        sum->allocation_sum.role = (uint8_t)showing->role;
        if (store_start(operator_site(call)->store, operator_site(call)->loop, sum, on_summed, call,
                        &err))
            return;
        transaction_destroy(&sum);
    }
    operator_answer(call, 200, showing->link);
    free(showing);
    *operator_context(call) = NULL;
}

/* ---- grants: what is not limited is null */

static json_t *limit_of(uint64_t limit)
{
    return limit == UINT64_MAX ? json_null() : json_integer((json_int_t)limit);
}

static json_t *describe_grant(const struct grant *grant)
{
    return json_pack("{s:o,s:o,s:o}", "bytes", limit_of(grant->bytes), "pins",
                     limit_of(grant->pins), "max_object", limit_of(grant->max_object));
}

/* theirs null: they have not told it. */
static json_t *describe_account(const struct grant_account *account)
{
    struct grant in_force = grant_in_force(account);
    bool is_told = account->theirs.bytes != UINT64_MAX || account->theirs.pins != UINT64_MAX ||
                   account->theirs.max_object != UINT64_MAX;

    return json_pack("{s:o,s:o,s:o,s:I,s:I}", "in_force", describe_grant(&in_force), "ours",
                     describe_grant(&account->ours), "theirs",
                     is_told ? describe_grant(&account->theirs) : json_null(), "used_bytes",
                     (json_int_t)account->bytes, "used_pins", (json_int_t)account->pins);
}

static void put_grants(struct operator_call *call, json_t *link)
{
    const struct allocations *allocations = operator_site(call)->allocations;
    const char *partner = json_string_value(json_object_get(link, "partner"));
    const struct grant_account *there, *here;

    if (allocations == NULL || partner == NULL)
        return;
    there = allocations_account(allocations, partner, ALLOCATION_OWNER);
    here = allocations_account(allocations, partner, ALLOCATION_HOLDER);
    if (there != NULL && here != NULL)
        json_object_set_new(link, "grants",
                            json_pack("{s:o,s:o}", "there", describe_account(there), "here",
                                      describe_account(here)));
}

static void show_with_sums(struct operator_call *call, json_t *link)
{
    struct showing *showing = memory_alloc(sizeof(*showing));

    *showing = (struct showing){.link = link, .role = ALLOCATION_OWNER};
    json_object_set_new(link, "holds", json_object());
    put_grants(call, link);
    *operator_context(call) = showing;
    sum_next(call);
}

/* The newest last, as they happened. */
static void on_history(struct operator_call *call, struct transaction *transaction)
{
    const struct link_event_list *list = &transaction->link_event_list;
    json_t *link = links_describe(operator_site(call)->links, list->partner);
    json_t *history = json_array();

    if (link == NULL)
        link = json_pack("{s:s,s:s}", "partner", list->partner, "state", "none");
    for (size_t i = list->count; i > 0; i--)
        json_array_append_new(history, describe_event(&list->entries[i - 1]));
    json_object_set_new(link, "history", history);
    json_object_set_new(link, "has_older", json_boolean(list->has_more));
    show_with_sums(call, link);
}

void links_operator_show(struct operator_call *call)
{
    struct links_command command = {0};
    struct transaction *list;
    struct error err = {0};
    json_t *link;

    if (!links_operator_is_there(call))
        return;
    if (!operator_check_fields(operator_input(call), links_operator_partner_alone, &err) ||
        !links_operator_read_partner(operator_input(call), &command, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    link = links_describe(operator_site(call)->links, command.partner);
    if (link == NULL) {
        links_operator_refuse(call, command.partner);
        return;
    }
    json_decref(link);
    list = transaction_create(TRANSACTION_LINK_EVENT_LIST);
    snprintf(list->link_event_list.partner, ID_SIZE, "%s", command.partner);
    list->link_event_list.limit = HISTORY_LIMIT;
    operator_transact(call, list, on_history);
}
