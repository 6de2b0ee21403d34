// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/operation_task.h"

#include "conf/memory.h"
#include "upstream/embedded/embedded_private.h"
#include "upstream/embedded/run.h"

#include <stdlib.h>

struct work {
    struct operation base; /* the first: see operation_task_cancel */
    struct run run;
    struct embedded *embedded;
    struct operation_task task;
    struct later resume;
    struct text output; /* its room: for the next slice */
    bool is_paused;
    bool *is_left;             /* set by leave; NULL: nobody asks */
    struct work *next, **link; /* of those that were not left */
};

static struct work *work_of(struct run *run)
{
    return CONTAINER_OF(run, struct work, run);
}

/* The operation is gone; its memory is the pool's as long as a slice runs. */
static void leave(struct work *work)
{
    if (work->is_left != NULL)
        *work->is_left = true;
    later_cancel(&work->resume);
    *work->link = work->next;
    if (work->next != NULL)
        work->next->link = work->link;
    run_leave(&work->run);
}

static void destroy(struct run *run)
{
    struct work *work = work_of(run);

    if (work->task.destroy != NULL)
        work->task.destroy(work->task.arg);
    text_dispose(&work->output);
    free(work);
}

static void end(struct work *work)
{
    struct operation_task task = work->task;
    struct error err = work->run.err;

    work->task.destroy = NULL; /* arg is still needed */
    leave(work);
    task.on_done(task.arg, err.code == ERROR_NONE ? NULL : &err);
    if (task.destroy != NULL)
        task.destroy(task.arg);
}

/* False: it was left. */
static bool hand_on(struct work *work)
{
    struct text output = work->output;
    bool is_left = false;

    text_clear(&output);
    work->output = (struct text){0};
    if (run_take_output(&work->run, &output) && work->task.on_output != NULL) {
        work->is_left = &is_left;
        work->task.on_output(work->task.arg, text_slice(&output));
    }
    if (is_left) {
        text_dispose(&output);
        return false;
    }
    work->is_left = NULL;
    work->output = output;
    return true;
}

/* A task whose output is not taken runs no further. */
static void on_step(struct run *run)
{
    struct work *work = work_of(run);

    if (run->is_running || work->is_paused || !hand_on(work) || work->is_paused)
        return;
    if (run_has_ended(run))
        end(work);
    else if (work->task.on_slice != NULL)
        work->task.on_slice(work->task.arg);
}

static void on_resume(struct later *later)
{
    struct work *work = CONTAINER_OF(later, struct work, resume);

    work->is_paused = false;
    on_step(&work->run);
}

void operation_task_pause(struct operation *operation)
{
    struct work *work = CONTAINER_OF(operation, struct work, base);

    work->is_paused = true;
    later_cancel(&work->resume);
}

void operation_task_resume(struct operation *operation)
{
    struct work *work = CONTAINER_OF(operation, struct work, base);

    if (work->is_paused)
        loop_later(work->embedded->loop, &work->resume);
}

static const struct run_owner functions = {.on_step = on_step, .destroy = destroy};

void operation_task_start(struct upstream *upstream, struct operation **operation,
                          const struct operation_task *task)
{
    struct embedded *embedded = embedded_of(upstream);
    struct work *work = memory_alloc(sizeof(*work));

    work->base.functions = upstream->functions;
    work->embedded = embedded;
    work->task = *task;
    work->resume.run = on_resume;
    work->next = embedded->operations;
    work->link = &embedded->operations;
    if (work->next != NULL)
        work->next->link = &work->next;
    embedded->operations = work;
    run_init(&work->run, &functions, embedded->node, embedded->loop, task->command, NULL);
    work->run.frame.task.arg = task->arg;
    run_end_input(&work->run);
    run_start(&work->run);
    *operation = &work->base;
}

void operation_task_cancel(struct operation *operation)
{
    leave(CONTAINER_OF(operation, struct work, base));
}

void operation_task_cancel_all(struct embedded *embedded)
{
    while (embedded->operations != NULL)
        leave(embedded->operations);
}
