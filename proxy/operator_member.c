// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_member.h"

#include "conf/id.h"
#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *time_of(uint64_t ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    return json_string(units_print_timestamp(text, ms));
}

static json_t *text_of(struct slice text)
{
    return json_stringn(text.size > 0 ? text.data : "", text.size);
}

/* The member that `name` names; whether there is one is not asked. */
static bool read_member(const json_t *input, const char *name, char id[ID_SIZE], struct error *err)
{
    struct slice text = operator_text(input, name);

    if (slice_starts(text, "member:"))
        text = (struct slice){text.data + 7, text.size - 7};
    if (text.data == NULL)
        return error_set(err, ERROR_SYNTAX, "%s is missing: which member?", name);
    if (!id_is_valid(text))
        return error_set(err, ERROR_SYNTAX, "'%.64s' is no member's id",
                         json_string_value(json_object_get(input, name)));
    memcpy(id, text.data, text.size);
    id[text.size] = '\0';
    return true;
}

static bool has_policy(struct operator_call *call)
{
    if (gateway_of_call(call)->snapshot->policy != NULL)
        return true;
    operator_refuse(call, 409,
                    "this gateway has no policy, and so no members: set policy in its "
                    "causeway.yaml");
    return false;
}

/* The ledger's last answers come when it is closed already: true, and the call is refused. */
static bool has_ended(struct operator_call *call)
{
    if (gateway_of_call(call)->context.store != NULL)
        return false;
    operator_refuse(call, 503, "the gateway ends; begin again when it runs");
    return true;
}

/* ---- suspend, resume */

static json_t *describe_suspended(const struct suspended_record *record)
{
    return json_pack("{s:s,s:o,s:o}", "id", record->member, "since", time_of(record->since_ms),
                     "reason", text_of(record->reason));
}

static void on_suspended(struct operator_call *call, struct transaction *transaction)
{
    operator_answer(call, 200, describe_suspended(&transaction->member_suspend.record));
}

static void run_suspend(struct operator_call *call)
{
    struct transaction *suspend = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    struct suspended_record *record = &suspend->member_suspend.record;
    const json_t *input = operator_input(call);
    struct error err = {0};

    if (!read_member(input, "id", record->member, &err) ||
        !gateway_check_member(gateway_of_call(call), slice_of(record->member), &err)) {
        transaction_destroy(&suspend);
        operator_refuse_error(call, &err);
        return;
    }
    record->reason = transaction_copy(suspend, operator_text(input, "reason"));
    record->since_ms = operator_now_ms(call);
    operator_transact(call, suspend, on_suspended);
}

static void on_resumed(struct operator_call *call, struct transaction *transaction)
{
    operator_answer(call, 200, describe_suspended(&transaction->member_resume.record));
}

static void run_resume(struct operator_call *call)
{
    struct transaction *resume = transaction_create(TRANSACTION_MEMBER_RESUME);
    struct error err = {0};

    if (read_member(operator_input(call), "id", resume->member_resume.member, &err)) {
        operator_transact(call, resume, on_resumed);
        return;
    }
    transaction_destroy(&resume);
    operator_refuse_error(call, &err);
}

/* ---- list: members of the policy, suspended ones and those who own pins, merged by id */

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
        json_object_set_new(object, "since", time_of(page->records[i].since_ms));
        json_object_set_new(object, "reason", text_of(page->records[i].reason));
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

    if (has_ended(call))
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

static void run_list(struct operator_call *call)
{
    struct transaction *list;
    struct error err = {0};
    char after[ID_SIZE] = "";

    if (!has_policy(call))
        return;
    if (json_object_get(operator_input(call), "after") != NULL &&
        !read_member(operator_input(call), "after", after, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    list = transaction_create(TRANSACTION_MEMBER_LIST);
    memcpy(list->member_list.after, after, ID_SIZE);
    list->member_list.limit = LIST_LIMIT;
    operator_transact(call, list, on_suspended_listed);
}

/* ---- remove: its tokens end, and what it runs; its pins stay */

enum { REMOVE_PAGE = 100 };

struct removal {
    char id[ID_SIZE];
    char after[TOKEN_ID_SIZE];
    char tokens[REMOVE_PAGE][TOKEN_ID_SIZE]; /* to be revoked */
    size_t count, revoked;
    bool has_more, has_tokens;
};

static void list_tokens(struct operator_call *call, struct removal *removal);

static void remove_transact(struct operator_call *call, struct transaction *transaction,
                            store_done_cb on_done)
{
    struct error err = {0};

    if (gateway_of_call(call)->context.store == NULL)
        error_set(&err, ERROR_CANCELED, "the gateway ends; begin again when it runs");
    else if (store_start(operator_site(call)->store, operator_site(call)->loop, transaction,
                         on_done, call, &err))
        return;
    transaction_destroy(&transaction);
    free(*operator_context(call));
    operator_refuse(call, 503, "%s", err.text);
}

/* True: refused. */
static bool remove_failed(struct operator_call *call, const struct transaction *transaction)
{
    if (transaction->err.code == ERROR_NONE)
        return false;
    free(*operator_context(call));
    operator_refuse_error(call, &transaction->err);
    return true;
}

static void on_usage(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct removal *removal = *operator_context(call);
    const struct usage *usage = &transaction->usage_get.usage;
    const struct policy *policy = gateway_of_call(call)->snapshot->policy;
    const struct policy_member *member =
        policy == NULL ? NULL : policy_member_find(policy, slice_of(removal->id));
    struct text place = {0};
    json_t *output;

    if (remove_failed(call, transaction))
        return;
    if (member == NULL && !removal->has_tokens && usage->pins == 0) {
        operator_refuse(call, 404,
                        "there is no member '%s': neither the policy nor the ledger has one",
                        removal->id);
        free(removal);
        return;
    }
    directory_end_sessions(operator_site(call)->directory, PRINCIPAL_MEMBER, slice_of(removal->id));
    if (member != NULL)
        text_put_format(&place, "%s:%u", member->place.file, member->place.line);
    output = json_pack("{s:s,s:I,s:o,s:I,s:I}", "id", removal->id, "tokens_revoked",
                       (json_int_t)removal->revoked, "policy",
                       member == NULL ? json_null() : json_string(place.data), "pins",
                       (json_int_t)usage->pins, "bytes", (json_int_t)usage->bytes);
    text_dispose(&place);
    free(removal);
    operator_answer(call, 200, output);
}

static void get_usage(struct operator_call *call, const struct removal *removal)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);

    get->usage_get.owner.kind = OWNER_MEMBER;
    memcpy(get->usage_get.owner.id, removal->id, ID_SIZE);
    remove_transact(call, get, on_usage);
}

static void revoke_next(struct operator_call *call, struct removal *removal);

static void on_revoked(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;

    if (!remove_failed(call, transaction))
        revoke_next(call, *operator_context(call));
}

static void revoke_next(struct operator_call *call, struct removal *removal)
{
    struct transaction *revoke;

    if (removal->count == 0) {
        if (removal->has_more)
            list_tokens(call, removal);
        else
            get_usage(call, removal);
        return;
    }
    revoke = transaction_create(TRANSACTION_TOKEN_REVOKE);
    memcpy(revoke->token_revoke.id, removal->tokens[--removal->count], TOKEN_ID_SIZE);
    revoke->token_revoke.now_ms = operator_now_ms(call);
    removal->revoked++;
    remove_transact(call, revoke, on_revoked);
}

static void on_tokens(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct removal *removal = *operator_context(call);
    const struct token_list *page = &transaction->token_list;

    if (remove_failed(call, transaction))
        return;
    for (size_t i = 0; i < page->count; i++)
        if (page->records[i].revoked_ms == 0)
            memcpy(removal->tokens[removal->count++], page->records[i].id, TOKEN_ID_SIZE);
    if (page->count > 0)
        memcpy(removal->after, page->records[page->count - 1].id, TOKEN_ID_SIZE);
    removal->has_tokens = removal->has_tokens || page->count > 0;
    removal->has_more = page->has_more;
    revoke_next(call, removal);
}

static void list_tokens(struct operator_call *call, struct removal *removal)
{
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);

    list->token_list.owner_kind = OWNER_MEMBER;
    memcpy(list->token_list.owner, removal->id, ID_SIZE);
    memcpy(list->token_list.after, removal->after, TOKEN_ID_SIZE);
    list->token_list.limit = REMOVE_PAGE;
    remove_transact(call, list, on_tokens);
}

static void run_remove(struct operator_call *call)
{
    struct removal *removal = memory_alloc(sizeof(*removal));
    struct error err = {0};

    *operator_context(call) = removal;
    if (read_member(operator_input(call), "id", removal->id, &err)) {
        list_tokens(call, removal);
        return;
    }
    free(removal);
    operator_refuse_error(call, &err);
}

/* ---- transfer */

static bool read_owner(const json_t *input, const char *name, struct owner *owner,
                       struct error *err)
{
    struct slice text = operator_text(input, name);
    struct slice id = {text.data + 6, text.size - 6};

    *owner = (struct owner){.kind = OWNER_MEMBER};
    if (!slice_starts(text, "group:"))
        return read_member(input, name, owner->id, err);
    owner->kind = OWNER_GROUP;
    if (!id_is_valid(id))
        return error_set(err, ERROR_SYNTAX, "'%.64s' is no group",
                         json_string_value(json_object_get(input, name)));
    memcpy(owner->id, id.data, id.size);
    return true;
}

static void on_moved(struct pin_batch *batch)
{
    struct member_transfer *transfer = CONTAINER_OF(batch, struct member_transfer, batch);
    struct operator_call *call = transfer->call;
    size_t moved = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct pin_batch_item *item = &batch->items[i];
        struct text cid = {0};

        if (!item->has_failed) {
            moved++;
            continue;
        }
        cid_print(&item->cid, CID_BASE_DEFAULT, &cid);
        json_array_append_new(transfer->left, json_pack("{s:s,s:s,s:s}", "id", item->id, "cid",
                                                        cid.data, "why", item->why.text));
        text_dispose(&cid);
    }
    transfer->call = NULL;
    operator_answer(call, 200,
                    json_pack("{s:I,s:o,s:s,s:b}", "moved", (json_int_t)moved, "left",
                              transfer->left, "after", transfer->after, "has_more",
                              (int)transfer->has_more));
}

/* A claim that is under way, or was never confirmed, has nothing to give. */
static void add_unconfirmed(struct member_transfer *transfer, const struct pin_record *record)
{
    json_t *object = json_pack("{s:s,s:s}", "id", record->id, "why",
                               "it is not pinned yet, or is being removed");

    json_object_set_new(object, "cid", text_of(record->cid));
    json_array_append_new(transfer->left, object);
}

static void on_pins(struct operator_call *call, struct transaction *transaction)
{
    struct gateway *gateway = gateway_of_call(call);
    struct member_transfer *transfer = &gateway->transfer;
    const struct pin_list *page = &transaction->pin_list;
    struct pin_record records[PIN_BATCH_MAX];
    struct error err = {0};
    struct owner to;
    size_t count = 0;

    if (has_ended(call))
        return;
    if (transfer->call != NULL) {
        operator_refuse(call, 409, "another transfer is under way; try again when it has ended");
        return;
    }
    if (!read_owner(operator_input(call), "to", &to, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    transfer->call = call;
    transfer->left = json_array();
    transfer->has_more = page->has_more;
    memcpy(transfer->after, page->count > 0 ? page->records[page->count - 1].id : page->after,
           ULID_SIZE);
    for (size_t i = 0; i < page->count; i++)
        if (page->records[i].held == PIN_NONE || page->records[i].state == PIN_REMOVING)
            add_unconfirmed(transfer, &page->records[i]);
        else
            records[count++] = page->records[i];
    pin_batch_start(&transfer->batch, gateway->context.tracker, gateway->loop, TRACKER_TRANSFER,
                    &to, records, count, on_moved);
}

static bool check_transfer(struct operator_call *call, struct owner *from, struct error *err)
{
    const json_t *input = operator_input(call);
    const struct policy *policy = gateway_of_call(call)->snapshot->policy;
    struct owner to;

    if (!read_owner(input, "from", from, err) || !read_owner(input, "to", &to, err))
        return false;
    if (from->kind == to.kind && strcmp(from->id, to.id) == 0)
        return error_set(err, ERROR_REFUSED, "%s has them already", to.id);
    return owners_policy_has(policy, &to) ||
           error_set(err, ERROR_NOT_FOUND, "the policy in force has no %s '%s'",
                     owner_kind_name(to.kind), to.id);
}

static void run_transfer(struct operator_call *call)
{
    struct slice after = operator_text(operator_input(call), "after");
    struct transaction *list;
    struct owner from;
    struct error err = {0};

    if (!has_policy(call))
        return;
    if (!check_transfer(call, &from, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    if (after.size >= ULID_SIZE) {
        operator_refuse(call, 400, "after must be the id of a pin");
        return;
    }
    list = transaction_create(TRANSACTION_PIN_LIST);
    list->pin_list.owner = from;
    if (after.size > 0)
        memcpy(list->pin_list.after, after.data, after.size);
    list->pin_list.limit = PIN_BATCH_MAX;
    operator_transact(call, list, on_pins);
}

void member_transfer_stop(struct member_transfer *transfer)
{
    struct operator_call *call = transfer->call;

    if (call == NULL)
        return;
    transfer->call = NULL;
    pin_batch_cancel(&transfer->batch);
    json_decref(transfer->left);
    operator_refuse(call, 503, "the gateway ends; begin again when it runs");
}

const struct operator_route member_routes[] = {
    {"/member/list", run_list},         {"/member/suspend", run_suspend},
    {"/member/resume", run_resume},     {"/member/remove", run_remove},
    {"/member/transfer", run_transfer}, {NULL, NULL},
};
