// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/run.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WAIT_MS = 100,
    RETRY_MS = 20,          /* of what was refused for now: a full queue, a closed gate */
    REFUSED_MAX_MS = 30000, /* then the task fails */
    SMALL_PIECE = 64 << 10, /* beyond the node's budget */
    IDLE_MAX = 4 << 10,     /* a text with less in it is not shrunk */
};

static void advance(struct run *run);

/* ---- the node's budget */

static size_t memory_of(const struct run *run)
{
    return run->incoming.capacity + run->input.capacity + run->frame.task.out.capacity +
           run->taken + run->frame.put_size + run->frame.held_size;
}

static void account(struct run *run)
{
    size_t held = memory_of(run);

    node_hold_memory(run->node, run->held, held);
    run->held = held;
}

static size_t piece_max(const struct run *run)
{
    return node_is_short_of_memory(run->node) ? SMALL_PIECE : TASK_PIECE_MAX;
}

/* Keeps the bytes, not the room around them. */
static void shrink(struct text *text)
{
    struct text small = {0};

    if (text->size == 0) {
        text_dispose(text);
    } else if (text->capacity > IDLE_MAX && text->capacity / 4 > text->size) {
        text_put_slice(&small, text_slice(text));
        text_dispose(text);
        *text = small;
    }
}

/* ---- ending */

static void fail(struct run *run, enum error_code code, const char *text)
{
    run->step = TASK_FAILED;
    if (run->err.code == ERROR_NONE)
        error_set(&run->err, code, "%s", text);
}

static void destroy(struct run *run)
{
    struct node *node = run->node;

    assert(!run->is_running);
    timer_disarm(&run->timer);
    later_cancel(&run->later);
    task_frame_forget_writes(&run->frame);
    if (run->is_writer)
        node_end_write(node);
    node_hold_memory(node, run->held, 0);
    task_frame_dispose(&run->frame);
    text_dispose(&run->incoming);
    text_dispose(&run->input);
    run->owner->destroy(run);
    node_unref(&node);
}

void run_leave(struct run *run)
{
    run->is_left = true;
    task_frame_abandon(&run->frame);
    if (run->is_running)
        job_cancel(run->node->jobs, &run->job);
    else
        destroy(run);
}

bool run_has_ended(const struct run *run)
{
    if (run->is_running)
        return false;
    return run->step == TASK_FAILED ||
           (run->step == TASK_DONE && task_frame_is_stored(&run->frame));
}

bool run_has_lost_blocks(const struct run *run)
{
    return run->write_err.code != ERROR_NONE;
}

/* ---- blocks */

/* Before anybody asks how the task ended. */
static void heed_write_failure(struct run *run)
{
    if (!run->is_running && run->write_err.code != ERROR_NONE)
        fail(run, run->write_err.code, run->write_err.text);
}

static void on_written(void *batch_, const struct blocks_written *result, const struct error *err)
{
    struct task_batch *batch = batch_;
    struct run *run = CONTAINER_OF(batch->frame, struct run, frame);

    run->writing -= task_frame_stored(&run->frame, batch);
    if (err != NULL)
        error_copy(&run->write_err, err);
    heed_write_failure(run);
    loop_later(run->loop, &run->later);
}

static void try_again(struct run *run, uint64_t delay_ms)
{
    run->must_wait = true;
    timer_arm(run->loop, &run->timer, delay_ms);
}

/* As many as may be under way. */
static void start_writes(struct run *run)
{
    struct task_batch *batch;
    struct error err = {0};

    while (run->writing < node_writing_max(run->node) &&
           (batch = task_frame_next_batch(&run->frame)) != NULL) {
        if (!blocks_write_start(run->node->blocks, run->loop, batch->write, on_written, batch,
                                &err)) {
            if (err.code != ERROR_LIMIT) {
                error_copy(&run->write_err, &err);
                heed_write_failure(run);
            } else if (run->writing == 0) { /* else the end of one is the time to try */
                try_again(run, RETRY_MS);
            }
            return;
        }
        run->writing += batch->size;
        task_frame_set_started(&run->frame, batch);
    }
}

/* ---- slices */

static void on_slice(struct job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);

    run->step = task_frame_run(&run->frame, &run->err);
    assert((run->step == TASK_FAILED) == (run->err.code != ERROR_NONE));
}

static void on_sliced(struct job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);

    run->is_running = false;
    if (run->is_left) {
        destroy(run);
        return;
    }
    heed_write_failure(run);
    if (run->step == TASK_WAITS)
        try_again(run, WAIT_MS);
    loop_later(run->loop, &run->later);
    account(run);
    run->owner->on_step(run);
}

/* What the last slice left, and what came since. */
static void take_incoming(struct run *run)
{
    struct slice *rest = &run->frame.task.input;

    if (rest->size == 0) { /* nothing is copied */
        struct text empty = run->input;

        text_clear(&empty);
        run->input = run->incoming;
        run->incoming = empty;
    } else {
        if (rest->data != run->input.data)
            memmove(run->input.data, rest->data, rest->size);
        run->input.size = rest->size;
        text_put_slice(&run->input, text_slice(&run->incoming));
        text_clear(&run->incoming);
    }
    *rest = text_slice(&run->input);
    run->frame.task.is_input_whole = run->is_whole;
    run->is_input_new = false;
}

/* A task that waits for its client's body may wait for long. */
static void make_small(struct run *run)
{
    struct slice *rest = &run->frame.task.input;

    if (rest->size == 0)
        text_clear(&run->input);
    else if (rest->data != run->input.data)
        memmove(run->input.data, rest->data, rest->size);
    run->input.size = rest->size;
    shrink(&run->input);
    shrink(&run->incoming);
    *rest = text_slice(&run->input);
}

static bool is_step_allowed(const struct run *run)
{
    switch (run->step) {
    case TASK_GO_ON:
    case TASK_WAITS:
        return true;
    case TASK_WANTS_INPUT:
        return run->is_input_new;
    case TASK_WANTS_STORED:
        return task_frame_is_stored((struct task_frame *)&run->frame);
    case TASK_DONE:
    case TASK_FAILED:
        break;
    }
    return false;
}

static bool has_room(const struct run *run)
{
    return run->frame.task.out.size == 0 && run->frame.put_size == 0 &&
           run->writing < node_writing_max(run->node) &&
           (run->taken == 0 || !node_is_short_of_memory(run->node));
}

/* The pool or the gate says no for now. */
static void wait_for_turn(struct run *run, const char *why)
{
    uint64_t now = loop_now_ms(run->loop);

    if (run->refused_since == 0)
        run->refused_since = now;
    if (now - run->refused_since >= REFUSED_MAX_MS)
        fail(run, ERROR_CANCELED, why);
    else
        try_again(run, RETRY_MS);
}

/* False: not now. */
static bool enter(struct run *run)
{
    if (!run->frame.command->writes || run->is_writer)
        return true;
    run->is_writer = node_begin_write(run->node);
    if (!run->is_writer)
        wait_for_turn(run, "garbage is being collected; try again");
    return run->is_writer;
}

static void start_slice(struct run *run)
{
    if (!enter(run))
        return;
    take_incoming(run);
    run->frame.piece_max = piece_max(run);
    if (run->owner->before_slice != NULL)
        run->owner->before_slice(run);
    run->is_running = node_start_job(run->node, run->loop, &run->job);
    if (run->is_running) {
        run->refused_since = 0;
        return;
    }
    run->is_input_new = true; /* it was not looked at */
    wait_for_turn(run, "the node has too much to do; try again");
}

/* ---- going on */

/* All that it wrote is durable: its reply may last much longer. */
static void leave_gate(struct run *run)
{
    if (!run->is_writer || run->step != TASK_DONE || !run_has_ended(run))
        return;
    run->is_writer = false;
    node_end_write(run->node);
}

/* Goes as far as it can; tells the owner. */
static void advance(struct run *run)
{
    if (run->is_running)
        return;
    start_writes(run);
    leave_gate(run);
    if (run->step == TASK_WANTS_INPUT && !run->is_input_new)
        make_small(run);
    account(run);
    if (!run->must_wait && is_step_allowed(run) && has_room(run))
        start_slice(run);
    run->owner->on_step(run);
}

static void on_later(struct later *later)
{
    advance(CONTAINER_OF(later, struct run, later));
}

static void on_timer(struct timer *timer)
{
    struct run *run = CONTAINER_OF(timer, struct run, timer);

    run->must_wait = false;
    advance(run);
}

void run_init(struct run *run, const struct run_owner *owner, struct node *node, struct loop *loop,
              const struct task_command *command, const struct call *call)
{
    task_frame_init(&run->frame, node, command, call);
    run->owner = owner;
    run->node = node_ref(node);
    run->loop = loop;
    run->job = (struct job){.run = on_slice, .on_done = on_sliced};
    run->timer = (struct timer){.fire = on_timer};
    run->later = (struct later){.run = on_later};
    run->step = TASK_GO_ON;
}

void run_start(struct run *run)
{
    loop_later(run->loop, &run->later);
}

/* ---- the owner's side */

bool run_takes_input(const struct run *run)
{
    return run->incoming.size < piece_max(run);
}

bool run_give_input(struct run *run, struct slice content)
{
    text_put_slice(&run->incoming, content);
    run->is_input_new = true;
    loop_later(run->loop, &run->later);
    return run_takes_input(run);
}

void run_end_input(struct run *run)
{
    run->is_whole = run->is_input_new = true;
    loop_later(run->loop, &run->later);
}

bool run_take_output(struct run *run, struct text *out)
{
    struct text *made = &run->frame.task.out;
    struct text empty = *out;

    assert(out->size == 0);
    if (run->taken > 0)
        loop_later(run->loop, &run->later); /* a slice may have waited for that */
    run->taken = 0;
    if (run->is_running || made->size == 0)
        return false;
    loop_later(run->loop, &run->later);
    if (node_is_short_of_memory(run->node)) {
        text_dispose(&empty);
        shrink(made);
    }
    *out = *made;
    *made = empty;
    run->taken = out->capacity;
    account(run);
    return true;
}
