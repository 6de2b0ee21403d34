// SPDX-License-Identifier: Apache-2.0
#include "proxy/partner_data.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"
#include "store/ownership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct partner_data {
    struct partner_data_settings settings;
    struct allocations *allocations; /* NULL: nothing is anybody's */
    struct transfers *transfers;
};

/* ---- what link workers ask */

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

/* ---- what allocations ask for */

enum { OTHERS_MAX = 256 };

enum work_kind { WORK_SEND, WORK_FETCH, WORK_IMPORT, WORK_REMOVE };

/* One that is under way: of a partner's spool first the bytes, then the claim, then the spool. */
struct work {
    struct partner_data *data;
    enum work_kind kind;
    char partner[ID_SIZE], id[ULID_SIZE];
    struct cid root;
    struct transfer *transfer;
    struct tracker_call *call;
    struct transaction *others; /* is being looked for */
    char link[ULID_SIZE];
    bool is_inside; /* the gate */
    allocations_moved on_moved;
    retrieval_moved on_fetched_more;
    allocations_ended on_done;
    retrieval_ended on_fetched;
    void *arg;
};

static void leave_gate(struct work *work)
{
    if (work->is_inside)
        write_gate_leave(work->data->settings.gate);
    work->is_inside = false;
}

static void finish(struct work *work, unsigned status, const struct error *err)
{
    leave_gate(work);
    if (work->kind == WORK_FETCH)
        work->on_fetched(work->arg, err);
    else
        work->on_done(work->arg, status, err);
    free(work);
}

void partner_data_cancel(void *data, void **operation)
{
    struct work *work = *operation;

    *operation = NULL;
    if (work == NULL)
        return;
    transfers_cancel(&work->transfer);
    tracker_cancel(&work->call);
    if (work->others != NULL)
        store_cancel(work->others);
    leave_gate(work);
    free(work);
}

static void on_moved(void *work_, uint64_t position, bool is_whole)
{
    struct work *work = work_;

    if (work->kind == WORK_FETCH)
        work->on_fetched_more(work->arg);
    else if (work->on_moved != NULL)
        work->on_moved(work->arg, position, is_whole);
}

static void on_ended(void *work_, unsigned status, const struct error *err)
{
    struct work *work = work_;

    work->transfer = NULL;
    finish(work, status, err);
}

static void remove_spool(struct work *work)
{
    struct error err = {0};

    if (!transfers_remove(work->data->transfers, &work->transfer, work->link, work->id, on_ended,
                          work, &err))
        finish(work, 0, &err);
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
        leave_gate(work);
        remove_spool(work);
        return;
    }
    if (answer->outcome == TRACKER_DENIED || answer->outcome == TRACKER_FOREIGN)
        code = ERROR_REFUSED;
    error_set(&err, code, "%.*s", SLICE_ARGS(answer->text));
    finish(work, 0, &err);
}

/* Garbage is being collected, the storage stops: another time. What would be final takes back what
 * the partner was told to be held soon. */
static void make_retryable(struct error *err)
{
    if (err->code == ERROR_REFUSED)
        err->code = ERROR_IO;
}

static void on_imported(void *work_, unsigned status, const struct error *err)
{
    struct work *work = work_;
    struct error why = {0};

    work->transfer = NULL;
    if (err != NULL) {
        why = *err;
        make_retryable(&why);
        finish(work, status, &why);
    } else if (!begin_call(work, TRACKER_CLAIM, on_claimed, &why)) {
        make_retryable(&why);
        finish(work, 0, &why);
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
    finish(work, 0, &err);
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
        finish(work, 0, &err);
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

static struct work *work_create(struct partner_data *data, enum work_kind kind, const char *partner,
                                const char *id, const struct cid *root, void *arg)
{
    struct work *work = memory_alloc(sizeof(*work));

    work->data = data;
    work->kind = kind;
    work->root = *root;
    work->arg = arg;
    (void)snprintf(work->partner, sizeof(work->partner), "%s", partner);
    (void)snprintf(work->id, sizeof(work->id), "%s", id);
    return work;
}

static bool enter(struct work *work, struct error *err)
{
    const struct command *command = catalogue_find(SLICE("dag/import"));
    int status;

    work->is_inside = write_gate_enter(work->data->settings.gate, command, &status, err);
    return work->is_inside;
}

/* Started, or never was. */
static bool hand_out(struct work *work, bool is_started, void **operation)
{
    if (is_started) {
        *operation = work;
        return true;
    }
    leave_gate(work);
    free(work);
    return false;
}

static struct transfers_order order_of(const struct work *work,
                                       const struct allocation_record *record)
{
    return (struct transfers_order){.partner = work->partner,
                                    .id = work->id,
                                    .link = record->link,
                                    .root = &work->root,
                                    .bytes_max = record->bytes,
                                    .blocks_max = record->blocks,
                                    .priority = record->priority,
                                    .bytes = record->bytes};
}

static bool send_blocks(void *data_, void **operation, const char *partner,
                        const struct allocation_record *record, allocations_moved on_sent_more,
                        allocations_ended on_done, void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_SEND, partner, record->id, &record->root, arg);
    const struct transfers_order order = order_of(work, record);

    work->on_moved = on_sent_more;
    work->on_done = on_done;
    return hand_out(
        work,
        transfers_send(data->transfers, &work->transfer, &order, on_moved, on_ended, work, err),
        operation);
}

static bool import(void *data_, void **operation, const char *partner,
                   const struct allocation_record *record, allocations_ended on_done, void *arg,
                   struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_IMPORT, partner, record->id, &record->root, arg);
    const struct transfers_order order = order_of(work, record);
    bool is_started;

    work->on_done = on_done;
    memcpy(work->link, record->link, sizeof(work->link));
    is_started = enter(work, err) &&
                 transfers_import(data->transfers, &work->transfer, &order, on_imported, work, err);
    if (!is_started)
        make_retryable(err);
    return hand_out(work, is_started, operation);
}

static bool remove_held(void *data_, void **operation, const char *partner,
                        const struct allocation_record *record, allocations_ended on_done,
                        void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work = work_create(data, WORK_REMOVE, partner, record->id, &record->root, arg);

    work->on_done = on_done;
    memcpy(work->link, record->link, sizeof(work->link));
    return hand_out(work, look_for_others(work, err), operation);
}

bool partner_data_fetch(void *data_, void **operation, const struct retrieval_holder *holder,
                        const struct cid *object, retrieval_moved on_more,
                        retrieval_ended on_fetched, void *arg, struct error *err)
{
    struct partner_data *data = data_;
    struct work *work =
        work_create(data, WORK_FETCH, holder->partner, holder->allocation, object, arg);
    const struct transfers_order order = {.partner = work->partner,
                                          .id = work->id,
                                          .root = &work->root,
                                          .bytes_max = holder->bytes,
                                          .blocks_max = holder->blocks,
                                          .bytes = holder->bytes};

    work->on_fetched_more = on_more;
    work->on_fetched = on_fetched;
    return hand_out(work,
                    enter(work, err) && transfers_fetch(data->transfers, &work->transfer, &order,
                                                        on_moved, on_ended, work, err),
                    operation);
}

void partner_data_fill(struct partner_data *data, struct allocations_ways *ways)
{
    ways->send = send_blocks;
    ways->import = import;
    ways->remove = remove_held;
    ways->cancel = partner_data_cancel;
    ways->arg = data;
}

/* ---- its life */

struct partner_data *partner_data_create(const struct partner_data_settings *settings)
{
    struct partner_data *data = memory_alloc(sizeof(*data));

    data->settings = *settings;
    return data;
}

void partner_data_use(struct partner_data *data, struct allocations *allocations,
                      struct transfers *transfers)
{
    data->allocations = allocations;
    data->transfers = transfers;
}

void partner_data_destroy(struct partner_data **data)
{
    free(*data);
    *data = NULL;
}
