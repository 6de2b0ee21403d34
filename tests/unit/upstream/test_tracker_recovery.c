// SPDX-License-Identifier: Apache-2.0
/* The pin tracker after a crash, after a restore, and over a storage that lost pins. */
#include "tests/unit/store/edit.h"
#include "tracker_bench.h"

/* ---- after a crash */

/* Alice's call was begun upstream, and what came of it nobody is told: her caller is gone, and the
 * tracker, which ends next, does not see to that any more. */
static void leave_under_way(struct bench *bench, enum tracker_action action, enum shelf_kind kind)
{
    struct tracker_request request = bench_request(bench, action, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_hold(bench, &reply, &request, kind);
    tracker_cancel(&reply.call);
    bench->shelf->is_slow = false; /* from the next operation on */
}

static void test_tracker_recovers_a_pin_that_nobody_was_told_of(void **state)
{
    struct bench *bench = *state;

    leave_under_way(bench, TRACKER_CLAIM, SHELF_PIN);
    assert_int_equal(bench_open_entries(bench), 1);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE; /* its answer was lost */
    bench_reopen(bench);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

static void test_tracker_recovers_a_removal(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    leave_under_way(bench, TRACKER_RELEASE, SHELF_UNPIN);
    bench_reopen(bench);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    bench_assert_sound(bench);
}

/* Bob's claim lets alice's pin go, and fails: nobody claims what is pinned. */
static void test_tracker_removes_later_what_a_failed_claim_held(void **state)
{
    struct bench *bench = *state;
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct tracker_request alice = bench_request(bench, TRACKER_RELEASE, "alice", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    bench_hold(bench, &of_bob, &bob, SHELF_LOOK);
    bench_start(bench, &of_alice, &alice);
    bench_await(bench, &of_alice);
    assert_int_equal(of_alice.outcome, TRACKER_DONE);
    bench->shelf->failure = ERROR_IO;
    shelf_end(bench->shelf);
    bench_await(bench, &of_bob);
    assert_int_equal(of_bob.outcome, TRACKER_FAILED);
    bench_turn(bench, 20);
    bench->shelf->is_slow = false;
    bench_reopen(bench);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

static void test_tracker_recovers_an_object_of_many_entries_at_once(void **state)
{
    struct bench *bench = *state;
    struct transaction *open;
    struct error err = {0};

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    for (int i = 0; i < 150; i++) { /* more than a page of them */
        open = transaction_create(TRANSACTION_JOURNAL_OPEN);
        open->journal_open.record.kind = SLICE("object");
        open->journal_open.record.key = bench_key(bench, 0);
        assert_true(store_run(bench->kit->store, open, &err));
        transaction_destroy(&open);
    }
    bench_reopen(bench);
    assert_int_equal(bench_open_entries(bench), 0);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    bench_assert_sound(bench);
}

/* ---- after a restore of an older backup */

/* Until the journal has nothing open. */
static void come_to_rest(struct bench *bench)
{
    for (int turns = 0; bench_open_entries(bench) > 0 && turns < 5000; turns++)
        bench_turn(bench, 1);
}

/* The gateway starts over a ledger that was restored from a backup, as far as it knows. */
static void start_restored(struct bench *bench)
{
    tracker_destroy(&bench->tracker);
    store_close(&bench->kit->store);
    edit_database(bench->kit->folder, "ledger.db",
                  "UPDATE object SET is_doubtful = 1; UPDATE journal SET is_restored = 1");
    kit_open(bench->kit);
    bench_open_tracker(bench);
    come_to_rest(bench);
}

static void test_tracker_removes_nothing_because_of_a_backup(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    leave_under_way(bench, TRACKER_RELEASE, SHELF_UNPIN);
    start_restored(bench);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    assert_int_equal(bench_usage(bench, "alice").bytes, 100);
    assert_int_equal(bench_open_entries(bench), 0);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
}

/* Somebody pinned it recursively since the backup, and was told so. */
static void test_tracker_weakens_nothing_because_of_a_backup(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE;
    start_restored(bench);
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    bench_turn(bench, 50);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench_usage(bench, "alice").bytes, 1);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    bench_assert_sound(bench);
}

static void test_tracker_carries_out_a_claim_of_a_backup(void **state)
{
    struct bench *bench = *state;

    leave_under_way(bench, TRACKER_CLAIM, SHELF_PIN);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE; /* and it was answered */
    start_restored(bench);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    assert_int_equal(bench_usage(bench, "alice").bytes, 100);
    assert_int_equal(bench_open_entries(bench), 0);
}

/* What the last step charged is charged once, though the ledger is written once more behind it. */
static void test_tracker_gives_back_once_what_a_backup_held(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_claim(bench, "alice", 1), TRACKER_DONE);
    start_restored(bench);
    assert_int_equal(bench_release(bench, "alice", 1), TRACKER_DONE);
    come_to_rest(bench);
    assert_int_equal(atomic_load(&bench->org_bytes.used), 100);
    bench_assert_sound(bench);
}

static void test_tracker_charges_once_what_joins_a_pin_of_a_backup(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    start_restored(bench);
    assert_int_equal(bench_claim(bench, "bob", 0), TRACKER_DONE);
    come_to_rest(bench);
    assert_int_equal(bench_usage(bench, "bob").bytes, 100);
    assert_int_equal(atomic_load(&bench->bytes.used), 200);
    bench_assert_sound(bench);
}

/* ---- repairs */

static void test_tracker_repairs_what_is_here_and_waits_for_it(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[0]);

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    object->ours = PIN_NONE;
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(object->ours, PIN_RECURSIVE);
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 2);
    assert_int_equal(bench_open_entries(bench), 0);
}

static void test_tracker_marks_what_cannot_be_repaired_lost_and_later_pinned(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[0]);

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    object->ours = PIN_NONE;
    object->is_remote = true;
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_MISSING);
    assert_int_equal(bench_state(bench, "alice"), PIN_LOST);
    assert_int_equal(bench_usage(bench, "alice").pins, 1);
    object->is_remote = false;
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(bench_state(bench, "alice"), PIN_PINNED);
    bench_assert_sound(bench);
}

static void test_tracker_repair_fails_while_the_storage_does(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->failure = ERROR_IO;
    assert_int_equal(bench_run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_FAILED);
    assert_int_equal(bench_state(bench, "alice"), PIN_PINNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_recovers_a_pin_that_nobody_was_told_of),
        BENCH_TEST(test_tracker_recovers_a_removal),
        BENCH_TEST(test_tracker_removes_later_what_a_failed_claim_held),
        BENCH_TEST(test_tracker_recovers_an_object_of_many_entries_at_once),
        BENCH_TEST(test_tracker_removes_nothing_because_of_a_backup),
        BENCH_TEST(test_tracker_weakens_nothing_because_of_a_backup),
        BENCH_TEST(test_tracker_carries_out_a_claim_of_a_backup),
        BENCH_TEST(test_tracker_gives_back_once_what_a_backup_held),
        BENCH_TEST(test_tracker_charges_once_what_joins_a_pin_of_a_backup),
        BENCH_TEST(test_tracker_repairs_what_is_here_and_waits_for_it),
        BENCH_TEST(test_tracker_marks_what_cannot_be_repaired_lost_and_later_pinned),
        BENCH_TEST(test_tracker_repair_fails_while_the_storage_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
