// SPDX-License-Identifier: Apache-2.0
/* The owner's side: what was placed at a partner. */
#include "federation/allocation_private.h"
#include "federation/carried.h"

#include <string.h>

/* ---- what is wanted */

static void begin(struct allocation_change *change, enum allocation_state state)
{
    struct allocation_record *record = change->record;
    const struct allocation_event *event = change->event;

    allocation_set_key(record->id, event->id);
    allocation_set_key(record->link, event->link);
    record->role = ALLOCATION_OWNER;
    record->root = cid_to_v1(&event->root);
    record->bytes = event->bytes;
    record->blocks = event->blocks;
    record->priority = event->priority;
    allocation_set_state(change, state);
}

void allocation_do_place(struct allocation_change *change)
{
    begin(change, ALLOCATION_QUEUED);
}

/* Placed before our ledger was restored from an older backup: placement says whether it is wanted.
 */
void allocation_do_learn(struct allocation_change *change)
{
    begin(change, ALLOCATION_PLACED);
    change->record->is_there = true;
    change->record->is_complete = true;
    change->record->seen_ms = change->wall_ms;
    allocation_set_key(change->record->held_key, change->event->key);
    if (!change->event->is_final)
        return;
    allocation_set_state(change, ALLOCATION_LOST); /* counts for nothing, and nobody releases it */
    allocation_note(change, ALLOCATION_UNKNOWN_HERE);
    change->record->is_orphaned = true;
}

void allocation_do_want(struct allocation_change *change)
{
    change->record->priority = change->event->priority;
}

/* As long as nobody there was told. */
void allocation_do_want_back(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    if (record->item == ALLOCATION_ITEM_RELEASE || record->held_key[0] == '\0' ||
        record->release_key[0] != '\0' || record->evict_key[0] != '\0')
        return;
    record->is_unwanted = false;
    record->priority = change->event->priority;
    allocation_set_state(change, ALLOCATION_PLACED);
}

void allocation_do_release(struct allocation_change *change)
{
    enum allocation_reason reason = change->event->reason;

    change->record->is_unwanted = true;
    allocation_set_state(change, ALLOCATION_RELEASING);
    allocation_note(change, reason != ALLOCATION_NO_REASON ? reason : ALLOCATION_NOT_WANTED);
}

/* Nobody there knows of it: there is nobody to tell, and nothing to remember. */
void allocation_do_release_early(struct allocation_change *change)
{
    if (change->record->is_there) {
        allocation_do_release(change);
        return;
    }
    change->record->is_unwanted = true;
    allocation_set_state(change, ALLOCATION_RELEASED);
    allocation_note(change, ALLOCATION_NOT_WANTED);
    change->record->until_ms = change->wall_ms;
}

/* If it is found again, it is released then. */
void allocation_do_unwanted(struct allocation_change *change)
{
    change->record->is_unwanted = true;
}

/* ---- its turn */

static void be_stuck(struct allocation_change *change, enum allocation_reason reason)
{
    allocation_end_item(change->record);
    allocation_set_state(change, ALLOCATION_STUCK);
    allocation_wait(change, reason, ALLOCATION_AGAIN_MS, ALLOCATION_AGAIN_MAX);
}

void allocation_do_reserve_turn(struct allocation_change *change)
{
    static const enum allocation_reason reasons[] = {
        [ALLOCATION_ROOM_OUR_GRANT] = ALLOCATION_OUR_GRANT,
        [ALLOCATION_ROOM_THEIR_GRANT] = ALLOCATION_THEIR_GRANT,
        [ALLOCATION_ROOM_NOT_GRANTED] = ALLOCATION_OUR_GRANT,
        [ALLOCATION_ROOM_NO_SPACE] = ALLOCATION_THEIR_GRANT,
        [ALLOCATION_ROOM_EVICTED] = ALLOCATION_EVICTED,
    };

    if (change->event->room != ALLOCATION_ROOM) {
        be_stuck(change, reasons[change->event->room]);
        return;
    }
    change->record->is_there = true;
    allocation_set_state(change, ALLOCATION_RESERVING);
}

/* Asked again, in its turn; how long it waits if it is refused again is not forgotten. */
void allocation_do_granted(struct allocation_change *change)
{
    switch (change->record->reason) {
    case ALLOCATION_OUR_GRANT:
    case ALLOCATION_THEIR_GRANT:
    case ALLOCATION_QUOTA_THERE:
    case ALLOCATION_FORBIDDEN_THERE:
        allocation_set_state(change, ALLOCATION_QUEUED);
        return;
    default:
        return;
    }
}

void allocation_do_release_turn(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    if (allocation_has_item(record) || record->retry_ms != 0)
        return;
    record->item = ALLOCATION_ITEM_RELEASE;
    allocation_set_key(record->key, change->event->fresh);
    if (record->release_key[0] == '\0')
        allocation_set_key(record->release_key, change->event->fresh);
}

/* ---- answers */

/* What no other time and no other key would change. */
static bool is_definite(unsigned status)
{
    return status >= 400 && status < 500 && status != 408 && status != 429;
}

static enum allocation_reason reason_of(unsigned status)
{
    switch (status) {
    case 507:
        return ALLOCATION_QUOTA_THERE;
    case 403:
    case 413:
        return ALLOCATION_FORBIDDEN_THERE;
    case 408:
    case 429:
    case 503:
        return ALLOCATION_BUSY_THERE;
    default:
        return is_definite(status) ? ALLOCATION_REFUSED_THERE : ALLOCATION_UNREACHABLE;
    }
}

static void be_refused(struct allocation_change *change, enum allocation_reason reason)
{
    allocation_end_item(change->record);
    change->record->is_there = false;
    allocation_set_state(change, ALLOCATION_REFUSED);
    allocation_note(change, reason);
}

void allocation_do_reserved_there(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    unsigned status = change->event->status;

    if (!allocation_is_of_item(change))
        return;
    allocation_end_item(record);
    if (status == 202) { /* they have all of it already: it went along */
        record->attempts = 0;
        record->is_complete = true;
        allocation_set_state(change, ALLOCATION_COMMITTING);
        record->retry_ms = change->wall_ms + ALLOCATION_RETRY_MAX; /* for their receipt */
    } else if (status >= 200 && status < 300) {
        record->attempts = 0;
        record->position = change->event->position;
        allocation_set_state(change, ALLOCATION_TRANSFERRING);
    } else if (status == 403 || status == 413 || status == 507) {
        record->is_there = false; /* it was not taken: there is nothing to release */
        be_stuck(change, reason_of(status));
    } else if (status == 410 && !change->event->is_final) {
        allocation_under_another_key(change);
    } else if (is_definite(status)) {
        be_refused(change, status == 410 ? ALLOCATION_GONE_THERE : ALLOCATION_REFUSED_THERE);
    } else {
        allocation_retry(change, reason_of(status));
    }
}

/* The reservation ran out. */
static void reserve_again(struct allocation_change *change)
{
    change->record->position = 0;
    change->record->is_complete = false;
    allocation_set_state(change, ALLOCATION_RESERVING);
}

/* From where they are, but not at once for ever. */
static void send_again(struct allocation_change *change)
{
    change->record->is_complete = false;
    change->record->position = change->event->position;
    allocation_set_state(change, ALLOCATION_TRANSFERRING);
    if (change->record->attempts++ > 0)
        allocation_retry(change, ALLOCATION_REFUSED_THERE);
}

void allocation_do_committed_there(struct allocation_change *change)
{
    unsigned status = change->event->status;

    if (!allocation_is_of_item(change))
        return;
    allocation_end_item(change->record);
    if (status >= 200 && status < 300)
        change->record->retry_ms = change->wall_ms + ALLOCATION_RETRY_MAX; /* for their receipt */
    else if (status == 409)
        send_again(change);
    else if (status == 404 || (status == 410 && change->event->is_final))
        reserve_again(change);
    else if (status == 410)
        allocation_under_another_key(change);
    else if (is_definite(status))
        be_stuck(change, reason_of(status));
    else
        allocation_retry(change, reason_of(status));
}

static void be_released(struct allocation_change *change)
{
    enum allocation_reason reason = change->record->reason;

    change->record->is_there = false;
    allocation_set_state(change, ALLOCATION_RELEASED);
    change->record->reason = reason;
}

void allocation_do_released_there(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    unsigned status = change->event->status;
    bool is_release = record->item == ALLOCATION_ITEM_RELEASE;

    if (!allocation_is_of_item(change))
        return;
    allocation_end_item(record);
    if (!is_release) {
        if (record->evict_key[0] != '\0')
            be_released(change);
    } else if ((status >= 200 && status < 300) || status == 404 || change->event->is_final) {
        be_released(change);
    } else {
        if (strcmp(record->release_key, change->event->key) == 0)
            memset(record->release_key, 0, ULID_SIZE); /* it did nothing there */
        if (is_definite(status) && status != 410)
            allocation_wait(change, ALLOCATION_REFUSED_THERE, ALLOCATION_AGAIN_MS,
                            ALLOCATION_AGAIN_MAX);
        else
            allocation_retry(change, reason_of(status));
    }
}

void allocation_do_end_item(struct allocation_change *change)
{
    if (allocation_is_of_item(change))
        allocation_end_item(change->record);
}

void allocation_do_ask_again(struct allocation_change *change)
{
    if (allocation_is_of_item(change))
        allocation_retry(change, ALLOCATION_UNREACHABLE);
}

/* ---- blocks */

void allocation_do_progress(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    if (change->event->position > record->position)
        record->attempts = 0;
    record->position = change->event->position;
    if (!change->event->is_complete)
        return;
    record->is_complete = true;
    allocation_set_state(change, ALLOCATION_COMMITTING);
}

void allocation_do_send_failed(struct allocation_change *change)
{
    unsigned status = change->event->status;

    if (change->event->reason == ALLOCATION_MISSING_HERE)
        be_stuck(change, ALLOCATION_MISSING_HERE);
    else if (status == 404 || status == 410)
        reserve_again(change);
    else if (status == 403 || status == 507)
        be_stuck(change, reason_of(status));
    else if (status != 0 && is_definite(status) && status != 409)
        be_stuck(change, ALLOCATION_BAD_DATA);
    else
        allocation_retry(change, reason_of(status));
}

/* ---- what the holder says */

static void hold(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    /* a later one: they could not know that this side had the first */
    if (strcmp(change->event->key, record->held_key) > 0)
        allocation_set_key(record->held_key, change->event->key);
    record->seen_ms = change->wall_ms;
}

/* With the reservation, whose answer the receipt has overtaken. */
static bool may_have_come_along(const struct allocation_record *record)
{
    return record->state == ALLOCATION_RESERVING && record->bytes <= CARRIED_BYTES_MAX;
}

void allocation_do_receipt(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    const struct allocation_event *event = change->event;

    if (!record->is_there) {
        allocation_answer(change, 404);
        return;
    }
    if (!cid_equal(&record->root, &event->root) || record->bytes != event->bytes ||
        (record->blocks != 0 && record->blocks != event->blocks)) {
        allocation_note(change, ALLOCATION_BAD_RECEIPT);
        allocation_answer(change, 409);
        return;
    }
    if (!record->is_complete && !may_have_come_along(record)) { /* they cannot have it */
        allocation_answer(change, record->state == ALLOCATION_RESERVING ? 503 : 409);
        return;
    }
    allocation_answer(change, 200);
    if (record->evict_key[0] != '\0')
        return; /* sent before they evicted it */
    hold(change);
    if (record->state == ALLOCATION_LOST && record->reason == ALLOCATION_UNKNOWN_HERE)
        return; /* to be told again makes it nobody's here */
    record->blocks = event->blocks;
    record->attempts = 0;
    record->is_complete = true;
    allocation_set_state(change, record->is_unwanted ? ALLOCATION_RELEASING : ALLOCATION_PLACED);
}

/* What a statement told may have come before their first receipt. */
void allocation_do_receipt_again(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    hold(change);
    if (record->is_leaving && record->reason == ALLOCATION_EVICTED) { /* it stays after all */
        record->is_leaving = false;
        allocation_note(change, ALLOCATION_NO_REASON);
    }
    allocation_answer(change, 200);
}

void allocation_do_late_receipt(struct allocation_change *change)
{
    hold(change);
    allocation_answer(change, 200);
}

/* We gave it up, and they have it. */
void allocation_do_unwanted_receipt(struct allocation_change *change)
{
    hold(change);
    change->record->is_there = true;
    change->record->is_unwanted = true;
    allocation_set_state(change, ALLOCATION_RELEASING);
    allocation_note(change, ALLOCATION_NOT_WANTED);
    allocation_answer(change, 200);
}

void allocation_do_evicted(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_answer(change, 200);
    if (change->event->is_final) {
        allocation_set_key(record->evict_key, change->event->key);
        record->is_there = false;
        allocation_set_state(change, ALLOCATION_LOST);
    } else {
        record->is_leaving = true;
    }
    allocation_note(change, ALLOCATION_EVICTED);
}

void allocation_do_evicted_early(struct allocation_change *change)
{
    if (!change->record->is_there) {
        allocation_answer(change, 404);
        return;
    }
    allocation_answer(change, 200);
    if (change->event->is_final) {
        allocation_set_key(change->record->evict_key, change->event->key);
        change->record->is_there = false;
        allocation_set_state(change, ALLOCATION_LOST);
    } else {
        change->record->is_unwanted = true;
        allocation_set_state(change, ALLOCATION_RELEASING);
    }
    allocation_note(change, ALLOCATION_EVICTED);
}

void allocation_do_evicted_late(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_answer(change, 200);
    if (!change->event->is_final) {
        record->is_leaving = true; /* should it be wanted again */
        return;
    }
    if (record->evict_key[0] == '\0')
        allocation_set_key(record->evict_key, change->event->key);
    if (record->state == ALLOCATION_RELEASING && !allocation_has_item(record))
        be_released(change);
}
