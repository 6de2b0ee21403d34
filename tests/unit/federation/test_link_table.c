// SPDX-License-Identifier: Apache-2.0
/* Each event in each state: what state it leads to, whether it is refused, what a message is
 * answered; and what must hold for all of them. */
#include "link_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Upper-case letters: the state after it; "-": the same one. Then "!" if refused, or the answer. */
struct cell {
    enum link_event_kind event;
    const char *after[LINK_STATES];
};

/* N none, I invited, P pending, A active, D degraded, O isolated, S suspended, g revoking, R
 * revoked, C closed, E expired */
static const char letters[LINK_STATES + 1] = "NIPADOSgRCE";

static const struct cell cells[] = {
    /*                    N     I     P     A     D     O     S     g     R     C     E */
    {LINK_INVITE, {"I", "-", "-!", "-!", "-!", "-!", "-!", "I", "I", "I", "I"}},
    {LINK_REPIN, {"-!", "-!", "-!", "I", "I", "I", "I", "-!", "-!", "-!", "-!"}},
    {LINK_CANCEL, {"-!", "E", "-!", "-!", "-!", "-!", "-!", "-!", "-!", "-!", "-!"}},
    {LINK_JOIN, {"P", "-!", "-!", "P", "P", "P", "P", "P", "P", "P", "P"}},
    {LINK_CONFIRM, {"-!", "-!", "-", "-", "-", "-", "-", "-!", "-!", "-!", "-!"}},
    {LINK_SUSPEND, {"-!", "-!", "-!", "S", "S", "-", "-", "-!", "-!", "-!", "-!"}},
    {LINK_RESUME, {"-!", "-!", "-!", "-", "-", "-", "A", "-!", "-!", "-!", "-!"}},
    {LINK_REVOKE, {"-!", "E", "g", "g", "g", "g", "g", "-", "-", "-", "-"}},
    {LINK_JOIN_PROVED, {"-f", "Pj", "-j", "-j", "-j", "-u", "-j", "-g", "-g", "-g", "-g"}},
    {LINK_JOIN_UNPROVED, {"-f", "-f", "-f", "-f", "-f", "-f", "-f", "-f", "-f", "-f", "-f"}},
    {LINK_JOIN_ACCEPTED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_JOIN_REFUSED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_HEARD, {"-b", "-b", "-k", "-k", "-k", "-i", "-k", "-o", "-o", "-o", "-o"}},
    {LINK_ACKED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_ROOTS_TAKEN, {"-b", "-b", "-k", "-k", "-k", "-k", "-k", "-o", "-o", "-o", "-o"}},
    {LINK_END_HEARD, {"-b", "-k", "Rk", "Rk", "Rk", "Rk", "Rk", "Rk", "-k", "-k", "-k"}},
    {LINK_END_ACKED, {"-", "-", "-", "-", "-", "-", "-", "R", "-", "-", "-"}},
    {LINK_PEER_BEHIND, {"-", "-", "-", "D", "-", "-", "-", "R", "-", "-", "-"}},
    {LINK_UNTRUSTED, {"-", "-", "-", "D", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_DISOWNED, {"-", "-", "-", "O", "O", "-", "O", "-", "-", "-", "-"}},
    {LINK_SKEWED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_AGREED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_DIFFERED, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_ROOTS_MADE, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_DIALS, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {LINK_RESTORED, {"-", "E", "-", "O", "O", "-", "O", "-", "-", "-", "-"}},
    {LINK_TICK, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
};

static const struct {
    char letter;
    enum link_answer answer;
} answers[] = {
    {'f', LINK_ANSWER_FORBIDDEN},
    {'j', LINK_ANSWER_JOINED},
    {'u', LINK_ANSWER_USED},
    {'g', LINK_ANSWER_GONE},
    {'b', LINK_ANSWER_BEHIND},
    {'k', LINK_ANSWER_OK},
    {'i', LINK_ANSWER_OLD_INCARNATION},
    {'o', LINK_ANSWER_OVER},
};

static enum link_answer answer_of(char letter)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i].letter == letter)
            return answers[i].answer;
    return LINK_ANSWER_NONE;
}

static enum link_state state_of(char letter, enum link_state before)
{
    const char *place = strchr(letters, letter);

    return letter == '-' ? before : (enum link_state)(place - letters);
}

/* Field by field: padding says nothing. */
static bool is_same(const struct link_record *a, const struct link_record *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->peer, b->peer) == 0 && a->state == b->state &&
           a->epoch == b->epoch && a->invite_epoch == b->invite_epoch &&
           a->is_inviter == b->is_inviter && a->is_joining == b->is_joining &&
           a->has_peer == b->has_peer &&
           memcmp(a->peer_root, b->peer_root, sizeof(a->peer_root)) == 0 &&
           a->confirmed_here == b->confirmed_here && a->confirmed_there == b->confirmed_there &&
           a->suspended_here == b->suspended_here && a->suspended_there == b->suspended_there &&
           a->isolation == b->isolation && a->end == b->end &&
           a->end_is_known_there == b->end_is_known_there && a->only_we_dial == b->only_we_dial &&
           a->only_they_dial == b->only_they_dial && a->incarnation_here == b->incarnation_here &&
           a->incarnation_there == b->incarnation_there &&
           memcmp(a->past, b->past, sizeof(a->past)) == 0 && a->taken_there == b->taken_there &&
           a->roots_here == b->roots_here && a->roots_known_there == b->roots_known_there &&
           a->roots_there == b->roots_there &&
           memcmp(a->roots_there_digest, b->roots_there_digest, LINK_DIGEST_SIZE) == 0 &&
           a->expires_wall_ms == b->expires_wall_ms && a->since_wall_ms == b->since_wall_ms;
}

static void send(struct side *side, enum link_event_kind kind)
{
    struct link_event event = event_of(kind);

    if (kind == LINK_HEARD || kind == LINK_ACKED) {
        side_levels(side, kind, (struct link_levels){.confirmed = true, .roots_known = 3});
        return;
    }
    if (kind == LINK_RESTORED || kind == LINK_DISOWNED) {
        event.incarnation = OURS + 1;
        side_step(side, &event);
        return;
    }
    event.sequence = kind == LINK_ROOTS_MADE || kind == LINK_ROOTS_TAKEN ? 5 : 0;
    event.no_way_here = kind == LINK_DIALS;
    if (event.sequence != 0 || kind == LINK_DIALS)
        side_step(side, &event);
    else
        side_do(side, kind);
}

static bool is_command(enum link_event_kind kind)
{
    return kind <= LINK_REVOKE;
}

static void check_laws(const struct side *before, const struct side *after,
                       enum link_event_kind kind)
{
    const struct link_actions *actions = &after->actions;
    enum link_state state = after->link.record.state;

    assert_true(actions->journal || is_same(&before->link.record, &after->link.record));
    assert_true(after->link.record.epoch >= before->link.record.epoch);
    assert_true(!actions->is_refused || (is_command(kind) && !actions->journal));
    assert_int_equal(actions->said[0] != '\0',
                     is_command(kind) || (actions->said[0] != '\0' && kind == LINK_AGREED));
    if (actions->said[0] != '\0')
        assert_non_null(strstr(actions->said, "beta"));
    if (actions->alarm[0] != '\0')
        assert_non_null(strstr(actions->alarm, "beta"));
    assert_null(strchr(actions->said, '\n'));
    assert_true(strlen(actions->said) < LINK_TEXT_SIZE - 1);
    assert_true(strlen(actions->alarm) < LINK_TEXT_SIZE - 1);
    if (state != before->link.record.state)
        assert_true(actions->drop_tickets);
    if (state == LINK_REVOKING || state == LINK_REVOKED || state == LINK_EXPIRED ||
        state == LINK_CLOSED || state == LINK_INVITED || state == LINK_NONE) {
        assert_true(state == before->link.record.state || actions->cut_sessions);
        for (enum link_traffic traffic = LINK_TRAFFIC_HEALTH; traffic <= LINK_TRAFFIC_CHANGE;
             traffic++) {
            assert_false(link_may_send(&after->link, traffic));
            assert_false(link_may_take(&after->link, traffic));
        }
        assert_false(actions->send_heartbeat || actions->send_statement || actions->send_roots);
    }
}

static void test_link_answers_each_event_in_each_state(void **state)
{
    assert_int_equal(sizeof(cells) / sizeof(cells[0]), LINK_EVENTS);
    for (size_t row = 0; row < LINK_EVENTS; row++) {
        for (enum link_state from = LINK_NONE; from < LINK_STATES; from++) {
            const char *expected = cells[row].after[from];
            struct side before, after;
            struct link_actions *actions = &after.actions;

            assert_int_equal(cells[row].event, row);
            side_reach(&before, from);
            assert_string_equal(link_state_name(before.link.record.state), link_state_name(from));
            after = before;
            send(&after, cells[row].event);
            if (after.link.record.state != state_of(expected[0], from) ||
                actions->is_refused != (expected[1] == '!') ||
                actions->answer != answer_of(expected[1]))
                fail_msg("%s in %s: now %s, refused %d, answer %d; expected %s",
                         link_event_name(cells[row].event), link_state_name(from),
                         link_state_name(after.link.record.state), actions->is_refused,
                         (int)actions->answer, expected);
            check_laws(&before, &after, cells[row].event);
        }
    }
}

/* A crash at any point: what the journal has is what goes on, but for the evidence. */
static void test_link_is_loaded_as_it_was_kept(void **state)
{
    for (enum link_state from = LINK_NONE; from < LINK_STATES; from++) {
        struct side side;
        struct link loaded;
        enum link_state expected = from == LINK_ACTIVE ? LINK_DEGRADED : from;

        side_reach(&side, from);
        link_load(&loaded, &side.link.record, side.now);
        assert_string_equal(link_state_name(loaded.record.state), link_state_name(expected));
        loaded.record.state = from;
        assert_true(is_same(&loaded.record, &side.link.record));
        assert_false(loaded.has_heard || loaded.has_acked);
    }
}

/* The same numbers in each run. */
static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (*random >> 11) % below;
}

/* Whatever is said to a link that has ended, in any order, brings nothing back; only our own
 * operator does. */
static void test_link_that_ended_stays_so_under_any_messages(void **state)
{
    uint64_t random = 3;

    for (unsigned round = 0; round < 2000; round++) {
        struct side side;
        uint64_t epoch;

        side_reach(&side, round % 2 == 0 ? LINK_REVOKING : LINK_REVOKED);
        epoch = side.link.record.epoch;
        for (unsigned i = 0; i < 30; i++) {
            enum link_event_kind kind =
                LINK_JOIN_PROVED +
                (enum link_event_kind)draw(&random, LINK_EVENTS - LINK_JOIN_PROVED);
            struct link_event event = event_of(kind);

            event.epoch = draw(&random, 4);
            event.invite_epoch = draw(&random, 4);
            event.levels = (struct link_levels){.sequence = 100 + i,
                                                .incarnation = THEIRS + draw(&random, 2),
                                                .to = OURS,
                                                .confirmed = true};
            side_step(&side, &event);
            side.now.ms += 10000;
            side.now.wall_ms += 10000;
            assert_true(side.link.record.state == LINK_REVOKING ||
                        side.link.record.state == LINK_REVOKED);
            assert_true(side.link.record.epoch >= epoch);
            assert_false(link_may_take(&side.link, LINK_TRAFFIC_CHANGE));
            assert_false(side.actions.send_heartbeat || side.actions.send_statement);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_answers_each_event_in_each_state),
        cmocka_unit_test(test_link_is_loaded_as_it_was_kept),
        cmocka_unit_test(test_link_that_ended_stays_so_under_any_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
