// SPDX-License-Identifier: Apache-2.0
/* What our operator asks of a link. Each says what it did and what the other side must do next. */
#include "federation/link_private.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void copy_id(char to[ULID_SIZE], const char from[ULID_SIZE])
{
    memcpy(to, from, ULID_SIZE);
}

static void open_invitation(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    link_begin_epoch(change);
    record->epoch++;
    record->invite_epoch = record->epoch;
    record->is_inviter = true;
    record->expires_wall_ms = event->expires_wall_ms;
    link_set_state(change, LINK_INVITED);
}

/* A link keeps its id for as long as it is remembered. */
void link_do_invite(struct link_change *change)
{
    struct link_record *record = change->record;

    if (record->state == LINK_NONE) {
        copy_id(record->id, change->event->id);
        memcpy(record->peer, change->event->peer, sizeof(record->peer));
    }
    record->incarnation_here = change->event->incarnation;
    open_invitation(change);
    link_say(change,
             "the invitation for %s is made and can be used once. Hand it over by a way that you "
             "trust; they run `causeway link join`, and then both of you `causeway link confirm`",
             record->peer);
}

void link_do_invite_again(struct link_change *change)
{
    open_invitation(change);
    link_say(change,
             "a new invitation for %s is made; the one before is void. Hand the new one over; they "
             "run `causeway link join`",
             change->record->peer);
}

void link_do_repin(struct link_change *change)
{
    open_invitation(change);
    link_say(change,
             "the roots of %s are trusted no longer, its sessions are cut, and a new invitation "
             "for the same link is made. What is placed stays where it is. They run `causeway link "
             "join`, and then both of you `causeway link confirm`",
             change->record->peer);
}

void link_do_cancel(struct link_change *change)
{
    link_end_epoch(change, LINK_CANCELED, LINK_EXPIRED);
    link_say(change, "the invitation for %s is void; whoever tries it is refused",
             change->record->peer);
}

/* ---- the side that joins */

static bool has_run_out(struct link_change *change)
{
    if (change->now.wall_ms < change->event->expires_wall_ms)
        return false;
    link_refuse(change,
                "this invitation has run out; ask %s for a new one with `causeway link "
                "invite`",
                change->event->peer);
    return true;
}

static void ask_to_join(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    link_begin_epoch(change);
    copy_id(record->id, event->id);
    memcpy(record->peer, event->peer, sizeof(record->peer));
    memcpy(record->peer_root, event->root, sizeof(record->peer_root));
    record->has_peer = true;
    record->roots_there = 0;
    record->is_inviter = false;
    record->is_joining = true;
    record->invite_epoch = event->epoch;
    record->incarnation_here = event->incarnation;
    record->expires_wall_ms = event->expires_wall_ms;
    link_set_state(change, LINK_PENDING);
    change->actions->send_join = true;
    change->link->due_ms = change->now.ms + LINK_HEARTBEAT_MS;
    link_say(change,
             "%s is being asked to let us join. When it has, compare the six words with them on "
             "the phone; then both of you run `causeway link confirm`",
             record->peer);
}

void link_do_join(struct link_change *change)
{
    if (!has_run_out(change))
        ask_to_join(change);
}

static bool is_same_invitation(const struct link_change *change)
{
    return strcmp(change->record->id, change->event->id) == 0 &&
           change->record->invite_epoch == change->event->epoch && !change->record->is_inviter;
}

void link_do_join_again(struct link_change *change)
{
    if (is_same_invitation(change) && change->record->is_joining) {
        change->actions->send_join = true;
        link_say(change, "%s is asked again", change->record->peer);
        return;
    }
    if (is_same_invitation(change)) {
        link_say(change,
                 "%s has let us join already. Compare the six words, then both of you run "
                 "`causeway link confirm`",
                 change->record->peer);
        return;
    }
    link_do_refuse_pending(change);
}

/* They invited us anew to the link that we have: their roots, or their record of it, are lost. */
void link_do_rejoin(struct link_change *change)
{
    struct link_record *record = change->record;

    if (strcmp(record->id, change->event->id) != 0) {
        link_refuse(change,
                    "%s is linked already, by another link than this invitation is for; run "
                    "`causeway link revoke %s` first if that one is to go",
                    record->peer, record->peer);
        return;
    }
    if (change->event->epoch <= record->epoch) {
        link_refuse(change,
                    "this invitation was used already: it began the link with %s that is "
                    "in force",
                    record->peer);
        return;
    }
    if (!has_run_out(change))
        ask_to_join(change);
}

/* ---- of a link that is there */

void link_do_confirm(struct link_change *change)
{
    struct link_record *record = change->record;

    if (record->is_joining) {
        link_refuse(change, "%s has not let us join yet; there is nothing to compare",
                    record->peer);
        return;
    }
    if (!change->event->matches) {
        link_refuse(change,
                    "these are not the words of the link with %s: somebody may stand between, or "
                    "it was a slip. Compare again; if they differ on the phone, run `causeway link "
                    "revoke %s`",
                    record->peer, record->peer);
        link_alarm(change, "the words typed to confirm the link with %s are not its words",
                   record->peer);
        return;
    }
    record->confirmed_here = true;
    change->actions->journal = true;
    change->link->due_ms = change->now.ms;
    if (record->confirmed_there)
        link_say(change, "the link with %s is confirmed by both sides", record->peer);
    else
        link_say(change, "confirmed here. The link begins when %s has run `causeway link confirm`",
                 record->peer);
}

void link_do_already_confirmed(struct link_change *change)
{
    link_say(change, "the link with %s is confirmed already", change->record->peer);
}

void link_do_suspend(struct link_change *change)
{
    struct link_record *record = change->record;

    if (record->suspended_here) {
        link_say(change, "the link with %s was suspended already", record->peer);
        return;
    }
    record->suspended_here = true;
    change->actions->journal = true;
    change->link->due_ms = change->now.ms;
    link_say(change,
             "nothing new is placed over the link with %s, in either direction; what is placed can "
             "still be read. They are told and need do nothing; `causeway link resume %s` ends it",
             record->peer, record->peer);
}

void link_do_resume(struct link_change *change)
{
    struct link_record *record = change->record;

    if (!record->suspended_here) {
        if (record->suspended_there)
            link_refuse(change, "%s suspended the link; only they can resume it", record->peer);
        else
            link_say(change, "the link with %s is not suspended", record->peer);
        return;
    }
    record->suspended_here = false;
    change->actions->journal = true;
    change->link->due_ms = change->now.ms;
    if (record->suspended_there)
        link_say(change, "resumed here. %s suspended it too; they run `causeway link resume`",
                 record->peer);
    else
        link_say(change, "the link with %s goes on", record->peer);
}

void link_do_revoke(struct link_change *change)
{
    struct link_record *record = change->record;

    link_end_epoch(change, LINK_ENDED_HERE, LINK_REVOKING);
    change->actions->send_end = true;
    change->link->due_ms = change->now.ms + LINK_HEARTBEAT_MS;
    link_say(change,
             "the link with %s is over: its sessions are cut and nothing of theirs takes effect. "
             "Nothing was deleted: what we hold for them stays and is listed, what they hold for "
             "us counts as lost. They are told for 7 days, and need do nothing",
             record->peer);
}

void link_do_already_revoked(struct link_change *change)
{
    if (change->record->state == LINK_EXPIRED)
        link_say(change, "there is no link with %s: it was never confirmed", change->record->peer);
    else
        link_say(change, "the link with %s is over already", change->record->peer);
}
