// SPDX-License-Identifier: Apache-2.0
/* What people read of an allocation. */
#include "federation/allocation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

const char *allocation_state_name(enum allocation_state state)
{
    static const char *const names[ALLOCATION_STATES] = {
        [ALLOCATION_NONE] = "none",
        [ALLOCATION_QUEUED] = "queued",
        [ALLOCATION_RESERVING] = "reserving",
        [ALLOCATION_TRANSFERRING] = "transferring",
        [ALLOCATION_COMMITTING] = "committing",
        [ALLOCATION_PLACED] = "placed",
        [ALLOCATION_RELEASING] = "releasing",
        [ALLOCATION_RELEASED] = "released",
        [ALLOCATION_LOST] = "lost",
        [ALLOCATION_STUCK] = "stuck",
        [ALLOCATION_REFUSED] = "refused",
        [ALLOCATION_RESERVED] = "reserved",
        [ALLOCATION_RECEIVING] = "receiving",
        [ALLOCATION_IMPORTING] = "importing",
        [ALLOCATION_PINNED] = "pinned",
        [ALLOCATION_LEAVING] = "leaving",
        [ALLOCATION_REMOVING] = "removing",
        [ALLOCATION_ORPHANED] = "orphaned",
        [ALLOCATION_GONE] = "gone",
    };

    assert(state < ALLOCATION_STATES);
    return names[state];
}

const char *allocation_event_name(enum allocation_event_kind kind)
{
    static const char *const names[ALLOCATION_EVENTS] = {
        [ALLOCATION_PLACE] = "place",
        [ALLOCATION_WANT] = "want",
        [ALLOCATION_RELEASE] = "release",
        [ALLOCATION_TURN] = "turn",
        [ALLOCATION_ANSWERED] = "answered",
        [ALLOCATION_UNANSWERED] = "unanswered",
        [ALLOCATION_PROGRESS] = "progress",
        [ALLOCATION_SEND_FAILED] = "send failed",
        [ALLOCATION_RECEIPT] = "receipt",
        [ALLOCATION_EVICT_HEARD] = "evict heard",
        [ALLOCATION_RESERVE] = "reserve",
        [ALLOCATION_COMMIT] = "commit",
        [ALLOCATION_RELEASE_HEARD] = "release heard",
        [ALLOCATION_RECEIVED] = "received",
        [ALLOCATION_REJECTED] = "rejected",
        [ALLOCATION_IMPORTED] = "imported",
        [ALLOCATION_IMPORT_FAILED] = "import failed",
        [ALLOCATION_REMOVED] = "removed",
        [ALLOCATION_REMOVE_FAILED] = "remove failed",
        [ALLOCATION_STORAGE_LOST] = "storage lost",
        [ALLOCATION_EVICT] = "evict",
        [ALLOCATION_DRAIN] = "drain",
        [ALLOCATION_STAY] = "stay",
        [ALLOCATION_LINK_OVER] = "link over",
        [ALLOCATION_LINK_BACK] = "link back",
        [ALLOCATION_GRANTED] = "granted",
        [ALLOCATION_STATED_HELD] = "stated held",
        [ALLOCATION_STATED_ABSENT] = "stated absent",
        [ALLOCATION_TICK] = "tick",
    };

    assert(kind < ALLOCATION_EVENTS);
    return names[kind];
}

static const struct {
    const char *name, *sentence;
} reasons[ALLOCATION_REASONS] = {
    [ALLOCATION_NO_REASON] = {"", ""},
    [ALLOCATION_OUR_GRANT] = {"our-grant", "our policy gives this partner no more than it has"},
    [ALLOCATION_THEIR_GRANT] = {"their-grant", "the partner grants us no more than is there"},
    [ALLOCATION_NO_SPACE] = {"no-space", "the storage is full"},
    [ALLOCATION_QUOTA_THERE] = {"quota-there", "the partner has no room for it"},
    [ALLOCATION_FORBIDDEN_THERE] = {"forbidden-there", "the partner's policy does not allow it"},
    [ALLOCATION_BUSY_THERE] = {"busy-there", "the partner asked to be left alone for a while"},
    [ALLOCATION_REFUSED_THERE] = {"refused-there", "the partner refused it"},
    [ALLOCATION_UNREACHABLE] = {"unreachable", "the partner did not answer"},
    [ALLOCATION_MISSING_HERE] = {"missing-here", "blocks of it are missing in our own storage"},
    [ALLOCATION_BAD_DATA] = {"bad-data", "the blocks that were sent are not what was promised"},
    [ALLOCATION_BAD_RECEIPT] = {"bad-receipt", "the receipt is not for what was placed"},
    [ALLOCATION_EXPIRED] = {"expired", "no block came within an hour"},
    [ALLOCATION_STORAGE_HERE] = {"storage-here", "the storage did not take it, or let it go"},
    [ALLOCATION_NOT_WANTED] = {"not-wanted", "its owner does not want it any more"},
    [ALLOCATION_EVICTED] = {"evicted", "evicted by the operator of its holder"},
    [ALLOCATION_DRAINED] = {"drained", "the link is about to end"},
    [ALLOCATION_LINK_ENDED] = {"link-ended", "the link has ended"},
    [ALLOCATION_ABSENT_THERE] = {"absent-there", "the partner's statement does not have it"},
    [ALLOCATION_UNKNOWN_HERE] = {"unknown-here",
                                 "the partner states that it holds it for us, and nobody here has "
                                 "pinned it: it is left there"},
    [ALLOCATION_GONE_THERE] = {"gone-there", "the partner says that it is over"},
};

const char *allocation_reason_name(enum allocation_reason reason)
{
    assert(reason < ALLOCATION_REASONS && reasons[reason].name != NULL);
    return reasons[reason].name;
}

const char *allocation_item_name(enum allocation_item item)
{
    static const char *const names[ALLOCATION_ITEMS] = {
        [ALLOCATION_NO_ITEM] = "",
        [ALLOCATION_ITEM_RESERVE] = "allocation.reserve",
        [ALLOCATION_ITEM_COMMIT] = "allocation.commit",
        [ALLOCATION_ITEM_RELEASE] = "allocation.release",
        [ALLOCATION_ITEM_RECEIPT] = "allocation.receipt",
        [ALLOCATION_ITEM_LEAVE] = "allocation.evict",
        [ALLOCATION_ITEM_EVICT] = "allocation.evict",
    };

    assert(item < ALLOCATION_ITEMS);
    return names[item];
}

static uint64_t seconds_since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
}

const char *allocation_why(const struct allocation_record *record, uint64_t wall_ms,
                           char out[ALLOCATION_WHY_SIZE])
{
    struct text text = {0};

    text_put_format(&text, "%s for %" PRIu64 " s", allocation_state_name(record->state),
                    seconds_since(record->since_ms, wall_ms));
    if (record->seen_ms != 0)
        text_put_format(&text, ", last evidence %" PRIu64 " s ago",
                        seconds_since(record->seen_ms, wall_ms));
    if (record->reason != ALLOCATION_NO_REASON)
        text_put_format(&text, ": %s", reasons[record->reason].sentence);
    if (record->said[0] != '\0')
        text_put_format(&text, " (%s)", record->said);
    if (allocation_is_overdue(record, wall_ms))
        text_put_text(&text, "; they have all of it, and their receipt is overdue: ask them");
    if (record->retry_ms > wall_ms)
        text_put_format(&text, "; tried again in %" PRIu64 " s",
                        seconds_since(wall_ms, record->retry_ms));
    (void)snprintf(out, ALLOCATION_WHY_SIZE, "%s", text.data);
    text_dispose(&text);
    return out;
}
