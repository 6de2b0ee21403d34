// SPDX-License-Identifier: Apache-2.0
/* The pin tracker over a played storage and a real ledger. */
#include "tests/unit/store/gate.h"
#include "tracker_bench.h"

#include <sqlite3.h>

/* ---- one owner */

static void test_tracker_pins_and_unpins(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(usage_of(bench, "alice").bytes, 100);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(usage_of(bench, "alice").bytes, 0);
    assert_sound(bench);
}

static void test_tracker_answers_later_and_once(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    start(bench, &reply, &request);
    assert_int_equal(reply.count, 0);
    await(bench, &reply);
    turn(bench, 20);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.bytes, 100);
    assert_int_equal(strlen(reply.id), ULID_SIZE - 1);
}

static void test_tracker_refuses_what_is_not_pinned(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(release(bench, "alice", 0), TRACKER_NOT_PINNED);
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(release(bench, "bob", 0), TRACKER_NOT_PINNED);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
}

static void test_tracker_keeps_direct_and_recursive_apart(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    assert_int_equal(usage_of(bench, "alice").bytes, 1);
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(usage_of(bench, "alice").bytes, 100);
    assert_int_equal(run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_PINNED_RECURSIVELY);
    assert_int_equal(run(bench, TRACKER_RELEASE, "alice", 0, PIN_DIRECT),
                     TRACKER_PINNED_RECURSIVELY);
    assert_int_equal(pins_of(bench, "alice"), 1);
    assert_sound(bench);
}

static void test_tracker_measures_what_a_pin_does_not_tell(void **state)
{
    struct bench *bench = *state;

    bench->shelf->hides_bytes = true;
    assert_int_equal(claim(bench, "alice", 3), TRACKER_DONE);
    assert_int_equal(bench->shelf->measures, 1);
    assert_int_equal(usage_of(bench, "alice").bytes, 400);
}

static void test_tracker_keeps_name_and_expiry(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};
    struct reply reply;

    request.has_name = true;
    request.name = slice_of("first");
    request.typed = slice_of("Typed");
    start(bench, &reply, &request);
    await(bench, &reply);
    request.name = slice_of("second");
    start(bench, &reply, &request);
    await(bench, &reply);
    assert_int_equal(bench->shelf->pins, 1);
    list->pin_list.owner = member("alice");
    list->pin_list.limit = 10;
    assert_true(store_run(bench->kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 1);
    assert_true(slice_is(list->pin_list.records[0].name, "second"));
    assert_true(slice_is(list->pin_list.records[0].cid, "Typed"));
    transaction_destroy(&list);
}

/* ---- many owners */

static void test_tracker_last_one_out_unpins(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(claim(bench, "bob", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
    assert_int_equal(usage_of(bench, NULL).bytes, 100);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench->shelf->unpins, 0);
    assert_int_equal(release(bench, "bob", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_sound(bench);
}

static void test_tracker_callers_share_one_operation(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    start(bench, &of_alice, &alice);
    start(bench, &of_bob, &bob);
    await(bench, &of_alice);
    await(bench, &of_bob);
    assert_int_equal(of_alice.outcome, TRACKER_DONE);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
    assert_sound(bench);
}

/* ---- progress, cancel */

static void await_operation(struct bench *bench, enum shelf_kind kind)
{
    for (int turns = 0; turns < 1000; turns++) {
        if (bench->shelf->first != NULL && bench->shelf->first->kind == kind)
            return;
        if (bench->shelf->first != NULL)
            shelf_end(bench->shelf);
        loop_turn(bench->kit->loop, 2);
    }
    fail_msg("no such operation came");
}

static void test_tracker_tells_progress_to_all_who_wait(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    bench->shelf->is_slow = true;
    start(bench, &of_alice, &alice);
    await_operation(bench, SHELF_PIN);
    start(bench, &of_bob, &bob);
    turn(bench, 20);
    shelf_progress(bench->shelf, 3, 77);
    turn(bench, 3);
    assert_int_equal(of_alice.progress_bytes, 77);
    assert_int_equal(of_bob.progress_bytes, 77);
    shelf_end(bench->shelf);
    await(bench, &of_alice);
    await(bench, &of_bob);
}

static void test_tracker_cancel_takes_the_claim_back(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench->shelf->is_slow = true;
    start(bench, &reply, &alice);
    await_operation(bench, SHELF_PIN);
    tracker_cancel(&reply.call);
    turn(bench, 20);
    bench->shelf->is_slow = false;
    loop_later(bench->kit->loop, &bench->shelf->later);
    turn(bench, 100);
    assert_int_equal(reply.count, 0);
    assert_int_equal(bench->shelf->cancels, 1);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

static void test_tracker_cancel_of_one_leaves_the_other(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    bench->shelf->is_slow = true;
    start(bench, &of_alice, &alice);
    start(bench, &of_bob, &bob);
    await_operation(bench, SHELF_PIN);
    turn(bench, 20);
    tracker_cancel(&of_alice.call);
    turn(bench, 20);
    assert_int_equal(bench->shelf->cancels, 0);
    shelf_end(bench->shelf);
    await(bench, &of_bob);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(pins_of(bench, "bob"), 1);
    assert_sound(bench);
}

/* How it is held; has_name: it bears that one. */
static enum pin_mode only_pin_of(struct bench *bench, const char *owner, const char *name,
                                 bool *has_name)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};
    enum pin_mode held;

    list->pin_list.owner = member(owner);
    list->pin_list.limit = 2;
    assert_true(store_run(bench->kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 1);
    held = list->pin_list.records[0].held;
    *has_name = slice_is(list->pin_list.records[0].name, name);
    transaction_destroy(&list);
    return held;
}

/* A claim that changes a pin is given up while its operation's end waits to be written: the pin
 * stays what it was, or becomes all that was asked for. */
static void test_tracker_cancel_leaves_no_half_of_a_claim(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;
    enum pin_mode held;
    bool is_renamed;

    assert_int_equal(run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    alice.has_name = true;
    alice.name = slice_of("new");
    bench->shelf->is_slow = true;
    start(bench, &of_alice, &alice);
    await_operation(bench, SHELF_PIN);
    start(bench, &of_bob, &bob);
    loop_turn(bench->kit->loop, 0); /* bob's is being written */
    shelf_end(bench->shelf);
    tracker_cancel(&of_alice.call);
    bench->shelf->is_slow = false;
    loop_later(bench->kit->loop, &bench->shelf->later);
    await(bench, &of_bob);
    turn(bench, 50);
    held = only_pin_of(bench, "alice", "new", &is_renamed);
    assert_int_equal(held, is_renamed ? PIN_RECURSIVE : PIN_DIRECT);
    assert_sound(bench);
}

static void test_tracker_cancel_before_it_began(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    start(bench, &reply, &alice);
    tracker_cancel(&reply.call);
    turn(bench, 50);
    assert_int_equal(reply.count, 0);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
}

/* ---- failures */

static void test_tracker_failure_leaves_nothing(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench->shelf->is_slow = true;
    start(bench, &reply, &alice);
    await_operation(bench, SHELF_PIN);
    bench->shelf->failure = ERROR_IO;
    shelf_end(bench->shelf);
    bench->shelf->is_slow = false;
    loop_later(bench->kit->loop, &bench->shelf->later);
    await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_FAILED);
    assert_string_equal(reply.text, "the shelf fell");
    turn(bench, 50);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_sound(bench);
}

static void test_tracker_refused_operation_is_a_failure(void **state)
{
    struct bench *bench = *state;

    bench->shelf->refusal = ERROR_IO;
    assert_int_equal(claim(bench, "alice", 0), TRACKER_FAILED);
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
}

static void test_tracker_offline_claim_of_what_is_not_here(void **state)
{
    struct bench *bench = *state;

    shelf_find(bench->shelf, &bench->cids[0])->is_remote = true;
    assert_int_equal(claim(bench, "alice", 0), TRACKER_MISSING);
    assert_int_equal(pins_of(bench, "alice"), 0);
}

static void test_tracker_who_may_fetch_is_not_failed_by_who_may_not(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    shelf_find(bench->shelf, &bench->cids[0])->is_remote = true;
    bob.offline = false;
    bench->shelf->is_slow = true;
    start(bench, &of_alice, &alice);
    await_operation(bench, SHELF_PIN);
    start(bench, &of_bob, &bob);
    turn(bench, 20);
    bench->shelf->is_slow = false;
    loop_later(bench->kit->loop, &bench->shelf->later);
    await(bench, &of_alice);
    await(bench, &of_bob);
    assert_int_equal(of_alice.outcome, TRACKER_MISSING);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    assert_sound(bench);
}

/* Left waiting on a fetch, who asked for what is here would wait for ever. */
static void test_tracker_who_may_not_fetch_does_not_wait_for_a_fetch_of_nobody(void **state)
{
    struct bench *bench = *state;
    static const char *const second_owners[] = {"bob", "alice"};

    for (size_t i = 0; i < ARRAY_SIZE(second_owners); i++) {
        struct tracker_request first = request_of(bench, TRACKER_CLAIM, "alice", i, PIN_RECURSIVE);
        struct tracker_request second =
            request_of(bench, TRACKER_CLAIM, second_owners[i], i, PIN_RECURSIVE);
        struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[i]);
        struct reply of_first, of_second;

        object->is_remote = true;
        first.offline = false;
        bench->shelf->is_slow = true;
        start(bench, &of_first, &first);
        await_operation(bench, SHELF_PIN);
        assert_false(bench->shelf->first->offline);
        start(bench, &of_second, &second);
        turn(bench, 20);
        tracker_cancel(&of_first.call);
        for (int turns = 0; bench->shelf->cancels == i && turns < 1000; turns++)
            turn(bench, 1);
        assert_int_equal(bench->shelf->cancels, i + 1); /* this fetch would never end by itself */
        bench->shelf->is_slow = false;
        loop_later(bench->kit->loop, &bench->shelf->later);
        await(bench, &of_second);
        /* the fetch may have come to its end just when it was cut */
        assert_int_equal(of_second.outcome, object->is_remote ? TRACKER_MISSING : TRACKER_DONE);
        assert_int_equal(of_first.count, 0);
        assert_sound(bench);
    }
}

static void test_tracker_leaves_foreign_pins_alone(void **state)
{
    struct bench *bench = *state;

    shelf_find(bench->shelf, &bench->cids[0])->foreign = PIN_RECURSIVE;
    shelf_find(bench->shelf, &bench->cids[1])->foreign = PIN_DIRECT;
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 0);
    assert_int_equal(claim(bench, "alice", 1), TRACKER_FOREIGN);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(shelf_find(bench->shelf, &bench->cids[0])->foreign, PIN_RECURSIVE);
}

/* ---- quotas */

static void test_tracker_charges_at_most_the_quota(void **state)
{
    struct bench *bench = *state;

    bench->bytes_limit = 300;
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE); /* 100 */
    assert_int_equal(claim(bench, "alice", 1), TRACKER_DONE); /* 200: to the byte */
    assert_int_equal(claim(bench, "alice", 2), TRACKER_QUOTA);
    turn(bench, 100);
    assert_int_equal(upstream_of(bench, 2), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 2);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_sound(bench);
}

static void test_tracker_what_outgrows_its_quota_leaves_no_pin(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 4, PIN_RECURSIVE);
    struct reply reply;

    bench->bytes_limit = 499; /* it has 500 */
    start(bench, &reply, &request);
    await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_QUOTA);
    assert_non_null(strstr(reply.text, "shelf-room"));
    turn(bench, 100);
    assert_int_equal(upstream_of(bench, 4), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

static void test_tracker_cuts_a_pin_that_outgrows_its_quota(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 4, PIN_RECURSIVE);
    struct reply reply;

    bench->bytes_limit = 200;
    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    await_operation(bench, SHELF_PIN);
    shelf_progress(bench->shelf, 1, 200);
    turn(bench, 5);
    assert_int_equal(reply.count, 0);
    shelf_progress(bench->shelf, 2, 201);
    await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_QUOTA);
    for (int turns = 0; bench->shelf->cancels == 0 && turns < 1000; turns++)
        turn(bench, 1);
    assert_int_equal(bench->shelf->cancels, 1);
    bench->shelf->is_slow = false;
    loop_later(bench->kit->loop, &bench->shelf->later);
    turn(bench, 100);
    assert_int_equal(upstream_of(bench, 4), PIN_NONE);
    assert_sound(bench);
}

static void test_tracker_counts_pins(void **state)
{
    struct bench *bench = *state;

    bench->pins_limit = 1;
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(claim(bench, "alice", 1), TRACKER_QUOTA);
    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
}

/* ---- after a crash */

static void reopen(struct bench *bench)
{
    tracker_destroy(&bench->tracker);
    open_tracker(bench);
    turn(bench, 100);
}

static void test_tracker_recovers_a_pin_that_nobody_was_told_of(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    await_operation(bench, SHELF_PIN);
    assert_int_equal(open_entries(bench), 1);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE; /* its answer was lost */
    tracker_cancel(&reply.call);
    bench->shelf->is_slow = false;
    reopen(bench);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

static void test_tracker_recovers_a_removal(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_RELEASE, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    await_operation(bench, SHELF_UNPIN);
    tracker_cancel(&reply.call);
    bench->shelf->is_slow = false;
    reopen(bench);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_sound(bench);
}

/* ---- after a restore of an older backup */

/* Until nothing happens to any object. */
static void come_to_rest(struct bench *bench)
{
    for (int turns = 0; open_entries(bench) > 0 && turns < 5000; turns++)
        turn(bench, 1);
}

static void mark_restored(struct bench *bench)
{
    char path[160];
    sqlite3 *db;

    tracker_destroy(&bench->tracker);
    store_close(&bench->kit->store);
    kit_path(bench->kit, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE object SET is_doubtful = 1; UPDATE journal SET is_restored = 1",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    kit_open(bench->kit);
    open_tracker(bench);
    come_to_rest(bench);
}

static void test_tracker_removes_nothing_because_of_a_backup(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_RELEASE, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    await_operation(bench, SHELF_UNPIN);
    tracker_cancel(&reply.call);
    bench->shelf->is_slow = false;
    mark_restored(bench);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(pins_of(bench, "alice"), 1);
    assert_int_equal(usage_of(bench, "alice").bytes, 100);
    assert_int_equal(open_entries(bench), 0);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
}

/* Somebody pinned it recursively since the backup, and was told so. */
static void test_tracker_weakens_nothing_because_of_a_backup(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE;
    mark_restored(bench);
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    turn(bench, 50);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(usage_of(bench, "alice").bytes, 1);
    assert_int_equal(release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_sound(bench);
}

static void test_tracker_carries_out_a_claim_of_a_backup(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    await_operation(bench, SHELF_PIN);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE; /* and it was answered */
    tracker_cancel(&reply.call); /* which the tracker, at its end, does not see to any more */
    bench->shelf->is_slow = false;
    mark_restored(bench);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(pins_of(bench, "alice"), 1);
    assert_int_equal(usage_of(bench, "alice").bytes, 100);
    assert_int_equal(open_entries(bench), 0);
}

static void test_tracker_leaves_nothing_open_that_was_not_begun(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 5; i++) {
        bench->shelf->failure = ERROR_IO; /* of the look */
        assert_int_equal(claim(bench, "alice", 0), TRACKER_FAILED);
    }
    turn(bench, 20);
    assert_int_equal(open_entries(bench), 0);
}

/* Bob's claim lets alice's pin go, and fails: nobody claims what is pinned. */
static void test_tracker_removes_later_what_a_failed_claim_held(void **state)
{
    struct bench *bench = *state;
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct tracker_request alice = request_of(bench, TRACKER_RELEASE, "alice", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->is_slow = true;
    start(bench, &of_bob, &bob);
    await_operation(bench, SHELF_LOOK);
    start(bench, &of_alice, &alice);
    await(bench, &of_alice);
    assert_int_equal(of_alice.outcome, TRACKER_DONE);
    bench->shelf->failure = ERROR_IO;
    shelf_end(bench->shelf);
    await(bench, &of_bob);
    assert_int_equal(of_bob.outcome, TRACKER_FAILED);
    turn(bench, 20);
    bench->shelf->is_slow = false;
    reopen(bench);
    assert_int_equal(upstream_of(bench, 0), PIN_NONE);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

static void test_tracker_recovers_an_object_of_many_entries_at_once(void **state)
{
    struct bench *bench = *state;
    struct transaction *open;
    struct error err = {0};

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    for (int i = 0; i < 150; i++) { /* more than a page of them */
        open = transaction_create(TRANSACTION_JOURNAL_OPEN);
        open->journal_open.record.kind = SLICE("object");
        open->journal_open.record.key =
            (struct slice){(const char *)bench->cids[0].bytes, bench->cids[0].size};
        assert_true(store_run(bench->kit->store, open, &err));
        transaction_destroy(&open);
    }
    reopen(bench);
    assert_int_equal(open_entries(bench), 0);
    assert_int_equal(upstream_of(bench, 0), PIN_RECURSIVE);
    assert_int_equal(pins_of(bench, "alice"), 1);
    assert_sound(bench);
}

/* What the last step charged is charged once, though the ledger is written once more behind it. */
static void test_tracker_gives_back_once_what_a_backup_held(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(claim(bench, "alice", 1), TRACKER_DONE);
    mark_restored(bench);
    assert_int_equal(release(bench, "alice", 1), TRACKER_DONE);
    come_to_rest(bench);
    assert_int_equal(atomic_load(&bench->org_bytes.used), 100);
    assert_sound(bench);
}

static void test_tracker_charges_once_what_joins_a_pin_of_a_backup(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    mark_restored(bench);
    assert_int_equal(claim(bench, "bob", 0), TRACKER_DONE);
    come_to_rest(bench);
    assert_int_equal(usage_of(bench, "bob").bytes, 100);
    assert_int_equal(atomic_load(&bench->bytes.used), 200);
    assert_sound(bench);
}

/* ---- a ledger that cannot take a step */

/* Two claims are confirmed by one step: both are charged, in the ledger and here, or neither is. */
static void test_tracker_writes_a_step_whole_or_not_at_all(void **state)
{
    struct bench *bench = *state;
    struct store_settings settings = {.folder = bench->kit->folder, .queue_max = 2};
    struct tracker_request alice = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = request_of(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply replies[2];
    struct error err = {0};
    struct gate gate;

    tracker_destroy(&bench->tracker);
    store_close(&bench->kit->store);
    assert_true(store_open(&bench->kit->store, &settings, &err));
    open_tracker(bench);
    bench->shelf->is_slow = true;
    start(bench, &replies[0], &alice);
    await_operation(bench, SHELF_PIN);
    start(bench, &replies[1], &bob);
    while (pins_of(bench, "bob") == 0)
        turn(bench, 1);
    turn(bench, 20); /* bob's, too, waits for the pin */
    gate_close(&gate, bench->kit);
    shelf_end(bench->shelf);
    turn(bench, 20);
    sem_post(&gate.open);
    await(bench, &replies[0]);
    await(bench, &replies[1]);
    gate_dispose(&gate, bench->kit);
    assert_int_equal(replies[0].outcome, TRACKER_FAILED);
    assert_int_equal(replies[1].outcome, TRACKER_FAILED);
    assert_sound(bench);
}

/* ---- many members at random, against a model */

enum { MEMBERS = 64, ROUNDS = 3000 };

struct player {
    char id[16];
    struct reply reply;
    struct tracker_request request;
    enum pin_mode holds[OBJECTS];
    bool is_known[OBJECTS];
};

static enum pin_mode ledger_holds(struct bench *bench, const struct player *player, size_t object)
{
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);
    struct owner owner = member(player->id);
    enum pin_mode held = PIN_NONE;
    struct error err = {0};

    get->object_get.key =
        (struct slice){(const char *)bench->cids[object].bytes, bench->cids[object].size};
    if (store_run(bench->kit->store, get, &err))
        for (size_t i = 0; i < get->object_get.count; i++)
            if (owner_equal(&get->object_get.pins[i].owner, &owner))
                held = get->object_get.pins[i].held;
    transaction_destroy(&get);
    return held;
}

static void settle(struct player *player, size_t object)
{
    const struct tracker_request *request = &player->request;

    switch (player->reply.outcome) {
    case TRACKER_DONE:
        player->holds[object] = request->action == TRACKER_CLAIM ? request->mode : PIN_NONE;
        player->is_known[object] = true;
        break;
    case TRACKER_NOT_PINNED:
        if (player->is_known[object])
            assert_int_equal(player->holds[object], PIN_NONE);
        break;
    case TRACKER_PINNED_RECURSIVELY:
        if (player->is_known[object])
            assert_int_equal(player->holds[object], PIN_RECURSIVE);
        break;
    default: /* all is as before */
        break;
    }
}

static size_t object_of(const struct bench *bench, const struct player *player)
{
    for (size_t i = 0; i < OBJECTS; i++)
        if (cid_equal(&bench->cids[i], &player->request.cid))
            return i;
    return 0;
}

static void play(struct bench *bench, struct player *player, unsigned *seed)
{
    size_t object = (size_t)rand_r(seed) % OBJECTS;
    bool claims = rand_r(seed) % 3 != 0;

    if (player->request.owner.kind != 0 && player->reply.count == 1) {
        settle(player, object_of(bench, player));
    } else if (player->reply.call != NULL) {
        if (rand_r(seed) % 4 == 0) {
            player->is_known[object_of(bench, player)] = false;
            tracker_cancel(&player->reply.call);
        } else {
            return;
        }
    }
    player->request = request_of(bench, claims ? TRACKER_CLAIM : TRACKER_RELEASE, player->id,
                                 object, rand_r(seed) % 4 == 0 ? PIN_DIRECT : PIN_RECURSIVE);
    start(bench, &player->reply, &player->request);
}

static void check(struct bench *bench, struct player *players)
{
    for (size_t object = 0; object < OBJECTS; object++) {
        enum pin_mode strongest = PIN_NONE;

        for (size_t i = 0; i < MEMBERS; i++) {
            enum pin_mode held = ledger_holds(bench, &players[i], object);

            if (players[i].is_known[object])
                assert_int_equal(held, players[i].holds[object]);
            if (held > strongest)
                strongest = held;
        }
        assert_int_equal(upstream_of(bench, object), strongest);
    }
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

static void interleave(struct bench *bench, unsigned seed, unsigned failures)
{
    struct player *players = memory_alloc(MEMBERS * sizeof(*players));

    for (int i = 0; i < MEMBERS; i++) {
        snprintf(players[i].id, sizeof(players[i].id), "m%d", i);
        for (int j = 0; j < OBJECTS; j++)
            players[i].is_known[j] = true;
    }
    bench->shelf->failures = failures;
    for (int round = 0; round < ROUNDS; round++) {
        play(bench, &players[rand_r(&seed) % MEMBERS], &seed);
        if (rand_r(&seed) % 3 == 0)
            turn(bench, 1);
    }
    bench->shelf->failures = 0;
    for (int i = 0; i < MEMBERS; i++) {
        if (players[i].reply.call != NULL)
            await(bench, &players[i].reply);
        if (players[i].reply.count == 1)
            settle(&players[i], object_of(bench, &players[i]));
    }
    turn(bench, 200);
    reopen(bench); /* what failed is seen to */
    check(bench, players);
    free(players);
}

static void test_tracker_random_interleavings_agree_with_a_model(void **state)
{
    interleave(*state, 1, 0);
}

static void test_tracker_random_failures_agree_with_a_model(void **state)
{
    interleave(*state, 2, 10);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* ---- pins of the v0 form, and repairs */

static void test_tracker_adopts_a_v0_pin_and_leaves_nothing_behind(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    assert_int_equal(run(bench, TRACKER_ADOPT, "alice", TREE, PIN_RECURSIVE), TRACKER_DONE);
    turn(bench, 20);
    assert_int_equal(tree->ours, PIN_RECURSIVE);
    assert_int_equal(tree->v0, PIN_NONE);
    assert_int_equal(usage_of(bench, "alice").bytes, tree->bytes);
    assert_int_equal(release(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(open_entries(bench), 0);
    assert_sound(bench);
}

/* A v0 pin is nobody's claim: it stays when the last of ours goes. */
static void test_tracker_leaves_a_v0_pin_alone_that_nobody_adopted(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    assert_int_equal(claim(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_RECURSIVE);
    assert_int_equal(release(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(tree->v0, PIN_RECURSIVE);
}

static void test_tracker_does_not_remove_a_v0_pin_that_does_not_fit(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    bench->bytes_limit = tree->bytes - 1;
    assert_int_equal(run(bench, TRACKER_ADOPT, "alice", TREE, PIN_RECURSIVE), TRACKER_QUOTA);
    turn(bench, 20);
    assert_int_equal(tree->v0, PIN_RECURSIVE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(pins_of(bench, "alice"), 0);
    assert_sound(bench);
}

static void test_tracker_repairs_what_is_here_and_waits_for_it(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[0]);

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    object->ours = PIN_NONE;
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(object->ours, PIN_RECURSIVE);
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 2);
    assert_int_equal(open_entries(bench), 0);
}

static void test_tracker_marks_what_cannot_be_repaired_lost_and_later_pinned(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[0]);

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    object->ours = PIN_NONE;
    object->is_remote = true;
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_MISSING);
    assert_int_equal(state_of(bench, "alice"), PIN_LOST);
    assert_int_equal(usage_of(bench, "alice").pins, 1);
    object->is_remote = false;
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_DONE);
    assert_int_equal(state_of(bench, "alice"), PIN_PINNED);
    assert_sound(bench);
}

static void test_tracker_repair_fails_while_the_storage_does(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->failure = ERROR_IO;
    assert_int_equal(run(bench, TRACKER_REPAIR, "", 0, PIN_NONE), TRACKER_FAILED);
    assert_int_equal(state_of(bench, "alice"), PIN_PINNED);
}

static void test_tracker_is_idle_when_nothing_is_under_way(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = request_of(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench->shelf->is_slow = true;
    start(bench, &reply, &request);
    for (int i = 0; bench->shelf->first == NULL && i < 1000; i++)
        turn(bench, 1);
    assert_false(tracker_is_idle(bench->tracker));
    bench->shelf->is_slow = false;
    shelf_end(bench->shelf);
    await(bench, &reply);
    for (int i = 0; !tracker_is_idle(bench->tracker) && i < 1000; i++)
        turn(bench, 1);
    assert_true(tracker_is_idle(bench->tracker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tracker_pins_and_unpins),
        TEST(test_tracker_answers_later_and_once),
        TEST(test_tracker_refuses_what_is_not_pinned),
        TEST(test_tracker_keeps_direct_and_recursive_apart),
        TEST(test_tracker_measures_what_a_pin_does_not_tell),
        TEST(test_tracker_keeps_name_and_expiry),
        TEST(test_tracker_last_one_out_unpins),
        TEST(test_tracker_callers_share_one_operation),
        TEST(test_tracker_tells_progress_to_all_who_wait),
        TEST(test_tracker_cancel_takes_the_claim_back),
        TEST(test_tracker_cancel_of_one_leaves_the_other),
        TEST(test_tracker_cancel_leaves_no_half_of_a_claim),
        TEST(test_tracker_cancel_before_it_began),
        TEST(test_tracker_failure_leaves_nothing),
        TEST(test_tracker_refused_operation_is_a_failure),
        TEST(test_tracker_offline_claim_of_what_is_not_here),
        TEST(test_tracker_who_may_not_fetch_does_not_wait_for_a_fetch_of_nobody),
        TEST(test_tracker_who_may_fetch_is_not_failed_by_who_may_not),
        TEST(test_tracker_leaves_foreign_pins_alone),
        TEST(test_tracker_charges_at_most_the_quota),
        TEST(test_tracker_what_outgrows_its_quota_leaves_no_pin),
        TEST(test_tracker_cuts_a_pin_that_outgrows_its_quota),
        TEST(test_tracker_counts_pins),
        TEST(test_tracker_recovers_a_pin_that_nobody_was_told_of),
        TEST(test_tracker_recovers_a_removal),
        TEST(test_tracker_removes_nothing_because_of_a_backup),
        TEST(test_tracker_weakens_nothing_because_of_a_backup),
        TEST(test_tracker_carries_out_a_claim_of_a_backup),
        TEST(test_tracker_leaves_nothing_open_that_was_not_begun),
        TEST(test_tracker_removes_later_what_a_failed_claim_held),
        TEST(test_tracker_recovers_an_object_of_many_entries_at_once),
        TEST(test_tracker_gives_back_once_what_a_backup_held),
        TEST(test_tracker_charges_once_what_joins_a_pin_of_a_backup),
        TEST(test_tracker_writes_a_step_whole_or_not_at_all),
        TEST(test_tracker_random_interleavings_agree_with_a_model),
        TEST(test_tracker_random_failures_agree_with_a_model),
        TEST(test_tracker_adopts_a_v0_pin_and_leaves_nothing_behind),
        TEST(test_tracker_leaves_a_v0_pin_alone_that_nobody_adopted),
        TEST(test_tracker_does_not_remove_a_v0_pin_that_does_not_fit),
        TEST(test_tracker_repairs_what_is_here_and_waits_for_it),
        TEST(test_tracker_marks_what_cannot_be_repaired_lost_and_later_pinned),
        TEST(test_tracker_repair_fails_while_the_storage_does),
        TEST(test_tracker_is_idle_when_nothing_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
