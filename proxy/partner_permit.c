// SPDX-License-Identifier: Apache-2.0
/* What link workers ask: what may a partner do with an allocation? And what they tell of it. */
#include "proxy/partner_data_private.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of the ledger is looked for. */
struct inquiry {
    struct transfers_question *question;
    enum transfers_want want;
};

static void permit_all(const struct allocation_record *record, struct transfers_permit *permit)
{
    permit->status = 200;
    permit->root = record->root;
    permit->bytes_max = record->bytes;
    permit->blocks_max = record->blocks;
    permit->position = record->position;
    permit->is_whole = record->is_complete;
}

/* What the partner may that owns what this record says is held here. */
static struct transfers_permit permit_of(const struct allocation_record *record,
                                         enum transfers_want want)
{
    struct transfers_permit permit = {.status = 404};

    switch (record->state) {
    case ALLOCATION_RESERVED:
    case ALLOCATION_RECEIVING:
    case ALLOCATION_IMPORTING:
        if (want != TRANSFERS_GIVE)
            permit_all(record, &permit);
        break;
    case ALLOCATION_PINNED:
    case ALLOCATION_LEAVING:
        permit_all(record, &permit);
        permit.is_whole = true; /* nothing of it is spooled again */
        break;
    case ALLOCATION_REMOVING:
    case ALLOCATION_GONE:
        if (want == TRANSFERS_GIVE)
            break;
        permit.status = 410;
        (void)snprintf(permit.said, sizeof(permit.said), "this allocation is over here");
        break;
    default:
        break;
    }
    return permit;
}

static void on_row(void *inquiry_, struct transaction *transaction)
{
    struct inquiry *inquiry = inquiry_;
    struct transfers_permit permit = {.status = 503, .said = "the ledger does not answer"};
    struct allocation_record record;

    if (transaction->err.code == ERROR_NOT_FOUND)
        permit = (struct transfers_permit){.status = 404};
    else if (transaction->err.code == ERROR_NONE &&
             allocation_read(&record, transaction->allocation_get.entry.record, NULL))
        permit = permit_of(&record, inquiry->want);
    transfers_permit_answer(inquiry->question, &permit);
    free(inquiry);
}

static void look_into_ledger(struct partner_data *data, struct transfers_question *question,
                             const char *link, const char *id, enum transfers_want want)
{
    struct transaction *get = transaction_create(TRANSACTION_ALLOCATION_GET);
    struct inquiry *inquiry = memory_alloc(sizeof(*inquiry));

    *inquiry = (struct inquiry){.question = question, .want = want};
    memcpy(get->allocation_get.link, link, ULID_SIZE);
    get->allocation_get.role = ALLOCATION_HOLDER;
    memcpy(get->allocation_get.id, id, ULID_SIZE);
    if (store_start(data->settings.store, data->settings.loop, get, on_row, inquiry, NULL))
        return;
    transaction_destroy(&get);
    free(inquiry);
    transfers_permit_answer(
        question, &(struct transfers_permit){.status = 503, .said = "the ledger has much to do"});
}

static void permit(void *data_, struct transfers_question *question, const char *link,
                   const char *partner, const char *id, enum transfers_want want)
{
    struct partner_data *data = data_;
    const struct allocation_record *record = NULL;
    struct transfers_permit permit = {.status = 404};

    if (data->allocations == NULL) {
        transfers_permit_answer(question, &permit);
        return;
    }
    /* What comes could not be told to them yet. */
    if (want != TRANSFERS_GIVE && !allocations_are_loaded(data->allocations, partner)) {
        transfers_permit_answer(question, &(struct transfers_permit){
                                              .status = 503, .said = "the ledger is being read"});
        return;
    }
    record = allocations_find(data->allocations, partner, ALLOCATION_HOLDER, id);
    if (record == NULL || strcmp(record->link, link) != 0) {
        look_into_ledger(data, question, link, id, want);
        return;
    }
    permit = permit_of(record, want);
    transfers_permit_answer(question, &permit);
}

static void tell(struct partner_data *data, const char *partner,
                 const struct allocation_event *event)
{
    if (data->allocations != NULL)
        (void)!allocations_tell(data->allocations, partner, ALLOCATION_HOLDER, event, NULL, NULL,
                                NULL); /* no such link any more: nothing to be told */
}

static void received(void *data, const char *partner, const char *id, uint64_t position,
                     bool is_whole, uint64_t bytes, uint64_t blocks)
{
    struct allocation_event event = {.kind = ALLOCATION_RECEIVED,
                                     .position = position,
                                     .is_complete = is_whole,
                                     .bytes = is_whole ? bytes : 0,
                                     .blocks = is_whole ? blocks : 0};

    (void)snprintf(event.id, sizeof(event.id), "%s", id);
    tell(data, partner, &event);
}

static void rejected(void *data, const char *partner, const char *id, const char *said)
{
    struct allocation_event event = {.kind = ALLOCATION_REJECTED, .said = slice_of(said)};

    (void)snprintf(event.id, sizeof(event.id), "%s", id);
    tell(data, partner, &event);
}

struct transfers_control partner_data_control(struct partner_data *data)
{
    return (struct transfers_control){
        .permit = permit, .received = received, .rejected = rejected, .arg = data};
}
