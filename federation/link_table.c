// SPDX-License-Identifier: Apache-2.0
/* What each event is answered with in each state. A row that lacks a cell does not compile, and a
 * missing row is found by the count below it. Active, degraded, isolated and suspended are one
 * column: what differs between them are flags, which their handlers ask. */
#include "federation/link_private.h"

#include <assert.h>

enum { ROWS_BEFORE = __COUNTER__ };

/* The constant counts the rows. */
#define ROW(event, none, invited, pending, live, revoking, revoked, closed, expired)               \
    [event] = {                                                                                    \
        [LINK_NONE] = link_do_##none,                                                              \
        [LINK_INVITED] = link_do_##invited,                                                        \
        [LINK_PENDING] = link_do_##pending,                                                        \
        [LINK_ACTIVE] = link_do_##live,                                                            \
        [LINK_DEGRADED] = link_do_##live,                                                          \
        [LINK_ISOLATED] = link_do_##live,                                                          \
        [LINK_SUSPENDED] = link_do_##live,                                                         \
        [LINK_REVOKING] = link_do_##revoking,                                                      \
        [LINK_REVOKED] = link_do_##revoked,                                                        \
        [LINK_CLOSED] = link_do_##closed,                                                          \
        [LINK_EXPIRED + 0 * __COUNTER__] = link_do_##expired,                                      \
    }

/* clang-format off */
static const link_handler_fn handlers[LINK_EVENTS][LINK_STATES] = {
    /*  event               none              invited           pending           live             revoking         revoked          closed           expired */
    ROW(LINK_INVITE,        invite,           invite_again,     refuse_pending,   refuse_linked,   invite,          invite,          invite,          invite),
    ROW(LINK_REPIN,         refuse_none,      refuse_invited,   refuse_pending,   repin,           refuse_over,     refuse_over,     refuse_over,     refuse_over),
    ROW(LINK_CANCEL,        refuse_none,      cancel,           refuse_pending,   refuse_linked,   refuse_over,     refuse_over,     refuse_over,     refuse_over),
    ROW(LINK_JOIN,          join,             refuse_invited,   join_again,       rejoin,          join,            join,            join,            join),
    ROW(LINK_CONFIRM,       refuse_none,      refuse_invited,   confirm,          already_confirmed, refuse_over,   refuse_over,     refuse_over,     refuse_over),
    ROW(LINK_SUSPEND,       refuse_none,      refuse_invited,   refuse_pending,   suspend,         refuse_over,     refuse_over,     refuse_over,     refuse_over),
    ROW(LINK_RESUME,        refuse_none,      refuse_invited,   refuse_pending,   resume,          refuse_over,     refuse_over,     refuse_over,     refuse_over),
    ROW(LINK_REVOKE,        refuse_none,      cancel,           revoke,           revoke,          already_revoked, already_revoked, already_revoked, already_revoked),

    ROW(LINK_JOIN_PROVED,   answer_forbidden, take_join,        repeat_join,      late_join,       answer_gone,     answer_gone,     answer_gone,     answer_gone),
    ROW(LINK_JOIN_UNPROVED, answer_forbidden, unproved,         answer_forbidden, answer_forbidden, answer_forbidden, answer_forbidden, answer_forbidden, answer_forbidden),
    ROW(LINK_JOIN_ACCEPTED, nothing,          nothing,          joined,           nothing,         nothing,         nothing,         nothing,         nothing),
    ROW(LINK_JOIN_REFUSED,  nothing,          nothing,          join_refused,     nothing,         nothing,         nothing,         nothing,         nothing),
    ROW(LINK_HEARD,         answer_behind,    answer_behind,    heard,            heard,           answer_over,     answer_over,     answer_over,     answer_over),
    ROW(LINK_ACKED,         nothing,          nothing,          acked,            acked,           nothing,         nothing,         nothing,         nothing),
    ROW(LINK_ROOTS_TAKEN,   answer_behind,    answer_behind,    roots_taken,      roots_taken,     answer_over,     answer_over,     answer_over,     answer_over),
    ROW(LINK_END_HEARD,     answer_behind,    end_known,        end_heard,        end_heard,       end_known,       end_known,       end_known,       end_known),
    ROW(LINK_END_ACKED,     nothing,          nothing,          nothing,          nothing,         end_acked,       end_acked,       end_acked,       end_acked),
    ROW(LINK_PEER_BEHIND,   nothing,          nothing,          peer_behind,      peer_behind,     end_acked,       nothing,         nothing,         end_acked),
    ROW(LINK_UNTRUSTED,     nothing,          nothing,          untrusted,        untrusted,       nothing,         nothing,         nothing,         nothing),
    ROW(LINK_DISOWNED,      nothing,          nothing,          disowned,         disowned,        nothing,         nothing,         nothing,         nothing),
    ROW(LINK_SKEWED,        nothing,          nothing,          skewed,           skewed,          nothing,         nothing,         nothing,         nothing),
    ROW(LINK_AGREED,        nothing,          nothing,          nothing,          agreed,          nothing,         nothing,         nothing,         nothing),
    ROW(LINK_DIFFERED,      nothing,          nothing,          nothing,          differed,        nothing,         nothing,         nothing,         nothing),

    ROW(LINK_ROOTS_MADE,    roots_made,       roots_made,       roots_made,       roots_made,      roots_made,      roots_made,      roots_made,      roots_made),
    ROW(LINK_DIALS,         dials,            dials,            dials,            dials,           dials,           dials,           dials,           dials),
    ROW(LINK_RESTORED,      restored_over,    restored_invited, restored,         restored,        restored_over,   restored_over,   restored_over,   restored_over),
    ROW(LINK_TICK,          nothing,          tick_invited,     tick_linked,      tick_linked,     tick_ended,      tick_ended,      tick_ended,      tick_ended),
};
/* clang-format on */

enum { ROWS = __COUNTER__ - ROWS_BEFORE - 1 };
static_assert((int)ROWS == (int)LINK_EVENTS, "each event has one row");
static_assert((int)LINK_STATES == 11, "a state more needs a column, and its own place in ROW");

link_handler_fn link_handler(enum link_state state, enum link_event_kind kind)
{
    assert(state < LINK_STATES && kind < LINK_EVENTS);
    return handlers[kind][state];
}
