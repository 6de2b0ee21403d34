// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_member.h"

#include "conf/id.h"
#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/gateway.h"

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

bool operator_member_read(const json_t *input, const char *name, char id[ID_SIZE],
                          struct error *err)
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

bool operator_member_has_policy(struct operator_call *call)
{
    if (gateway_of_call(call)->snapshot->policy != NULL)
        return true;
    operator_refuse(call, 409,
                    "this gateway has no policy, and so no members: set policy in its "
                    "causeway.yaml");
    return false;
}

bool operator_member_has_ended(struct operator_call *call)
{
    if (gateway_of_call(call)->context.store != NULL)
        return false;
    operator_refuse(call, 503, "the gateway ends; begin again when it runs");
    return true;
}

/* ---- suspend, resume */

json_t *operator_member_describe(const struct suspended_record *record)
{
    return json_pack("{s:s,s:o,s:o}", "id", record->member, "since", time_of(record->since_ms),
                     "reason", text_of(record->reason));
}

static void on_suspended(struct operator_call *call, struct transaction *transaction)
{
    operator_answer(call, 200, operator_member_describe(&transaction->member_suspend.record));
}

static void run_suspend(struct operator_call *call)
{
    struct transaction *suspend = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    struct suspended_record *record = &suspend->member_suspend.record;
    const json_t *input = operator_input(call);
    struct error err = {0};

    if (!operator_member_read(input, "id", record->member, &err) ||
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
    operator_answer(call, 200, operator_member_describe(&transaction->member_resume.record));
}

static void run_resume(struct operator_call *call)
{
    struct transaction *resume = transaction_create(TRANSACTION_MEMBER_RESUME);
    struct error err = {0};

    if (operator_member_read(operator_input(call), "id", resume->member_resume.member, &err)) {
        operator_transact(call, resume, on_resumed);
        return;
    }
    transaction_destroy(&resume);
    operator_refuse_error(call, &err);
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
    if (operator_member_read(operator_input(call), "id", removal->id, &err)) {
        list_tokens(call, removal);
        return;
    }
    free(removal);
    operator_refuse_error(call, &err);
}

const struct operator_route member_routes[] = {
    {"/member/list", operator_member_list},
    {"/member/suspend", run_suspend},
    {"/member/resume", run_resume},
    {"/member/remove", run_remove},
    {"/member/transfer", member_transfer_run},
    {NULL, NULL},
};
