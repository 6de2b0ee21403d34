// SPDX-License-Identifier: Apache-2.0
/* The check of a real ledger against a played storage. */
#include "tracker_bench.h"
#include "upstream/sweep.h"

struct seen {
    struct sweep_waiter waiter;
    unsigned count;
    struct sweep_result result;
};

static void on_swept(void *seen_, const struct sweep_result *result)
{
    struct seen *seen = seen_;

    seen->count++;
    seen->result = *result;
}

static struct sweep *make_sweep(struct bench *bench)
{
    struct sweep_settings settings = {.loop = bench->kit->loop,
                                      .store = bench->kit->store,
                                      .tracker = bench->tracker,
                                      .upstream = &bench->shelf->upstream,
                                      .now_ms = bench_now_ms};

    snprintf(bench->shelf->name, sizeof(bench->shelf->name), "cw:%s",
             store_uuid(bench->kit->store));
    return sweep_create(&settings);
}

static void begin(struct sweep *sweep, struct seen *seen)
{
    *seen = (struct seen){.waiter = {.on_done = on_swept, .arg = seen}};
    sweep_start(sweep, &seen->waiter);
}

static struct sweep_result sweep_once(struct bench *bench)
{
    struct sweep *sweep = make_sweep(bench);
    struct seen seen;

    begin(sweep, &seen);
    for (int turns = 0; seen.count == 0 && turns < 5000; turns++)
        loop_turn(bench->kit->loop, 2);
    assert_int_equal(seen.count, 1);
    assert_int_equal(sweep_last(sweep)->finished_ms, bench_now_ms());
    sweep_destroy(&sweep);
    return seen.result;
}

static void expect(const struct sweep_result *result, enum sweep_kind kind, uint64_t count)
{
    if (result->counts[kind] != count)
        fail_msg("%s: %llu instead of %llu", sweep_kind_name(kind),
                 (unsigned long long)result->counts[kind], (unsigned long long)count);
}

static void test_sweep_of_an_empty_ledger_is_sound(void **state)
{
    struct sweep_result result = sweep_once(*state);

    assert_true(sweep_is_sound(&result));
    assert_int_equal(result.objects, 0);
}

static void test_sweep_tells_ours_from_others_and_unknown_ones(void **state)
{
    struct bench *bench = *state;
    struct sweep_result result;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_claim(bench, "alice", TREE), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[TREE])->v0 = PIN_RECURSIVE;
    shelf_find(bench->shelf, &bench->cids[1])->foreign = PIN_DIRECT;
    shelf_find(bench->shelf, &bench->cids[2])->ours = PIN_RECURSIVE;
    result = sweep_once(bench);
    assert_true(sweep_is_sound(&result));
    assert_int_equal(result.objects, 2);
    expect(&result, SWEEP_FOREIGN, 2);
    expect(&result, SWEEP_UNKNOWN, 1);
    expect(&result, SWEEP_REPAIRED, 0);
    assert_int_equal(result.example_count, 3);
    for (size_t i = 0; i < result.example_count; i++)
        if (result.examples[i].kind == SWEEP_UNKNOWN)
            assert_true(cid_equal(&result.examples[i].cid, &bench->cids[2]));
    assert_int_equal(bench->shelf->pins, 2);
    assert_int_equal(bench->shelf->unpins, 0);
}

static void test_sweep_pins_again_what_is_here_and_names_what_is_lost(void **state)
{
    struct bench *bench = *state;
    struct sweep_result result;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bench_claim(bench, "alice", i), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[1])->ours = PIN_NONE;
    shelf_find(bench->shelf, &bench->cids[2])->ours = PIN_NONE;
    shelf_find(bench->shelf, &bench->cids[2])->is_remote = true;
    result = sweep_once(bench);
    assert_false(sweep_is_sound(&result));
    expect(&result, SWEEP_REPAIRED, 1);
    expect(&result, SWEEP_LOST, 1);
    assert_int_equal(bench_upstream(bench, 1), PIN_RECURSIVE);
    for (size_t i = 0; i < result.example_count; i++)
        if (result.examples[i].kind == SWEEP_LOST)
            assert_true(cid_equal(&result.examples[i].cid, &bench->cids[2]));
    assert_int_equal(bench_pins(bench, "alice"), 3);
    result = sweep_once(bench);
    expect(&result, SWEEP_REPAIRED, 0);
    expect(&result, SWEEP_LOST, 1);
}

static void test_sweep_takes_a_weaker_pin_for_none(void **state)
{
    struct bench *bench = *state;
    struct sweep_result result;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_DIRECT;
    result = sweep_once(bench);
    expect(&result, SWEEP_REPAIRED, 1);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
}

static void test_sweep_is_in_doubt_when_the_storage_fails_over_an_object(void **state)
{
    struct bench *bench = *state;
    struct sweep *sweep = make_sweep(bench);
    struct seen seen;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    shelf_find(bench->shelf, &bench->cids[0])->ours = PIN_NONE;
    bench->shelf->is_slow = true;
    begin(sweep, &seen);
    bench_await_operation(bench, SHELF_LIST);
    shelf_end(bench->shelf);
    bench_await_operation(bench, SHELF_LOOK);
    bench->shelf->failure = ERROR_IO;
    shelf_end(bench->shelf);
    for (int i = 0; seen.count == 0 && i < 1000; i++)
        bench_turn(bench, 1);
    assert_int_equal(seen.count, 1);
    expect(&seen.result, SWEEP_DOUBTFUL, 1);
    assert_false(sweep_is_sound(&seen.result));
    bench->shelf->is_slow = false;
    sweep_destroy(&sweep);
}

static void test_sweep_fails_with_the_list(void **state)
{
    struct bench *bench = *state;
    struct sweep_result result;

    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    bench->shelf->failure = ERROR_IO;
    result = sweep_once(bench);
    assert_int_equal(result.err.code, ERROR_IO);
    assert_false(sweep_is_sound(&result));
    bench->shelf->refusal = ERROR_REFUSED;
    result = sweep_once(bench);
    assert_int_equal(result.err.code, ERROR_REFUSED);
}

static void test_sweep_that_runs_is_waited_for_by_all_who_ask(void **state)
{
    struct bench *bench = *state;
    struct sweep *sweep = make_sweep(bench);
    struct seen seen[3];

    for (size_t i = 0; i < 3; i++)
        begin(sweep, &seen[i]);
    sweep_leave(sweep, &seen[1].waiter);
    for (int i = 0; seen[0].count == 0 && i < 1000; i++)
        bench_turn(bench, 1);
    assert_int_equal(seen[0].count, 1);
    assert_int_equal(seen[1].count, 0);
    assert_int_equal(seen[2].count, 1);
    assert_int_equal(bench->shelf->lists, 1);
    sweep_leave(sweep, &seen[0].waiter);
    sweep_destroy(&sweep);
}

static void test_sweep_may_end_at_any_moment(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < OBJECTS; i++)
        assert_int_equal(bench_claim(bench, "alice", i), TRACKER_DONE);
    for (int turns = 0; turns < 12; turns++) {
        struct sweep *sweep = make_sweep(bench);
        struct seen seen;

        for (size_t i = 0; i < OBJECTS; i++)
            shelf_find(bench->shelf, &bench->cids[i])->ours = PIN_NONE;
        bench->shelf->is_slow = true;
        begin(sweep, &seen);
        for (int i = 0; i < turns; i++) {
            bench_turn(bench, 3);
            if (bench->shelf->first != NULL)
                shelf_end(bench->shelf);
        }
        sweep_destroy(&sweep);
        assert_int_equal(seen.count, 0);
        shelf_resume(bench->shelf);
        bench_turn(bench, 50);
    }
}

static void test_sweep_under_way_fails_when_the_storage_changes(void **state)
{
    struct bench *bench = *state;
    struct sweep *sweep = make_sweep(bench);
    struct upstream other = {0};
    struct seen seen;

    begin(sweep, &seen);
    sweep_use(sweep, &bench->shelf->upstream);
    assert_int_equal(seen.count, 0);
    sweep_use(sweep, &other);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.result.err.code, ERROR_CANCELED);
    sweep_destroy(&sweep);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        BENCH_TEST(test_sweep_of_an_empty_ledger_is_sound),
        BENCH_TEST(test_sweep_tells_ours_from_others_and_unknown_ones),
        BENCH_TEST(test_sweep_pins_again_what_is_here_and_names_what_is_lost),
        BENCH_TEST(test_sweep_takes_a_weaker_pin_for_none),
        BENCH_TEST(test_sweep_is_in_doubt_when_the_storage_fails_over_an_object),
        BENCH_TEST(test_sweep_fails_with_the_list),
        BENCH_TEST(test_sweep_that_runs_is_waited_for_by_all_who_ask),
        BENCH_TEST(test_sweep_may_end_at_any_moment),
        BENCH_TEST(test_sweep_under_way_fails_when_the_storage_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
