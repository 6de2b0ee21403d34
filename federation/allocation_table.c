// SPDX-License-Identifier: Apache-2.0
/* What each event does in each state. A row that lacks a cell does not compile, and a missing row
 * is found by the count below it. Above the owner's states, below the holder's. */
#include "federation/allocation_private.h"

#include <assert.h>

enum { ROWS_BEFORE = __COUNTER__ };

/* The constant counts the rows. */
#define ROW(event, none, queued, reserving, transferring, committing, placed, releasing, released, \
            lost, stuck, refused, reserved, receiving, importing, pinned, leaving, removing,       \
            orphaned, gone)                                                                        \
    [event] = {                                                                                    \
        [ALLOCATION_NONE] = allocation_do_##none,                                                  \
        [ALLOCATION_QUEUED] = allocation_do_##queued,                                              \
        [ALLOCATION_RESERVING] = allocation_do_##reserving,                                        \
        [ALLOCATION_TRANSFERRING] = allocation_do_##transferring,                                  \
        [ALLOCATION_COMMITTING] = allocation_do_##committing,                                      \
        [ALLOCATION_PLACED] = allocation_do_##placed,                                              \
        [ALLOCATION_RELEASING] = allocation_do_##releasing,                                        \
        [ALLOCATION_RELEASED] = allocation_do_##released,                                          \
        [ALLOCATION_LOST] = allocation_do_##lost,                                                  \
        [ALLOCATION_STUCK] = allocation_do_##stuck,                                                \
        [ALLOCATION_REFUSED] = allocation_do_##refused,                                            \
        [ALLOCATION_RESERVED] = allocation_do_##reserved,                                          \
        [ALLOCATION_RECEIVING] = allocation_do_##receiving,                                        \
        [ALLOCATION_IMPORTING] = allocation_do_##importing,                                        \
        [ALLOCATION_PINNED] = allocation_do_##pinned,                                              \
        [ALLOCATION_LEAVING] = allocation_do_##leaving,                                            \
        [ALLOCATION_REMOVING] = allocation_do_##removing,                                          \
        [ALLOCATION_ORPHANED] = allocation_do_##orphaned,                                          \
        [ALLOCATION_GONE + 0 * __COUNTER__] = allocation_do_##gone,                                \
    }

/* clang-format off */
static const allocation_handler_fn handlers[ALLOCATION_EVENTS][ALLOCATION_STATES] = {
    /*  event                       none,
            queued,           reserving,        transferring,     committing,       placed,           releasing,        released,         lost,             stuck,            refused,
            reserved,         receiving,        importing,        pinned,           leaving,          removing,         orphaned,         gone */
    ROW(ALLOCATION_PLACE,           place,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_WANT,            nothing,
            want,             want,             want,             want,             want,             want_back,        nothing,          nothing,          want,             nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_RELEASE,         nothing,
            release_early,    release,          release,          release,          release,          nothing,          nothing,          unwanted,         release_early,    nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_TURN,            nothing,
            reserve_turn,     nothing,          nothing,          nothing,          nothing,          release_turn,     nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_ANSWERED,        nothing,
            end_item,         reserved_there,   end_item,         committed_there,  end_item,         released_there,   end_item,         end_item,         end_item,         end_item,
            end_item,         end_item,         end_item,         told,             told,             told,             told,             told),
    ROW(ALLOCATION_UNANSWERED,      nothing,
            ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,
            ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again,        ask_again),
    ROW(ALLOCATION_PROGRESS,        nothing,
            nothing,          nothing,          progress,         nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_SEND_FAILED,     nothing,
            nothing,          send_failed,      send_failed,      nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),

    ROW(ALLOCATION_RECEIPT,         answer_unknown,
            receipt,          receipt,          receipt,          receipt,          receipt_again,    late_receipt,     late_receipt,     receipt,          receipt,          unwanted_receipt,
            answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown),
    ROW(ALLOCATION_EVICT_HEARD,     answer_unknown,
            evicted_early,    evicted_early,    evicted_early,    evicted_early,    evicted,          evicted_late,     evicted_late,     evicted_late,     evicted_early,    evicted_late,
            answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown),

    ROW(ALLOCATION_RESERVE,         take,
            answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,
            take_again,       take_again,       take_again,       take_again,       take_again,       answer_later,     answer_conflict,  take_expired),
    ROW(ALLOCATION_COMMIT,          answer_unknown,
            answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,
            commit,           commit,           commit_again,     commit_known,     commit_known,     answer_gone,      answer_conflict,  answer_gone),
    ROW(ALLOCATION_RELEASE_HEARD,   answer_unknown,
            answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,   answer_unknown,
            let_go,           let_go,           let_go,           let_go,           let_go,           let_go_again,     let_go,           let_go_again),

    ROW(ALLOCATION_RECEIVED,        nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            received,         received,         nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_REJECTED,        nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            rejected,         rejected,         nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_IMPORTED,        nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          imported,         nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_IMPORT_FAILED,   nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          import_failed,    nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_REMOVED,         nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          removed,          nothing,          nothing),
    ROW(ALLOCATION_REMOVE_FAILED,   nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          remove_failed,    nothing,          nothing),
    ROW(ALLOCATION_STORAGE_LOST,    nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          storage_lost,     storage_lost,     nothing,          storage_lost,     nothing),
    ROW(ALLOCATION_EVICT,           nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,
            evict_partial,    evict_partial,    evict_partial,    evict,            evict,            nothing,          evict_orphan,     nothing),

    ROW(ALLOCATION_DRAIN,           nothing,
            drain_early,      drain_owner,      drain_owner,      drain_owner,      drain_placed,     nothing,          nothing,          nothing,          drain_early,      nothing,
            drain_partial,    drain_partial,    drain_partial,    drain_pinned,     nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_STAY,            nothing,
            nothing,          nothing,          nothing,          nothing,          stay_placed,      nothing,          nothing,          nothing,          nothing,          nothing,
            nothing,          nothing,          nothing,          nothing,          stay_pinned,      nothing,          nothing,          nothing),
    ROW(ALLOCATION_LINK_OVER,       nothing,
            lose,             lose,             lose,             lose,             lose,             lose,             forget_items,     forget_items,     lose,             forget_items,
            shorten,          shorten,          shorten,          orphan,           orphan,           forget_items,     nothing,          forget_items),
    ROW(ALLOCATION_LINK_BACK,       nothing,
            link_back,        link_back,        link_back,        link_back,        link_back,        link_back,        link_back,        nothing,          nothing,          nothing,
            link_back,        link_back,        link_back,        link_back,        link_back,        link_back,        nothing,          link_back),
    ROW(ALLOCATION_GRANTED,         nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          granted,          nothing,
            nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing,          nothing),
    ROW(ALLOCATION_STATED_HELD,     learn,
            found,            found,            found,            found,            found,            found_releasing,  found_released,   found,            found,            found_refused,
            nothing,          nothing,          nothing,          believed,         believed,         not_held,         believed,         not_held),
    ROW(ALLOCATION_STATED_ABSENT,   nothing,
            nothing,          absent,           absent,           absent,           missed,           found_releasing,  not_held,         not_held,         nothing,          not_held,
            nothing,          nothing,          uncommitted,      not_believed,     not_believed,     not_held,         not_believed,     not_held),
    ROW(ALLOCATION_TICK,            nothing,
            tick,             tick,             tick,             tick,             tick,             tick,             tick_tombstone,   tick_tombstone,   tick_stuck,       tick_tombstone,
            tick_spooled,     tick_spooled,     tick,             tick,             tick_leaving,     tick,             tick,             tick_tombstone),
};
/* clang-format on */

enum { ROWS = __COUNTER__ - ROWS_BEFORE - 1 };
static_assert((int)ROWS == (int)ALLOCATION_EVENTS, "each event has one row");
static_assert((int)ALLOCATION_STATES == 19, "a state more needs a column, and a place in ROW");

allocation_handler_fn allocation_handler(enum allocation_state state,
                                         enum allocation_event_kind kind)
{
    assert(state < ALLOCATION_STATES && kind < ALLOCATION_EVENTS);
    return handlers[kind][state];
}
