// SPDX-License-Identifier: Apache-2.0
/* What time and restores do to a link, and why it is as it is. */
#include "federation/link_private.h"

#include "conf/units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void link_do_roots_made(struct link_change *change)
{
    struct link_record *record = change->record;

    if (change->event->sequence <= record->roots_here)
        return;
    record->roots_here = change->event->sequence;
    change->actions->journal = true;
    change->link->due_ms = change->now.ms;
}

/* Who cannot be dialled is heard of by its own heartbeats, or by its answers, alone. */
void link_do_dials(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    if (record->only_they_dial == event->no_way_there && record->only_we_dial == event->no_way_here)
        return;
    record->only_they_dial = event->no_way_there;
    record->only_we_dial = event->no_way_here;
    change->actions->journal = true;
    if (event->no_way_there && event->no_way_here)
        link_alarm(change, "neither %s nor we can dial the other; one side must be reachable",
                   record->peer);
}

/* ---- restores of ours */

void link_begin_incarnation(struct link_change *change)
{
    change->record->incarnation_here = change->event->incarnation;
    change->record->taken_there = 0;
    change->record->roots_known_there = 0;
    change->actions->journal = true;
    change->actions->new_sequence = true;
    change->actions->cut_sessions = true;
}

static void raise_epoch(struct link_change *change)
{
    if (change->event->epoch > change->record->epoch)
        change->record->epoch = change->event->epoch;
}

/* Somebody may have joined by it since. */
void link_do_restored_invited(struct link_change *change)
{
    link_begin_incarnation(change);
    raise_epoch(change);
    link_end_epoch(change, LINK_CANCELED, LINK_EXPIRED);
    link_alarm(change,
               "the invitation for %s is of an older backup and may have been used since; it is "
               "void. `causeway link invite %s` makes a new one",
               change->record->peer, change->record->peer);
}

void link_do_restored(struct link_change *change)
{
    struct link_record *record = change->record;

    link_begin_incarnation(change);
    if (change->event->epoch >= record->epoch) {
        record->epoch = change->event->epoch;
        link_end_epoch(change, LINK_ENDED_HERE, LINK_REVOKING);
        return;
    }
    link_isolate(change, LINK_RESTORED_HERE);
    change->link->due_ms = change->now.ms;
}

void link_do_restored_over(struct link_change *change)
{
    link_begin_incarnation(change);
    raise_epoch(change);
}

/* ---- time */

void link_do_tick_invited(struct link_change *change)
{
    if (change->now.wall_ms < change->record->expires_wall_ms)
        return;
    link_end_epoch(change, LINK_RAN_OUT, LINK_EXPIRED);
    link_alarm(change,
               "nobody joined by the invitation for %s in time; `causeway link invite %s` "
               "makes a new one",
               change->record->peer, change->record->peer);
}

static bool is_due(struct link_change *change)
{
    if (change->now.ms < change->link->due_ms)
        return false;
    change->link->due_ms = change->now.ms + LINK_HEARTBEAT_MS;
    return true;
}

static bool has_run_out(const struct link_change *change)
{
    const struct link_record *record = change->record;

    return record->state == LINK_PENDING && !record->confirmed_here &&
           change->now.wall_ms >= record->expires_wall_ms;
}

void link_do_tick_linked(struct link_change *change)
{
    struct link_record *record = change->record;

    if (has_run_out(change)) {
        record->end_is_known_there = record->is_joining; /* they were never told of a beginning */
        link_end_epoch(change, LINK_RAN_OUT, LINK_EXPIRED);
        link_alarm(change,
                   "the link with %s was not %s in time and is over; `causeway link invite "
                   "%s` begins a new one",
                   record->peer, record->is_inviter ? "confirmed" : "joined and confirmed",
                   record->peer);
        return;
    }
    if (!is_due(change))
        return;
    if (record->is_joining) {
        change->actions->send_join = true;
        return;
    }
    change->actions->send_heartbeat = true;
    change->actions->send_roots = record->roots_known_there < record->roots_here;
    change->actions->send_statement =
        record->isolation != LINK_NOT_ISOLATED && record->confirmed_here && record->confirmed_there;
}

/* The peer is told until it knows, but not for ever; and what was revoked long ago is closed. */
void link_do_tick_ended(struct link_change *change)
{
    struct link_record *record = change->record;
    uint64_t age_ms = change->now.wall_ms > record->since_wall_ms
                          ? change->now.wall_ms - record->since_wall_ms
                          : 0;

    if (record->state == LINK_REVOKED && age_ms >= LINK_GRACE_MS) {
        link_set_state(change, LINK_CLOSED);
        return;
    }
    if (record->state == LINK_CLOSED || !record->has_peer || record->end_is_known_there)
        return;
    if (age_ms >= LINK_NOTICE_MS) {
        if (record->state == LINK_REVOKING)
            link_set_state(change, LINK_REVOKED);
        return;
    }
    if (record->state != LINK_REVOKED && is_due(change))
        change->actions->send_end = true;
}

/* ---- why */

static const char *ended_why(const struct link_record *record)
{
    switch (record->end) {
    case LINK_ENDED_HERE:
        return record->state == LINK_REVOKING ? "ended here; they have not confirmed that they know"
                                              : "ended here";
    case LINK_ENDED_THERE:
        return "ended by them";
    case LINK_RAN_OUT:
        return "not joined or confirmed in time";
    case LINK_CANCELED:
        return "the invitation was made void";
    case LINK_NOT_LET_IN:
        return "they did not let us join";
    case LINK_NOT_ENDED:
        break;
    }
    return "";
}

static const char *pending_why(const struct link_record *record)
{
    if (record->is_joining)
        return "asked to join; no answer yet";
    if (!record->confirmed_here)
        return record->confirmed_there ? "confirmed there; `causeway link confirm` is left to us"
                                       : "to be confirmed by both";
    return "confirmed here; they have not confirmed";
}

static const char *isolated_why(enum link_isolation isolation)
{
    switch (isolation) {
    case LINK_HAD_ANOTHER:
        return "there was an earlier link; what each holds of it is being compared";
    case LINK_RESTORED_HERE:
        return "we were restored from a backup; what each holds is being compared";
    case LINK_RESTORED_THERE:
        return "they were restored from a backup; what each holds is being compared";
    case LINK_WENT_BACK:
        return "they forgot what they had taken; what each holds is being compared";
    case LINK_NOT_ISOLATED:
        break;
    }
    return "";
}

static const char *suspended_why(const struct link_record *record)
{
    if (record->suspended_here)
        return record->suspended_there ? "suspended by both" : "suspended here";
    return "suspended by them";
}

static void put_age(char out[64], bool has, uint64_t at_ms, uint64_t now_ms)
{
    if (has)
        snprintf(out, 64, "%" PRIu64 " s ago", (now_ms - at_ms) / 1000);
    else
        snprintf(out, 64, "not since we started");
}

static const char *degraded_why(const struct link *link, uint64_t now_ms)
{
    bool heard = link->has_heard && now_ms - link->heard_ms < LINK_MISSED_MS;
    bool acked = link->has_acked && now_ms - link->acked_ms < LINK_MISSED_MS;

    if (link->is_unknown_there)
        return "they know nothing of this link; ";
    if (link->is_untrusted)
        return "what they show is not of the roots that we have of them; ";
    if (link->skew_ms != 0)
        return "messages are refused for their date: one clock is wrong; ";
    if (link->isolated_there)
        return "they have isolated it; ";
    if (!link->record.only_they_dial && !acked && heard)
        return "they reach us, but we do not reach them; ";
    if (!link->record.only_we_dial && !heard && acked)
        return "we reach them, but they do not reach us; ";
    return acked && heard ? "" : "nothing passes in either direction; ";
}

const char *link_why(const struct link *link, struct link_now now, char out[LINK_TEXT_SIZE])
{
    const struct link_record *record = &link->record;
    char heard[64], acked[64];
    const char *why = "";

    put_age(heard, link->has_heard, link->heard_ms, now.ms);
    put_age(acked, link->has_acked, link->acked_ms, now.ms);
    switch (record->state) {
    case LINK_NONE:
    case LINK_REVOKING:
    case LINK_REVOKED:
    case LINK_CLOSED:
    case LINK_EXPIRED:
        snprintf(out, LINK_TEXT_SIZE, "%s", ended_why(record));
        return out;
    case LINK_INVITED:
        snprintf(out, LINK_TEXT_SIZE, "nobody has joined yet");
        return out;
    case LINK_PENDING:
        why = pending_why(record);
        break;
    case LINK_ISOLATED:
        why = isolated_why(record->isolation);
        break;
    case LINK_SUSPENDED:
        why = suspended_why(record);
        break;
    default:
        snprintf(out, LINK_TEXT_SIZE, "%sheard from %s, answered by %s", degraded_why(link, now.ms),
                 heard, acked);
        return out;
    }
    snprintf(out, LINK_TEXT_SIZE, "%s; heard from %s, answered by %s", why, heard, acked);
    return out;
}
