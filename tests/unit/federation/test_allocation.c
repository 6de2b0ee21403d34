// SPDX-License-Identifier: Apache-2.0
/* Each event in each state of an allocation: what state it leads to, what a message is answered;
 * what must hold for all of them; and what single cells of the table do. */
#include "allocation_kit.h"

#include "federation/allocation_codec.h"
#include "federation/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* N none; Q queued, R reserving, T transferring, C committing, P placed, e releasing, E released, L
 * lost, S stuck, X refused; r reserved, c receiving, i importing, p pinned, v leaving, m removing,
 * o orphaned, g gone */
static const char letters[ALLOCATION_STATES + 1] = "NQRTCPeELSXrcipvmog";

/* The state after it, "-": the same one; then what the peer is answered. */
/* clang-format off */
static const struct {
    enum allocation_event_kind event;
    const char *after;
} cells[] = {
    /*                         N    Q    R    T    C    P    e    E    L    S    X    r    c    i    p    v    m    o    g */
    {ALLOCATION_PLACE, "Q    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_WANT, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_RELEASE, "-    E    e    e    e    e    -    -    -    E    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_TURN, "-    R    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_ANSWERED, "-    -    T    -    -    -    E    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_UNANSWERED, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_PROGRESS, "-    -    -    C    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_SEND_FAILED, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_RECEIPT, "-404 -404 P200 -409 P200 -200 -200 -200 P200 -404 e200 -404 -404 -404 -404 -404 -404 -404 -404"},
    {ALLOCATION_EVICT_HEARD, "-404 -404 e200 e200 e200 -200 -200 -200 -200 -404 -200 -404 -404 -404 -404 -404 -404 -404 -404"},
    {ALLOCATION_RESERVE, "r200 -404 -404 -404 -404 -404 -404 -404 -404 -404 -404 -200 -200 -200 -200 -200 -503 -409 -410"},
    {ALLOCATION_COMMIT, "-404 -404 -404 -404 -404 -404 -404 -404 -404 -404 -404 -409 -409 -202 -200 -200 -410 -409 -410"},
    {ALLOCATION_RELEASE_HEARD, "-404 -404 -404 -404 -404 -404 -404 -404 -404 -404 -404 m200 m200 m200 m200 m200 -200 m200 -200"},
    {ALLOCATION_RECEIVED, "-    -    -    -    -    -    -    -    -    -    -    c    -    -    -    -    -    -    -"},
    {ALLOCATION_REJECTED, "-    -    -    -    -    -    -    -    -    -    -    m    m    -    -    -    -    -    -"},
    {ALLOCATION_IMPORTED, "-    -    -    -    -    -    -    -    -    -    -    -    -    p    -    -    -    -    -"},
    {ALLOCATION_IMPORT_FAILED, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_REMOVED, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    g    -    -"},
    {ALLOCATION_REMOVE_FAILED, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_STORAGE_LOST, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    m    m    -    m    -"},
    {ALLOCATION_EVICT, "-    -    -    -    -    -    -    -    -    -    -    m    m    m    m    m    -    m    -"},
    {ALLOCATION_DRAIN, "-    E    e    e    e    -    -    -    -    E    -    m    m    m    v    -    -    -    -"},
    {ALLOCATION_STAY, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_LINK_OVER, "-    X    L    L    L    L    L    -    -    X    -    -    -    c    o    o    -    -    -"},
    {ALLOCATION_LINK_BACK, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_GRANTED, "-    -    -    -    -    -    -    -    -    Q    -    -    -    -    -    -    -    -    -"},
    {ALLOCATION_STATED_HELD, "P    P    P    P    P    -    -    e    P    P    e    -    -    -    -    -    -    p    -"},
    {ALLOCATION_STATED_ABSENT, "-    -    -    R    R    L    -    -    -    -    -    -    -    c    -    -    -    p    -"},
    {ALLOCATION_TICK, "-    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -"},
};
/* clang-format on */

static enum allocation_state state_of(char letter, enum allocation_state before)
{
    return letter == '-' ? before : (enum allocation_state)(strchr(letters, letter) - letters);
}

static void check_laws(const struct kit *before, const struct kit *after)
{
    const struct allocation_record *record = &after->record;
    uint64_t was = 0, is = 0;
    bool was_charged = allocation_charge(&before->record, &was);
    bool is_charged = allocation_charge(record, &is);

    assert_true(after->actions.journal || record->state == before->record.state);
    assert_true(after->actions.journal || strcmp(record->key, before->record.key) == 0);
    assert_int_equal(after->actions.pins, is_charged - was_charged);
    assert_int_equal(after->actions.bytes, (int64_t)(is - was));
    assert_int_equal(after->actions.start & after->actions.stop & ~(unsigned)ALLOCATION_WORK_ASK,
                     0);
    assert_int_equal(after->actions.start & ~allocation_work(record), 0);
    assert_true(allocation_rests(record) || allocation_work(record) != 0 || record->retry_ms != 0 ||
                record->state == ALLOCATION_RESERVED || record->state == ALLOCATION_RECEIVING);
    assert_true(record->retry_ms == 0 || after->actions.wake_ms <= record->retry_ms);
    assert_true((record->item == ALLOCATION_NO_ITEM) == (record->key[0] == '\0'));
    assert_false(after->actions.forget);
}

static void test_allocation_answers_each_event_in_each_state(void **state)
{
    assert_int_equal(ARRAY_SIZE(cells), ALLOCATION_EVENTS);
    for (size_t row = 0; row < ALLOCATION_EVENTS; row++) {
        const char *cell = cells[row].after;

        assert_int_equal(cells[row].event, row);
        for (enum allocation_state from = ALLOCATION_NONE; from < ALLOCATION_STATES; from++) {
            struct kit kit = kit_reach(from), before = kit;
            unsigned answer = (unsigned)strtoul(cell + 1, NULL, 10);

            assert_string_equal(allocation_state_name(kit.record.state),
                                allocation_state_name(from));
            kit_do(&kit, cells[row].event);
            if (kit.record.state != state_of(cell[0], from) || kit.actions.answer != answer)
                fail_msg("%s in %s: now %s, answered %u; expected %.4s",
                         allocation_event_name(cells[row].event), allocation_state_name(from),
                         allocation_state_name(kit.record.state), kit.actions.answer, cell);
            check_laws(&before, &kit);
            cell += strcspn(cell, " ");
            cell += strspn(cell, " ");
        }
    }
}

/* A crash at any point: what the journal has is what goes on. */
static void test_allocation_is_loaded_as_it_was_kept(void **state)
{
    for (enum allocation_state from = ALLOCATION_QUEUED; from < ALLOCATION_STATES; from++) {
        struct kit kit = kit_reach(from);
        struct allocation_record loaded;
        struct allocation_actions actions;
        struct text kept = {0}, again = {0};

        allocation_write(&kit.record, &kept);
        assert_true(kept.size <= ALLOCATION_CODEC_MAX);
        assert_true(allocation_read(&loaded, text_slice(&kept), NULL));
        allocation_write(&loaded, &again);
        assert_true(slice_equal(text_slice(&kept), text_slice(&again)));
        allocation_load(&loaded, &actions);
        assert_int_equal(actions.start, allocation_work(&kit.record));
        assert_int_equal(actions.stop, 0);
        text_dispose(&kept);
        text_dispose(&again);
    }
}

static void test_allocation_that_was_kept_is_read_strictly(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_PINNED);
    struct allocation_record loaded;
    struct text kept = {0};
    struct error err = {0};

    allocation_write(&kit.record, &kept);
    for (size_t size = 0; size < kept.size; size++)
        assert_false(allocation_read(&loaded, (struct slice){kept.data, size}, NULL));
    kept.data[0] = 2;
    assert_false(allocation_read(&loaded, text_slice(&kept), &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    text_dispose(&kept);
}

static void test_allocation_is_kept_with_the_blocks_that_came_along(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_IMPORTING);
    struct allocation_record loaded;
    struct text kept = {0}, plain = {0};

    allocation_write_carried(&kit.record, SLICE("blocks"), &kept);
    assert_true(slice_is(allocation_carried(text_slice(&kept)), "blocks"));
    assert_true(allocation_read(&loaded, text_slice(&kept), NULL));
    assert_true(allocation_equal(&loaded, &kit.record));
    for (size_t size = 0; size < kept.size; size++)
        assert_false(allocation_read(&loaded, (struct slice){kept.data, size}, NULL));
    allocation_write_carried(&kit.record, SLICE(""), &plain);
    assert_int_equal(allocation_carried(text_slice(&plain)).size, 0);
    assert_true(allocation_read(&loaded, text_slice(&plain), NULL));
    text_dispose(&kept);
    text_dispose(&plain);
}

/* The holder has all of it with the reservation; the owner waits for the receipt, and asks for it
 * should it not come. */
static void test_allocation_that_went_along_is_not_sent(void **state)
{
    struct kit there = {0}, here = kit_reach(ALLOCATION_RESERVING);
    struct allocation_event event;

    there.wall_ms = here.wall_ms;
    event = kit_event(&there, ALLOCATION_RESERVE);
    event.is_complete = true;
    kit_step(&there, &event);
    assert_int_equal(there.actions.answer, 202);
    assert_int_equal(there.record.state, ALLOCATION_IMPORTING);
    assert_int_equal(there.actions.start, ALLOCATION_WORK_IMPORT);
    assert_int_equal(there.record.position, there.record.blocks);

    kit_answer(&here, 202);
    assert_int_equal(here.record.state, ALLOCATION_COMMITTING);
    assert_int_equal(here.actions.start, 0);
    assert_false(allocation_is_stuck(&here.record));
    here.wall_ms += ALLOCATION_RETRY_MAX;
    kit_do(&here, ALLOCATION_TICK);
    assert_int_equal(here.record.item, ALLOCATION_ITEM_COMMIT);
}

static void test_allocation_waits_longer_each_time(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_STUCK);
    uint64_t last = 0;

    for (unsigned i = 0; i < 12; i++) {
        uint64_t wait_ms = kit.record.retry_ms - kit.wall_ms;

        assert_true(allocation_is_stuck(&kit.record));
        assert_int_equal(kit.record.reason, ALLOCATION_QUOTA_THERE);
        assert_true(wait_ms >= last && wait_ms <= ALLOCATION_AGAIN_MAX);
        last = wait_ms;
        kit_do(&kit, ALLOCATION_TICK);
        assert_int_equal(kit.record.state, ALLOCATION_STUCK);
        kit.wall_ms = kit.record.retry_ms;
        kit_do(&kit, ALLOCATION_TICK);
        assert_int_equal(kit.record.state, ALLOCATION_QUEUED);
        kit_do(&kit, ALLOCATION_TURN);
        kit_answer(&kit, 507);
    }
    assert_int_equal(last, ALLOCATION_AGAIN_MAX);
}

static void test_allocation_asks_again_under_the_same_key(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RESERVING);
    char key[ULID_SIZE];

    memcpy(key, kit.record.key, ULID_SIZE);
    kit_do(&kit, ALLOCATION_UNANSWERED);
    assert_int_equal(kit.actions.stop, ALLOCATION_WORK_ASK);
    kit.wall_ms = kit.record.retry_ms;
    kit_do(&kit, ALLOCATION_TICK);
    assert_int_equal(kit.actions.start, ALLOCATION_WORK_ASK);
    assert_string_equal(kit.record.key, key);
}

/* The holder was ended between its answer and ours, and what it says again is not the same bytes.
 */
static void test_allocation_says_under_another_key_what_its_own_is_not_taken_for(void **state)
{
    static const enum allocation_state states[] = {ALLOCATION_RESERVING, ALLOCATION_COMMITTING,
                                                   ALLOCATION_PINNED};

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct kit kit = kit_reach(states[i]);
        struct allocation_event event;
        char key[ULID_SIZE];

        if (states[i] == ALLOCATION_PINNED)
            kit_do(&kit, ALLOCATION_COMMIT); /* its owner asks: the receipt is told again */
        for (unsigned times = 0; times < 2; times++) {
            memcpy(key, kit.record.key, ULID_SIZE);
            event = kit_event(&kit, ALLOCATION_ANSWERED);
            event.status = 410;
            kit_step(&kit, &event);
            assert_int_equal(kit.record.state, states[i]);
            assert_int_equal(kit.record.retry_ms != 0,
                             times == 1); /* not for ever as fast as it goes */
            if (times == 0)
                assert_true(strcmp(kit.record.key, key) > 0);
        }
    }
}

/* Its owner takes a receipt for a stay. */
static void test_allocation_that_leaves_says_so_behind_every_receipt(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_LEAVING);

    assert_int_equal(kit.record.item, ALLOCATION_ITEM_LEAVE);
    kit_do(&kit, ALLOCATION_COMMIT);
    kit_answer(&kit, 200);
    assert_int_equal(kit.record.item, ALLOCATION_ITEM_RECEIPT);
    kit_answer(&kit, 200);
    assert_int_equal(kit.record.item, ALLOCATION_ITEM_LEAVE);
    kit_answer(&kit, 200);
    assert_int_equal(kit.record.item, ALLOCATION_NO_ITEM);
}

static void test_allocation_is_held_by_the_latest_receipt(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_PLACED);
    struct allocation_event event = kit_event(&kit, ALLOCATION_RECEIPT);

    memcpy(event.key, "00000000000000000000009001", ULID_SIZE);
    kit_step(&kit, &event);
    assert_string_equal(kit.record.held_key, "00000000000000000000009001");
    kit_do(&kit, ALLOCATION_RECEIPT); /* an earlier one, again */
    assert_string_equal(kit.record.held_key, "00000000000000000000009001");
}

/* Nothing of one allocation overtakes anything else of it. */
static void test_allocation_is_released_only_after_what_was_asked_is_answered(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RESERVING);

    kit_do(&kit, ALLOCATION_RELEASE);
    assert_int_equal(kit.record.item, ALLOCATION_ITEM_RESERVE);
    kit_do(&kit, ALLOCATION_TURN);
    assert_int_equal(kit.record.item, ALLOCATION_ITEM_RESERVE);
    kit_answer(&kit, 200);
    assert_int_equal(kit.record.state, ALLOCATION_RELEASING);
    kit_do(&kit, ALLOCATION_TURN);
    assert_int_equal(kit.record.item, ALLOCATION_ITEM_RELEASE);
    kit_answer(&kit, 200);
    assert_int_equal(kit.record.state, ALLOCATION_RELEASED);
}

static void test_allocation_does_not_believe_a_receipt_for_something_else(void **state)
{
    for (unsigned what = 0; what < 3; what++) {
        struct kit kit = kit_reach(ALLOCATION_COMMITTING);
        struct allocation_event event = kit_event(&kit, ALLOCATION_RECEIPT);

        if (what == 0)
            event.root = kit_root(2);
        event.bytes += what == 1;
        event.blocks += what == 2;
        kit_step(&kit, &event);
        assert_int_equal(kit.actions.answer, 409);
        assert_int_equal(kit.record.state, ALLOCATION_COMMITTING);
        assert_int_equal(kit.record.reason, ALLOCATION_BAD_RECEIPT);
    }
}

/* Nobody has what was not sent: not before the holder said that all of it is there. */
static void test_allocation_does_not_believe_a_receipt_before_the_bytes(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RESERVING);
    struct allocation_event event;

    kit.record.bytes = UINT64_C(1) << 20; /* too much to have come with the reservation */
    event = kit_event(&kit, ALLOCATION_RECEIPT);
    event.bytes = kit.record.bytes;
    kit_step(&kit, &event);
    assert_int_equal(kit.actions.answer, 503);
    assert_int_equal(kit.record.state, ALLOCATION_RESERVING);
    kit = kit_reach(ALLOCATION_TRANSFERRING);
    kit_do(&kit, ALLOCATION_RECEIPT);
    assert_int_equal(kit.actions.answer, 409);
    assert_int_equal(kit.record.state, ALLOCATION_TRANSFERRING);
    assert_false(allocation_counts(&kit.record));
    assert_string_equal(kit.record.held_key, "");
    kit_do(&kit, ALLOCATION_PROGRESS);
    assert_int_equal(kit.record.state, ALLOCATION_COMMITTING);
    kit_do(&kit, ALLOCATION_RECEIPT);
    assert_int_equal(kit.record.state, ALLOCATION_PLACED);
}

static void test_allocation_that_was_evicted_waits_before_it_goes_there_again(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_QUEUED);
    struct allocation_event event = kit_event(&kit, ALLOCATION_TURN);

    event.room = ALLOCATION_ROOM_EVICTED;
    kit_step(&kit, &event);
    assert_int_equal(kit.record.state, ALLOCATION_STUCK);
    assert_int_equal(kit.record.reason, ALLOCATION_EVICTED);
    assert_false(allocation_charge(&kit.record, &event.bytes));
    assert_true(kit.record.retry_ms >= kit.wall_ms + ALLOCATION_AGAIN_MS / 2);
}

static void test_allocation_of_other_content_is_refused(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RECEIVING);
    struct allocation_event event = kit_event(&kit, ALLOCATION_RESERVE);

    event.bytes++;
    kit_step(&kit, &event);
    assert_int_equal(kit.actions.answer, 409);
    assert_false(kit.actions.journal);
}

static void test_allocation_without_room_leaves_nothing(void **state)
{
    static const unsigned statuses[] = {200, 507, 507, 403, 507};

    for (enum allocation_room room = ALLOCATION_ROOM_OUR_GRANT; room <= ALLOCATION_ROOM_NO_SPACE;
         room++) {
        struct kit kit = kit_new();
        struct allocation_event event = kit_event(&kit, ALLOCATION_RESERVE);

        event.room = room;
        kit_step(&kit, &event);
        assert_int_equal(kit.actions.answer, statuses[room]);
        assert_int_equal(kit.record.state, ALLOCATION_NONE);
        assert_false(kit.actions.journal);
    }
}

static void test_allocation_that_expired_may_be_reserved_again(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RECEIVING);

    kit.wall_ms += ALLOCATION_RESERVE_MS;
    kit_do(&kit, ALLOCATION_TICK);
    assert_int_equal(kit.record.state, ALLOCATION_REMOVING);
    assert_int_equal(kit.actions.start, ALLOCATION_WORK_REMOVE);
    kit_do(&kit, ALLOCATION_REMOVED);
    assert_int_equal(kit.actions.bytes, -KIT_BYTES);
    kit_do(&kit, ALLOCATION_RESERVE);
    assert_int_equal(kit.actions.answer, 200);
    assert_int_equal(kit.record.state, ALLOCATION_RESERVED);
    assert_int_equal(kit.record.position, 0);
}

static void test_allocation_without_progress_expires_whatever_is_asked(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RECEIVING);
    uint64_t until_ms = kit.record.until_ms;
    struct allocation_event event = kit_event(&kit, ALLOCATION_RECEIVED);

    event.is_complete = false;
    event.position = kit.record.position;
    kit.wall_ms += ALLOCATION_RESERVE_MS / 2;
    kit_step(&kit, &event); /* nothing came */
    assert_false(kit.actions.journal);
    assert_int_equal(kit.record.until_ms, until_ms);
    event.position++;
    kit_step(&kit, &event);
    assert_true(kit.actions.journal);
    assert_int_equal(kit.record.until_ms, kit.wall_ms + ALLOCATION_RESERVE_MS);
    kit = kit_reach(ALLOCATION_RESERVED);
    event.position = 0;
    kit_step(&kit, &event);
    assert_int_equal(kit.record.state, ALLOCATION_RESERVED);
}

/* Nobody lost a copy by it, and both find each other again. */
static void test_allocation_survives_the_end_of_its_link(void **state)
{
    struct kit owner = kit_reach(ALLOCATION_PLACED), holder = kit_reach(ALLOCATION_PINNED);

    kit_do(&owner, ALLOCATION_LINK_OVER);
    kit_do(&holder, ALLOCATION_LINK_OVER);
    assert_int_equal(owner.record.state, ALLOCATION_LOST);
    assert_true(owner.actions.replan);
    assert_int_equal(holder.record.state, ALLOCATION_ORPHANED);
    assert_int_equal(holder.actions.bytes, 0);
    assert_false(allocation_is_live(&holder.record));
    assert_true(allocation_is_stated(&owner.record) && allocation_is_stated(&holder.record));
    kit_do(&owner, ALLOCATION_STATED_HELD);
    kit_do(&holder, ALLOCATION_STATED_HELD);
    assert_int_equal(owner.record.state, ALLOCATION_PLACED);
    assert_int_equal(holder.record.state, ALLOCATION_PINNED);
    assert_true(allocation_counts(&owner.record));
}

static void test_allocation_that_leaves_is_placed_anew_before_it_goes(void **state)
{
    struct kit owner = kit_reach(ALLOCATION_PLACED), holder = kit_reach(ALLOCATION_LEAVING);

    assert_int_equal(holder.record.item, ALLOCATION_ITEM_LEAVE);
    kit_do(&owner, ALLOCATION_EVICT_HEARD);
    assert_true(owner.actions.replan);
    assert_false(allocation_counts(&owner.record));
    assert_int_equal(owner.record.state, ALLOCATION_PLACED);
    kit_answer(&holder, 200);
    holder.wall_ms = holder.record.until_ms;
    kit_do(&holder, ALLOCATION_TICK);
    assert_int_equal(holder.record.state, ALLOCATION_REMOVING);
    assert_int_equal(holder.record.item, ALLOCATION_ITEM_EVICT);
}

static void test_allocation_says_why_it_waits(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_RESERVING);
    struct allocation_event event = kit_event(&kit, ALLOCATION_ANSWERED);
    char why[ALLOCATION_WHY_SIZE];

    event.status = 507;
    event.said = SLICE("1000 of 1000 bytes are used");
    kit_step(&kit, &event);
    allocation_why(&kit.record, kit.wall_ms + 3000, why);
    assert_string_equal(why, "stuck for 3 s: the partner has no room for it (1000 of 1000 bytes "
                             "are used); tried again in 597 s");
}

static void test_allocation_says_that_a_receipt_is_overdue(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_COMMITTING);
    uint64_t since_ms = kit.record.since_ms;
    char why[ALLOCATION_WHY_SIZE];

    assert_false(allocation_is_overdue(&kit.record, since_ms + ALLOCATION_OVERDUE_MS - 1));
    assert_true(allocation_is_overdue(&kit.record, since_ms + ALLOCATION_OVERDUE_MS));
    allocation_why(&kit.record, since_ms + ALLOCATION_OVERDUE_MS, why);
    assert_string_equal(why, "committing for 600 s; they have all of it, and their receipt is "
                             "overdue: ask them");
    kit = kit_reach(ALLOCATION_PLACED);
    assert_false(allocation_is_overdue(&kit.record, since_ms + 2 * ALLOCATION_OVERDUE_MS));
}

static void test_allocation_tombstones_are_forgotten_in_the_end(void **state)
{
    static const enum allocation_state tombs[] = {ALLOCATION_RELEASED, ALLOCATION_LOST,
                                                  ALLOCATION_REFUSED, ALLOCATION_GONE};

    for (size_t i = 0; i < ARRAY_SIZE(tombs); i++) {
        struct kit kit = kit_reach(tombs[i]);

        kit.wall_ms += ALLOCATION_KEPT_MS - 1;
        kit_do(&kit, ALLOCATION_TICK);
        assert_false(kit.actions.forget);
        kit.wall_ms++;
        kit_do(&kit, ALLOCATION_TICK);
        assert_true(kit.actions.forget);
    }
}

static void test_grant_is_the_smaller_of_both(void **state)
{
    struct grant_account account = {.ours = {1000, 3, 800}, .theirs = {900, 5, UINT64_MAX}};
    struct text why = {0};

    assert_int_equal(grant_room(&account, 800), ALLOCATION_ROOM);
    assert_int_equal(grant_room(&account, 801), ALLOCATION_ROOM_OUR_GRANT);
    grant_charge(&account, 500, 1);
    assert_int_equal(grant_room(&account, 400), ALLOCATION_ROOM);
    assert_int_equal(grant_room(&account, 401), ALLOCATION_ROOM_THEIR_GRANT);
    grant_explain(&account, 401, &why);
    assert_string_equal(why.data,
                        "401 bytes more pass the 900 bytes granted, of which 500 are used");
    grant_charge(&account, 0, 2);
    assert_int_equal(grant_room(&account, 1), ALLOCATION_ROOM_OUR_GRANT);
    account.ours = (struct grant){0};
    assert_int_equal(grant_room(&account, 0), ALLOCATION_ROOM_NOT_GRANTED);
    text_dispose(&why);
}

/* A grant that shrank takes nothing back. */
static void test_grant_below_what_is_used_has_no_room(void **state)
{
    struct grant_account account = {.ours = {100, 10, 100}, .theirs = GRANT_OPEN, .bytes = 500};

    assert_int_equal(grant_room(&account, 0), ALLOCATION_ROOM_OUR_GRANT);
    grant_charge(&account, -500, 0);
    assert_int_equal(grant_room(&account, 100), ALLOCATION_ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocation_answers_each_event_in_each_state),
        cmocka_unit_test(test_allocation_is_loaded_as_it_was_kept),
        cmocka_unit_test(test_allocation_that_was_kept_is_read_strictly),
        cmocka_unit_test(test_allocation_is_kept_with_the_blocks_that_came_along),
        cmocka_unit_test(test_allocation_that_went_along_is_not_sent),
        cmocka_unit_test(test_allocation_waits_longer_each_time),
        cmocka_unit_test(test_allocation_asks_again_under_the_same_key),
        cmocka_unit_test(test_allocation_says_under_another_key_what_its_own_is_not_taken_for),
        cmocka_unit_test(test_allocation_that_leaves_says_so_behind_every_receipt),
        cmocka_unit_test(test_allocation_is_held_by_the_latest_receipt),
        cmocka_unit_test(test_allocation_is_released_only_after_what_was_asked_is_answered),
        cmocka_unit_test(test_allocation_does_not_believe_a_receipt_for_something_else),
        cmocka_unit_test(test_allocation_does_not_believe_a_receipt_before_the_bytes),
        cmocka_unit_test(test_allocation_that_was_evicted_waits_before_it_goes_there_again),
        cmocka_unit_test(test_allocation_of_other_content_is_refused),
        cmocka_unit_test(test_allocation_without_room_leaves_nothing),
        cmocka_unit_test(test_allocation_that_expired_may_be_reserved_again),
        cmocka_unit_test(test_allocation_without_progress_expires_whatever_is_asked),
        cmocka_unit_test(test_allocation_survives_the_end_of_its_link),
        cmocka_unit_test(test_allocation_that_leaves_is_placed_anew_before_it_goes),
        cmocka_unit_test(test_allocation_says_why_it_waits),
        cmocka_unit_test(test_allocation_says_that_a_receipt_is_overdue),
        cmocka_unit_test(test_allocation_tombstones_are_forgotten_in_the_end),
        cmocka_unit_test(test_grant_is_the_smaller_of_both),
        cmocka_unit_test(test_grant_below_what_is_used_has_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
