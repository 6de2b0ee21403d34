// SPDX-License-Identifier: Apache-2.0
#include "proxy/owners.h"

#include "conf/log.h"

#include <string.h>

enum { OWNERS_PAGE = 100 };

bool owners_policy_has(const struct policy *policy, const struct owner *owner)
{
    switch (owner->kind) {
    case OWNER_MEMBER:
        return policy_member_find(policy, slice_of(owner->id)) != NULL;
    case OWNER_GROUP:
        return policy_has_group(policy, slice_of(owner->id));
    default:
        return true;
    }
}

static void list_owners(struct owners *owners);
static void list_pins(struct owners *owners);

static void end_pass(struct owners *owners)
{
    policy_unref(&owners->policy);
}

/* What could not be done is done at the next start or change of the policy. */
static void give_up(struct owners *owners, const struct error *err)
{
    log_message(owners->messages, LOG_LEVEL_ERROR,
                "comparing the owners of pins with the policy stopped: %s", err->text);
    end_pass(owners);
}

static void transact(struct owners *owners, struct transaction *transaction, store_done_cb on_done)
{
    struct error err = {0};

    if (store_start(owners->store, owners->loop, transaction, on_done, owners, &err)) {
        owners->transaction = transaction;
        return;
    }
    transaction_destroy(&transaction);
    give_up(owners, &err);
}

/* ---- one owner */

static void end_owner(struct owners *owners)
{
    if (owners->pins > 0)
        log_message(owners->messages, LOG_LEVEL_INFO,
                    owners->is_back
                        ? "%s:%s is in the policy again: %llu pins are its own again"
                        : "%s:%s is not in the policy any more: %llu pins are ownerless, and "
                          "charged to the organization; causeway member transfer gives them to "
                          "somebody",
                    owner_kind_name(owners->owner.kind), owners->owner.id,
                    (unsigned long long)owners->pins);
    list_owners(owners);
}

static void on_batch_done(struct pin_batch *batch)
{
    struct owners *owners = CONTAINER_OF(batch, struct owners, batch);
    struct error why = {0};

    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].has_failed)
            error_set(&why, ERROR_REFUSED, "%s", batch->items[i].why.text);
    if (why.code != ERROR_NONE)
        give_up(owners, &why);
    else if (owners->has_more)
        list_pins(owners);
    else
        end_owner(owners);
}

static void on_pins(void *owners_, struct transaction *transaction)
{
    struct owners *owners = owners_;
    const struct pin_list *page = &transaction->pin_list;
    struct pin_record records[OWNERS_PAGE];
    size_t count = 0;

    owners->transaction = NULL;
    if (transaction->err.code != ERROR_NONE) {
        give_up(owners, &transaction->err);
        return;
    }
    for (size_t i = 0; i < page->count; i++)
        if (page->records[i].is_ownerless == owners->is_back && page->records[i].held != PIN_NONE)
            records[count++] = page->records[i];
    if (page->count > 0)
        memcpy(owners->after, page->records[page->count - 1].id, ULID_SIZE);
    owners->has_more = page->has_more;
    owners->pins += count;
    pin_batch_start(&owners->batch, owners->tracker, owners->loop,
                    owners->is_back ? TRACKER_RETURN : TRACKER_ABANDON, &owners->owner, records,
                    count, on_batch_done);
}

static void list_pins(struct owners *owners)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);

    list->pin_list.owner = owners->owner;
    memcpy(list->pin_list.after, owners->after, ULID_SIZE);
    list->pin_list.limit = OWNERS_PAGE;
    transact(owners, list, on_pins);
}

/* ---- all owners */

/* Pins that are charged to somebody who is gone, or to nobody although their owner is there. */
static bool is_wrong(const struct owners *owners, const struct owner_entry *entry)
{
    return owners_policy_has(owners->policy, &entry->owner) ? entry->has_ownerless
                                                            : entry->usage.pins > 0;
}

static void on_owners(void *owners_, struct transaction *transaction)
{
    struct owners *owners = owners_;
    const struct owner_list *page = &transaction->owner_list;

    owners->transaction = NULL;
    if (transaction->err.code != ERROR_NONE) {
        give_up(owners, &transaction->err);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        owners->owner = page->entries[i].owner;
        if (!is_wrong(owners, &page->entries[i]))
            continue;
        owners->is_back = owners_policy_has(owners->policy, &owners->owner);
        owners->after[0] = '\0';
        owners->pins = 0;
        list_pins(owners);
        return;
    }
    if (page->has_more)
        list_owners(owners);
    else
        end_pass(owners);
}

static void list_owners(struct owners *owners)
{
    struct transaction *list = transaction_create(TRANSACTION_OWNER_LIST);

    list->owner_list.after = owners->owner;
    list->owner_list.limit = OWNERS_PAGE;
    transact(owners, list, on_owners);
}

/* ---- the whole */

static void cancel(struct owners *owners)
{
    if (owners->transaction != NULL)
        store_cancel(owners->transaction);
    owners->transaction = NULL;
    pin_batch_cancel(&owners->batch);
    policy_unref(&owners->policy);
}

void owners_compare(struct owners *owners, const struct policy *policy)
{
    cancel(owners);
    if (policy == NULL)
        return;
    owners->policy = policy_ref(policy);
    owners->owner = (struct owner){0};
    list_owners(owners);
}

void owners_stop(struct owners *owners)
{
    if (owners->loop != NULL)
        cancel(owners);
}
