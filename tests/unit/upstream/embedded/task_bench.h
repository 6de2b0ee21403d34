// SPDX-License-Identifier: Apache-2.0
/* Runs a command of the embedded node to its end, slice by slice, on the test's own thread: a node
 * in a temporary folder, a call, a body, and what came of it. */
#ifndef TESTS_UNIT_UPSTREAM_EMBEDDED_TASK_BENCH_H
#define TESTS_UNIT_UPSTREAM_EMBEDDED_TASK_BENCH_H

#include "upstream/embedded/node.h"
#include "upstream/embedded/task.h"

struct task_bench {
    char folder[64]; /* a temporary one */
    struct jobs *jobs;
    struct loop *loop;
    struct node *node;
};

struct task_bench_call {
    const char *target; /* "/api/v0/cat?arg=..." */
    struct slice body;
    const char *content_type;           /* of the body; NULL: there is none */
    const struct task_command *command; /* NULL: the node's own of that name */
    void *arg;                          /* task->arg */
    size_t piece_max;                   /* the body comes in pieces of this size; 0: all at once */
    bool is_always_due;                 /* each slice should end as soon as it asks */
    void (*on_slice)(void *on_slice_arg, struct task *task); /* before its output is taken; NULL */
    void *on_slice_arg;
    unsigned leaves_after; /* slices; then nobody waits any more, and the task is dropped. 0: never
                            */
};

struct task_bench_reply {
    struct text output, content_type, header_lines;
    struct error err; /* ERROR_NONE: the task was done */
    bool is_broken;   /* it failed after output had been taken */
    unsigned slices;
    size_t held_max; /* bytes that it said it holds (task_hold): the most of all slices */
};

/* cmocka's: *state is the bench. */
int task_bench_setup(void **state);
int task_bench_teardown(void **state);

/* Closes the node and opens it again. */
void task_bench_reopen(struct task_bench *bench);

/* The command must exist and the call be well formed, or the test fails. */
void task_bench_run(struct task_bench *bench, const struct task_bench_call *call,
                    struct task_bench_reply *reply);
void task_bench_reply_dispose(struct task_bench_reply *reply);

/* The output of a call without a body that must succeed; the caller frees it. */
char *task_bench_output(struct task_bench *bench, const char *target);
/* What a call without a body that must fail says; the caller frees it. */
char *task_bench_failure(struct task_bench *bench, const char *target);

/* Stores a block that was made elsewhere, durably. */
void task_bench_put(struct task_bench *bench, const struct cid *cid, struct slice block);

/* Puts a multipart body with one file in it, and gives its Content-Type. */
const char *task_bench_file_body(struct text *body, struct slice content);

#endif
