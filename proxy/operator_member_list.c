// SPDX-License-Identifier: Apache-2.0
/* /member/list: members of the policy, suspended ones and those who own pins, merged by id. */
#include "conf/memory.h"
#include "proxy/gateway.h"
#include "proxy/operator_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 1000 };

/* What is known of a page so far: objects by id; nothing behind `bound` is shown yet. */
struct listing {
    json_t *members; /* id -> member object */
    char bound[ID_SIZE];
};

static struct listing *listing_of(struct operator_call *call)
{
    return *operator_context(call);
}

static void bound_at(struct listing *listing, const char *id)
{
    if (listing->bound[0] == '\0' || strcmp(id, listing->bound) < 0)
        memcpy(listing->bound, id, strlen(id) + 1);
}

static json_t *member_object(struct listing *listing, const char *id)
{
    json_t *object = json_object_get(listing->members, id);

    if (object == NULL) {
        object = json_pack("{s:s,s:s,s:n,s:n,s:i,s:i,s:b}", "id", id, "state", "gone", "since",
                           "reason", "pins", 0, "bytes", 0, "has_ownerless", 0);
        json_object_set_new(listing->members, id, object);
    }
    return object;
}

static void add_policy_members(struct operator_call *call, struct slice after)
{
    const struct policy *policy = gateway_of_call(call)->snapshot->policy;
    struct listing *listing = listing_of(call);
    size_t taken = 0;
    char id[ID_SIZE];

    for (size_t i = 0; i < policy_member_count(policy) && taken < LIST_LIMIT; i++) {
        const struct policy_member *member = policy_member(policy, i);
        bool is_over = member->expires_ms != 0 && operator_now_ms(call) >= member->expires_ms;

        snprintf(id, sizeof(id), "%.*s", SLICE_ARGS(member->id));
        if (after.size > 0 && strcmp(id, after.data) <= 0)
            continue;
        json_object_set_new(member_object(listing, id), "state",
                            json_string(is_over ? "expired" : "active"));
        if (++taken == LIST_LIMIT && i + 1 < policy_member_count(policy))
            bound_at(listing, id);
    }
}

static void add_suspended(struct listing *listing, const struct member_list *page)
{
    for (size_t i = 0; i < page->count; i++) {
        json_t *object = member_object(listing, page->records[i].member);

        json_object_set_new(object, "state", json_string("suspended"));
        json_object_update_new(object, operator_member_describe(&page->records[i]));
    }
    if (page->has_more)
        bound_at(listing, page->records[page->count - 1].member);
}

static void add_owners(struct listing *listing, const struct owner_list *page)
{
    const struct owner_entry *entry = NULL;

    for (size_t i = 0; i < page->count; i++) {
        json_t *object;

        entry = &page->entries[i];
        if (entry->owner.kind != OWNER_MEMBER)
            return;
        object = member_object(listing, entry->owner.id);
        json_object_set_new(object, "pins", json_integer((json_int_t)entry->usage.pins));
        json_object_set_new(object, "bytes", json_integer((json_int_t)entry->usage.bytes));
        json_object_set_new(object, "has_ownerless", json_boolean(entry->has_ownerless));
    }
    if (page->has_more && entry != NULL)
        bound_at(listing, entry->owner.id);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void answer_listing(struct operator_call *call, struct listing *listing)
{
    size_t count = 0;
    const char **ids =
        memory_resize_array(NULL, json_object_size(listing->members) + 1, sizeof(*ids));
    json_t *members = json_array(), *object;
    bool has_more = listing->bound[0] != '\0';
    const char *id;

    json_object_foreach(listing->members, id, object)
    {
        if (!has_more || strcmp(id, listing->bound) <= 0)
            ids[count++] = id;
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < count; i++)
        json_array_append(members, json_object_get(listing->members, ids[i]));
    free(ids);
    json_decref(listing->members);
    free(listing);
    operator_answer(call, 200,
                    json_pack("{s:o,s:b}", "members", members, "has_more", (int)has_more));
}

static void on_owners(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct listing *listing = listing_of(call);

    if (transaction->err.code != ERROR_NONE) {
        json_decref(listing->members);
        free(listing);
        operator_refuse_error(call, &transaction->err);
        return;
    }
    add_owners(listing, &transaction->owner_list);
    answer_listing(call, listing);
}

static void on_suspended_listed(struct operator_call *call, struct transaction *transaction)
{
    struct transaction *owners;
    struct listing *listing;
    struct error err = {0};

    if (operator_member_has_ended(call))
        return;
    owners = transaction_create(TRANSACTION_OWNER_LIST);
    listing = memory_alloc(sizeof(*listing));
    *operator_context(call) = listing;
    listing->members = json_object();
    add_policy_members(call, slice_of(transaction->member_list.after));
    add_suspended(listing, &transaction->member_list);
    owners->owner_list.after.kind = OWNER_MEMBER;
    memcpy(owners->owner_list.after.id, transaction->member_list.after, ID_SIZE);
    owners->owner_list.limit = LIST_LIMIT;
    if (store_start(operator_site(call)->store, operator_site(call)->loop, owners, on_owners, call,
                    &err))
        return;
    transaction_destroy(&owners);
    json_decref(listing->members);
    free(listing);
    operator_refuse(call, 503, "%s", err.text);
}

void operator_member_list(struct operator_call *call)
{
    struct transaction *list;
    struct error err = {0};
    char after[ID_SIZE] = "";

    if (!operator_member_has_policy(call))
        return;
    if (json_object_get(operator_input(call), "after") != NULL &&
        !operator_member_read(operator_input(call), "after", after, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    list = transaction_create(TRANSACTION_MEMBER_LIST);
    memcpy(list->member_list.after, after, ID_SIZE);
    list->member_list.limit = LIST_LIMIT;
    operator_transact(call, list, on_suspended_listed);
}
