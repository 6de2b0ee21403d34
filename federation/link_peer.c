// SPDX-License-Identifier: Apache-2.0
/* What the peer says. All of it may come late, doubled, out of order or not at all. */
#include "federation/link_private.h"

#include "federation/sequence.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static void change_incarnation(struct link_record *record, uint64_t incarnation)
{
    memmove(&record->past[1], &record->past[0], (LINK_PAST_MAX - 1) * sizeof(record->past[0]));
    record->past[0] = record->incarnation_there;
    record->incarnation_there = incarnation;
    record->taken_there = 0;
    record->roots_known_there = 0;
}

/* ---- joining, at the side that invited */

static bool is_same_peer(const struct link_change *change)
{
    return memcmp(change->record->peer_root, change->event->root, LINK_DIGEST_SIZE) == 0;
}

static void answer_joined(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_JOINED;
}

/* Single use: the first who proves to have the secret is who joins. */
void link_do_take_join(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    if (event->invite_epoch != record->invite_epoch ||
        change->now.wall_ms >= record->expires_wall_ms) {
        change->actions->answer = LINK_ANSWER_GONE;
        return;
    }
    /* theirs never goes down either */
    link_agree_on_epoch(change, event->epoch >= record->epoch ? event->epoch + 1 : record->epoch);
    memcpy(record->peer_root, event->root, sizeof(record->peer_root));
    record->has_peer = true;
    link_set_state(change, LINK_PENDING);
    answer_joined(change);
    link_alarm(change,
               "%s has joined by our invitation. Compare the six words with them on the phone; "
               "then both run `causeway link confirm`",
               record->peer);
}

/* The answer was lost, and they ask again. They may have been restored meanwhile. */
void link_do_repeat_join(struct link_change *change)
{
    struct link_record *record = change->record;

    if (!record->is_inviter || change->event->invite_epoch != record->invite_epoch ||
        !is_same_peer(change)) {
        change->actions->answer = LINK_ANSWER_USED;
        return;
    }
    if (record->incarnation_there != change->event->incarnation) {
        if (!link_may_change(change)) {
            change->actions->answer = LINK_ANSWER_LATER;
            return;
        }
        link_note_change(change);
        change_incarnation(record, change->event->incarnation);
        link_forget_evidence(change->link);
        change->actions->new_window = true;
        change->actions->journal = true;
    }
    answer_joined(change);
}

void link_do_late_join(struct link_change *change)
{
    const struct link_record *record = change->record;

    if (record->is_inviter && change->event->invite_epoch == record->invite_epoch &&
        is_same_peer(change) && record->incarnation_there == change->event->incarnation)
        answer_joined(change);
    else
        change->actions->answer = LINK_ANSWER_USED;
}

/* A stranger must not be able to end an invitation by trying: nothing changes. */
void link_do_unproved(struct link_change *change)
{
    change->actions->answer = LINK_ANSWER_FORBIDDEN;
    link_peer_alarm(
        change,
        "somebody tried to join as %s and did not prove to have the invitation; it stays "
        "good for who has it",
        change->record->peer);
}

/* ---- joining, at the side that was invited */

void link_do_joined(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    if (!record->is_joining || event->epoch <= record->epoch || event->epoch < record->invite_epoch)
        return;
    record->is_joining = false;
    link_agree_on_epoch(change, event->epoch);
    link_say(change,
             "%s has let us join. Compare the six words with them on the phone; then both run "
             "`causeway link confirm`",
             record->peer);
}

void link_do_join_refused(struct link_change *change)
{
    const char *reason = change->event->reason;

    if (!change->record->is_joining)
        return;
    change->record->end_is_known_there = true;
    link_end_epoch(change, LINK_NOT_LET_IN, LINK_EXPIRED);
    link_alarm(change, "%s did not let us join: %s", change->record->peer,
               reason == NULL ? "it gave no reason" : reason);
}

/* ---- heartbeats, and their answers */

static bool is_past(const struct link_record *record, uint64_t incarnation)
{
    for (unsigned i = 0; i < LINK_PAST_MAX; i++)
        if (record->past[i] == incarnation)
            return true;
    return false;
}

static void learn_restore(struct link_change *change, uint64_t incarnation)
{
    struct link_record *record = change->record;

    change_incarnation(record, incarnation);
    link_isolate(change, LINK_RESTORED_THERE);
    change->actions->new_window = true;
    link_alarm(change,
               "%s was restored from a backup. Nothing takes effect over the link until both have "
               "compared what each holds",
               record->peer);
}

/* OK; or it is of an incarnation that is over, or there were too many. */
static enum link_answer take_incarnation(struct link_change *change)
{
    struct link_record *record = change->record;
    uint64_t incarnation = change->event->levels.incarnation;

    if (incarnation == record->incarnation_there)
        return LINK_ANSWER_OK;
    if (is_past(record, incarnation) || incarnation == 0)
        return LINK_ANSWER_OLD_INCARNATION;
    if (!link_may_change(change))
        return LINK_ANSWER_LATER;
    link_note_change(change);
    if (record->incarnation_there == 0) {
        record->incarnation_there = incarnation;
        change->actions->journal = true;
    } else {
        learn_restore(change, incarnation);
    }
    return LINK_ANSWER_OK;
}

static void set_flag(struct link_change *change, bool *flag, bool value)
{
    if (*flag != value)
        change->actions->journal = true;
    *flag = value;
}

static void raise_to(struct link_change *change, uint64_t *number, uint64_t value)
{
    if (*number < value) {
        *number = value;
        change->actions->journal = true;
    }
}

/* It goes up with each message: durable now and then, and with whatever else is. After a crash of
 * ours it is at most a step behind, and the next heartbeat tells it. */
static void raise_taken(struct link_change *change, uint64_t taken)
{
    struct link_record *record = change->record;

    if (taken / SEQUENCE_STEP != record->taken_there / SEQUENCE_STEP)
        change->actions->journal = true;
    if (taken > record->taken_there)
        record->taken_there = taken;
}

static void change_levels(struct link_change *change)
{
    const struct link_levels *levels = &change->event->levels;
    struct link_record *record = change->record;

    if (levels->taken < record->taken_there && record->isolation == LINK_NOT_ISOLATED) {
        link_isolate(change, LINK_WENT_BACK);
        link_alarm(change,
                   "%s has forgotten what it had taken of us, and says nothing of a restore. "
                   "Nothing takes effect over the link until both have compared what each holds",
                   record->peer);
    }
    if (levels->taken < record->taken_there) {
        record->taken_there = levels->taken;
        change->actions->journal = true;
    }
    raise_taken(change, levels->taken);
    raise_to(change, &record->roots_known_there, levels->roots_known);
    if (levels->confirmed)
        set_flag(change, &record->confirmed_there, true);
    set_flag(change, &record->suspended_there, levels->suspended);
    change->link->isolated_there = levels->isolated;
    change->link->levels_sequence = levels->sequence;
}

/* They are levels: of who says too much, what it says later counts. */
static void take_levels(struct link_change *change)
{
    struct link_actions actions = *change->actions;
    struct link before = *change->link;
    bool had_change = actions.journal;

    change->actions->journal = false;
    change_levels(change);
    if (change->actions->journal || change->link->isolated_there != before.isolated_there) {
        if (link_may_change(change)) {
            link_note_change(change);
        } else {
            *change->link = before;
            *change->actions = actions;
        }
    }
    change->actions->journal = change->actions->journal || had_change;
}

/* Levels are of the last message that had any, be it heartbeat or answer. False: it is not of now.
 */
static bool take(struct link_change *change)
{
    struct link *link = change->link;
    enum link_answer answer = LINK_ANSWER_LATER;

    if (!link->record.is_joining)
        answer = take_incarnation(change);
    change->actions->answer = answer;
    if (answer != LINK_ANSWER_OK)
        return false;
    if (change->event->levels.sequence > link->levels_sequence)
        take_levels(change);
    link->is_unknown_there = false;
    link->is_untrusted = false;
    link->skew_ms = 0;
    return true;
}

void link_do_heard(struct link_change *change)
{
    struct link *link = change->link;
    uint64_t sequence = change->event->levels.sequence;

    if (!link->record.is_joining && change->event->levels.to != link->record.incarnation_here) {
        /* from before a restore of ours: they learn of it by the answer */
        change->actions->answer = LINK_ANSWER_OK;
        return;
    }
    if (!take(change) || sequence <= link->heard_sequence)
        return; /* a heartbeat that was overtaken by the next is no evidence; by an answer, it is */
    link->heard_sequence = sequence;
    link->has_heard = true;
    link->heard_ms = change->now.ms;
}

void link_do_acked(struct link_change *change)
{
    bool is_of_now = take(change);

    change->actions->answer = LINK_ANSWER_NONE;
    if (!is_of_now)
        return;
    change->link->has_acked = true;
    change->link->acked_ms = change->now.ms;
}

/* ---- roots, ends, statements */

void link_do_roots_taken(struct link_change *change)
{
    struct link_record *record = change->record;
    const struct link_event *event = change->event;

    change->actions->answer = LINK_ANSWER_OK;
    if (event->sequence > record->roots_there && !link_may_change(change)) {
        change->actions->answer = LINK_ANSWER_LATER;
        return;
    }
    if (event->sequence > record->roots_there) {
        link_note_change(change);
        record->roots_there = event->sequence;
        memcpy(record->roots_there_digest, event->document, LINK_DIGEST_SIZE);
        change->actions->journal = true;
        return;
    }
    if (event->sequence == record->roots_there &&
        memcmp(record->roots_there_digest, event->document, LINK_DIGEST_SIZE) == 0)
        return;
    change->actions->answer = LINK_ANSWER_OLD_ROOTS;
    if (event->sequence == record->roots_there)
        link_peer_alarm(
            change,
            "%s has signed two different roots documents with the number %" PRIu64
            "; the first one stays in force. Ask them whether their keys are still theirs",
            record->peer, event->sequence);
}

/* Of an epoch before ours. Who joins has not heard its number yet: it is above the last one. */
static bool is_of_earlier_epoch(const struct link_change *change)
{
    const struct link_record *record = change->record;

    return change->event->epoch < record->epoch + (record->is_joining ? 1 : 0);
}

/* An end of an epoch that we never knew ends ours too. */
void link_do_end_heard(struct link_change *change)
{
    struct link_record *record = change->record;

    change->actions->answer = LINK_ANSWER_OK;
    if (is_of_earlier_epoch(change))
        return;
    record->end_is_known_there = true;
    link_end_epoch(change, LINK_ENDED_THERE, LINK_REVOKED);
    link_alarm(change,
               "%s has ended the link. Nothing was deleted: what we hold for them stays and is "
               "listed, what they hold for us counts as lost. `causeway link invite %s` begins a "
               "new one",
               record->peer, record->peer);
}

void link_do_end_known(struct link_change *change)
{
    struct link_record *record = change->record;

    change->actions->answer = LINK_ANSWER_OK;
    if (change->event->epoch == record->epoch)
        link_do_end_acked(change);
}

void link_do_end_acked(struct link_change *change)
{
    struct link_record *record = change->record;

    if (change->event->epoch != record->epoch || record->state == LINK_INVITED)
        return;
    if (!record->end_is_known_there) {
        record->end_is_known_there = true;
        change->actions->journal = true;
    }
    if (record->state == LINK_REVOKING)
        link_set_state(change, LINK_REVOKED);
}

void link_do_peer_behind(struct link_change *change)
{
    struct link *link = change->link;

    if (link->is_unknown_there || link->record.is_joining)
        return;
    link->is_unknown_there = true;
    link_alarm(change,
               "%s answers that it knows nothing of this link, or only of an earlier one: it may "
               "have been restored from an old backup. `causeway link repin %s` mends it",
               link->record.peer, link->record.peer);
}

void link_do_untrusted(struct link_change *change)
{
    struct link *link = change->link;

    if (link->is_untrusted)
        return;
    link->is_untrusted = true;
    link_alarm(change,
               "who answers at the address of %s shows no certificate of the roots that we have of "
               "them: an impostor, or one side was restored and missed new roots. Ask them; "
               "`causeway link repin %s` mends it",
               link->record.peer, link->record.peer);
}

/* An old message of ours overtook the restore in which they learned of this incarnation, or they
 * were restored themselves. A number that nobody has seen ends it. */
void link_do_disowned(struct link_change *change)
{
    if (!link_may_change(change))
        return; /* asked again with the next heartbeat */
    link_note_change(change);
    link_begin_incarnation(change);
    link_isolate(change, LINK_RESTORED_HERE);
    change->link->due_ms = change->now.ms;
}

void link_do_skewed(struct link_change *change)
{
    struct link *link = change->link;

    if (link->skew_ms == 0)
        link_peer_alarm(
            change,
            "a message was refused for its date: the clock of %s is %" PRId64
            " s %s ours; set the one that is wrong",
            link->record.peer,
            (change->event->skew_ms < 0 ? -change->event->skew_ms : change->event->skew_ms) / 1000,
            change->event->skew_ms < 0 ? "behind" : "ahead of");
    link->skew_ms = change->event->skew_ms;
}

/* For this pair of incarnations and no other. */
void link_do_agreed(struct link_change *change)
{
    struct link_record *record = change->record;

    if (record->isolation == LINK_NOT_ISOLATED ||
        change->event->incarnation != record->incarnation_here ||
        change->event->incarnation_there != record->incarnation_there)
        return;
    record->isolation = LINK_NOT_ISOLATED;
    change->actions->journal = true;
    change->link->due_ms = change->now.ms;
    link_say(change, "%s and we hold the same to be true; the link goes on", record->peer);
}

void link_do_differed(struct link_change *change)
{
    if (change->record->isolation == LINK_NOT_ISOLATED)
        return;
    link_peer_alarm(change,
                    "%s and we differ in %" PRIu64
                    " objects; the link stays isolated. `causeway link "
                    "statement %s` lists them",
                    change->record->peer, change->event->count, change->record->peer);
}
