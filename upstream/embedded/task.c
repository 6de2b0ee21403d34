// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/task.h"

#include "conf/memory.h"
#include "http/loop.h"
#include "ipfs/hash.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/task_private.h"

#include <stdlib.h>

/* ---- what commands call */

bool task_is_due(const struct task *task)
{
    const struct task_frame *frame = task_frame_of(task);

    return frame->is_always_due || task->out.size >= frame->piece_max ||
           frame->put_size >= TASK_PIECE_MAX || frame->is_abandoned ||
           clock_us() >= frame->slice_end_us;
}

void task_hold(struct task *task, size_t bytes)
{
    task_frame_of(task)->held_size = bytes;
}

bool task_is_short_of_memory(const struct task *task)
{
    return node_is_short_of_memory(task->node);
}

void task_reply(struct task *task, const char *content_type, const char *header_lines)
{
    struct task_frame *frame = task_frame_of(task);

    text_clear(&frame->content_type);
    text_put_text(&frame->content_type, content_type);
    text_clear(&frame->header_lines);
    text_put_text(&frame->header_lines, header_lines);
}

void task_begin_reply(struct task *task)
{
    task_frame_of(task)->is_begun = true;
}

/* In a batch that is not durable: copied out of it, since it is freed as soon as it is. */
static bool find_put(struct task_frame *frame, const struct cid *cid, struct slice *block)
{
    bool is_found = false;

    pthread_mutex_lock(&frame->mutex);
    for (struct task_batch *batch = frame->batches; batch != NULL && !is_found;
         batch = batch->next) {
        is_found = blocks_write_find(batch->write, cid, block);
        if (is_found) {
            text_clear(&frame->found);
            text_put_slice(&frame->found, *block);
            *block = text_slice(&frame->found);
        }
    }
    pthread_mutex_unlock(&frame->mutex);
    return is_found;
}

/* In Kubo's words: its clients know a missing block by them. */
static bool missing(const struct task *task, const struct cid *cid, struct error *err)
{
    struct text name = {0};

    task_frame_of(task)->has_missed = true;

    cid_print(cid, CID_BASE_DEFAULT, &name);
    error_set(err, ERROR_NOT_FOUND,
              "block was not found locally (offline): ipld: could not find %s", name.data);
    text_dispose(&name);
    return false;
}

bool task_get(struct task *task, const struct cid *cid, struct slice *block, struct error *err)
{
    struct error failure = {0};

    if (find_put(task_frame_of(task), cid, block) ||
        blocks_reader_get(task->reader, cid, block, &failure))
        return true;
    if (failure.code == ERROR_NOT_FOUND)
        return missing(task, cid, err);
    return error_copy(err, &failure);
}

bool task_size(struct task *task, const struct cid *cid, uint32_t *size, struct error *err)
{
    struct error failure = {0};
    struct slice block;

    if (find_put(task_frame_of(task), cid, &block)) {
        *size = (uint32_t)block.size;
        return true;
    }
    if (blocks_reader_size(task->reader, cid, size, &failure))
        return true;
    if (failure.code == ERROR_NOT_FOUND)
        return missing(task, cid, err);
    return error_copy(err, &failure);
}

bool task_waits_for_block(struct task *task, struct error *err)
{
    struct task_frame *frame = task_frame_of(task);

    if (!frame->may_wait || !frame->has_missed || err->code != ERROR_NOT_FOUND)
        return false;
    frame->is_waiting = true;
    *err = (struct error){0};
    return true;
}

/* The batch that is filled; a full one stays behind it. */
static struct task_batch *fill(struct task_frame *frame)
{
    struct task_batch *batch = frame->newest;

    if (batch != NULL && batch->size < TASK_PIECE_MAX)
        return batch;
    batch = memory_alloc(sizeof(*batch));
    batch->frame = frame;
    batch->write = blocks_write_create();
    pthread_mutex_lock(&frame->mutex);
    batch->next = frame->batches;
    frame->batches = frame->newest = batch;
    pthread_mutex_unlock(&frame->mutex);
    return batch;
}

bool task_put(struct task *task, const struct cid *cid, struct slice block, struct error *err)
{
    struct task_frame *frame = task_frame_of(task);
    struct task_batch *batch;
    struct slice same;

    if (cid->hash == HASH_IDENTITY) /* bears its own bytes */
        return hash_check(cid->hash, cid->digest_size, err);
    batch = fill(frame);
    if (blocks_write_find(batch->write, cid, &same))
        return true;
    if (!blocks_write_put(batch->write, cid, block, err))
        return false;
    frame->put_size -= batch->size;
    batch->size = blocks_write_size(batch->write);
    frame->put_size += batch->size;
    return true;
}

bool task_sink(void *task, const struct cid *cid, struct slice block, struct error *err)
{
    return task_put(task, cid, block, err);
}

/* ---- what drives them */

void task_frame_init(struct task_frame *frame, struct node *node,
                     const struct task_command *command, const struct call *call)
{
    *frame = (struct task_frame){.command = command, .piece_max = TASK_PIECE_MAX};
    frame->task.node = node;
    frame->task.call = call;
    if (command->state_size > 0)
        frame->task.state = memory_alloc(command->state_size);
    pthread_mutex_init(&frame->mutex, NULL);
    task_reply(&frame->task, "application/json", command->is_lines ? TASK_LINES_HEADER : "");
}

void task_frame_dispose(struct task_frame *frame)
{
    if (frame->command->dispose != NULL)
        frame->command->dispose(&frame->task);
    for (struct task_batch *batch = frame->batches, *next; batch != NULL; batch = next) {
        next = batch->next;
        if (!batch->is_started)
            blocks_write_destroy(&batch->write);
        free(batch);
    }
    pthread_mutex_destroy(&frame->mutex);
    text_dispose(&frame->task.out);
    text_dispose(&frame->found);
    text_dispose(&frame->content_type);
    text_dispose(&frame->header_lines);
    free(frame->task.state);
}

/* Of lines or bytes, what stands before the fault goes out first, as in Kubo; one JSON value that
 * was cut off is nothing to anybody. */
static enum task_step fail(struct task_frame *frame, struct error *err)
{
    if (frame->task.out.size == 0 || frame->header_lines.size == 0)
        return TASK_FAILED;
    frame->failure = *err;
    *err = (struct error){0};
    return TASK_GO_ON;
}

enum task_step task_frame_run(struct task_frame *frame, struct error *err)
{
    struct task *task = &frame->task;
    enum task_step step;

    if (frame->failure.code != ERROR_NONE) {
        error_copy(err, &frame->failure);
        return TASK_FAILED;
    }
    frame->slice_end_us = clock_us() + TASK_SLICE_US;
    frame->has_missed = false;
    task->reader = blocks_reader_create(task->node->blocks, false);
    step = frame->command->run(task, err);
    blocks_reader_destroy(&task->reader);
    text_dispose(&frame->found);
    return step == TASK_FAILED ? fail(frame, err) : step;
}

void task_frame_abandon(struct task_frame *frame)
{
    frame->is_abandoned = true;
}

struct task_batch *task_frame_next_batch(struct task_frame *frame)
{
    struct task_batch *found = NULL;

    for (struct task_batch *batch = frame->batches; batch != NULL && !batch->is_started;
         batch = batch->next)
        found = batch;
    return found;
}

void task_frame_set_started(struct task_frame *frame, struct task_batch *batch)
{
    batch->is_started = true;
    frame->put_size -= batch->size;
    if (batch == frame->newest)
        frame->newest = NULL;
}

size_t task_frame_stored(struct task_frame *frame, struct task_batch *batch)
{
    struct task_batch **place = &frame->batches;
    size_t size = batch->size;

    pthread_mutex_lock(&frame->mutex);
    while (*place != batch)
        place = &(*place)->next;
    *place = batch->next;
    pthread_mutex_unlock(&frame->mutex);
    free(batch);
    return size;
}

bool task_frame_is_stored(const struct task_frame *frame)
{
    return frame->batches == NULL;
}

void task_frame_forget_writes(struct task_frame *frame)
{
    for (struct task_batch *batch = frame->batches; batch != NULL; batch = batch->next)
        if (batch->is_started)
            blocks_write_cancel(&batch->write);
}
