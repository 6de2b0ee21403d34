// SPDX-License-Identifier: Apache-2.0
#include "federation/retrieval.h"

#include "conf/memory.h"
#include "http/loop.h"
#include "tests/unit/http/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum work { FIND = 1, FETCH, PIN };

/* What the source was asked last, and answers when the test says so. */
struct asked {
    enum work work;
    char partner[ID_SIZE];
    retrieval_found on_found;
    retrieval_moved on_moved;
    retrieval_ended on_ended;
    void *arg;
};

struct waiter {
    struct retrieval_call *call;
    unsigned done;
    enum retrieval_outcome outcome;
    struct error why;
};

struct fixture {
    struct loop *loop;
    struct retrievals *retrievals;
    struct asked asked[RETRIEVALS_AT_ONCE + 1];
    unsigned under_way, begun, canceled;
    enum work refuses;
    struct waiter waiters[4];
};

/* ---- the source */

static bool take(struct fixture *f, void **operation, const struct asked *asked, struct error *err)
{
    struct asked *slot = f->asked;

    if (f->refuses == asked->work)
        return error_set(err, ERROR_LIMIT, "not now");
    while (slot->work != 0)
        slot++;
    *slot = *asked;
    *operation = slot;
    f->under_way++;
    f->begun++;
    return true;
}

static bool find(void *f, void **operation, const struct cid *object, retrieval_found on_found,
                 void *arg, struct error *err)
{
    struct asked asked = {.work = FIND, .on_found = on_found, .arg = arg};

    return take(f, operation, &asked, err);
}

static bool fetch(void *f, void **operation, const struct retrieval_holder *holder,
                  const struct cid *object, retrieval_moved on_moved, retrieval_ended on_fetched,
                  void *arg, struct error *err)
{
    struct asked asked = {.work = FETCH, .on_moved = on_moved, .on_ended = on_fetched, .arg = arg};

    memcpy(asked.partner, holder->partner, sizeof(asked.partner));
    return take(f, operation, &asked, err);
}

static bool pin(void *f, void **operation, const struct cid *object, retrieval_ended on_pinned,
                void *arg, struct error *err)
{
    struct asked asked = {.work = PIN, .on_ended = on_pinned, .arg = arg};

    return take(f, operation, &asked, err);
}

static void cancel(void *f_, void **operation)
{
    struct fixture *f = f_;

    ((struct asked *)*operation)->work = 0;
    *operation = NULL;
    f->under_way--;
    f->canceled++;
}

/* The one that is under way, which must be of that kind. */
static struct asked end_of(struct fixture *f, enum work work)
{
    struct asked asked;
    struct asked *slot = f->asked;

    while (slot->work == 0)
        slot++;
    assert_int_equal(slot->work, work);
    asked = *slot;
    slot->work = 0;
    f->under_way--;
    return asked;
}

static void answer_found(struct fixture *f, const char *first, const char *second)
{
    struct asked asked = end_of(f, FIND);
    struct retrieval_holder holders[2] = {0};
    size_t count = first == NULL ? 0 : second == NULL ? 1 : 2;

    if (first != NULL)
        strcpy(holders[0].partner, first);
    if (second != NULL)
        strcpy(holders[1].partner, second);
    asked.on_found(asked.arg, holders, count, NULL);
}

static void answer_code(struct fixture *f, enum work work, const char *failure,
                        enum error_code code)
{
    struct asked asked = end_of(f, work);
    struct error err = {0};

    if (failure != NULL)
        error_set(&err, code, "%s", failure);
    asked.on_ended(asked.arg, failure != NULL ? &err : NULL);
}

static void answer_ended(struct fixture *f, enum work work, const char *failure)
{
    answer_code(f, work, failure, ERROR_REFUSED);
}

/* ---- the fixture */

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));
    struct retrievals_settings settings = {
        .source = {.find = find, .fetch = fetch, .pin = pin, .cancel = cancel, .arg = f}};

    f->loop = loop_create(NULL);
    settings.loop = f->loop;
    f->retrievals = retrievals_create(&settings);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    retrievals_destroy(&f->retrievals);
    loop_destroy(&f->loop);
    free(f);
    return 0;
}

static void turn(struct fixture *f)
{
    for (int i = 0; i < 3; i++)
        loop_turn(f->loop, 0);
}

static struct cid object(unsigned number)
{
    uint8_t digest[32] = {(uint8_t)number, (uint8_t)(number >> 8)};
    struct cid cid;

    cid_make(&cid, 1, 0x55, 0x12, digest, sizeof(digest));
    return cid;
}

static void on_done(void *waiter_, enum retrieval_outcome outcome, struct slice why)
{
    struct waiter *waiter = waiter_;

    waiter->call = NULL;
    waiter->done++;
    waiter->outcome = outcome;
    error_set(&waiter->why, ERROR_IO, "%.*s", SLICE_ARGS(why));
}

static struct waiter *start(struct fixture *f, unsigned index, unsigned number)
{
    struct cid cid = object(number);
    struct error err = {0};

    assert_true(retrieval_start(f->retrievals, f->loop, &f->waiters[index].call, &cid, on_done,
                                &f->waiters[index], &err));
    assert_int_equal(f->waiters[index].done, 0);
    turn(f);
    return &f->waiters[index];
}

static void pass(struct fixture *f, uint64_t ms)
{
    clock_advance_ms(ms);
    turn(f);
}

/* ---- success */

static void test_retrieval_finds_fetches_and_pins(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", NULL);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    assert_int_equal(waiter->done, 0);
    turn(f);
    assert_int_equal(waiter->done, 1);
    assert_int_equal(waiter->outcome, RETRIEVAL_DONE);
    assert_int_equal(retrieval_counters(f->retrievals).done, 1);
    assert_int_equal(retrieval_counters(f->retrievals).under_way, 0);
}

static void test_retrieval_is_one_for_all_who_wait(void **state)
{
    struct fixture *f = *state;
    struct waiter *first = start(f, 0, 1), *second = start(f, 1, 1);

    assert_int_equal(f->begun, 1);
    answer_found(f, "beta", NULL);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(first->outcome, RETRIEVAL_DONE);
    assert_int_equal(second->done, 1);
}

static void test_retrieval_asks_the_next_holder(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", "gamma");
    assert_string_equal(f->asked[0].partner, "beta");
    answer_ended(f, FETCH, "what it sent is not what its CID names");
    assert_string_equal(f->asked[0].partner, "gamma");
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_DONE);
}

/* ---- failures */

static void test_retrieval_fails_when_nobody_holds_it(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, NULL, NULL);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_NOBODY);
}

static void test_retrieval_fails_with_the_last_reason(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", "gamma");
    answer_ended(f, FETCH, "beta is away");
    answer_ended(f, FETCH, "gamma lost it");
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_FAILED);
    assert_string_equal(waiter->why.text, "gamma lost it");
    assert_int_equal(retrieval_counters(f->retrievals).failed, 1);
}

static void test_retrieval_fails_when_it_cannot_begin(void **state)
{
    for (enum work work = FIND; work <= PIN; work++) {
        struct fixture *f = *state;
        struct waiter *waiter;

        f->refuses = work;
        waiter = start(f, work, work);
        if (work > FIND)
            answer_found(f, "beta", NULL);
        if (work > FETCH)
            answer_ended(f, FETCH, NULL);
        turn(f);
        assert_int_equal(waiter->done, 1);
        assert_int_equal(waiter->outcome, RETRIEVAL_FAILED);
        assert_int_equal(f->under_way, 0);
    }
}

static void test_retrieval_fails_when_it_cannot_be_pinned(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", NULL);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, "the ledger cannot be written");
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_FAILED);
    assert_non_null(strstr(waiter->why.text, "the ledger cannot be written"));
}

/* ---- time */

static void test_retrieval_waits_while_something_moves(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", NULL);
    for (int i = 0; i < 5; i++) {
        pass(f, RETRIEVAL_SILENCE_MS - 1000);
        f->asked[0].on_moved(f->asked[0].arg);
    }
    assert_int_equal(waiter->done, 0);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_DONE);
}

static void test_retrieval_goes_on_with_the_next_after_silence(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1), *later;

    answer_found(f, "beta", "gamma");
    pass(f, RETRIEVAL_SILENCE_MS + 100);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_SILENT);
    assert_int_equal(f->canceled, 1);
    assert_string_equal(f->asked[0].partner, "gamma");
    later = start(f, 1, 1);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(later->outcome, RETRIEVAL_DONE);
    assert_int_equal(waiter->done, 1);
}

static void test_retrieval_asks_again_who_was_cut_off(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", "gamma");
    answer_code(f, FETCH, "beta was cut off", ERROR_IO);
    answer_ended(f, FETCH, "gamma lost it");
    assert_int_equal(f->under_way, 0);
    pass(f, 2000);
    assert_string_equal(f->asked[0].partner, "beta");
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_DONE);
}

static void test_retrieval_asks_again_twice_at_most(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(waiter->done, 0);
        answer_code(f, FETCH, "beta is away", ERROR_IO);
        pass(f, 4000);
        turn(f);
    }
    assert_int_equal(waiter->outcome, RETRIEVAL_FAILED);
    assert_string_equal(waiter->why.text, "beta is away");
    assert_int_equal(f->begun, 4);
}

static void test_retrieval_lets_the_last_holder_go_on_in_silence(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1), *later;

    answer_found(f, "beta", NULL);
    pass(f, RETRIEVAL_SILENCE_MS + 100);
    turn(f);
    assert_int_equal(waiter->outcome, RETRIEVAL_SILENT);
    later = start(f, 1, 1);
    pass(f, RETRIEVAL_SILENCE_MS + 100);
    turn(f);
    assert_int_equal(later->outcome, RETRIEVAL_SILENT);
    assert_int_equal(f->canceled, 0);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    assert_int_equal(retrieval_counters(f->retrievals).done, 1);
}

/* Tries that come to nothing are no reason to wait longer. */
static void test_retrieval_that_is_tried_again_is_silent_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", "gamma");
    pass(f, RETRIEVAL_SILENCE_MS / 2);
    answer_ended(f, FETCH, "the connection broke");
    assert_string_equal(f->asked[0].partner, "gamma");
    assert_int_equal(waiter->done, 0);
    pass(f, RETRIEVAL_SILENCE_MS / 2 + 100);
    assert_int_equal(waiter->outcome, RETRIEVAL_SILENT);
}

/* ---- cancel */

static void test_retrieval_goes_on_when_nobody_waits(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    retrieval_cancel(&waiter->call);
    turn(f);
    answer_found(f, "beta", NULL);
    answer_ended(f, FETCH, NULL);
    answer_ended(f, PIN, NULL);
    turn(f);
    assert_int_equal(waiter->done, 0);
    assert_int_equal(retrieval_counters(f->retrievals).done, 1);
}

static void test_retrieval_is_given_up_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct waiter *waiter = start(f, 0, 1);

    answer_found(f, "beta", NULL);
    retrieval_cancel(&waiter->call);
    turn(f);
    retrievals_destroy(&f->retrievals);
    assert_int_equal(f->under_way, 0);
}

/* ---- bounds */

static void test_retrievals_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    struct cid cid;
    struct error err = {0};

    for (unsigned i = 0; i < RETRIEVALS_AT_ONCE + 3; i++) {
        struct retrieval_call *call;

        cid = object(i);
        assert_true(
            retrieval_start(f->retrievals, f->loop, &call, &cid, on_done, &f->waiters[0], &err));
    }
    turn(f);
    assert_int_equal(f->under_way, RETRIEVALS_AT_ONCE);
    for (unsigned i = 0; i < RETRIEVALS_AT_ONCE + 3; i++)
        answer_found(f, NULL, NULL);
    turn(f);
    assert_int_equal(f->waiters[0].done, RETRIEVALS_AT_ONCE + 3);
}

static void test_retrievals_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    for (unsigned i = 0; i <= RETRIEVALS_MAX; i++) {
        struct cid cid = object(i);
        struct waiter *waiter = &f->waiters[i == RETRIEVALS_MAX];

        assert_true(
            retrieval_start(f->retrievals, f->loop, &waiter->call, &cid, on_done, waiter, &err));
    }
    turn(f);
    assert_int_equal(f->waiters[0].done, 0);
    assert_int_equal(f->waiters[1].done, 1);
    assert_int_equal(f->waiters[1].outcome, RETRIEVAL_FAILED);
    while (f->under_way > 0)
        answer_found(f, NULL, NULL);
    turn(f);
    assert_int_equal(f->waiters[0].done, RETRIEVALS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_retrieval_finds_fetches_and_pins),
        TEST(test_retrieval_is_one_for_all_who_wait),
        TEST(test_retrieval_asks_the_next_holder),
        TEST(test_retrieval_fails_when_nobody_holds_it),
        TEST(test_retrieval_fails_with_the_last_reason),
        TEST(test_retrieval_fails_when_it_cannot_begin),
        TEST(test_retrieval_fails_when_it_cannot_be_pinned),
        TEST(test_retrieval_waits_while_something_moves),
        TEST(test_retrieval_goes_on_with_the_next_after_silence),
        TEST(test_retrieval_that_is_tried_again_is_silent_all_the_same),
        TEST(test_retrieval_asks_again_who_was_cut_off),
        TEST(test_retrieval_asks_again_twice_at_most),
        TEST(test_retrieval_lets_the_last_holder_go_on_in_silence),
        TEST(test_retrieval_goes_on_when_nobody_waits),
        TEST(test_retrieval_is_given_up_at_the_end),
        TEST(test_retrievals_wait_for_their_turn),
        TEST(test_retrievals_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
