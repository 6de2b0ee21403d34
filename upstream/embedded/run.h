// SPDX-License-Identifier: Apache-2.0
/* The loop side of a task: starts its slices in the job pool, moves its blocks to the store, waits
 * for what it waits for. Whoever owns one (serve.c for a client's call, operation_task.c) gives it
 * input, takes its output, and is told after each step.
 *
 *     slice -> on_step: the owner takes output -> blocks are started, at most 16 MiB under way
 *           -> the next slice, as soon as all output was taken and the step allows it
 *
 * Memory: at most 1 MiB of input waits, and 1 MiB of output twice (what the client is sent, and
 * what the next slice made), but a block more. All tasks of a node share a budget for that; beyond
 * it each has 64 KiB, and no slice is run ahead of the client. A task that waits for its client
 * holds none of it.
 *
 * Loop thread only; all of a run on one loop. */
#ifndef UPSTREAM_EMBEDDED_RUN_H
#define UPSTREAM_EMBEDDED_RUN_H

#include "http/jobs.h"
#include "http/loop.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/task_private.h"

struct run;

struct run_owner {
    /* A slice is about to begin: what it may do is to be said now. NULL: nothing. */
    void (*before_slice)(struct run *run);
    /* Something changed: there may be output, room for input, or an end. May leave. */
    void (*on_step)(struct run *run);
    /* After run_leave, when the pool has given the task back: frees what the owner's memory around
     * it holds, and that memory. The run itself is disposed of by then. */
    void (*destroy)(struct run *run);
};

/* Embedded in its owner's memory. */
struct run {
    struct task_frame frame;
    const struct run_owner *owner;
    struct node *node;
    struct loop *loop;
    struct job job;
    struct timer timer; /* WAITS, and all that must be tried again */
    struct later later; /* advance, at the end of the turn */
    enum task_step step;
    struct error err; /* with TASK_FAILED */
    bool is_running, is_left, is_writer;
    bool is_whole;          /* run_end_input was called */
    bool is_input_new;      /* since the last slice */
    bool must_wait;         /* for the timer */
    uint64_t refused_since; /* ms: the pool or the gate does not take it; 0: it does */
    struct error write_err; /* a write failed, and so did the task, or will behind its slice */
    struct text incoming;   /* input that came since the last slice began */
    struct text input;      /* what task.input lies in */
    size_t writing;         /* bytes of blocks under way */
    size_t taken;           /* memory of the output that was taken last */
    size_t held;            /* of the node's budget */
};

/* command, and call until run_leave, must outlast the run's work: see destroy. */
void run_init(struct run *run, const struct run_owner *owner, struct node *node, struct loop *loop,
              const struct task_command *command, const struct call *call);
/* Begins, later. */
void run_start(struct run *run);
/* The owner wants no more of it: on_step is not called again; destroy is, at once or later. Also of
 * one that was not started. */
void run_leave(struct run *run);

/* ---- input */

/* Copies. True: more may be given; else not before on_step finds run_takes_input. */
bool run_give_input(struct run *run, struct slice content);
void run_end_input(struct run *run);
bool run_takes_input(const struct run *run);

/* ---- output and end */

/* What was put out, in exchange for an empty text; what was taken before is done with by then.
 * False: there is nothing, or the slice that makes it runs. Lets the next one begin. */
bool run_take_output(struct run *run, struct text *out);
/* The task is done and all it put is durable, or it failed (then run->err says why). There may
 * still be output. */
bool run_has_ended(const struct run *run);
/* Blocks could not be written: the task fails, and output that tells of them is not true. */
bool run_has_lost_blocks(const struct run *run);

#endif
