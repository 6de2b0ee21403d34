// SPDX-License-Identifier: Apache-2.0
/* An operation of upstream.h that a task does: one without a client. Loop thread only. */
#ifndef UPSTREAM_EMBEDDED_OPERATION_TASK_H
#define UPSTREAM_EMBEDDED_OPERATION_TASK_H

#include "upstream/embedded/task.h"
#include "upstream/upstream_private.h"

struct operation_task {
    const struct task_command *command;
    /* task->arg: shared with the slices. The operation's until `destroy`, also if it is cancelled:
     * a slice may run then. */
    void *arg;
    /* On the loop, after a slice, when none runs: what it found may be told. May cancel, as its
     * last act. NULL: not needed. */
    void (*on_slice)(void *arg);
    /* On the loop: what a slice has put out; borrowed. May pause, or cancel as its last act. NULL:
     * it is dropped. */
    void (*on_output)(void *arg, struct slice output);
    /* Once, unless it is cancelled; the operation is gone, arg is not. What it put is durable. err
     * NULL: it is done. */
    void (*on_done)(void *arg, const struct error *err);
    void (*destroy)(void *arg); /* the last that is heard of it; never from inside the start */
};

/* *operation is for upstream_cancel. */
void operation_task_start(struct upstream *upstream, struct operation **operation,
                          const struct operation_task *task);

/* functions->pause, resume and cancel of the embedded node. */
void operation_task_pause(struct operation *operation);
void operation_task_resume(struct operation *operation);
void operation_task_cancel(struct operation *operation);
/* All that this loop has under way. */
struct embedded;
void operation_task_cancel_all(struct embedded *embedded);

#endif
