// SPDX-License-Identifier: Apache-2.0
#include "conf/text.h"
#include "http/jobs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

/* A job that waits, on its thread, until the test opens the gate. */
struct task {
    struct job job;
    struct fixture *f;
    bool must_wait;
    atomic_bool has_begun, has_run;
    unsigned int done;
    bool was_canceled;
    pthread_t ran_on;
};

struct fixture {
    struct loop *loop;
    struct jobs *jobs;
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool is_open;
    unsigned int done;
};

static void run(struct job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, job);

    task->has_begun = true;
    task->ran_on = pthread_self();
    pthread_mutex_lock(&task->f->mutex);
    while (task->must_wait && !task->f->is_open)
        pthread_cond_wait(&task->f->opened, &task->f->mutex);
    pthread_mutex_unlock(&task->f->mutex);
    task->has_run = true;
}

static void on_done(struct job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, job);

    task->done++;
    task->was_canceled = job->is_canceled;
    task->f->done++;
}

static struct task task_of(struct fixture *f, bool must_wait)
{
    return (struct task){.job = {.run = run, .on_done = on_done}, .f = f, .must_wait = must_wait};
}

static void open_gate(struct fixture *f)
{
    pthread_mutex_lock(&f->mutex);
    f->is_open = true;
    pthread_cond_broadcast(&f->opened);
    pthread_mutex_unlock(&f->mutex);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    f->loop = loop_create(NULL);
    f->jobs = jobs_create(2, 3);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->opened, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    open_gate(f);
    jobs_destroy(&f->jobs);
    assert_null(f->jobs);
    jobs_destroy(&f->jobs);
    loop_destroy(&f->loop);
    pthread_cond_destroy(&f->opened);
    pthread_mutex_destroy(&f->mutex);
    free(f);
    return 0;
}

static void await_done(struct fixture *f, unsigned int count)
{
    for (int i = 0; i < 10000 && f->done < count; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->done, count);
}

static void await_begun(struct task *task)
{
    for (int i = 0; i < 10000 && !task->has_begun; i++)
        loop_turn(task->f->loop, 1);
    assert_true(task->has_begun);
}

/* Occupies both threads. */
static void occupy(struct fixture *f, struct task tasks[2])
{
    for (int i = 0; i < 2; i++) {
        tasks[i] = task_of(f, true);
        assert_true(job_start(f->jobs, f->loop, &tasks[i].job));
    }
    for (int i = 0; i < 2; i++)
        await_begun(&tasks[i]);
}

static void test_jobs_run_elsewhere_and_are_done_here(void **state)
{
    struct fixture *f = *state;
    struct task task = task_of(f, false);

    assert_true(job_start(f->jobs, f->loop, &task.job));
    assert_int_equal(task.done, 0); /* never from inside */
    await_done(f, 1);
    assert_true(task.has_run);
    assert_false(task.was_canceled);
    assert_false(pthread_equal(task.ran_on, pthread_self()));
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, 0);
    assert_int_equal(task.done, 1);
}

static void test_jobs_are_refused_when_the_queue_is_full(void **state)
{
    struct fixture *f = *state;
    struct task running[2], waiting[3], refused = task_of(f, false);

    occupy(f, running);
    for (int i = 0; i < 3; i++) {
        waiting[i] = task_of(f, false);
        assert_true(job_start(f->jobs, f->loop, &waiting[i].job));
    }
    assert_false(job_start(f->jobs, f->loop, &refused.job));
    open_gate(f);
    await_done(f, 5);
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, 0);
    assert_int_equal(refused.done, 0);
    assert_false(refused.has_run);
    assert_true(job_start(f->jobs, f->loop, &refused.job)); /* there is room again */
    await_done(f, 6);
}

static void test_jobs_cancelled_before_they_run_are_skipped(void **state)
{
    struct fixture *f = *state;
    struct task running[2], waiting = task_of(f, false);

    occupy(f, running);
    assert_true(job_start(f->jobs, f->loop, &waiting.job));
    job_cancel(f->jobs, &waiting.job);
    open_gate(f);
    await_done(f, 3);
    assert_int_equal(waiting.done, 1); /* its memory comes back */
    assert_true(waiting.was_canceled);
    assert_false(waiting.has_run);
}

static void test_jobs_cancelled_while_they_run_are_done_as_cancelled(void **state)
{
    struct fixture *f = *state;
    struct task running[2];

    occupy(f, running);
    job_cancel(f->jobs, &running[0].job);
    open_gate(f);
    await_done(f, 2);
    assert_true(running[0].has_run);
    assert_true(running[0].was_canceled);
    assert_false(running[1].was_canceled);
}

static void test_jobs_can_be_started_again_when_done(void **state)
{
    struct fixture *f = *state;
    struct task task = task_of(f, false);

    for (unsigned int i = 1; i <= 100; i++) {
        assert_true(job_start(f->jobs, f->loop, &task.job));
        if (i % 2 == 0)
            job_cancel(f->jobs, &task.job);
        await_done(f, i);
        assert_int_equal(task.was_canceled, i % 2 == 0);
    }
}

static void test_jobs_that_wait_are_run_before_the_pool_ends(void **state)
{
    struct fixture *f = *state;
    struct task running[2], waiting = task_of(f, false);

    occupy(f, running);
    assert_true(job_start(f->jobs, f->loop, &waiting.job));
    open_gate(f);
    jobs_destroy(&f->jobs);
    assert_true(waiting.has_run);
    await_done(f, 3);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_jobs_run_elsewhere_and_are_done_here),
        TEST(test_jobs_are_refused_when_the_queue_is_full),
        TEST(test_jobs_cancelled_before_they_run_are_skipped),
        TEST(test_jobs_cancelled_while_they_run_are_done_as_cancelled),
        TEST(test_jobs_can_be_started_again_when_done),
        TEST(test_jobs_that_wait_are_run_before_the_pool_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
