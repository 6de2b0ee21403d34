// SPDX-License-Identifier: Apache-2.0
/* Collections over a played storage, a real ledger and the gate that calls which write pass. */
#include "proxy/garbage.h"
#include "tests/unit/http/clock.h"
#include "tests/unit/upstream/tracker_bench.h"

struct yard {
    struct bench *bench;
    struct write_gate gate;
    struct expiry *expiry;
    struct sweep *sweep;
    struct garbage *garbage;
};

static const struct garbage_limits usual = {.wait_ms = 2000};

static int setup_yard(void **state)
{
    struct yard *yard = memory_alloc(sizeof(*yard));
    struct garbage_settings settings = {.now_ms = bench_now_ms, .gate = &yard->gate};
    struct expiry_settings expiry = {.now_ms = bench_now_ms};
    struct sweep_settings sweep = {.now_ms = bench_now_ms};
    void *bench;

    bench_setup(&bench);
    yard->bench = bench;
    expiry.loop = sweep.loop = settings.loop = yard->bench->kit->loop;
    expiry.store = sweep.store = yard->bench->kit->store;
    expiry.tracker = sweep.tracker = settings.tracker = yard->bench->tracker;
    sweep.upstream = settings.upstream = &yard->bench->shelf->upstream;
    settings.expiry = yard->expiry = expiry_create(&expiry);
    settings.sweep = yard->sweep = sweep_create(&sweep);
    yard->garbage = garbage_create(&settings, &usual);
    snprintf(yard->bench->shelf->name, sizeof(yard->bench->shelf->name), "cw:%s",
             store_uuid(yard->bench->kit->store));
    *state = yard;
    return 0;
}

static int teardown_yard(void **state)
{
    struct yard *yard = *state;
    void *bench = yard->bench;

    garbage_destroy(&yard->garbage);
    sweep_destroy(&yard->sweep);
    expiry_destroy(&yard->expiry);
    bench_teardown(&bench);
    free(yard);
    return 0;
}

static void pass_ms(struct yard *yard, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 100) {
        clock_advance_ms(100);
        bench_turn(yard->bench, 4);
    }
}

static void await_phase(struct yard *yard, enum garbage_phase phase)
{
    for (int i = 0; garbage_phase(yard->garbage) != phase && i < 3000; i++)
        pass_ms(yard, 100);
    assert_string_equal(garbage_phase_name(garbage_phase(yard->garbage)),
                        garbage_phase_name(phase));
}

static void begin(struct yard *yard)
{
    struct error err = {0};

    if (!garbage_start(yard->garbage, &err))
        fail_msg("%s", err.text);
    assert_false(garbage_start(yard->garbage, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
}

static int entered(struct yard *yard, enum command_id id)
{
    struct error err = {0};
    int status;

    return write_gate_enter(&yard->gate, catalogue_command(id), &status, &err) ? 0 : status;
}

static void test_garbage_is_collected_when_nobody_writes(void **state)
{
    struct yard *yard = *state;

    assert_int_equal(bench_claim(yard->bench, "alice", 0), TRACKER_DONE);
    yard->bench->shelf->garbage = 7;
    begin(yard);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->err.code, ERROR_NONE);
    assert_int_equal(garbage_last(yard->garbage)->removed, 7);
    assert_int_equal(garbage_last(yard->garbage)->cut, 0);
    assert_int_equal(yard->bench->shelf->collections, 1);
    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    write_gate_leave(&yard->gate);
}

static void test_garbage_waits_for_who_writes_and_lets_nobody_in(void **state)
{
    struct yard *yard = *state;
    struct error err = {0};

    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    begin(yard);
    await_phase(yard, GARBAGE_WAITING);
    assert_int_equal(entered(yard, COMMAND_ADD), 503);
    assert_int_equal(entered(yard, COMMAND_PIN_RM), 503);
    assert_false(write_gate_concerns(catalogue_command(COMMAND_CAT)));
    pass_ms(yard, 1000);
    assert_int_equal(yard->bench->shelf->collections, 0);
    assert_false(write_gate_cuts(&yard->gate, &err));
    write_gate_leave(&yard->gate);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(yard->bench->shelf->collections, 1);
}

static void test_garbage_cuts_who_does_not_end(void **state)
{
    struct yard *yard = *state;
    struct error err = {0};

    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    begin(yard);
    await_phase(yard, GARBAGE_CUTTING);
    assert_true(write_gate_cuts(&yard->gate, &err));
    assert_int_equal(yard->bench->shelf->collections, 0);
    write_gate_leave(&yard->gate);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->cut, 1);
    assert_int_equal(yard->bench->shelf->collections, 1);
}

static void test_garbage_gives_up_when_a_call_cannot_be_cut(void **state)
{
    struct yard *yard = *state;

    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    begin(yard);
    await_phase(yard, GARBAGE_CUTTING);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->err.code, ERROR_TIMEOUT);
    assert_int_equal(yard->bench->shelf->collections, 0);
    assert_int_equal(entered(yard, COMMAND_ADD), 0);
}

static void test_garbage_is_left_while_an_object_is_lost(void **state)
{
    struct yard *yard = *state;
    struct shelf_object *object = shelf_find(yard->bench->shelf, &yard->bench->cids[0]);

    assert_int_equal(bench_claim(yard->bench, "alice", 0), TRACKER_DONE);
    object->ours = PIN_NONE;
    object->is_remote = true;
    begin(yard);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->err.code, ERROR_REFUSED);
    assert_non_null(strstr(garbage_last(yard->garbage)->err.text, "1 objects"));
    assert_int_equal(yard->bench->shelf->collections, 0);
}

static void test_garbage_waits_for_the_tracker(void **state)
{
    struct yard *yard = *state;
    struct bench *bench = yard->bench;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 0, PIN_RECURSIVE);
    struct reply reply;

    assert_int_equal(entered(yard, COMMAND_PIN_ADD), 0);
    begin(yard);
    await_phase(yard, GARBAGE_WAITING);
    bench_hold(bench, &reply, &request, SHELF_LOOK);
    write_gate_leave(&yard->gate); /* its caller left; the pin is still under way */
    pass_ms(yard, 1000);
    assert_int_equal(garbage_phase(yard->garbage), GARBAGE_SETTLING);
    assert_int_equal(bench->shelf->collections, 0);
    shelf_resume(bench->shelf);
    bench_await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_DONE);
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(bench->shelf->collections, 1);
}

static void test_garbage_fails_with_the_storage_and_writes_go_on(void **state)
{
    struct yard *yard = *state;

    yard->bench->shelf->is_slow = true;
    begin(yard);
    bench_await_operation(yard->bench, SHELF_LIST);
    shelf_end(yard->bench->shelf);
    await_phase(yard, GARBAGE_COLLECTING);
    assert_int_equal(entered(yard, COMMAND_ADD), 503);
    while (yard->bench->shelf->first != NULL) {
        if (yard->bench->shelf->first->kind == SHELF_GC)
            yard->bench->shelf->failure = ERROR_IO;
        shelf_end(yard->bench->shelf);
    }
    await_phase(yard, GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->err.code, ERROR_IO);
    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    yard->bench->shelf->is_slow = false;
}

static void test_garbage_may_be_given_up_in_every_phase(void **state)
{
    struct yard *yard = *state;
    struct upstream other = {0};

    assert_int_equal(entered(yard, COMMAND_ADD), 0);
    begin(yard);
    await_phase(yard, GARBAGE_WAITING);
    garbage_use(yard->garbage, &other, &usual);
    assert_int_equal(garbage_phase(yard->garbage), GARBAGE_IDLE);
    assert_int_equal(garbage_last(yard->garbage)->err.code, ERROR_CANCELED);
    garbage_use(yard->garbage, &yard->bench->shelf->upstream, &usual);
    assert_int_equal(entered(yard, COMMAND_ADD), 0);
}

/* used, of 1000; mark in percent; status of what adds data, and of pin/rm. */
static void test_write_gate_refuses_what_adds_above_the_mark(void **state)
{
    static const struct {
        uint64_t used, total, mark;
        int added, removed;
    } cases[] = {
        {899, 1000, 90, 0, 0},  {900, 1000, 90, 507, 0}, {1000, 1000, 100, 507, 0},
        {999, 1000, 100, 0, 0}, {1000, 1000, 0, 0, 0},   {1000, 0, 90, 0, 0},
    };
    struct yard *yard = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_gate_measure(&yard->gate, cases[i].used, cases[i].total, cases[i].mark);
        assert_int_equal(entered(yard, COMMAND_ADD), cases[i].added);
        assert_int_equal(entered(yard, COMMAND_PIN_ADD), cases[i].added);
        assert_int_equal(entered(yard, COMMAND_PIN_RM), cases[i].removed);
    }
}

static void test_garbage_is_collected_by_itself_above_its_mark_once(void **state)
{
    static const struct garbage_limits limits = {.high_water = 90, .collect_above = 80};
    struct yard *yard = *state;
    struct shelf *shelf = yard->bench->shelf;

    shelf->used = 950;
    shelf->total = 1000;
    shelf->garbage = 20;
    garbage_use(yard->garbage, &shelf->upstream, &limits);
    pass_ms(yard, 30000);
    assert_int_equal(shelf->collections, 1);
    assert_int_equal(garbage_last(yard->garbage)->used_after, 930);
    assert_int_equal(entered(yard, COMMAND_ADD), 507);
    shelf->used = 100;
    pass_ms(yard, 20000);
    assert_int_equal(entered(yard, COMMAND_ADD), 0);
}

#define YARD_TEST(name) cmocka_unit_test_setup_teardown(name, setup_yard, teardown_yard)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        YARD_TEST(test_garbage_is_collected_when_nobody_writes),
        YARD_TEST(test_garbage_waits_for_who_writes_and_lets_nobody_in),
        YARD_TEST(test_garbage_cuts_who_does_not_end),
        YARD_TEST(test_garbage_gives_up_when_a_call_cannot_be_cut),
        YARD_TEST(test_garbage_is_left_while_an_object_is_lost),
        YARD_TEST(test_garbage_waits_for_the_tracker),
        YARD_TEST(test_garbage_fails_with_the_storage_and_writes_go_on),
        YARD_TEST(test_garbage_may_be_given_up_in_every_phase),
        YARD_TEST(test_write_gate_refuses_what_adds_above_the_mark),
        YARD_TEST(test_garbage_is_collected_by_itself_above_its_mark_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
