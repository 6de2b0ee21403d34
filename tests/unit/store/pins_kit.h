// SPDX-License-Identifier: Apache-2.0
/* What the tests of pins in the ledger share: transactions on the pin whose id is a number, of
 * members and keys, and what is charged. */
#ifndef TESTS_UNIT_STORE_PINS_KIT_H
#define TESTS_UNIT_STORE_PINS_KIT_H

#include "kit.h"

/* An intent; wanted recursive. */
static inline struct transaction *kit_pin_add(unsigned n, const char *owner, const char *key)
{
    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &add->pin_add.record;

    snprintf(record->id, sizeof(record->id), "%026u", n);
    record->owner.kind = OWNER_MEMBER;
    snprintf(record->owner.id, sizeof(record->owner.id), "%s", owner);
    record->key = transaction_copy(add, slice_of(key));
    record->wanted = PIN_RECURSIVE;
    record->state = PIN_QUEUED;
    record->created_ms = 1000 + n;
    return add;
}

static inline struct transaction *kit_pin_confirm(unsigned n, enum pin_mode mode, uint64_t bytes)
{
    struct transaction *confirm = transaction_create(TRANSACTION_PIN_CONFIRM);

    snprintf(confirm->pin_confirm.id, ULID_SIZE, "%026u", n);
    confirm->pin_confirm.mode = mode;
    confirm->pin_confirm.bytes = bytes;
    return confirm;
}

static inline struct transaction *kit_pin_fail(unsigned n, bool keeps)
{
    struct transaction *fail = transaction_create(TRANSACTION_PIN_FAIL);

    snprintf(fail->pin_fail.id, ULID_SIZE, "%026u", n);
    fail->pin_fail.keeps = keeps;
    return fail;
}

static inline struct transaction *kit_pin_mark(unsigned n, enum pin_state state, bool is_ownerless)
{
    struct transaction *mark = transaction_create(TRANSACTION_PIN_MARK);

    snprintf(mark->pin_mark.id, ULID_SIZE, "%026u", n);
    mark->pin_mark.state = state;
    mark->pin_mark.is_ownerless = is_ownerless;
    return mark;
}

static inline struct transaction *kit_pin_transfer(unsigned n, const char *owner, uint32_t slot)
{
    struct transaction *transfer = transaction_create(TRANSACTION_PIN_TRANSFER);

    snprintf(transfer->pin_transfer.id, ULID_SIZE, "%026u", n);
    transfer->pin_transfer.owner.kind = OWNER_MEMBER;
    snprintf(transfer->pin_transfer.owner.id, ID_SIZE, "%s", owner);
    transfer->pin_transfer.slot = slot;
    return transfer;
}

static inline struct transaction *kit_pin_remove(unsigned n)
{
    struct transaction *remove = transaction_create(TRANSACTION_PIN_REMOVE);

    snprintf(remove->pin_remove.id, ULID_SIZE, "%026u", n);
    return remove;
}

static inline struct transaction *kit_object_put(const char *key, enum pin_mode upstream)
{
    struct transaction *put = transaction_create(TRANSACTION_OBJECT_PUT);

    put->object_put.record.key = transaction_copy(put, slice_of(key));
    put->object_put.record.upstream = upstream;
    return put;
}

static inline struct transaction *kit_pin_list(const char *owner, size_t limit)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);

    list->pin_list.owner.kind = OWNER_MEMBER;
    snprintf(list->pin_list.owner.id, ID_SIZE, "%s", owner);
    list->pin_list.limit = limit;
    return list;
}

/* owner NULL: the organization. */
static inline struct usage kit_usage(struct kit *kit, const char *owner)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);
    struct error err = {0};
    struct usage usage;

    get->usage_get.is_org = owner == NULL;
    get->usage_get.owner.kind = OWNER_MEMBER;
    snprintf(get->usage_get.owner.id, ID_SIZE, "%s", owner == NULL ? "" : owner);
    if (!store_run(kit->store, get, &err))
        fail_msg("%s", err.text);
    usage = get->usage_get.usage;
    transaction_destroy(&get);
    return usage;
}

static inline void kit_expect_usage(struct kit *kit, const char *owner, uint64_t bytes,
                                    uint64_t objects, uint64_t pins)
{
    struct usage usage = kit_usage(kit, owner);

    assert_int_equal(usage.bytes, bytes);
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.pins, pins);
}

/* Returns how many accounts differ. */
static inline uint64_t kit_recount(struct kit *kit, bool repairs)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    struct usage org = kit_usage(kit, NULL);
    struct error err = {0};
    uint64_t different;

    recount->usage_recount.repairs = repairs;
    if (!store_run(kit->store, recount, &err))
        fail_msg("%s", err.text);
    different = recount->usage_recount.different;
    if (different == 0)
        assert_int_equal(recount->usage_recount.org.bytes, org.bytes);
    transaction_destroy(&recount);
    return different;
}

#endif
