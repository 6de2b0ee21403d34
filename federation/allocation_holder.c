// SPDX-License-Identifier: Apache-2.0
/* The holder's side: what a partner placed here. */
#include "federation/allocation_private.h"

#include <string.h>

/* ---- what the owner asks */

static void take(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    const struct allocation_event *event = change->event;

    allocation_set_key(record->id, event->id);
    allocation_set_key(record->link, event->link);
    record->role = ALLOCATION_HOLDER;
    record->root = cid_to_v1(&event->root);
    record->bytes = event->bytes;
    record->blocks = event->blocks;
    record->position = 0;
    record->is_complete = false;
    record->is_receipted = false;
    record->is_orphaned = false;
    allocation_set_state(change, ALLOCATION_RESERVED);
    record->until_ms = change->wall_ms + ALLOCATION_RESERVE_MS;
}

/* All of it came along. */
static void take_whole(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    take(change);
    record->blocks = record->position = change->event->blocks;
    record->is_complete = true;
    allocation_set_state(change, ALLOCATION_IMPORTING);
    allocation_answer(change, 202);
}

void allocation_do_take(struct allocation_change *change)
{
    static const unsigned statuses[] = {
        [ALLOCATION_ROOM] = 200,
        [ALLOCATION_ROOM_OUR_GRANT] = 507,
        [ALLOCATION_ROOM_THEIR_GRANT] = 507,
        [ALLOCATION_ROOM_NOT_GRANTED] = 403,
        [ALLOCATION_ROOM_NO_SPACE] = 507,
        [ALLOCATION_ROOM_EVICTED] = 507,
    };

    allocation_answer(change, statuses[change->event->room]);
    if (change->event->room != ALLOCATION_ROOM)
        return;
    if (change->event->is_complete)
        take_whole(change);
    else
        take(change);
}

static bool is_same(const struct allocation_record *record, const struct allocation_event *event)
{
    struct cid root = cid_to_v1(&event->root);

    return cid_equal(&record->root, &root) && record->bytes == event->bytes;
}

void allocation_do_take_again(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_answer(change, is_same(record, change->event) ? 200 : 409);
    if (change->actions->answer != 200 ||
        (record->state != ALLOCATION_RESERVED && record->state != ALLOCATION_RECEIVING))
        return;
    record->is_orphaned = false;
    record->until_ms = change->wall_ms + ALLOCATION_RESERVE_MS;
}

/* What only ran out of time may begin again. */
void allocation_do_take_expired(struct allocation_change *change)
{
    const struct allocation_record *record = change->record;

    if (record->reason != ALLOCATION_EXPIRED || record->is_orphaned ||
        record->release_key[0] != '\0' || allocation_has_item(record))
        allocation_answer(change, 410);
    else if (!is_same(record, change->event))
        allocation_answer(change, 409);
    else
        allocation_do_take(change);
}

void allocation_do_commit(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    const struct allocation_event *event = change->event;

    if (!record->is_complete) {
        allocation_answer(change, 409);
        return;
    }
    if (event->bytes != record->bytes || (event->blocks != 0 && event->blocks != record->blocks)) {
        allocation_answer(change, 400);
        return;
    }
    allocation_set_state(change, ALLOCATION_IMPORTING);
    allocation_answer(change, 202);
}

void allocation_do_commit_again(struct allocation_change *change)
{
    allocation_answer(change, 202);
}

/* Whoever asks has not got the receipt, or it is on its way. */
void allocation_do_commit_known(struct allocation_change *change)
{
    change->record->is_receipted = false;
    allocation_answer(change, 200);
}

void allocation_do_let_go(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_set_key(record->release_key, change->event->key);
    record->tells_leave = false;
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_NOT_WANTED);
    allocation_answer(change, 200);
}

void allocation_do_let_go_again(struct allocation_change *change)
{
    if (change->record->release_key[0] == '\0')
        allocation_set_key(change->record->release_key, change->event->key);
    allocation_answer(change, 200);
}

/* ---- what came */

void allocation_do_received(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    const struct allocation_event *event = change->event;

    /* A request that brought nothing is no progress: room is not held for it. */
    if (event->position <= record->position && event->is_complete == record->is_complete)
        return;
    if (record->state == ALLOCATION_RESERVED)
        allocation_set_state(change, ALLOCATION_RECEIVING);
    record->position = event->position;
    record->until_ms = change->wall_ms + ALLOCATION_RESERVE_MS;
    record->is_complete = event->is_complete;
    if (!event->is_complete)
        return;
    record->blocks = event->blocks;
    if (event->bytes == record->bytes)
        return;
    allocation_set_state(change, ALLOCATION_REMOVING); /* what is charged is what was promised */
    allocation_note(change, ALLOCATION_BAD_DATA);
}

void allocation_do_rejected(struct allocation_change *change)
{
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_BAD_DATA);
}

void allocation_do_imported(struct allocation_change *change)
{
    change->record->attempts = 0;
    allocation_set_state(change, ALLOCATION_PINNED);
    change->record->seen_ms = change->wall_ms;
}

void allocation_do_import_failed(struct allocation_change *change)
{
    if (!change->event->is_final) {
        allocation_retry(change, ALLOCATION_STORAGE_HERE);
        return;
    }
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_STORAGE_HERE);
    change->record->tells_evict = !change->record->is_orphaned;
}

void allocation_do_removed(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    enum allocation_reason reason = record->reason;
    char said[ALLOCATION_SAID_SIZE];

    memcpy(said, record->said, sizeof(said));
    record->attempts = 0;
    allocation_set_state(change, ALLOCATION_GONE);
    record->reason = reason;
    memcpy(record->said, said, sizeof(said));
}

void allocation_do_remove_failed(struct allocation_change *change)
{
    enum allocation_reason reason = change->record->reason;

    allocation_retry(change, ALLOCATION_STORAGE_HERE);
    change->record->reason = reason; /* why it goes; the words say what went wrong */
}

/* Nothing is there to be kept: its owner is to know. */
void allocation_do_storage_lost(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    record->tells_evict = !record->is_orphaned;
    record->tells_leave = false;
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_STORAGE_HERE);
}

/* ---- our operator */

void allocation_do_evict(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    uint64_t until_ms = change->event->until_ms;

    if (until_ms > change->wall_ms) {
        allocation_set_state(change, ALLOCATION_LEAVING);
        record->until_ms = until_ms;
        record->tells_leave = true;
    } else {
        allocation_set_state(change, ALLOCATION_REMOVING);
        record->tells_leave = false;
        record->tells_evict = true;
    }
    allocation_note(change, ALLOCATION_EVICTED);
}

/* Nothing to keep until somebody else has it: its owner still has it all. */
void allocation_do_evict_partial(struct allocation_change *change)
{
    allocation_set_state(change, ALLOCATION_REMOVING);
    change->record->tells_evict = !change->record->is_orphaned;
    allocation_note(change, ALLOCATION_EVICTED);
}

/* There is nobody to tell. */
void allocation_do_evict_orphan(struct allocation_change *change)
{
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_EVICTED);
}

/* ---- what the owner answers */

/* They do not know by this item that it is held: the next one is the first. */
static void unhold(struct allocation_record *record, const char *key)
{
    if (strcmp(record->held_key, key) == 0)
        memset(record->held_key, 0, sizeof(record->held_key));
    if (strcmp(record->evict_key, key) == 0)
        memset(record->evict_key, 0, sizeof(record->evict_key));
}

static void receipt_told(struct allocation_change *change, bool is_fine)
{
    struct allocation_record *record = change->record;

    if (is_fine) {
        record->is_receipted = true;
        record->attempts = 0;
        if (record->state == ALLOCATION_LEAVING) /* the owner took it for a stay */
            record->tells_leave = true;
        return;
    }
    memset(record->held_key, 0, sizeof(record->held_key)); /* they do not know that it is held */
    if (record->state == ALLOCATION_PINNED || record->state == ALLOCATION_LEAVING)
        allocation_wait(change, ALLOCATION_REFUSED_THERE, ALLOCATION_AGAIN_MS,
                        ALLOCATION_AGAIN_MAX);
}

void allocation_do_told(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    enum allocation_item item = record->item;
    unsigned status = change->event->status;
    bool is_fine = status >= 200 && status < 300;

    if (!allocation_is_of_item(change))
        return;
    allocation_end_item(record);
    if (status == 410 && !change->event->is_final) {
        unhold(record, change->event->key);
        allocation_under_another_key(change); /* if it is still to be said */
        return;
    }
    if (!is_fine && status != 404 && status != 409 && status != 410) {
        unhold(record, change->event->key);
        allocation_retry(change, ALLOCATION_UNREACHABLE);
        return;
    }
    if (item == ALLOCATION_ITEM_RECEIPT)
        receipt_told(change, is_fine);
    if (item == ALLOCATION_ITEM_LEAVE)
        record->tells_leave = false;
    if (item == ALLOCATION_ITEM_EVICT)
        record->tells_evict = false;
}
