// SPDX-License-Identifier: Apache-2.0
/* The ways through a link's life, from one side. Two sides and what lies between them are in
 * tests/sim; each single cell of the table in test_link_table.c. */
#include "link_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct side side;

static void expect_state(enum link_state state)
{
    assert_string_equal(link_state_name(side.link.record.state), link_state_name(state));
}

static void expect_said(const char *part)
{
    if (strstr(side.actions.said, part) == NULL)
        fail_msg("said: %s", side.actions.said);
}

static void expect_alarm(const char *part)
{
    if (part == NULL ? side.actions.alarm[0] != '\0' : strstr(side.actions.alarm, part) == NULL)
        fail_msg("alarm: %s", side.actions.alarm);
}

static void expect_why(const char *part)
{
    char why[LINK_TEXT_SIZE];

    if (strstr(link_why(&side.link, side.now, why), part) == NULL)
        fail_msg("why: %s", why);
}

/* ---- beginning */

static void test_link_is_active_only_once_both_confirmed_and_both_ways_were_seen(void **state)
{
    side_reach(&side, LINK_PENDING);
    expect_why("to be confirmed by both");
    side_do(&side, LINK_CONFIRM);
    expect_said("begins when beta has run");
    expect_state(LINK_PENDING);
    expect_why("confirmed here; they have not confirmed");
    side_levels(&side, LINK_HEARD, (struct link_levels){.confirmed = false});
    expect_state(LINK_PENDING);
    side_levels(&side, LINK_HEARD, (struct link_levels){.confirmed = true});
    expect_state(LINK_DEGRADED);
    expect_why("they reach us, but we do not reach them");
    assert_false(link_may_send(&side.link, LINK_TRAFFIC_CHANGE));
    side_levels(&side, LINK_ACKED, (struct link_levels){.confirmed = true});
    expect_state(LINK_ACTIVE);
    assert_true(link_may_send(&side.link, LINK_TRAFFIC_CHANGE));
}

static void test_link_confirm_refuses_other_words(void **state)
{
    struct link_event event = event_of(LINK_CONFIRM);

    side_reach(&side, LINK_PENDING);
    event.matches = false;
    side_step(&side, &event);
    assert_true(side.actions.is_refused);
    expect_said("not the words");
    expect_alarm("not its words");
    assert_false(side.link.record.confirmed_here);
}

static void test_link_invitation_is_taken_once_and_by_whom_it_was_taken(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_INVITED);
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_JOINED);
    expect_alarm("beta has joined");
    side_step(&side, &event); /* the answer was lost */
    assert_int_equal(side.actions.answer, LINK_ANSWER_JOINED);
    assert_false(side.actions.journal);
    event.root[0] = 8; /* a replayed invitation */
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_USED);
    assert_int_equal(side.link.record.peer_root[0], 7);
}

static void test_link_invitation_runs_out(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_INVITED);
    assert_int_equal(side.actions.wake_ms, side.now.ms + LINK_DAY_MS);
    side.now.ms += LINK_DAY_MS;
    side.now.wall_ms += LINK_DAY_MS;
    side_step(&side, &event); /* before the tick */
    assert_int_equal(side.actions.answer, LINK_ANSWER_GONE);
    side_do(&side, LINK_TICK);
    expect_state(LINK_EXPIRED);
    expect_alarm("nobody joined");
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_GONE);
}

static void test_link_new_invitation_makes_the_old_one_void_and_says_so(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_INVITED);
    side_do(&side, LINK_INVITE);
    expect_said("the one before is void");
    event.invite_epoch = 1;
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_GONE);
    expect_state(LINK_INVITED);
    event.invite_epoch = 2;
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_JOINED);
}

static void test_link_joins_and_asks_until_it_is_answered(void **state)
{
    side = side_new();
    side_do(&side, LINK_JOIN);
    assert_true(side.actions.send_join && side.actions.journal);
    expect_said("six words");
    assert_int_equal(link_admit(&side.link, 1), LINK_ANSWER_LATER);
    side_wait(&side, LINK_HEARTBEAT_MS - 1);
    assert_false(side.actions.send_join);
    side_wait(&side, 1);
    assert_true(side.actions.send_join);
    side_do(&side, LINK_CONFIRM);
    assert_true(side.actions.is_refused);
    side_do(&side, LINK_JOIN_ACCEPTED);
    assert_true(side.actions.journal);
    assert_int_equal(side.link.record.epoch, 1);
    side_do(&side, LINK_TICK);
    assert_true(side.actions.send_heartbeat && !side.actions.send_join);
    side_wait(&side, LINK_DAY_MS + 1); /* the invitation's end is no matter now */
    expect_state(LINK_PENDING);
    side_wait(&side, LINK_PENDING_MS);
    expect_state(LINK_EXPIRED);
}

static void test_link_that_was_not_let_in_says_why(void **state)
{
    struct link_event event = event_of(LINK_JOIN_REFUSED);

    side = side_new();
    side_do(&side, LINK_JOIN);
    event.reason = "the invitation was used by somebody else";
    side_step(&side, &event);
    expect_state(LINK_EXPIRED);
    expect_alarm("used by somebody else");
    side_do(&side, LINK_TICK);
    assert_false(side.actions.send_end);
}

static void test_link_epochs_go_up_on_both_sides(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_INVITED);
    event.epoch = 41; /* what they remember of an earlier link */
    side_step(&side, &event);
    assert_int_equal(side.link.record.epoch, 42);
    side_do(&side, LINK_REVOKE);
    side_do(&side, LINK_INVITE);
    assert_int_equal(side.link.record.epoch, 43);
    assert_int_equal(link_admit(&side.link, 42), LINK_ANSWER_OVER);
    assert_int_equal(link_admit(&side.link, 43), LINK_ANSWER_BEHIND);
}

static void test_link_of_another_id_or_an_old_invitation_does_not_replace_one(void **state)
{
    struct link_event event = event_of(LINK_JOIN);

    side_reach(&side, LINK_ACTIVE);
    event.epoch = 1;
    side_step(&side, &event);
    assert_true(side.actions.is_refused);
    expect_said("was used already");
    event.epoch = 2;
    event.id[25] = '1';
    side_step(&side, &event);
    assert_true(side.actions.is_refused);
    expect_said("another link");
    expect_state(LINK_ACTIVE);
}

/* ---- evidence */

static void test_link_is_degraded_within_three_heartbeats_of_silence(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_wait(&side, LINK_MISSED_MS - 1);
    expect_state(LINK_ACTIVE);
    side_wait(&side, 1);
    expect_state(LINK_DEGRADED);
    expect_why("nothing passes in either direction; heard from 30 s ago");
    assert_false(link_may_send(&side.link, LINK_TRAFFIC_CHANGE));
    side_exchange(&side, (struct link_levels){.confirmed = true});
    expect_state(LINK_ACTIVE);
}

static void test_link_that_passes_one_way_is_not_active(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    for (int i = 0; i < 4; i++) {
        side_wait(&side, LINK_HEARTBEAT_MS);
        assert_true(side.actions.send_heartbeat);
        side_levels(&side, LINK_HEARD, (struct link_levels){.confirmed = true});
    }
    expect_state(LINK_DEGRADED);
    expect_why("they reach us, but we do not reach them");
    assert_true(link_may_take(&side.link, LINK_TRAFFIC_CHANGE));
}

static void test_link_to_a_side_that_cannot_be_dialled_needs_one_way(void **state)
{
    static const struct {
        bool no_way_there, no_way_here;
        enum link_event_kind seen;
        enum link_state state;
    } rows[] = {
        {true, false, LINK_HEARD, LINK_ACTIVE},    {true, false, LINK_ACKED, LINK_DEGRADED},
        {false, true, LINK_ACKED, LINK_ACTIVE},    {false, true, LINK_HEARD, LINK_DEGRADED},
        {false, false, LINK_HEARD, LINK_DEGRADED}, {true, true, LINK_HEARD, LINK_DEGRADED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct link_event event = event_of(LINK_DIALS);

        side_reach(&side, LINK_DEGRADED);
        event.no_way_there = rows[i].no_way_there;
        event.no_way_here = rows[i].no_way_here;
        side_step(&side, &event);
        side_levels(&side, rows[i].seen, (struct link_levels){.confirmed = true});
        expect_state(rows[i].state);
    }
}

static void test_link_takes_no_levels_from_a_late_heartbeat(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 90, .suspended = true});
    expect_state(LINK_SUSPENDED);
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 89, .suspended = false});
    expect_state(LINK_SUSPENDED);
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 91, .suspended = false});
    expect_state(LINK_ACTIVE);
}

static void test_link_names_a_clock_that_is_wrong_once(void **state)
{
    struct link_event event = event_of(LINK_SKEWED);

    side_reach(&side, LINK_DEGRADED);
    event.skew_ms = -3600000;
    side_step(&side, &event);
    expect_alarm("beta is 3600 s behind ours");
    side_step(&side, &event);
    expect_alarm(NULL);
    expect_why("one clock is wrong");
}

/* ---- suspending */

static void test_link_is_resumed_only_by_who_suspended_it(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_levels(&side, LINK_HEARD, (struct link_levels){.suspended = true});
    expect_state(LINK_SUSPENDED);
    side_do(&side, LINK_RESUME);
    assert_true(side.actions.is_refused);
    expect_said("only they can");
    side_do(&side, LINK_SUSPEND);
    expect_why("suspended by both");
    side_do(&side, LINK_RESUME);
    expect_said("resumed here");
    expect_state(LINK_SUSPENDED);
    assert_true(link_may_take(&side.link, LINK_TRAFFIC_READ));
    assert_false(link_may_take(&side.link, LINK_TRAFFIC_CHANGE));
    side_levels(&side, LINK_HEARD, (struct link_levels){.suspended = false});
    expect_state(LINK_ACTIVE);
}

/* Each change costs a commit and a view: a peer that flaps has so many, then one a heartbeat. */
static void test_link_lets_a_peer_change_it_so_often_and_no_more(void **state)
{
    unsigned changes = 0;

    side_reach(&side, LINK_ACTIVE);
    side_wait(&side, 60 * 1000);
    side_exchange(&side, (struct link_levels){.confirmed = true});
    for (unsigned i = 1; i <= 500; i++) {
        side.now.ms += 10;
        side_levels(&side, LINK_HEARD, (struct link_levels){.suspended = i % 2 != 0});
        changes += side.actions.journal;
        assert_int_equal(side.actions.answer, LINK_ANSWER_OK);
    }
    assert_in_range(changes, LINK_CHANGES_MAX - 2, LINK_CHANGES_MAX + 1);
    assert_true(side.link.has_heard && side.now.ms == side.link.heard_ms); /* it is evidence */
    for (unsigned i = 0; i < 12; i++) {
        side_wait(&side, LINK_HEARTBEAT_MS);
        side_exchange(&side, (struct link_levels){.suspended = true});
    }
    expect_state(LINK_SUSPENDED);
    side_levels(&side, LINK_HEARD, (struct link_levels){.suspended = false});
    expect_state(LINK_ACTIVE);
}

static void test_link_takes_what_it_left_out_with_the_next_heartbeats(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    for (unsigned i = 1; i <= 40; i++)
        side_levels(&side, LINK_HEARD, (struct link_levels){.isolated = i % 2 != 0});
    for (unsigned i = 0; i < 3; i++) {
        side_wait(&side, LINK_HEARTBEAT_MS);
        side_exchange(&side, (struct link_levels){.isolated = true});
    }
    assert_true(side.link.isolated_there);
    expect_state(LINK_DEGRADED);
}

static void test_link_asks_a_peer_of_many_incarnations_to_wait(void **state)
{
    unsigned restores = 0;

    side_reach(&side, LINK_ACTIVE);
    for (unsigned i = 0; i < 100; i++) {
        side_levels(&side, LINK_HEARD, (struct link_levels){.incarnation = 1000 + i});
        restores += side.actions.answer == LINK_ANSWER_OK;
    }
    assert_in_range(restores, LINK_CHANGES_MAX / 2 - 1, LINK_CHANGES_MAX);
    assert_int_equal(side.actions.answer, LINK_ANSWER_LATER);
    assert_false(side.actions.journal);
    side_wait(&side, LINK_CHANGES_MAX * LINK_HEARTBEAT_MS);
    side_levels(&side, LINK_HEARD, (struct link_levels){.incarnation = 5000});
    assert_int_equal(side.actions.answer, LINK_ANSWER_OK);
}

/* ---- ending */

static void test_link_revoked_here_ends_at_once_and_tells_until_it_is_known(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_do(&side, LINK_REVOKE);
    expect_state(LINK_REVOKING);
    assert_true(side.actions.cut_sessions && side.actions.send_end && side.actions.journal);
    expect_said("Nothing was deleted");
    assert_int_equal(link_admit(&side.link, 1), LINK_ANSWER_OVER);
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_true(side.actions.send_end);
    side_do(&side, LINK_END_ACKED);
    expect_state(LINK_REVOKED);
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_false(side.actions.send_end);
    assert_int_equal(link_admit(&side.link, 1), LINK_ANSWER_OVER); /* for ever */
}

static void test_link_revoked_while_the_peer_is_away_ends_all_the_same(void **state)
{
    side_reach(&side, LINK_DEGRADED);
    side_do(&side, LINK_REVOKE);
    side_wait(&side, LINK_NOTICE_MS - 1);
    expect_state(LINK_REVOKING);
    side_wait(&side, 1);
    expect_state(LINK_REVOKED);
    side_wait(&side, LINK_GRACE_MS);
    expect_state(LINK_CLOSED);
    assert_int_equal(side.actions.wake_ms, UINT64_MAX);
}

static void test_link_ignores_an_end_of_an_earlier_epoch(void **state)
{
    struct link_event event = event_of(LINK_END_HEARD);

    side_reach(&side, LINK_REVOKED);
    side_do(&side, LINK_INVITE);
    event.epoch = 0;
    side_do(&side, LINK_JOIN_PROVED);
    event.epoch = 1;
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_OK);
    assert_true(side.link.record.state != LINK_REVOKED);
}

static void test_link_repin_begins_the_next_epoch_of_the_same_link(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_ACTIVE);
    side_do(&side, LINK_REPIN);
    expect_state(LINK_INVITED);
    assert_true(side.actions.cut_sessions);
    assert_string_equal(side.link.record.id, KIT_ID);
    assert_int_equal(link_admit(&side.link, 1), LINK_ANSWER_OVER);
    event.root[0] = 99; /* their new root */
    event.invite_epoch = 2;
    event.epoch = 1;
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_JOINED);
    assert_int_equal(side.link.record.peer_root[0], 99);
    assert_int_equal(side.link.record.epoch, 2);
    assert_false(side.link.record.confirmed_here || side.link.record.confirmed_there);
}

/* ---- restores */

static void test_link_of_a_restored_peer_is_isolated_until_statements_agree(void **state)
{
    struct link_event event = event_of(LINK_AGREED);

    side_reach(&side, LINK_ACTIVE);
    side_levels(&side, LINK_HEARD,
                (struct link_levels){.incarnation = THEIRS_LATER, .confirmed = true});
    expect_state(LINK_ISOLATED);
    expect_alarm("restored from a backup");
    assert_true(side.actions.cut_sessions && side.actions.new_window && side.actions.journal);
    assert_false(link_may_take(&side.link, LINK_TRAFFIC_CHANGE));
    assert_false(link_may_take(&side.link, LINK_TRAFFIC_READ));
    assert_true(link_may_take(&side.link, LINK_TRAFFIC_STATEMENT));
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_true(side.actions.send_statement && side.actions.send_heartbeat);
    side_step(&side, &event); /* with the one before */
    expect_state(LINK_ISOLATED);
    event.incarnation_there = THEIRS_LATER;
    side_step(&side, &event);
    assert_int_not_equal(side.link.record.state, LINK_ISOLATED);
    side_levels(&side, LINK_HEARD, (struct link_levels){.incarnation = THEIRS, .confirmed = true});
    assert_int_equal(side.actions.answer, LINK_ANSWER_OLD_INCARNATION);
    assert_int_not_equal(side.link.record.state, LINK_ISOLATED);
}

static void test_link_that_we_restored_is_isolated_and_numbers_begin_anew(void **state)
{
    struct link_event event = event_of(LINK_RESTORED);

    side_reach(&side, LINK_ACTIVE);
    event.incarnation = OURS + 1;
    side_step(&side, &event);
    expect_state(LINK_ISOLATED);
    assert_true(side.actions.new_sequence && side.actions.cut_sessions && side.actions.journal);
    assert_int_equal(link_levels(&side.link).incarnation, OURS + 1);
    assert_true(link_levels(&side.link).isolated);
    expect_why("we were restored");
}

static void
test_link_heartbeat_for_the_one_before_our_restore_is_answered_and_is_nothing(void **state)
{
    struct link_event event = event_of(LINK_RESTORED);

    side_reach(&side, LINK_ACTIVE);
    event.incarnation = OURS + 1;
    side_step(&side, &event);
    side_levels(&side, LINK_HEARD,
                (struct link_levels){.sequence = 90, .to = OURS, .suspended = true});
    assert_int_equal(side.actions.answer, LINK_ANSWER_OK);
    assert_false(side.actions.journal || side.link.has_heard);
    assert_false(side.link.record.suspended_there);
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 91, .to = OURS + 1});
    assert_true(side.link.has_heard);
}

static void test_link_revoked_before_a_restore_stays_revoked(void **state)
{
    struct link_event event = event_of(LINK_RESTORED);

    side_reach(&side, LINK_ACTIVE);
    event.incarnation = OURS + 1;
    event.epoch = 1; /* the ledger that was replaced knew its end */
    side_step(&side, &event);
    expect_state(LINK_REVOKING);
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_true(side.actions.send_end);
}

static void test_link_that_is_not_the_first_is_isolated_until_statements_agree(void **state)
{
    side_reach(&side, LINK_REVOKED);
    side_do(&side, LINK_INVITE);
    side_do(&side, LINK_CONFIRM);
    assert_true(side.actions.is_refused);
    side.link.record.invite_epoch = 1; /* as the kit's peer has it */
    side_do(&side, LINK_JOIN_PROVED);
    side_do(&side, LINK_CONFIRM);
    side_exchange(&side, (struct link_levels){.confirmed = true});
    expect_state(LINK_ISOLATED);
    expect_why("there was an earlier link");
    side_do(&side, LINK_AGREED);
    expect_state(LINK_ACTIVE);
}

static void test_link_whose_incarnation_is_disowned_takes_another(void **state)
{
    struct link_event event = event_of(LINK_DISOWNED);

    side_reach(&side, LINK_ACTIVE);
    event.incarnation = OURS + 5;
    side_step(&side, &event);
    expect_state(LINK_ISOLATED);
    assert_true(side.actions.new_sequence && side.actions.journal);
    assert_int_equal(link_levels(&side.link).incarnation, OURS + 5);
}

static void test_link_that_joins_hears_no_end_of_the_epoch_before(void **state)
{
    struct link_event end = event_of(LINK_END_HEARD);

    side = side_new();
    side_do(&side, LINK_JOIN);
    side_do(&side, LINK_JOIN_ACCEPTED);
    end.epoch = side.link.record.epoch;
    side_step(&side, &end);
    expect_state(LINK_REVOKED);
    side_do(&side, LINK_JOIN);
    expect_state(LINK_PENDING);
    side_step(&side, &end); /* late */
    expect_state(LINK_PENDING);
    expect_alarm(NULL);
    end.epoch++; /* of the epoch that they have let us into, and we know nothing of */
    side_step(&side, &end);
    expect_state(LINK_REVOKED);
}

static void test_link_hears_an_old_incarnation_after_a_repeated_join_no_more(void **state)
{
    struct link_event event = event_of(LINK_JOIN_PROVED);

    side_reach(&side, LINK_PENDING);
    event.incarnation = THEIRS_LATER; /* restored while it joined */
    side_step(&side, &event);
    assert_int_equal(side.actions.answer, LINK_ANSWER_JOINED);
    assert_true(side.actions.new_window);
    side_levels(&side, LINK_HEARD, (struct link_levels){.incarnation = THEIRS, .confirmed = true});
    assert_int_equal(side.actions.answer, LINK_ANSWER_OLD_INCARNATION);
    assert_false(side.link.record.confirmed_there);
}

static void test_link_heartbeat_that_an_answer_overtook_is_evidence_and_says_no_more(void **state)
{
    side_reach(&side, LINK_DEGRADED);
    side_levels(&side, LINK_ACKED, (struct link_levels){.sequence = 91});
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 90, .suspended = true});
    expect_state(LINK_ACTIVE);
    side_wait(&side, LINK_MISSED_MS);
    side_levels(&side, LINK_HEARD, (struct link_levels){.sequence = 90});
    side_levels(&side, LINK_ACKED, (struct link_levels){.sequence = 92});
    expect_state(LINK_DEGRADED);
}

static void test_link_to_somebody_with_other_roots_alarms_once(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_do(&side, LINK_UNTRUSTED);
    expect_alarm("an impostor, or one side was restored");
    expect_state(LINK_DEGRADED);
    expect_why("not of the roots");
    side_do(&side, LINK_UNTRUSTED);
    expect_alarm(NULL);
}

static void test_link_invitation_of_a_backup_is_void(void **state)
{
    side_reach(&side, LINK_INVITED);
    side_do(&side, LINK_RESTORED);
    expect_state(LINK_EXPIRED);
    expect_alarm("may have been used");
}

static void test_link_whose_peer_forgot_what_it_took_is_isolated(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_levels(&side, LINK_HEARD, (struct link_levels){.taken = 4096});
    expect_state(LINK_ACTIVE);
    side_levels(&side, LINK_HEARD, (struct link_levels){.taken = 4095});
    expect_state(LINK_ISOLATED);
    expect_alarm("says nothing of a restore");
}

static void test_link_whose_peer_knows_nothing_of_it_says_so_once(void **state)
{
    side_reach(&side, LINK_ACTIVE);
    side_do(&side, LINK_PEER_BEHIND);
    expect_alarm("causeway link repin beta");
    expect_state(LINK_DEGRADED);
    expect_why("they know nothing of this link");
    side_do(&side, LINK_PEER_BEHIND);
    expect_alarm(NULL);
    side_levels(&side, LINK_ACKED, (struct link_levels){.confirmed = true});
    expect_state(LINK_ACTIVE);
}

static void test_link_that_stays_different_is_told_and_stays_isolated(void **state)
{
    struct link_event event = event_of(LINK_DIFFERED);

    side_reach(&side, LINK_ISOLATED);
    event.count = 12;
    side_step(&side, &event);
    expect_alarm("differ in 12 objects");
    expect_state(LINK_ISOLATED);
}

/* ---- roots */

static void test_link_pushes_new_roots_until_the_peer_has_them(void **state)
{
    struct link_event event = event_of(LINK_ROOTS_MADE);

    side_reach(&side, LINK_ACTIVE);
    event.sequence = 4;
    side_step(&side, &event);
    assert_int_equal(link_levels(&side.link).roots, 4);
    side_do(&side, LINK_TICK);
    assert_true(side.actions.send_roots);
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_true(side.actions.send_roots);
    side_levels(&side, LINK_HEARD, (struct link_levels){.roots_known = 4});
    side_wait(&side, LINK_HEARTBEAT_MS);
    assert_false(side.actions.send_roots);
}

static void test_link_takes_roots_that_are_newer_and_no_others(void **state)
{
    static const struct {
        uint64_t sequence;
        uint8_t digest;
        enum link_answer answer;
        bool alarms;
        uint64_t after;
    } rows[] = {
        {3, 1, LINK_ANSWER_OK, false, 3},       {3, 1, LINK_ANSWER_OK, false, 3},
        {3, 2, LINK_ANSWER_OLD_ROOTS, true, 3}, {2, 1, LINK_ANSWER_OLD_ROOTS, false, 3},
        {5, 2, LINK_ANSWER_OK, false, 5},
    };

    side_reach(&side, LINK_ACTIVE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct link_event event = event_of(LINK_ROOTS_TAKEN);

        event.sequence = rows[i].sequence;
        event.document[0] = rows[i].digest;
        side_step(&side, &event);
        assert_int_equal(side.actions.answer, rows[i].answer);
        assert_int_equal(side.actions.alarm[0] != '\0', rows[i].alarms);
        assert_int_equal(side.link.record.roots_there, rows[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_is_active_only_once_both_confirmed_and_both_ways_were_seen),
        cmocka_unit_test(test_link_confirm_refuses_other_words),
        cmocka_unit_test(test_link_invitation_is_taken_once_and_by_whom_it_was_taken),
        cmocka_unit_test(test_link_invitation_runs_out),
        cmocka_unit_test(test_link_new_invitation_makes_the_old_one_void_and_says_so),
        cmocka_unit_test(test_link_joins_and_asks_until_it_is_answered),
        cmocka_unit_test(test_link_that_was_not_let_in_says_why),
        cmocka_unit_test(test_link_epochs_go_up_on_both_sides),
        cmocka_unit_test(test_link_of_another_id_or_an_old_invitation_does_not_replace_one),
        cmocka_unit_test(test_link_is_degraded_within_three_heartbeats_of_silence),
        cmocka_unit_test(test_link_that_passes_one_way_is_not_active),
        cmocka_unit_test(test_link_to_a_side_that_cannot_be_dialled_needs_one_way),
        cmocka_unit_test(test_link_takes_no_levels_from_a_late_heartbeat),
        cmocka_unit_test(test_link_names_a_clock_that_is_wrong_once),
        cmocka_unit_test(test_link_is_resumed_only_by_who_suspended_it),
        cmocka_unit_test(test_link_lets_a_peer_change_it_so_often_and_no_more),
        cmocka_unit_test(test_link_takes_what_it_left_out_with_the_next_heartbeats),
        cmocka_unit_test(test_link_asks_a_peer_of_many_incarnations_to_wait),
        cmocka_unit_test(test_link_revoked_here_ends_at_once_and_tells_until_it_is_known),
        cmocka_unit_test(test_link_revoked_while_the_peer_is_away_ends_all_the_same),
        cmocka_unit_test(test_link_ignores_an_end_of_an_earlier_epoch),
        cmocka_unit_test(test_link_repin_begins_the_next_epoch_of_the_same_link),
        cmocka_unit_test(test_link_of_a_restored_peer_is_isolated_until_statements_agree),
        cmocka_unit_test(test_link_that_we_restored_is_isolated_and_numbers_begin_anew),
        cmocka_unit_test(
            test_link_heartbeat_for_the_one_before_our_restore_is_answered_and_is_nothing),
        cmocka_unit_test(test_link_revoked_before_a_restore_stays_revoked),
        cmocka_unit_test(test_link_that_is_not_the_first_is_isolated_until_statements_agree),
        cmocka_unit_test(test_link_whose_incarnation_is_disowned_takes_another),
        cmocka_unit_test(test_link_that_joins_hears_no_end_of_the_epoch_before),
        cmocka_unit_test(test_link_hears_an_old_incarnation_after_a_repeated_join_no_more),
        cmocka_unit_test(test_link_heartbeat_that_an_answer_overtook_is_evidence_and_says_no_more),
        cmocka_unit_test(test_link_to_somebody_with_other_roots_alarms_once),
        cmocka_unit_test(test_link_invitation_of_a_backup_is_void),
        cmocka_unit_test(test_link_whose_peer_forgot_what_it_took_is_isolated),
        cmocka_unit_test(test_link_whose_peer_knows_nothing_of_it_says_so_once),
        cmocka_unit_test(test_link_that_stays_different_is_told_and_stays_isolated),
        cmocka_unit_test(test_link_pushes_new_roots_until_the_peer_has_them),
        cmocka_unit_test(test_link_takes_roots_that_are_newer_and_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
