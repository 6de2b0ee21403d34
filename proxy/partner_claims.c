// SPDX-License-Identifier: Apache-2.0
/* What is held for a partner: the spool into the storage and claimed, and the claim taken back. */
#include "proxy/partner_data_private.h"

#include "store/ownership.h"

#include <string.h>

enum { OTHERS_MAX = 256 };

static void remove_spool(struct work *work)
{
    struct error err = {0};

    if (!transfers_remove(work->data->transfers, &work->transfer, work->link, work->id,
                          work_on_ended, work, &err))
        work_finish(work, 0, &err);
}

static bool begin_call(struct work *work, enum tracker_action action, tracker_done on_done,
                       struct error *err)
{
    struct tracker_request request = {.action = action,
                                      .owner = {.kind = OWNER_PARTNER},
                                      .cid = work->root,
                                      .mode = PIN_RECURSIVE,
                                      .offline = true};

    memcpy(request.owner.id, work->partner, sizeof(request.owner.id));
    return tracker_start(work->data->settings.tracker, work->data->settings.loop, &work->call,
                         &request, NULL, on_done, work, err);
}

static void on_claimed(void *work_, const struct tracker_answer *answer)
{
    struct work *work = work_;
    struct error err = {0};
    enum error_code code = ERROR_IO; /* tried again */

    work->call = NULL;
    if (answer->outcome == TRACKER_DONE) {
        if (work->carried.size > 0) /* it had no spool */
            work_finish(work, 0, NULL);
        else
            remove_spool(work);
        return;
    }
    if (answer->outcome == TRACKER_DENIED || answer->outcome == TRACKER_FOREIGN)
        code = ERROR_REFUSED;
    error_set(&err, code, "%.*s", SLICE_ARGS(answer->text));
    if (answer->outcome == TRACKER_MISSING && work->no_spool.code != ERROR_NONE)
        err = work->no_spool;
    work_finish(work, 0, &err);
}

/* Garbage is being collected, the storage stops: another time. What would be final takes back what
 * the partner was told to be held soon. */
static void make_retryable(struct error *err)
{
    if (err->code == ERROR_REFUSED)
        err->code = ERROR_IO;
}

void partner_claim(void *work_, unsigned status, const struct error *err)
{
    struct work *work = work_;
    struct error why = {0};

    work->transfer = NULL;
    /* A crash between the spool's removal and the ledger's word of it: the storage has it. */
    if (err != NULL && err->code == ERROR_NOT_FOUND)
        work->no_spool = *err;
    if (err != NULL && err->code != ERROR_NOT_FOUND) {
        why = *err;
        make_retryable(&why);
        work_finish(work, status, &why);
    } else if (!begin_call(work, TRACKER_CLAIM, on_claimed, &why)) {
        make_retryable(&why);
        work_finish(work, 0, &why);
    } else {
        work_leave_gate(work); /* nothing is collected while the tracker has a call */
    }
}

static void on_released(void *work_, const struct tracker_answer *answer)
{
    struct work *work = work_;
    struct error err = {0};

    work->call = NULL;
    if (answer->outcome == TRACKER_DONE || answer->outcome == TRACKER_NOT_PINNED) {
        remove_spool(work);
        return;
    }
    error_set(&err, ERROR_IO, "%.*s", SLICE_ARGS(answer->text));
    work_finish(work, 0, &err);
}

/* Another allocation of the same object and partner: the claim, of which there is one, is its too.
 * So it is with what is left of a link that is over: our name for the partner may be the same. */
static bool is_held_besides(const struct work *work, const struct allocation_list *list)
{
    static const enum allocation_state holding[] = {ALLOCATION_IMPORTING, ALLOCATION_PINNED,
                                                    ALLOCATION_LEAVING, ALLOCATION_ORPHANED};

    for (size_t i = 0; i < list->count; i++) {
        const struct allocation_entry *entry = &list->entries[i];

        const char *partner = allocations_partner(work->data->allocations, entry->link);
        bool is_it = strcmp(entry->link, work->link) == 0 && strcmp(entry->id, work->id) == 0;

        if (entry->role != ALLOCATION_HOLDER || is_it ||
            (partner != NULL && strcmp(partner, work->partner) != 0))
            continue;
        for (size_t state = 0; state < ARRAY_SIZE(holding); state++)
            if (strcmp(entry->state, allocation_state_name(holding[state])) == 0)
                return true;
    }
    return list->has_more; /* rather kept than lost */
}

static void on_others(void *work_, struct transaction *transaction)
{
    struct work *work = work_;
    struct error err = transaction->err;

    work->others = NULL;
    if (err.code == ERROR_NONE && is_held_besides(work, &transaction->allocation_list)) {
        remove_spool(work);
        return;
    }
    if (err.code != ERROR_NONE || !begin_call(work, TRACKER_RELEASE, on_released, &err))
        work_finish(work, 0, &err);
}

static bool look_for_others(struct work *work, struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct cid key = ownership_key(&work->root);

    list->allocation_list.by = ALLOCATION_LIST_OBJECT;
    list->allocation_list.object =
        transaction_copy(list, (struct slice){(const char *)key.bytes, key.size});
    list->allocation_list.limit = OTHERS_MAX;
    work->others = list;
    if (store_start(work->data->settings.store, work->data->settings.loop, list, on_others, work,
                    err))
        return true;
    work->others = NULL;
    transaction_destroy(&list);
    return false;
}

bool partner_import(void *data_, void **operation, const char *partner,
                    const struct allocation_record *record, struct slice carried,
                    allocations_ended on_done, void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_IMPORT, partner, record->id, &record->root, arg);
    const struct transfers_order order = work_order(work, record);
    bool is_started;

    work->on_done = on_done;
    memcpy(work->link, record->link, sizeof(work->link));
    is_started = work_enter(work, err);
    if (is_started && carried.size > 0)
        partner_carry(work, carried);
    else if (is_started)
        is_started =
            transfers_import(data->transfers, &work->transfer, &order, partner_claim, work, err);
    if (!is_started)
        make_retryable(err);
    return work_hand_out(work, is_started, operation);
}

bool partner_remove(void *data_, void **operation, const char *partner,
                    const struct allocation_record *record, allocations_ended on_done, void *arg,
                    struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_REMOVE, partner, record->id, &record->root, arg);

    work->on_done = on_done;
    memcpy(work->link, record->link, sizeof(work->link));
    return work_hand_out(work, look_for_others(work, err), operation);
}
