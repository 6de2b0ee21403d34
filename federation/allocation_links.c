// SPDX-License-Identifier: Apache-2.0
/* What becomes of an allocation when something becomes of its link. Nothing here removes a copy. */
#include "federation/allocation_private.h"

#include <string.h>

/* ---- it is to end in good order */

void allocation_do_drain_owner(struct allocation_change *change)
{
    change->record->is_unwanted = true;
    allocation_set_state(change, ALLOCATION_RELEASING);
    allocation_note(change, ALLOCATION_DRAINED);
}

/* Kept until it was placed anew: placement releases it then. If its holder wants it gone, that
 * stays why. */
void allocation_do_drain_placed(struct allocation_change *change)
{
    if (change->record->is_leaving)
        return;
    change->record->is_leaving = true;
    allocation_note(change, ALLOCATION_DRAINED);
}

void allocation_do_drain_early(struct allocation_change *change)
{
    allocation_do_release_early(change);
    change->record->reason = ALLOCATION_DRAINED;
}

void allocation_do_drain_partial(struct allocation_change *change)
{
    allocation_do_evict_partial(change);
    change->record->reason = ALLOCATION_DRAINED;
}

/* Goes when its owner says so. */
void allocation_do_drain_pinned(struct allocation_change *change)
{
    allocation_set_state(change, ALLOCATION_LEAVING);
    change->record->tells_leave = true;
    allocation_note(change, ALLOCATION_DRAINED);
}

/* ---- it stays after all; what was released already is not brought back here */

void allocation_do_stay_placed(struct allocation_change *change)
{
    if (change->record->reason != ALLOCATION_DRAINED)
        return;
    change->record->is_leaving = false;
    allocation_note(change, ALLOCATION_NO_REASON);
}

/* Its owner, who was told that it will go, gets the receipt again: it is held. */
void allocation_do_stay_pinned(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    if (record->reason != ALLOCATION_DRAINED)
        return;
    allocation_set_state(change, ALLOCATION_PINNED);
    record->tells_leave = false;
    record->is_receipted = false;
}

/* ---- it is over */

void allocation_do_forget_items(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_end_item(record);
    record->tells_leave = record->tells_evict = false;
    if (record->state != ALLOCATION_REMOVING)
        record->retry_ms = 0;
}

void allocation_do_lose(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    bool is_there = record->is_there;

    allocation_do_forget_items(change);
    record->is_orphaned = is_there;
    allocation_set_state(change, is_there ? ALLOCATION_LOST : ALLOCATION_REFUSED);
    allocation_note(change, ALLOCATION_LINK_ENDED);
}

/* Nobody relies on what was never confirmed: it goes when it expires. */
void allocation_do_shorten(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    uint64_t until_ms = change->wall_ms + ALLOCATION_RESERVE_MS;

    allocation_do_forget_items(change);
    record->is_orphaned = true;
    if (record->state == ALLOCATION_IMPORTING) {
        allocation_set_state(change, ALLOCATION_RECEIVING);
        record->until_ms = until_ms;
    } else if (record->until_ms > until_ms) {
        record->until_ms = until_ms;
    }
    allocation_note(change, ALLOCATION_LINK_ENDED);
}

void allocation_do_orphan(struct allocation_change *change)
{
    allocation_do_forget_items(change);
    change->record->is_orphaned = true;
    allocation_set_state(change, ALLOCATION_ORPHANED);
    allocation_note(change, ALLOCATION_LINK_ENDED);
}

/* What failed because they could not be reached is tried now. */
void allocation_do_link_back(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    if (record->reason != ALLOCATION_UNREACHABLE && record->reason != ALLOCATION_BUSY_THERE)
        return;
    record->retry_ms = 0;
    record->attempts = 0;
}

/* ---- statements are compared: no item from before has any effect any more, and what is not held
 * by both is in no statement from then on */

static void forget_hold(struct allocation_change *change)
{
    allocation_end_item(change->record);
    memset(change->record->held_key, 0, ULID_SIZE);
}

static void adopt_key(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_end_item(record);
    allocation_set_key(record->held_key, change->event->key);
    memset(record->evict_key, 0, sizeof(record->evict_key));
    memset(record->release_key, 0, sizeof(record->release_key));
    record->is_there = record->is_complete = true;
    record->is_orphaned = false;
    record->seen_ms = change->wall_ms;
}

void allocation_do_found(struct allocation_change *change)
{
    struct allocation_record *record = change->record;
    bool was_placed = record->state == ALLOCATION_PLACED;
    bool is_unknown = record->state == ALLOCATION_LOST && record->reason == ALLOCATION_UNKNOWN_HERE;

    adopt_key(change);
    if (is_unknown) {
        record->is_orphaned = true;
        return;
    }
    if (record->is_unwanted)
        allocation_set_state(change, ALLOCATION_RELEASING);
    else if (!was_placed)
        allocation_set_state(change, ALLOCATION_PLACED);
}

/* It is told again, when it is its turn. */
void allocation_do_found_releasing(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    forget_hold(change);
    memset(record->release_key, 0, sizeof(record->release_key));
    record->retry_ms = 0;
    if (change->event->kind == ALLOCATION_STATED_HELD)
        adopt_key(change);
}

/* It is over on this side. */
void allocation_do_not_held(struct allocation_change *change)
{
    forget_hold(change);
}

/* They were restored from before it was released. */
void allocation_do_found_released(struct allocation_change *change)
{
    adopt_key(change);
    change->record->is_unwanted = true;
    allocation_set_state(change, ALLOCATION_RELEASING);
    allocation_note(change, ALLOCATION_NOT_WANTED);
}

void allocation_do_found_refused(struct allocation_change *change)
{
    allocation_do_found_released(change);
}

/* It was placed, and they do not have it. They may come to have it yet, and say so by a receipt, if
 * they were restored from when it was on its way. */
void allocation_do_missed(struct allocation_change *change)
{
    forget_hold(change);
    allocation_set_state(change, ALLOCATION_LOST);
    allocation_note(change, ALLOCATION_ABSENT_THERE);
}

/* What of it they have is not known: asking for room again is answered with that. */
void allocation_do_absent(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_end_item(record);
    record->is_complete = false;
    allocation_set_state(change, ALLOCATION_RESERVING);
}

static void return_to_owner(struct allocation_change *change)
{
    struct allocation_record *record = change->record;

    allocation_end_item(record);
    record->is_orphaned = false;
    record->retry_ms = 0;
    if (record->state == ALLOCATION_ORPHANED)
        allocation_set_state(change, ALLOCATION_PINNED);
    record->tells_leave = record->state == ALLOCATION_LEAVING;
}

void allocation_do_believed(struct allocation_change *change)
{
    return_to_owner(change);
    change->record->is_receipted = change->record->held_key[0] != '\0';
}

/* Whether the owner still knows of it shows when it commits again; if not, it expires. */
void allocation_do_uncommitted(struct allocation_change *change)
{
    allocation_set_state(change, ALLOCATION_RECEIVING);
    change->record->until_ms = change->wall_ms + ALLOCATION_RESERVE_MS;
}

/* The owner's ledger is an older one: our statement and a receipt tell it. */
void allocation_do_not_believed(struct allocation_change *change)
{
    return_to_owner(change);
    change->record->is_receipted = false;
}
