// SPDX-License-Identifier: Apache-2.0
/* One event at a time: the machine steps, the ledger keeps what changed, and then what follows from
 * it is begun and answered. */
#include "federation/allocations_private.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { PUT_AGAIN_MS = 1000 };

static void keep(struct task *task);

static void keep_again(struct timer *timer)
{
    keep(CONTAINER_OF(timer, struct task, again));
}

/* ---- tasks */

struct task *task_create(struct allocations *allocations, struct party *party,
                         enum allocation_role role, const struct allocation_event *event)
{
    struct task *task = memory_alloc(sizeof(*task));

    task->allocations = allocations;
    task->party = party;
    task->role = role;
    task->event = *event;
    task->again.fire = keep_again;
    if (event->said.size > 0)
        text_put_slice(&task->said, event->said);
    task->event.said = text_slice(&task->said);
    task->next = allocations->tasks;
    task->link = &allocations->tasks;
    if (task->next != NULL)
        task->next->link = &task->next;
    allocations->tasks = task;
    return task;
}

void task_destroy(struct task *task)
{
    struct entry *entry = task->entry;

    *task->link = task->next;
    if (task->next != NULL)
        task->next->link = task->link;
    timer_disarm(&task->again);
    if (task->transaction != NULL)
        store_cancel(task->transaction);
    if (entry != NULL) {
        entry->held--;
        if (!task->allocations->is_closing)
            allocations_settle_entry(entry);
    }
    text_dispose(&task->said);
    text_dispose(&task->carried);
    free(task);
}

static void finish(struct task *task, const struct error *err)
{
    if (task->on_reply != NULL && err != NULL)
        task->on_reply(task->arg, 503, SLICE(""), err->text);
    else if (task->on_reply != NULL)
        item_reply(task);
    if (task->on_done != NULL)
        task->on_done(task->arg, err);
    task_destroy(task);
}

/* ---- the ledger */

static struct transaction *put(const struct entry *entry, uint64_t wake_ms)
{
    const struct allocation_record *record = &entry->record;
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *kept = &transaction->allocation_put.entry;
    struct text bytes = {0};

    memcpy(kept->link, record->link, ULID_SIZE);
    memcpy(kept->id, record->id, ULID_SIZE);
    kept->role = (uint8_t)record->role;
    kept->object = transaction_copy(
        transaction, (struct slice){(const char *)record->root.bytes, record->root.size});
    (void)snprintf(kept->state, sizeof(kept->state), "%s", allocation_state_name(record->state));
    kept->priority = record->priority;
    kept->pins = allocation_charge(record, &kept->bytes);
    kept->since_ms = record->since_ms;
    kept->wake_ms = wake_ms == UINT64_MAX ? 0 : wake_ms;
    memcpy(kept->held_key, record->held_key, ULID_SIZE);
    memcpy(kept->release_key, record->release_key, ULID_SIZE);
    memcpy(kept->evict_key, record->evict_key, ULID_SIZE);
    allocation_write_carried(record, text_slice(&entry->carried), &bytes);
    kept->record = transaction_copy(transaction, text_slice(&bytes));
    text_dispose(&bytes);
    return transaction;
}

static struct transaction *removal(const struct entry *entry)
{
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_REMOVE);
    struct allocation_remove *remove = &transaction->allocation_remove;

    memcpy(remove->link, entry->record.link, ULID_SIZE);
    memcpy(remove->id, entry->record.id, ULID_SIZE);
    remove->role = (uint8_t)entry->record.role;
    return transaction;
}

/* What is durable may be begun, answered, and settled with the partner. */
static void go_on(struct task *task)
{
    const struct allocations_ways *ways = &task->allocations->settings.ways;
    struct entry *entry = task->entry;
    bool replans = task->actions.replan && ways->replan != NULL;
    struct cid root = entry->record.root;

    if (entry->settles[0] != '\0') {
        ways->settle(ways->link_arg, entry->party->partner, entry->settles);
        entry->settles[0] = '\0';
    }
    entry_begin(entry, &task->actions);
    finish(task, NULL);
    if (replans)
        ways->replan(ways->replan_arg, (struct slice){(const char *)root.bytes, root.size});
}

/* What follows from it waits until the ledger takes it again; the record goes as it is by then. */
static void wait_for_ledger(struct task *task, const char *why)
{
    allocations_log(task->allocations, "allocation %s cannot be kept: %s", task->entry->record.id,
                    why);
    timer_arm(task->allocations->settings.loop, &task->again, PUT_AGAIN_MS);
}

static void on_kept(void *task_, struct transaction *transaction)
{
    struct task *task = task_;

    task->transaction = NULL;
    task->entry->writing--;
    if (transaction->err.code == ERROR_NONE)
        go_on(task);
    else
        wait_for_ledger(task, transaction->err.text);
}

static void keep(struct task *task)
{
    const struct allocations_settings *settings = &task->allocations->settings;
    struct transaction *transaction =
        task->actions.forget ? removal(task->entry) : put(task->entry, task->actions.wake_ms);
    struct error err = {0};

    task->transaction = transaction;
    task->entry->writing++;
    if (store_start(settings->store, settings->loop, transaction, on_kept, task, &err))
        return;
    task->transaction = NULL;
    task->entry->writing--;
    transaction_destroy(&transaction);
    wait_for_ledger(task, err.text);
}

/* ---- the step */

/* Blocks that came along are kept until the storage has them. */
static void keep_carried(struct task *task)
{
    struct entry *entry = task->entry;
    struct text before = entry->carried;

    if (entry->record.state != ALLOCATION_IMPORTING &&
        entry->record.state != ALLOCATION_RECEIVING) { /* it went back: a restore */
        text_dispose(&entry->carried);
    } else if (task->carried.size > 0 && before.size == 0) {
        entry->carried = task->carried;
        task->carried = before;
    }
}

static enum allocation_room room_here(const struct party *party, uint64_t bytes)
{
    struct grant_account here = party_here(party);

    return party->is_draining ? ALLOCATION_ROOM_NOT_GRANTED : grant_room(&here, bytes);
}

/* What they let go leaves room for others; one that was refused does not. */
static bool frees_room(const struct task *task)
{
    enum allocation_state state = task->entry->record.state;

    return task->role == ALLOCATION_OWNER && task->actions.pins < 0 &&
           (state == ALLOCATION_RELEASED || state == ALLOCATION_LOST);
}

static void step(struct task *task)
{
    struct allocations *allocations = task->allocations;
    struct entry *entry = task->entry;
    struct allocation_record *record = &entry->record;
    struct party *party = entry->party;
    struct allocation_record before = *record;
    uint16_t random;

    allocations->settings.random(&random, sizeof(random));
    task->event.random = random;
    allocations_draw(allocations, task->event.fresh);
    if (task->event.kind == ALLOCATION_RESERVE && record->state != ALLOCATION_RESERVED)
        task->event.room = room_here(party, task->event.bytes);
    party->busy -= entry_is_busy(entry);
    queue_leave(entry);
    allocation_step(record, &task->event, allocations->settings.now_ms(), &task->actions);
    party->busy += entry_is_busy(entry);
    if (task->event.kind == ALLOCATION_EVICT_HEARD && task->event.is_final && task->actions.journal)
        evicted_note(party, &record->root);
    if (!entry->is_forgotten)
        party_count(party, &before, task->actions.forget ? NULL : record);
    entry->is_forgotten = entry->is_forgotten || task->actions.forget;
    grant_charge(party_account(party, task->role), task->actions.bytes, task->actions.pins);
    if (frees_room(task))
        party_wake(party);
    entry_stop(entry, task->actions.stop);
    keep_carried(task);
    if (record->state == ALLOCATION_NONE || (!task->actions.journal && !task->actions.forget))
        go_on(task);
    else
        keep(task);
}

static void use(struct task *task, struct entry *entry)
{
    task->entry = entry;
    entry->held++;
    step(task);
}

static void on_got(void *task_, struct transaction *transaction)
{
    struct task *task = task_;
    const struct allocation_entry *kept = &transaction->allocation_get.entry;
    struct entry *entry =
        allocations_entry(task->allocations, task->party, task->role, task->event.id);
    struct allocation_record record = {0};

    task->transaction = NULL;
    if (entry != NULL) { /* another task was faster */
        use(task, entry);
        return;
    }
    if (transaction->err.code != ERROR_NONE && transaction->err.code != ERROR_NOT_FOUND) {
        finish(task, &transaction->err);
        return;
    }
    if (transaction->err.code == ERROR_NONE && !allocation_read(&record, kept->record, NULL)) {
        struct error err = {0};

        error_set(&err, ERROR_UNSUPPORTED, "it is kept in a form that cannot be read");
        finish(task, &err);
        return;
    }
    if (record.state == ALLOCATION_NONE) { /* so that two of them meet */
        memcpy(record.id, task->event.id, ULID_SIZE);
        memcpy(record.link, task->party->link, ULID_SIZE);
        record.role = task->role;
    }
    entry = allocations_add(task->allocations, task->party, &record);
    if (transaction->err.code == ERROR_NONE)
        text_put_slice(&entry->carried, allocation_carried(kept->record));
    use(task, entry);
}

void task_run(struct task *task)
{
    const struct allocations_settings *settings = &task->allocations->settings;
    struct entry *entry =
        allocations_entry(task->allocations, task->party, task->role, task->event.id);
    struct transaction *transaction;
    struct error err = {0};

    if (entry != NULL) {
        use(task, entry);
        return;
    }
    transaction = transaction_create(TRANSACTION_ALLOCATION_GET);
    memcpy(transaction->allocation_get.link, task->party->link, ULID_SIZE);
    memcpy(transaction->allocation_get.id, task->event.id, ULID_SIZE);
    transaction->allocation_get.role = (uint8_t)task->role;
    task->transaction = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_got, task, &err))
        return;
    task->transaction = NULL;
    transaction_destroy(&transaction);
    finish(task, &err);
}

void entry_tell(struct entry *entry, struct allocation_event *event)
{
    memcpy(event->id, entry->record.id, ULID_SIZE);
    task_run(task_create(entry->party->allocations, entry->party, entry->record.role, event));
}

/* ---- what is to be done */

static void on_answered(void *entry_, int status, struct slice with, const char *message,
                        const struct error *err)
{
    struct entry *entry = entry_;
    struct allocation_event event = {.kind = ALLOCATION_ANSWERED, .status = (unsigned)status};

    entry->operations[OPERATION_ASK] = NULL;
    memcpy(event.key, entry->record.key, ULID_SIZE);
    if (err != NULL) {
        event.kind = ALLOCATION_UNANSWERED;
        event.said = slice_of(err->text);
    } else {
        memcpy(entry->settles, entry->record.key, ULID_SIZE);
        event.said = slice_of(message != NULL ? message : "");
        item_read_answer(with, &event, entry->party);
    }
    entry_tell(entry, &event);
}

static void on_moved(void *entry_, uint64_t position, bool is_complete)
{
    struct allocation_event event = {
        .kind = ALLOCATION_PROGRESS, .position = position, .is_complete = is_complete};

    entry_tell(entry_, &event);
}

static void on_sent(void *entry_, unsigned status, const struct error *err)
{
    struct entry *entry = entry_;
    struct allocation_event event = {.kind = ALLOCATION_SEND_FAILED, .status = status};

    entry->operations[OPERATION_SEND] = NULL;
    if (err == NULL && entry->record.state != ALLOCATION_TRANSFERRING)
        return; /* it was told that it is complete */
    event.said = slice_of(err != NULL ? err->text : "");
    if (err != NULL && err->code == ERROR_NOT_FOUND && status == 0)
        event.reason = ALLOCATION_MISSING_HERE;
    entry_tell(entry, &event);
}

static void on_imported(void *entry_, unsigned status, const struct error *err)
{
    struct entry *entry = entry_;
    struct allocation_event event = {.kind = ALLOCATION_IMPORTED};

    entry->operations[OPERATION_IMPORT] = NULL;
    if (err != NULL) {
        event.kind = ALLOCATION_IMPORT_FAILED;
        event.is_final = err->code == ERROR_MISMATCH || err->code == ERROR_NOT_FOUND ||
                         err->code == ERROR_REFUSED;
        event.said = slice_of(err->text);
    }
    entry_tell(entry, &event);
}

static void on_removed(void *entry_, unsigned status, const struct error *err)
{
    struct entry *entry = entry_;
    struct allocation_event event = {.kind = err == NULL ? ALLOCATION_REMOVED
                                                         : ALLOCATION_REMOVE_FAILED};

    entry->operations[OPERATION_REMOVE] = NULL;
    event.said = slice_of(err != NULL ? err->text : "");
    entry_tell(entry, &event);
}

static bool ask(struct entry *entry, struct slice car, struct error *err)
{
    const struct allocations_ways *ways = &entry->party->allocations->settings.ways;
    struct text with = {0};
    bool is_asked;

    if (entry->record.item == ALLOCATION_ITEM_RECEIPT)
        is_asked = ways->sign(ways->link_arg, entry->party->partner, &entry->record, &with, err);
    else
        is_asked = true;
    item_put_with(entry, car, &with);
    is_asked = is_asked &&
               ways->ask(ways->link_arg, &entry->operations[OPERATION_ASK], entry->party->partner,
                         entry->record.key, allocation_item_name(entry->record.item),
                         text_slice(&with), on_answered, entry, err);
    text_dispose(&with);
    return is_asked;
}

void entry_ask(struct entry *entry, struct slice car)
{
    struct error err = {0};

    if (!ask(entry, car, &err))
        on_answered(entry, 0, SLICE(""), NULL, &err);
}

static void begin(struct entry *entry, unsigned operation)
{
    const struct allocations_ways *ways = &entry->party->allocations->settings.ways;
    const char *partner = entry->party->partner;
    void **slot = &entry->operations[operation];
    struct error err = {0};

    if (*slot != NULL)
        return;
    switch (operation) {
    case OPERATION_ASK:
        if (entry_carries(entry))
            entry_read(entry);
        else
            entry_ask(entry, SLICE(""));
        return;
    case OPERATION_SEND:
        if (!ways->send(ways->arg, slot, partner, &entry->record, on_moved, on_sent, entry, &err))
            on_sent(entry, 0, &err);
        return;
    case OPERATION_IMPORT:
        if (!ways->import(ways->arg, slot, partner, &entry->record, text_slice(&entry->carried),
                          on_imported, entry, &err))
            on_imported(entry, 0, &err);
        return;
    default:
        if (!ways->remove(ways->arg, slot, partner, &entry->record, on_removed, entry, &err))
            on_removed(entry, 0, &err);
    }
}

static const unsigned works[OPERATION_COUNT] = {
    [OPERATION_ASK] = ALLOCATION_WORK_ASK,       [OPERATION_READ] = ALLOCATION_WORK_ASK,
    [OPERATION_SEND] = ALLOCATION_WORK_SEND,     [OPERATION_IMPORT] = ALLOCATION_WORK_IMPORT,
    [OPERATION_REMOVE] = ALLOCATION_WORK_REMOVE,
};

void entry_stop(struct entry *entry, unsigned work)
{
    const struct allocations_ways *ways = &entry->party->allocations->settings.ways;

    if ((work & ALLOCATION_WORK_ASK) != 0 && entry->operations[OPERATION_ASK] != NULL)
        ways->unask(ways->link_arg, &entry->operations[OPERATION_ASK]);
    for (unsigned i = OPERATION_ASK + 1; i < OPERATION_COUNT; i++)
        if ((work & works[i]) != 0 && entry->operations[i] != NULL)
            ways->cancel(ways->arg, &entry->operations[i]);
}

/* What a step said, as far as it is still so. */
void entry_begin(struct entry *entry, const struct allocation_actions *actions)
{
    struct allocations *allocations = entry->party->allocations;
    unsigned start = actions->start & allocation_work(&entry->record);

    entry->held++; /* until all was begun */
    if (actions->wake_ms == UINT64_MAX) {
        timer_disarm(&entry->timer);
    } else {
        uint64_t wall_ms = allocations->settings.now_ms();
        uint64_t wait_ms = actions->wake_ms > wall_ms ? actions->wake_ms - wall_ms : 1;

        timer_arm(allocations->settings.loop, &entry->timer,
                  wait_ms < ALLOCATION_HOUR_MS ? wait_ms : ALLOCATION_HOUR_MS);
    }
    for (unsigned i = 0; i < OPERATION_COUNT; i++)
        if ((start & works[i]) != 0 && i != OPERATION_READ)
            begin(entry, i);
    queue_enter(entry);
    party_pump_soon(entry->party);
    entry->held--;
    allocations_settle_entry(entry);
}

/* ---- from outside */

bool allocations_place(struct allocations *allocations, const char *partner, const struct cid *root,
                       uint64_t bytes, uint64_t blocks, int32_t priority, char id[ULID_SIZE],
                       struct error *err)
{
    struct allocation_event event = {.kind = ALLOCATION_PLACE,
                                     .root = *root,
                                     .bytes = bytes,
                                     .blocks = blocks,
                                     .priority = priority};

    allocations_draw(allocations, id);
    memcpy(event.id, id, ULID_SIZE);
    return allocations_tell(allocations, partner, ALLOCATION_OWNER, &event, NULL, NULL, err);
}

bool allocations_tell(struct allocations *allocations, const char *partner,
                      enum allocation_role role, const struct allocation_event *event,
                      allocations_done on_done, void *arg, struct error *err)
{
    struct party *party = allocations_party(allocations, partner);
    struct allocation_event copy = *event;
    struct task *task;

    if (party == NULL || party->is_loading)
        return error_set(err, ERROR_NOT_FOUND,
                         party == NULL ? "there is no link with '%s'"
                                       : "the link with '%s' is being loaded",
                         partner);
    memcpy(copy.link, party->link, ULID_SIZE);
    task = task_create(allocations, party, role, &copy);
    task->on_done = on_done;
    task->arg = arg;
    task_run(task);
    return true;
}
