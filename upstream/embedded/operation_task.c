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
    struct work *next, **link; /* of those that were not left */
};

static struct work *work_of(struct run *run)
{
    return CONTAINER_OF(run, struct work, run);
}

/* The operation is gone; its memory is the pool's as long as a slice runs. */
static void leave(struct work *work)
{
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

static void on_step(struct run *run)
{
    struct work *work = work_of(run);
    struct text dropped = {0};

    if (run->is_running)
        return;
    (void)run_take_output(run, &dropped);
    text_dispose(&dropped);
    if (run_has_ended(run))
        end(work);
    else if (work->task.on_slice != NULL)
        work->task.on_slice(work->task.arg);
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
