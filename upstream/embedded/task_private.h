// SPDX-License-Identifier: Apache-2.0
/* A task with what the engine keeps of it, and the job side of running it. Whoever drives one
 * (run.c; a bench of tests) does so in turns: task_frame_run on a thread of the pool, and all
 * else while it does not run; but task_frame_stored and task_frame_abandon, which may come
 * meanwhile. */
#ifndef UPSTREAM_EMBEDDED_TASK_PRIVATE_H
#define UPSTREAM_EMBEDDED_TASK_PRIVATE_H

#include "upstream/embedded/task.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    TASK_PIECE_MAX = 1 << 20, /* bytes of output of one slice, or so; and of a write of blocks */
    TASK_SLICE_US = 20000,
};

/* Blocks on their way: collected by slices, then written. */
struct task_batch {
    struct task_frame *frame;
    struct blocks_write *write;
    size_t size;
    bool is_started;
    struct task_batch *next;
};

struct task_frame {
    struct task task; /* the first: see task_frame_of */
    const struct task_command *command;
    struct text content_type, header_lines; /* of the reply */
    bool is_begun;                          /* task_begin_reply */
    size_t piece_max;                       /* of output; may be changed between slices */
    bool is_always_due;                     /* of tests */
    bool may_wait;   /* blocks that are missing may come; may be changed between slices */
    bool has_missed; /* this slice: task_get did not find one */
    bool is_waiting; /* for one; stays */
    uint64_t slice_end_us;
    struct error failure; /* the command failed; told when its output was taken */
    atomic_bool is_abandoned;
    size_t put_size;           /* bytes of batches that were not started */
    size_t held_size;          /* see task_hold */
    struct task_batch *newest; /* that is still filled; NULL: none */
    pthread_mutex_t mutex;
    struct task_batch *batches; /* under mutex: all that are not durable, the newest first */
    struct text found;          /* a block out of them */
};

void task_frame_init(struct task_frame *frame, struct node *node,
                     const struct task_command *command, const struct call *call);
/* Calls the command's dispose. Batches that were not started are dropped, writes that were are the
 * store's. */
void task_frame_dispose(struct task_frame *frame);

/* One slice. */
enum task_step task_frame_run(struct task_frame *frame, struct error *err);

/* The task's slice should end at once: nobody wants its output. */
void task_frame_abandon(struct task_frame *frame);

/* The next batch whose write is to be started, in the order of putting; NULL: none. */
struct task_batch *task_frame_next_batch(struct task_frame *frame);
void task_frame_set_started(struct task_frame *frame, struct task_batch *batch);
/* It is durable (or failed, and so does the task): is freed. Before its write is. Returns its size.
 */
size_t task_frame_stored(struct task_frame *frame, struct task_batch *batch);
/* All that was put is durable. */
bool task_frame_is_stored(const struct task_frame *frame);
/* Nobody wants to hear of the writes that were started: they are the store's. */
void task_frame_forget_writes(struct task_frame *frame);

static inline struct task_frame *task_frame_of(const struct task *task)
{
    return CONTAINER_OF((struct task *)task, struct task_frame, task);
}

#endif
