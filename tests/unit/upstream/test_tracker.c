// SPDX-License-Identifier: Apache-2.0
/* The pin tracker over a played storage and a real ledger: what owners have, one and many, beside
 * what others pinned. */
#include "tracker_bench.h"

/* ---- one owner */

static void test_tracker_pins_and_unpins(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench_usage(bench, "alice").bytes, 100);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_usage(bench, "alice").bytes, 0);
    bench_assert_sound(bench);
}

static void test_tracker_answers_later_and_once(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_start(bench, &reply, &request);
    assert_int_equal(reply.count, 0);
    bench_await(bench, &reply);
    bench_turn(bench, 20);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.bytes, 100);
    assert_int_equal(strlen(reply.id), ULID_SIZE - 1);
}

static void test_tracker_refuses_what_is_not_pinned(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_NOT_PINNED);
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_release(bench, "bob", 0), TRACKER_NOT_PINNED);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
}

static void test_tracker_keeps_direct_and_recursive_apart(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT), TRACKER_DONE);
    assert_int_equal(bench_usage(bench, "alice").bytes, 1);
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_usage(bench, "alice").bytes, 100);
    assert_int_equal(bench_run(bench, TRACKER_CLAIM, "alice", 0, PIN_DIRECT),
                     TRACKER_PINNED_RECURSIVELY);
    assert_int_equal(bench_run(bench, TRACKER_RELEASE, "alice", 0, PIN_DIRECT),
                     TRACKER_PINNED_RECURSIVELY);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    bench_assert_sound(bench);
}

static void test_tracker_measures_what_a_pin_does_not_tell(void **state)
{
    struct bench *bench = *state;

    bench->shelf->hides_bytes = true;
    assert_int_equal(bench_claim(bench, "alice", 3), TRACKER_DONE);
    assert_int_equal(bench->shelf->measures, 1);
    assert_int_equal(bench_usage(bench, "alice").bytes, 400);
}

static void test_tracker_keeps_name_labels_and_expiry(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    const struct pin_record *record;
    struct transaction *list;
    struct reply reply;

    request.has_name = true;
    request.name = slice_of("first");
    request.labels = slice_of("class=secret");
    request.typed = slice_of("Typed");
    request.expires_ms = 2000000;
    bench_start(bench, &reply, &request);
    bench_await(bench, &reply);
    request.name = slice_of("second");
    request.labels = (struct slice){NULL, 0}; /* those that it has stay */
    request.expires_ms = 1500000;             /* sooner: a claim alone does not shorten it */
    bench_start(bench, &reply, &request);
    bench_await(bench, &reply);
    assert_int_equal(bench->shelf->pins, 1);
    list = bench_list_pins(bench, "alice");
    record = &list->pin_list.records[0];
    assert_int_equal(list->pin_list.count, 1);
    assert_true(slice_is(record->name, "second"));
    assert_true(slice_is(record->cid, "Typed"));
    assert_true(slice_is(record->labels, "class=secret"));
    assert_int_equal(record->expires_ms, 2000000);
    transaction_destroy(&list);
}

static void test_tracker_is_idle_when_nothing_is_under_way(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    bench_hold(bench, &reply, &request, SHELF_LOOK);
    assert_false(tracker_is_idle(bench->tracker));
    shelf_resume(bench->shelf);
    bench_await(bench, &reply);
    for (int i = 0; !tracker_is_idle(bench->tracker) && i < 1000; i++)
        bench_turn(bench, 1);
    assert_true(tracker_is_idle(bench->tracker));
}

/* ---- many owners */

static void test_tracker_last_one_out_unpins(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_claim(bench, "bob", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
    assert_int_equal(bench_usage(bench, NULL).bytes, 100);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    assert_int_equal(bench->shelf->unpins, 0);
    assert_int_equal(bench_release(bench, "bob", 0), TRACKER_DONE);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    bench_assert_sound(bench);
}

static void test_tracker_callers_share_one_operation(void **state)
{
    struct bench *bench = *state;
    struct tracker_request alice = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct tracker_request bob = bench_request(bench, TRACKER_CLAIM, "bob", 0, PIN_RECURSIVE);
    struct reply of_alice, of_bob;

    bench_start(bench, &of_alice, &alice);
    bench_start(bench, &of_bob, &bob);
    bench_await(bench, &of_alice);
    bench_await(bench, &of_bob);
    assert_int_equal(of_alice.outcome, TRACKER_DONE);
    assert_int_equal(of_bob.outcome, TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
    bench_assert_sound(bench);
}

/* ---- what others pinned */

static void test_tracker_leaves_foreign_pins_alone(void **state)
{
    struct bench *bench = *state;

    shelf_find(bench->shelf, &bench->cids[0])->foreign = PIN_RECURSIVE;
    shelf_find(bench->shelf, &bench->cids[1])->foreign = PIN_DIRECT;
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 0);
    assert_int_equal(bench_claim(bench, "alice", 1), TRACKER_FOREIGN);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(shelf_find(bench->shelf, &bench->cids[0])->foreign, PIN_RECURSIVE);
}

static void test_tracker_adopts_a_v0_pin_and_leaves_nothing_behind(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    assert_int_equal(bench_run(bench, TRACKER_ADOPT, "alice", TREE, PIN_RECURSIVE), TRACKER_DONE);
    bench_turn(bench, 20);
    assert_int_equal(tree->ours, PIN_RECURSIVE);
    assert_int_equal(tree->v0, PIN_NONE);
    assert_int_equal(bench_usage(bench, "alice").bytes, tree->bytes);
    assert_int_equal(bench_release(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

/* A v0 pin is nobody's claim: it stays when the last of ours goes. */
static void test_tracker_leaves_a_v0_pin_alone_that_nobody_adopted(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    assert_int_equal(bench_claim(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_RECURSIVE);
    assert_int_equal(bench_release(bench, "alice", TREE), TRACKER_DONE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(tree->v0, PIN_RECURSIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_pins_and_unpins),
        BENCH_TEST(test_tracker_answers_later_and_once),
        BENCH_TEST(test_tracker_refuses_what_is_not_pinned),
        BENCH_TEST(test_tracker_keeps_direct_and_recursive_apart),
        BENCH_TEST(test_tracker_measures_what_a_pin_does_not_tell),
        BENCH_TEST(test_tracker_keeps_name_labels_and_expiry),
        BENCH_TEST(test_tracker_is_idle_when_nothing_is_under_way),
        BENCH_TEST(test_tracker_last_one_out_unpins),
        BENCH_TEST(test_tracker_callers_share_one_operation),
        BENCH_TEST(test_tracker_leaves_foreign_pins_alone),
        BENCH_TEST(test_tracker_adopts_a_v0_pin_and_leaves_nothing_behind),
        BENCH_TEST(test_tracker_leaves_a_v0_pin_alone_that_nobody_adopted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
