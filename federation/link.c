// SPDX-License-Identifier: Apache-2.0
/* The step, the states and what follows from the flags. The events are in link_commands.c,
 * link_peer.c, link_time.c and link_refusals.c. */
#include "federation/link.h"

#include "federation/link_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TO(state) (1U << (state))
#define TO_LIVE   (TO(LINK_ACTIVE) | TO(LINK_DEGRADED) | TO(LINK_ISOLATED) | TO(LINK_SUSPENDED))
#define TO_ANEW   (TO(LINK_INVITED) | TO(LINK_PENDING))
#define TO_END    (TO(LINK_REVOKING) | TO(LINK_REVOKED))

static const struct {
    const char *name;
    unsigned successors;
} states[LINK_STATES] = {
    [LINK_NONE] = {"none", TO_ANEW},
    [LINK_INVITED] = {"invited", TO(LINK_PENDING) | TO(LINK_EXPIRED)},
    [LINK_PENDING] = {"pending", TO_LIVE | TO_END | TO(LINK_EXPIRED)},
    [LINK_ACTIVE] = {"active", TO_LIVE | TO_ANEW | TO_END},
    [LINK_DEGRADED] = {"degraded", TO_LIVE | TO_ANEW | TO_END},
    [LINK_ISOLATED] = {"isolated", TO_LIVE | TO_ANEW | TO_END},
    [LINK_SUSPENDED] = {"suspended", TO_LIVE | TO_ANEW | TO_END},
    [LINK_REVOKING] = {"revoking", TO(LINK_REVOKED) | TO_ANEW},
    [LINK_REVOKED] = {"revoked", TO(LINK_CLOSED) | TO_ANEW},
    [LINK_CLOSED] = {"closed", TO_ANEW},
    [LINK_EXPIRED] = {"expired", TO_ANEW},
};

const char *link_state_name(enum link_state state)
{
    assert(state < LINK_STATES);
    return states[state].name;
}

const char *link_event_name(enum link_event_kind kind)
{
    static const char *const names[LINK_EVENTS] = {
        [LINK_INVITE] = "invite",
        [LINK_REPIN] = "repin",
        [LINK_CANCEL] = "cancel",
        [LINK_JOIN] = "join",
        [LINK_CONFIRM] = "confirm",
        [LINK_SUSPEND] = "suspend",
        [LINK_RESUME] = "resume",
        [LINK_REVOKE] = "revoke",
        [LINK_JOIN_PROVED] = "join proved",
        [LINK_JOIN_UNPROVED] = "join unproved",
        [LINK_JOIN_ACCEPTED] = "join accepted",
        [LINK_JOIN_REFUSED] = "join refused",
        [LINK_HEARD] = "heard",
        [LINK_ACKED] = "acked",
        [LINK_ROOTS_TAKEN] = "roots taken",
        [LINK_END_HEARD] = "end heard",
        [LINK_END_ACKED] = "end acked",
        [LINK_PEER_BEHIND] = "peer behind",
        [LINK_UNTRUSTED] = "untrusted",
        [LINK_DISOWNED] = "disowned",
        [LINK_SKEWED] = "skewed",
        [LINK_AGREED] = "agreed",
        [LINK_DIFFERED] = "differed",
        [LINK_ROOTS_MADE] = "roots made",
        [LINK_DIALS] = "dials",
        [LINK_RESTORED] = "restored",
        [LINK_TICK] = "tick",
    };

    assert(kind < LINK_EVENTS);
    return names[kind];
}

void link_set_state(struct link_change *change, enum link_state state)
{
    enum link_state from = change->record->state;

    if (state == from)
        return;
    assert((states[from].successors & TO(state)) != 0);
    change->record->state = state;
    change->record->since_wall_ms = change->now.wall_ms;
    change->actions->journal = true;
    change->actions->drop_tickets = true;
    if (!link_is_live(state) && state != LINK_PENDING)
        change->actions->cut_sessions = true;
}

/* ---- what handlers share */

void link_say(struct link_change *change, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(change->actions->said, LINK_TEXT_SIZE, format, arguments);
    va_end(arguments);
}

void link_refuse(struct link_change *change, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(change->actions->said, LINK_TEXT_SIZE, format, arguments);
    va_end(arguments);
    change->actions->is_refused = true;
}

/* The first of a step wins. */
void link_alarm(struct link_change *change, const char *format, ...)
{
    va_list arguments;

    if (change->actions->alarm[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(change->actions->alarm, LINK_TEXT_SIZE, format, arguments);
    va_end(arguments);
}

bool link_may_change(const struct link_change *change)
{
    return change->link->changed_ms < change->now.ms + LINK_CHANGES_MAX * LINK_HEARTBEAT_MS;
}

void link_note_change(struct link_change *change)
{
    struct link *link = change->link;

    if (link->changed_ms < change->now.ms)
        link->changed_ms = change->now.ms;
    link->changed_ms += LINK_HEARTBEAT_MS;
}

void link_peer_alarm(struct link_change *change, const char *format, ...)
{
    char text[LINK_TEXT_SIZE];
    va_list arguments;

    if (!link_may_change(change))
        return;
    link_note_change(change);
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    link_alarm(change, "%s", text);
}

void link_isolate(struct link_change *change, enum link_isolation why)
{
    change->record->isolation = why;
    change->actions->journal = true;
    change->actions->cut_sessions = true;
    link_forget_evidence(change->link);
}

void link_forget_evidence(struct link *link)
{
    *link = (struct link){
        .record = link->record, .due_ms = link->due_ms, .changed_ms = link->changed_ms};
}

void link_begin_epoch(struct link_change *change)
{
    struct link_record *record = change->record;

    record->confirmed_here = record->confirmed_there = false;
    record->suspended_here = record->suspended_there = false;
    record->isolation = LINK_NOT_ISOLATED;
    record->end = LINK_NOT_ENDED;
    record->end_is_known_there = false;
    record->is_joining = false;

    record->incarnation_there = 0;
    record->taken_there = 0;
    record->roots_known_there = 0;
    for (unsigned i = 0; i < LINK_PAST_MAX; i++)
        record->past[i] = 0;
    link_forget_evidence(change->link);
    change->link->due_ms = change->now.ms;
    change->actions->journal = true;
    change->actions->cut_sessions = true;
    change->actions->new_window = true;
}

void link_agree_on_epoch(struct link_change *change, uint64_t epoch)
{
    struct link_record *record = change->record;

    record->epoch = epoch;
    if (epoch > 1 && record->isolation == LINK_NOT_ISOLATED)
        record->isolation = LINK_HAD_ANOTHER;
    record->incarnation_there = change->event->incarnation;
    record->roots_there = change->event->sequence;
    memcpy(record->roots_there_digest, change->event->document, LINK_DIGEST_SIZE);
    record->expires_wall_ms = change->now.wall_ms + LINK_PENDING_MS;
    change->link->due_ms = change->now.ms;
    change->actions->journal = true;
}

void link_end_epoch(struct link_change *change, enum link_end end, enum link_state state)
{
    change->record->end = end;
    change->record->is_joining = false;
    change->actions->journal = true;
    link_set_state(change, state);
    link_forget_evidence(change->link);
    change->link->due_ms = change->now.ms;
}

/* ---- what follows from the flags */

static bool is_fresh(bool has, uint64_t at_ms, uint64_t now_ms)
{
    return has && now_ms - at_ms < LINK_MISSED_MS;
}

bool link_has_evidence(const struct link *link, uint64_t now_ms)
{
    const struct link_record *record = &link->record;

    return (record->only_they_dial || is_fresh(link->has_acked, link->acked_ms, now_ms)) &&
           (record->only_we_dial || is_fresh(link->has_heard, link->heard_ms, now_ms)) &&
           !(record->only_we_dial && record->only_they_dial);
}

static enum link_state state_of(const struct link *link, uint64_t now_ms)
{
    const struct link_record *record = &link->record;

    if (record->state != LINK_PENDING && !link_is_live(record->state))
        return record->state;
    if (record->is_joining || !record->confirmed_here || !record->confirmed_there)
        return LINK_PENDING;
    if (record->isolation != LINK_NOT_ISOLATED)
        return LINK_ISOLATED;
    if (record->suspended_here || record->suspended_there)
        return LINK_SUSPENDED;
    if (link->isolated_there || link->is_unknown_there || link->is_untrusted ||
        !link_has_evidence(link, now_ms))
        return LINK_DEGRADED;
    return LINK_ACTIVE;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A wall time as a monotonic one, as far as is known today: the wall may be set. */
static uint64_t wake_at(struct link_now now, uint64_t wall_ms)
{
    return now.ms + (wall_ms > now.wall_ms ? wall_ms - now.wall_ms : 0);
}

static uint64_t wake(const struct link *link, struct link_now now)
{
    const struct link_record *record = &link->record;

    switch (record->state) {
    case LINK_NONE:
    case LINK_CLOSED:
        return UINT64_MAX;
    case LINK_INVITED:
        return wake_at(now, record->expires_wall_ms);
    case LINK_REVOKING:
        return link->due_ms;
    case LINK_REVOKED:
        return wake_at(now, record->since_wall_ms + LINK_GRACE_MS);
    case LINK_EXPIRED:
        return record->has_peer && !record->end_is_known_there ? link->due_ms : UINT64_MAX;
    default:
        break;
    }
    if (record->state == LINK_ACTIVE && !record->only_they_dial)
        return earlier(link->due_ms, link->acked_ms + LINK_MISSED_MS);
    return link->due_ms;
}

static void settle(struct link_change *change)
{
    link_set_state(change, state_of(change->link, change->now.ms));
    change->actions->wake_ms = wake(change->link, change->now);
}

void link_step(struct link *link, const struct link_event *event, struct link_now now,
               struct link_actions *actions)
{
    struct link_change change = {link, &link->record, event, now, actions};

    *actions = (struct link_actions){0};
    link_handler(link->record.state, event->kind)(&change);
    settle(&change);
}

void link_load(struct link *link, const struct link_record *record, struct link_now now)
{
    *link = (struct link){.record = *record, .due_ms = now.ms};
    link->record.state = state_of(link, now.ms);
}

/* ---- questions */

enum link_answer link_admit(const struct link *link, uint64_t epoch)
{
    const struct link_record *record = &link->record;

    switch (record->state) {
    case LINK_NONE:
        return LINK_ANSWER_BEHIND;
    case LINK_INVITED:
        return record->has_peer && epoch < record->epoch ? LINK_ANSWER_OVER : LINK_ANSWER_BEHIND;
    case LINK_REVOKING:
    case LINK_REVOKED:
    case LINK_CLOSED:
    case LINK_EXPIRED:
        return record->has_peer ? LINK_ANSWER_OVER : LINK_ANSWER_BEHIND;
    default:
        break;
    }
    if (record->is_joining)
        return LINK_ANSWER_LATER;
    if (epoch != record->epoch)
        return epoch < record->epoch ? LINK_ANSWER_OVER : LINK_ANSWER_BEHIND;
    return LINK_ANSWER_OK;
}

bool link_may_send(const struct link *link, enum link_traffic traffic)
{
    switch (traffic) {
    case LINK_TRAFFIC_HEALTH:
        return link_admit(link, link->record.epoch) == LINK_ANSWER_OK;
    case LINK_TRAFFIC_STATEMENT:
        return link_is_live(link->record.state);
    case LINK_TRAFFIC_READ:
        return link->record.state == LINK_ACTIVE || link->record.state == LINK_DEGRADED ||
               link->record.state == LINK_SUSPENDED;
    case LINK_TRAFFIC_CHANGE:
        break;
    }
    return link->record.state == LINK_ACTIVE;
}

/* What reaches us is taken though we may not reach them. */
bool link_may_take(const struct link *link, enum link_traffic traffic)
{
    if (traffic == LINK_TRAFFIC_CHANGE)
        return link->record.state == LINK_ACTIVE || link->record.state == LINK_DEGRADED;
    return link_may_send(link, traffic);
}

struct link_levels link_levels(const struct link *link)
{
    const struct link_record *record = &link->record;

    return (struct link_levels){
        .incarnation = record->incarnation_here,
        .to = record->incarnation_there,
        .confirmed = record->confirmed_here,
        .suspended = record->suspended_here,
        .isolated = record->isolation != LINK_NOT_ISOLATED,
        .roots = record->roots_here,
        .roots_known = record->roots_there,
    };
}
