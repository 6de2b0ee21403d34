// SPDX-License-Identifier: Apache-2.0
/* Callers that wait for the pin tracker: progress, giving up, failures, and who waits for whose
 * fetch. */
#include "tests/unit/store/gate.h"
#include "tracker_bench.h"

static void test_tracker_tells_progress_to_all_who_wait(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    bench_hold(bench, &of_alice, &alice, SHELF_PIN);
    bench_start(bench, &of_bob, &bob);
    bench_turn(bench, 20);
    shelf_progress(bench->shelf, 3, 77);
    bench_turn(bench, 3);
    assert_int_equal(of_alice.progress_bytes, 77);
    assert_int_equal(of_bob.progress_bytes, 77);
    shelf_end(bench->shelf);
    bench_await(bench, &of_alice);
    bench_await(bench, &of_bob);
}

/* ---- giving up */

static void test_tracker_cancel_before_it_began(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_start(bench, &reply, &alice);
    tracker_cancel(&reply.call);
    bench_turn(bench, 50);
    assert_int_equal(reply.count, 0);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
}

static void test_tracker_cancel_takes_the_claim_back(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_hold(bench, &reply, &alice, SHELF_PIN);
    tracker_cancel(&reply.call);
    bench_turn(bench, 20);
    shelf_resume(bench->shelf);
    bench_turn(bench, 100);
    assert_int_equal(reply.count, 0);
    assert_int_equal(bench->shelf->cancels, 1);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

/* The node was about to write the pin when it was cut, and did after it had been looked at. */
static void test_tracker_cancel_of_what_comes_late(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;
    unsigned looks;

    bench_hold(bench, &reply, &alice, SHELF_PIN);
    looks = bench->shelf->looks;
    tracker_cancel(&reply.call);
    bench_await_cancels(bench, 1);
    shelf_resume(bench->shelf);
    for (int i = 0; bench->shelf->looks == looks && i < 1000; i++)
        bench_turn(bench, 1);
    bench_turn(bench, 5);
    assert_int_equal(bench_open_entries(bench), 1);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_RECURSIVE;
    for (int i = 0; bench_open_entries(bench) > 0 && i < 1000; i++)
        bench_turn(bench, 1);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

static void test_tracker_cancel_of_one_leaves_the_other(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    bench->shelf->is_slow = true;
    bench_start(bench, &of_alice, &alice);
    bench_start(bench, &of_bob, &bob);
    bench_await_operation(bench, SHELF_PIN);
    bench_turn(bench, 20);
    tracker_cancel(&of_alice.call);
    bench_turn(bench, 20);
    assert_int_equal(bench->shelf->cancels, 0);
    shelf_end(bench->shelf);
    bench_await(bench, &of_bob);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_pins(bench, "bob"), 1);
    bench_assert_sound(bench);
}

/* A claim that changes a pin is given up while its operation's end waits to be written: the pin
 * stays what it was, or becomes all that was asked for. */
static void test_tracker_cancel_leaves_no_half_of_a_claim(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;
    struct transaction *list;
    bool is_renamed;

    assert_int_equal(bench_run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    alice.has_name = true;
    alice.name = slice_of("new");
    bench_hold(bench, &of_alice, &alice, SHELF_PIN);
    bench_start(bench, &of_bob, &bob);
    loop_turn(bench->kit->loop, 0); /* bob's is being written */
    shelf_end(bench->shelf);
    tracker_cancel(&of_alice.call);
    shelf_resume(bench->shelf);
    bench_await(bench, &of_bob);
    bench_turn(bench, 50);
    list = bench_list_pins(bench, "alice");
    assert_int_equal(list->pin_list.count, 1);
    is_renamed = slice_is(list->pin_list.records[0].name, "new");
    assert_int_equal(list->pin_list.records[0].held, is_renamed ? PIN_RECURSIVE : PIN_DIRECT);
    transaction_destroy(&list);
    bench_assert_sound(bench);
}

/* ---- failures */

static void test_tracker_failure_leaves_nothing(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_hold(bench, &reply, &alice, SHELF_PIN);
    bench->shelf->failure = ERROR_IO;
    shelf_end(bench->shelf);
    shelf_resume(bench->shelf);
    bench_await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_FAILED);
    assert_string_equal(reply.text, "the shelf fell");
    bench_turn(bench, 50);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_open_entries(bench), 0);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    bench_assert_sound(bench);
}

static void test_tracker_refused_operation_is_a_failure(void **state)
{
    struct bench *bench = *state;

    bench->shelf->refusal = ERROR_IO;
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_FAILED);
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
}

static void test_tracker_leaves_nothing_open_that_was_not_begun(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 5; i++) {
        bench->shelf->failure = ERROR_IO; /* of the look */
        assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_FAILED);
    }
    bench_turn(bench, 20);
    assert_int_equal(bench_open_entries(bench), 0);
}

/* Two claims are confirmed by one step: both are charged, in the ledger and here, or neither is. */
static void test_tracker_writes_a_step_whole_or_not_at_all(void **state)
{
    struct bench *bench = *state;
    struct store_settings settings = {.folder = bench->kit->folder, .queue_max = 2};
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply replies[2];
    struct error err = {0};
    struct gate gate;

    tracker_destroy(&bench->tracker);
    store_close(&bench->kit->store);
    assert_true(store_open(&bench->kit->store, &settings, &err));
    bench_open_tracker(bench);
    bench_hold(bench, &replies[0], &alice, SHELF_PIN);
    bench_start(bench, &replies[1], &bob);
    while (bench_pins(bench, "bob") == 0)
        bench_turn(bench, 1);
    bench_turn(bench, 20); /* bob's, too, waits for the pin */
    gate_close(&gate, bench->kit);
    shelf_end(bench->shelf);
    bench_turn(bench, 20);
    sem_post(&gate.open);
    bench_await(bench, &replies[0]);
    bench_await(bench, &replies[1]);
    gate_dispose(&gate, bench->kit);
    assert_int_equal(replies[0].outcome, TRACKER_FAILED);
    assert_int_equal(replies[1].outcome, TRACKER_FAILED);
    bench_assert_sound(bench);
}

/* ---- what is not here */

static void test_tracker_offline_claim_of_what_is_not_here(void **state)
{
    struct bench *bench = *state;

    shelf_find(bench->shelf, &bench->cids[0])->is_remote = true;
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_MISSING);
    assert_int_equal(bench_pins(bench, "alice"), 0);
}

static void test_tracker_who_may_fetch_is_not_failed_by_who_may_not(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    shelf_find(bench->shelf, &bench->cids[0])->is_remote = true;
    bob.offline = false;
    bench_hold(bench, &of_alice, &alice, SHELF_PIN);
    bench_start(bench, &of_bob, &bob);
    bench_turn(bench, 20);
    shelf_resume(bench->shelf);
    bench_await(bench, &of_alice);
    bench_await(bench, &of_bob);
    assert_int_equal(of_alice.outcome, TRACKER_MISSING);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    bench_assert_sound(bench);
}

/* Left waiting on a fetch, who asked for what is here would wait for ever. */
static void test_tracker_who_may_not_fetch_does_not_wait_for_a_fetch_of_nobody(void **state)
{
    struct bench *bench = *state;
    static const char *const second_owners[] = {"bob", "alice"};

    for (size_t i = 0; i < ARRAY_SIZE(second_owners); i++) {
        struct tracker_request first =
            bench_request(bench, TRACKER_CLAIM, "alice", i, PIN_RECURSIVE);
        struct tracker_request second =
            bench_request(bench, TRACKER_CLAIM, second_owners[i], i, PIN_RECURSIVE);
        struct shelf_object *object = shelf_find(bench->shelf, &bench->cids[i]);
        struct reply of_first, of_second;

        object->is_remote = true;
        first.offline = false;
        bench_hold(bench, &of_first, &first, SHELF_PIN);
        assert_false(bench->shelf->first->offline);
        bench_start(bench, &of_second, &second);
        bench_turn(bench, 20);
        tracker_cancel(&of_first.call);
        bench_await_cancels(bench, (unsigned)i + 1); /* this fetch would never end by itself */
        shelf_resume(bench->shelf);
        bench_await(bench, &of_second);
        /* the fetch may have come to its end just when it was cut */
        assert_int_equal(of_second.outcome, object->is_remote ? TRACKER_MISSING : TRACKER_DONE);
        assert_int_equal(of_first.count, 0);
        bench_assert_sound(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_tells_progress_to_all_who_wait),
        BENCH_TEST(test_tracker_cancel_before_it_began),
        BENCH_TEST(test_tracker_cancel_takes_the_claim_back),
        BENCH_TEST(test_tracker_cancel_of_what_comes_late),
        BENCH_TEST(test_tracker_cancel_of_one_leaves_the_other),
        BENCH_TEST(test_tracker_cancel_leaves_no_half_of_a_claim),
        BENCH_TEST(test_tracker_failure_leaves_nothing),
        BENCH_TEST(test_tracker_refused_operation_is_a_failure),
        BENCH_TEST(test_tracker_leaves_nothing_open_that_was_not_begun),
        BENCH_TEST(test_tracker_writes_a_step_whole_or_not_at_all),
        BENCH_TEST(test_tracker_offline_claim_of_what_is_not_here),
        BENCH_TEST(test_tracker_who_may_fetch_is_not_failed_by_who_may_not),
        BENCH_TEST(test_tracker_who_may_not_fetch_does_not_wait_for_a_fetch_of_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
