// SPDX-License-Identifier: Apache-2.0
/* What follows from how a record changed, and questions about it. */
#include "federation/allocation_codec.h"
#include "federation/allocation_private.h"

#include <stdio.h>
#include <string.h>

/* ---- what handlers share */

void allocation_set_key(char key[ULID_SIZE], const char *from)
{
    char copy[ULID_SIZE] = {0};

    (void)snprintf(copy, sizeof(copy), "%s", from);
    memcpy(key, copy, ULID_SIZE);
}

static void set_said(struct allocation_record *record, struct slice said)
{
    size_t size = said.size < ALLOCATION_SAID_SIZE - 1 ? said.size : ALLOCATION_SAID_SIZE - 1;

    memset(record->said, 0, sizeof(record->said));
    while (size > 0 && !slice_is_utf8((struct slice){said.data, size}))
        size--;
    if (size > 0)
        memcpy(record->said, said.data, size);
}

static bool is_tombstone(enum allocation_state state)
{
    return state == ALLOCATION_RELEASED || state == ALLOCATION_LOST ||
           state == ALLOCATION_REFUSED || state == ALLOCATION_GONE;
}

void allocation_set_state(struct allocation_change *change, enum allocation_state state)
{
    struct allocation_record *record = change->record;

    record->state = state;
    record->since_ms = change->wall_ms;
    record->reason = ALLOCATION_NO_REASON;
    set_said(record, (struct slice){NULL, 0});
    record->retry_ms = 0;
    record->until_ms = is_tombstone(state) ? change->wall_ms + ALLOCATION_KEPT_MS : 0;
}

void allocation_note(struct allocation_change *change, enum allocation_reason reason)
{
    change->record->reason = reason;
    set_said(change->record, change->event->said);
}

void allocation_wait(struct allocation_change *change, enum allocation_reason reason,
                     uint64_t base_ms, uint64_t max_ms)
{
    struct allocation_record *record = change->record;
    unsigned doubled = record->attempts < 16 ? record->attempts : 16;
    uint64_t wait_ms = base_ms << doubled;

    if (wait_ms > max_ms)
        wait_ms = max_ms;
    wait_ms -= wait_ms / 2 * change->event->random / (uint64_t)UINT16_MAX;
    allocation_note(change, reason);
    record->retry_ms = change->wall_ms + wait_ms;
    record->attempts++;
}

void allocation_retry(struct allocation_change *change, enum allocation_reason reason)
{
    allocation_wait(change, reason, ALLOCATION_RETRY_MS, ALLOCATION_RETRY_MAX);
}

void allocation_end_item(struct allocation_record *record)
{
    record->item = ALLOCATION_NO_ITEM;
    memset(record->key, 0, sizeof(record->key));
}

void allocation_under_another_key(struct allocation_change *change)
{
    if (change->record->attempts++ > 0)
        allocation_retry(change, ALLOCATION_REFUSED_THERE);
}

void allocation_answer(struct allocation_change *change, unsigned status)
{
    change->actions->answer = status;
}

bool allocation_is_of_item(const struct allocation_change *change)
{
    return allocation_has_item(change->record) &&
           strcmp(change->record->key, change->event->key) == 0;
}

void allocation_do_nothing(struct allocation_change *change)
{
}

void allocation_do_answer_ok(struct allocation_change *change)
{
    allocation_answer(change, 200);
}

void allocation_do_answer_unknown(struct allocation_change *change)
{
    allocation_answer(change, 404);
}

void allocation_do_answer_later(struct allocation_change *change)
{
    allocation_answer(change, 503);
}

void allocation_do_answer_gone(struct allocation_change *change)
{
    allocation_answer(change, 410);
}

void allocation_do_answer_conflict(struct allocation_change *change)
{
    allocation_answer(change, 409);
}

/* ---- time */

/* Also when the clock was set back: nothing waits longer than anything ever waits. */
static bool is_due(uint64_t at_ms, uint64_t wall_ms, uint64_t max_ms)
{
    return at_ms != 0 && (wall_ms >= at_ms || at_ms - wall_ms > max_ms);
}

void allocation_do_tick(struct allocation_change *change)
{
    if (is_due(change->record->retry_ms, change->wall_ms, ALLOCATION_AGAIN_MAX))
        change->record->retry_ms = 0;
}

void allocation_do_tick_stuck(struct allocation_change *change)
{
    if (is_due(change->record->retry_ms, change->wall_ms, ALLOCATION_AGAIN_MAX))
        allocation_set_state(change, ALLOCATION_QUEUED);
}

void allocation_do_tick_tombstone(struct allocation_change *change)
{
    const struct allocation_record *record = change->record;

    allocation_do_tick(change);
    change->actions->forget = !allocation_has_item(record) && !record->tells_evict &&
                              is_due(record->until_ms, change->wall_ms, UINT64_MAX);
}

void allocation_do_tick_spooled(struct allocation_change *change)
{
    if (!is_due(change->record->until_ms, change->wall_ms, ALLOCATION_AGAIN_MAX))
        return;
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_EXPIRED);
}

void allocation_do_tick_leaving(struct allocation_change *change)
{
    allocation_do_tick(change);
    if (!is_due(change->record->until_ms, change->wall_ms, UINT64_MAX))
        return;
    allocation_set_state(change, ALLOCATION_REMOVING);
    allocation_note(change, ALLOCATION_EVICTED);
    change->record->tells_leave = false;
    change->record->tells_evict = true;
}

/* ---- what follows from the record */

unsigned allocation_work(const struct allocation_record *record)
{
    unsigned work = 0;

    if (record->retry_ms != 0)
        return 0;
    if (allocation_has_item(record))
        work |= ALLOCATION_WORK_ASK;
    else if (record->state == ALLOCATION_QUEUED || record->state == ALLOCATION_RELEASING)
        work |= ALLOCATION_WORK_TURN;
    if (record->state == ALLOCATION_TRANSFERRING)
        work |= ALLOCATION_WORK_SEND;
    if (record->state == ALLOCATION_IMPORTING)
        work |= ALLOCATION_WORK_IMPORT;
    if (record->state == ALLOCATION_REMOVING)
        work |= ALLOCATION_WORK_REMOVE;
    return work;
}

/* A release is begun by its turn alone. */
static enum allocation_item next_item(const struct allocation_record *record)
{
    switch (record->state) {
    case ALLOCATION_RESERVING:
        return ALLOCATION_ITEM_RESERVE;
    case ALLOCATION_COMMITTING:
        return ALLOCATION_ITEM_COMMIT;
    case ALLOCATION_PINNED:
    case ALLOCATION_LEAVING:
        if (!record->is_receipted)
            return ALLOCATION_ITEM_RECEIPT;
        return record->tells_leave ? ALLOCATION_ITEM_LEAVE : ALLOCATION_NO_ITEM;
    case ALLOCATION_REMOVING:
    case ALLOCATION_GONE:
        return record->tells_evict ? ALLOCATION_ITEM_EVICT : ALLOCATION_NO_ITEM;
    default:
        return ALLOCATION_NO_ITEM;
    }
}

static void begin_item(struct allocation_record *record, const char *fresh)
{
    enum allocation_item item = next_item(record);

    if (allocation_has_item(record) || record->retry_ms != 0 || item == ALLOCATION_NO_ITEM)
        return;
    record->item = item;
    allocation_set_key(record->key, fresh);
    if (item == ALLOCATION_ITEM_RECEIPT && record->held_key[0] == '\0')
        allocation_set_key(record->held_key, fresh);
    if (item == ALLOCATION_ITEM_EVICT && record->evict_key[0] == '\0')
        allocation_set_key(record->evict_key, fresh);
}

static uint64_t wake(const struct allocation_record *record)
{
    bool has_end = record->until_ms != 0 &&
                   (record->state == ALLOCATION_RESERVED || record->state == ALLOCATION_RECEIVING ||
                    record->state == ALLOCATION_LEAVING || is_tombstone(record->state));
    uint64_t wake_ms = has_end ? record->until_ms : UINT64_MAX;

    return record->retry_ms != 0 && record->retry_ms < wake_ms ? record->retry_ms : wake_ms;
}

static bool is_over_for_placement(enum allocation_state state)
{
    return state == ALLOCATION_STUCK || state == ALLOCATION_REFUSED || state == ALLOCATION_LOST ||
           state == ALLOCATION_RELEASED;
}

static void compare_work(const struct allocation_record *before,
                         const struct allocation_record *after, struct allocation_actions *actions)
{
    unsigned was = allocation_work(before), is = allocation_work(after);
    bool is_other_item = strcmp(before->key, after->key) != 0;

    actions->stop = was & ~is;
    actions->start = is & ~was;
    if (is_other_item && (was & is & ALLOCATION_WORK_ASK) != 0) {
        actions->stop |= ALLOCATION_WORK_ASK;
        actions->start |= ALLOCATION_WORK_ASK;
    }
}

static void compare_charges(const struct allocation_record *before,
                            const struct allocation_record *after,
                            struct allocation_actions *actions)
{
    uint64_t was = 0, is = 0;

    actions->pins -= allocation_charge(before, &was);
    actions->pins += allocation_charge(after, &is);
    actions->bytes = (int64_t)is - (int64_t)was;
}

/* How far the holder is, it says again. */
static bool differs(struct allocation_record *before, const struct allocation_record *after)
{
    if (after->role == ALLOCATION_OWNER)
        before->position = after->position;
    return !allocation_equal(before, after);
}

void allocation_step(struct allocation_record *record, const struct allocation_event *event,
                     uint64_t wall_ms, struct allocation_actions *actions)
{
    struct allocation_change change = {record, event, wall_ms, actions};
    struct allocation_record before = *record;

    *actions = (struct allocation_actions){0};
    allocation_handler(record->state, event->kind)(&change);
    begin_item(record, event->fresh);
    compare_work(&before, record, actions);
    compare_charges(&before, record, actions);
    actions->replan = record->role == ALLOCATION_OWNER &&
                      (allocation_counts(&before) != allocation_counts(record) ||
                       (before.state != record->state && is_over_for_placement(record->state)));
    actions->wake_ms = wake(record);
    actions->journal = differs(&before, record);
}

void allocation_load(const struct allocation_record *record, struct allocation_actions *actions)
{
    *actions = (struct allocation_actions){
        .start = allocation_work(record),
        .wake_ms = wake(record),
    };
}

/* ---- questions */

bool allocation_charge(const struct allocation_record *record, uint64_t *bytes)
{
    bool is_charged;

    switch (record->state) {
    case ALLOCATION_RESERVING:
    case ALLOCATION_TRANSFERRING:
    case ALLOCATION_COMMITTING:
    case ALLOCATION_PLACED:
    case ALLOCATION_RELEASING:
    case ALLOCATION_RESERVED:
    case ALLOCATION_RECEIVING:
    case ALLOCATION_IMPORTING:
    case ALLOCATION_PINNED:
    case ALLOCATION_LEAVING:
    case ALLOCATION_REMOVING:
    case ALLOCATION_ORPHANED:
        is_charged = true;
        break;
    default:
        is_charged = false;
    }
    *bytes = is_charged ? record->bytes : 0;
    return is_charged;
}

bool allocation_counts(const struct allocation_record *record)
{
    return record->state == ALLOCATION_PLACED && !record->is_leaving;
}

bool allocation_rests(const struct allocation_record *record)
{
    switch (record->state) {
    case ALLOCATION_NONE:
    case ALLOCATION_PLACED:
    case ALLOCATION_RELEASED:
    case ALLOCATION_LOST:
    case ALLOCATION_REFUSED:
    case ALLOCATION_PINNED:
    case ALLOCATION_LEAVING:
    case ALLOCATION_ORPHANED:
    case ALLOCATION_GONE:
        return !allocation_has_item(record) && record->retry_ms == 0;
    default:
        return false;
    }
}

bool allocation_is_stuck(const struct allocation_record *record)
{
    return record->retry_ms != 0 && record->reason != ALLOCATION_NO_REASON;
}

bool allocation_is_overdue(const struct allocation_record *record, uint64_t wall_ms)
{
    return record->state == ALLOCATION_COMMITTING && wall_ms > record->since_ms &&
           wall_ms - record->since_ms >= ALLOCATION_OVERDUE_MS;
}

bool allocation_is_live(const struct allocation_record *record)
{
    return record->state != ALLOCATION_NONE && !is_tombstone(record->state) &&
           record->state != ALLOCATION_ORPHANED;
}

static bool is_up_to(const char *key, const char *cut)
{
    return key[0] != '\0' && strcmp(key, cut) <= 0;
}

bool allocation_is_held(const struct allocation_record *record, const char *owner_key,
                        const char *holder_key)
{
    return is_up_to(record->held_key, holder_key) && !is_up_to(record->release_key, owner_key) &&
           !is_up_to(record->evict_key, holder_key);
}

bool allocation_is_stated(const struct allocation_record *record)
{
    switch (record->state) {
    case ALLOCATION_PLACED:
    case ALLOCATION_PINNED:
    case ALLOCATION_LEAVING:
    case ALLOCATION_ORPHANED:
        return true;
    case ALLOCATION_RELEASING:
    case ALLOCATION_LOST:
        if (record->reason ==
            ALLOCATION_UNKNOWN_HERE) /* whatever its key: it is all that is known */
            return record->evict_key[0] == '\0';
        return record->held_key[0] != '\0' && record->evict_key[0] == '\0' &&
               (record->state == ALLOCATION_RELEASING || record->is_orphaned);
    default:
        return false;
    }
}
