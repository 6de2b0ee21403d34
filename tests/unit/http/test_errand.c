// SPDX-License-Identifier: Apache-2.0
#include "http/errand.h"

#include "conf/memory.h"
#include "conf/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Both loops on one thread: the test decides which turns. */
struct fixture {
    struct loop *here, *there;
    struct work *begun; /* the newest that waits there */
    unsigned given_up, progress, done, destroyed;
    bool answers_at_once, cancels_in_progress;
};

struct work {
    struct errand errand;
    struct fixture *f;
    int question, answer;
};

static struct work *work_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct work, errand);
}

static void begin(struct errand *errand)
{
    struct work *work = work_of(errand);

    work->answer = work->question + 1;
    if (work->f->answers_at_once)
        errand_answer(errand);
    else
        work->f->begun = work;
}

static void give_up(struct errand *errand)
{
    work_of(errand)->f->given_up++;
}

static void on_progress(struct errand *errand)
{
    struct fixture *f = work_of(errand)->f;

    f->progress++;
    if (f->cancels_in_progress)
        errand_cancel(errand);
}

static void on_done(struct errand *errand)
{
    assert_int_equal(work_of(errand)->answer, work_of(errand)->question + 1);
    work_of(errand)->f->done++;
}

static void destroy(struct errand *errand)
{
    work_of(errand)->f->destroyed++;
    free(work_of(errand));
}

static const struct errand_kind kind = {
    .begin = begin,
    .give_up = give_up,
    .on_progress = on_progress,
    .on_done = on_done,
    .destroy = destroy,
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->here = loop_create(NULL);
    f->there = loop_create(NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    loop_destroy(&f->here);
    loop_destroy(&f->there);
    free(f);
    return 0;
}

static struct work *start(struct fixture *f)
{
    struct work *work = memory_alloc(sizeof(*work));

    work->f = f;
    work->question = 41;
    errand_start(&work->errand, &kind, f->here, f->there);
    return work;
}

static void turn(struct loop *loop)
{
    loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static void test_errand_is_answered_once_and_later(void **state)
{
    struct fixture *f = *state;

    f->answers_at_once = true;
    start(f);
    assert_int_equal(f->done, 0);
    turn(f->there);
    assert_int_equal(f->done, 0);
    turn(f->here);
    turn(f->there);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->destroyed, 1);
    assert_int_equal(f->given_up, 0);
}

static void test_errand_tells_of_progress_that_is_not_heard_once(void **state)
{
    struct fixture *f = *state;

    start(f);
    turn(f->there);
    errand_progress(&f->begun->errand);
    errand_progress(&f->begun->errand);
    turn(f->here);
    assert_int_equal(f->progress, 1);
    errand_progress(&f->begun->errand);
    errand_answer(&f->begun->errand);
    turn(f->here);
    assert_int_equal(f->progress, 2);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->destroyed, 1);
}

static void test_errand_canceled_before_it_began_begins_and_is_given_up(void **state)
{
    struct fixture *f = *state;

    errand_cancel(&start(f)->errand);
    turn(f->there);
    turn(f->here);
    assert_int_equal(f->given_up, 1);
    assert_int_equal(f->done, 0);
    assert_int_equal(f->destroyed, 1);
}

static void test_errand_canceled_while_it_is_done_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct work *work = start(f);

    turn(f->there);
    errand_cancel(&work->errand);
    assert_true(errand_is_abandoned(&work->errand));
    turn(f->there);
    assert_int_equal(f->given_up, 1);
    assert_int_equal(f->destroyed, 1);
}

static void test_errand_answered_behind_its_cancellation_is_not_heard(void **state)
{
    struct fixture *f = *state;
    struct work *work = start(f);

    turn(f->there);
    errand_cancel(&work->errand);
    errand_progress(&work->errand);
    errand_answer(&work->errand);
    turn(f->there);
    turn(f->here);
    assert_int_equal(f->given_up + f->done + f->progress, 0);
    assert_int_equal(f->destroyed, 1);
}

static void test_errand_canceled_with_its_answer_under_way_is_not_heard(void **state)
{
    struct fixture *f = *state;
    struct work *work = start(f);

    turn(f->there);
    errand_progress(&work->errand);
    errand_answer(&work->errand);
    errand_cancel(&work->errand);
    turn(f->here);
    turn(f->there);
    assert_int_equal(f->given_up + f->done + f->progress, 0);
    assert_int_equal(f->destroyed, 1);
}

static void test_errand_may_be_canceled_in_progress(void **state)
{
    struct fixture *f = *state;
    struct work *work = start(f);

    f->cancels_in_progress = true;
    turn(f->there);
    errand_progress(&work->errand);
    turn(f->here);
    turn(f->there);
    assert_int_equal(f->progress, 1);
    assert_int_equal(f->given_up, 1);
    assert_int_equal(f->destroyed, 1);
}

/* ---- two threads */

enum { ROUNDS = 2000 };

struct race {
    struct fixture f;
    atomic_bool ends;
    atomic_uint ended;
};

static void race_begin(struct errand *errand)
{
    errand_progress(errand);
    if (work_of(errand)->question % 3 != 0)
        errand_answer(errand);
}

static void race_end(struct errand *errand)
{
    struct race *race = CONTAINER_OF(work_of(errand)->f, struct race, f);

    atomic_fetch_add(&race->ended, 1);
    free(work_of(errand));
}

static void race_ignore(struct errand *errand)
{
}

static const struct errand_kind race_kind = {
    .begin = race_begin, .on_progress = race_ignore, .on_done = race_ignore, .destroy = race_end};

static void *turn_there(void *race_)
{
    struct race *race = race_;

    while (!atomic_load(&race->ends))
        loop_turn(race->f.there, 1);
    return NULL;
}

/* Those that are never answered are canceled, and some that are. */
static void test_errand_ends_however_threads_cross(void **state)
{
    struct race race = {.f = **(struct fixture **)state};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, turn_there, &race), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct work *work = memory_alloc(sizeof(*work));

        work->f = &race.f;
        work->question = i;
        errand_start(&work->errand, &race_kind, race.f.here, race.f.there);
        if (i % 3 == 0 || i % 7 == 0)
            errand_cancel(&work->errand);
        loop_turn(race.f.here, 0);
    }
    while (atomic_load(&race.ended) < ROUNDS)
        loop_turn(race.f.here, 1);
    atomic_store(&race.ends, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_errand_is_answered_once_and_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errand_tells_of_progress_that_is_not_heard_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_errand_canceled_before_it_began_begins_and_is_given_up,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_errand_canceled_while_it_is_done_is_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_errand_answered_behind_its_cancellation_is_not_heard,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_errand_canceled_with_its_answer_under_way_is_not_heard,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_errand_may_be_canceled_in_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errand_ends_however_threads_cross, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
