// SPDX-License-Identifier: Apache-2.0
/* The pin tracker called from several threads, each with a loop of its own, at random. */
#include "tracker_bench.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CALLERS = 4, SLOTS = 16, CALLS = 1500 };

struct caller {
    struct bench *bench;
    pthread_t thread;
    struct loop *loop;
    char id[16];
    unsigned seed;
    unsigned waiting, answered, canceled, progressed;
    struct slot {
        struct caller *caller;
        struct tracker_call *call; /* NULL: free */
    } slots[SLOTS];
    atomic_uint *left; /* callers that are not done */
};

static void on_answer(void *slot_, const struct tracker_answer *answer)
{
    struct slot *slot = slot_;

    assert_non_null(slot->call); /* never behind a cancel */
    assert_true(pthread_equal(pthread_self(), slot->caller->thread));
    slot->call = NULL;
    slot->caller->waiting--;
    slot->caller->answered++;
    assert_true(answer->outcome == TRACKER_DONE || answer->text.size > 0);
}

static void on_slot_progress(void *slot_, uint64_t nodes, uint64_t bytes)
{
    struct slot *slot = slot_;

    assert_non_null(slot->call);
    slot->caller->progressed++;
}

static void begin(struct slot *slot)
{
    struct caller *caller = slot->caller;
    struct tracker_request request = bench_request(
        caller->bench, rand_r(&caller->seed) % 3 == 0 ? TRACKER_RELEASE : TRACKER_CLAIM, caller->id,
        (size_t)rand_r(&caller->seed) % OBJECTS,
        rand_r(&caller->seed) % 4 == 0 ? PIN_DIRECT : PIN_RECURSIVE);
    struct error err = {0};

    request.has_name = true;
    request.name = slice_of(caller->id);
    if (!tracker_start(caller->bench->tracker, caller->loop, &slot->call, &request,
                       on_slot_progress, on_answer, slot, &err))
        fail_msg("%s", err.text);
    caller->waiting++;
}

static void give_up(struct slot *slot)
{
    tracker_cancel(&slot->call);
    slot->caller->waiting--;
    slot->caller->canceled++;
}

static void *play(void *caller_)
{
    struct caller *caller = caller_;

    for (int i = 0; i < CALLS; i++) {
        struct slot *slot = &caller->slots[(unsigned)rand_r(&caller->seed) % SLOTS];

        if (slot->call == NULL)
            begin(slot);
        else if (rand_r(&caller->seed) % 4 == 0)
            give_up(slot);
        loop_turn(caller->loop, rand_r(&caller->seed) % 3 == 0 ? 1 : 0);
    }
    while (caller->waiting > 0)
        loop_turn(caller->loop, 5);
    atomic_fetch_sub(caller->left, 1);
    return NULL;
}

static void test_tracker_serves_callers_of_many_threads(void **state)
{
    struct bench *bench = *state;
    struct caller *callers = memory_alloc(CALLERS * sizeof(*callers));
    atomic_uint left = CALLERS;
    unsigned answered = 0, canceled = 0;

    for (int i = 0; i < CALLERS; i++) {
        struct caller *caller = &callers[i];

        caller->bench = bench;
        caller->loop = loop_create(NULL);
        caller->seed = (unsigned)i + 1;
        caller->left = &left;
        snprintf(caller->id, sizeof(caller->id), "m%d", i % (CALLERS - 1)); /* two are one member */
        for (int j = 0; j < SLOTS; j++)
            caller->slots[j].caller = caller;
    }
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i].thread, NULL, play, &callers[i]), 0);
    while (atomic_load(&left) > 0)
        loop_turn(bench->kit->loop, 5);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
    for (int turns = 0; turns < 1000 && (turns < 30 || bench_open_entries(bench) > 0); turns++)
        bench_turn(bench,
                   10); /* until all that was begun has ended, however loaded the machine is */
    for (int i = 0; i < CALLERS; i++) {
        answered += callers[i].answered;
        canceled += callers[i].canceled;
        loop_turn(callers[i].loop, 0); /* what was on its way to who gave up */
        loop_destroy(&callers[i].loop);
    }
    assert_true(answered > 100 && canceled > 100);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
    free(callers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_serves_callers_of_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
