// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_transfer.h"

#include "conf/id.h"
#include "conf/memory.h"
#include "proxy/gateway.h"
#include "proxy/operator_member.h"

#include <string.h>

static bool read_owner(const json_t *input, const char *name, struct owner *owner,
                       struct error *err)
{
    struct slice text = operator_text(input, name);
    struct slice id = {text.data + 6, text.size - 6};

    *owner = (struct owner){.kind = OWNER_MEMBER};
    if (!slice_starts(text, "group:"))
        return operator_member_read(input, name, owner->id, err);
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
    json_array_append_new(transfer->left, json_pack("{s:s,s:s,s:s%}", "id", record->id, "why",
                                                    "it is not pinned yet, or is being removed",
                                                    "cid", record->cid.data, record->cid.size));
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

    if (operator_member_has_ended(call))
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

void member_transfer_run(struct operator_call *call)
{
    struct slice after = operator_text(operator_input(call), "after");
    struct transaction *list;
    struct owner from;
    struct error err = {0};

    if (!operator_member_has_policy(call))
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
