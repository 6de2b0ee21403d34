// SPDX-License-Identifier: Apache-2.0
#include "task_bench.h"

#include "conf/memory.h"
#include "upstream/embedded/embedded.h"
#include "upstream/embedded/task_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define BOUNDARY "bench-boundary"

/* ---- the node */

static void open_node(struct task_bench *bench)
{
    struct node_settings settings = {.jobs = bench->jobs};
    struct error err = {0};
    char folder[96];

    snprintf(folder, sizeof(folder), "%s/blocks", bench->folder);
    settings.folder = folder;
    if (!node_open(&bench->node, &settings, NULL, &err))
        fail_msg("%s", err.text);
}

void task_bench_reopen(struct task_bench *bench)
{
    node_close(&bench->node);
    open_node(bench);
}

int task_bench_setup(void **state)
{
    struct task_bench *bench = memory_alloc(sizeof(*bench));

    snprintf(bench->folder, sizeof(bench->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->jobs = jobs_create(2, 64);
    bench->loop = loop_create(NULL);
    open_node(bench);
    *state = bench;
    return 0;
}

int task_bench_teardown(void **state)
{
    struct task_bench *bench = *state;
    char command[96];

    node_close(&bench->node);
    jobs_destroy(&bench->jobs);
    loop_turn(bench->loop, 0);
    loop_destroy(&bench->loop);
    snprintf(command, sizeof(command), "rm -rf '%s'", bench->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(bench);
    return 0;
}

/* ---- writes */

struct seen {
    bool is_done;
    struct error err;
    struct task_batch *batch; /* that this is; NULL: none */
};

static void on_written(void *seen_, const struct blocks_written *result, const struct error *err)
{
    struct seen *seen = seen_;

    seen->is_done = true;
    if (seen->batch != NULL)
        task_frame_stored(seen->batch->frame, seen->batch);
    if (err != NULL)
        seen->err = *err;
}

static bool write_blocks(struct task_bench *bench, struct blocks_write *write,
                         struct task_batch *batch, struct error *err)
{
    struct seen seen = {.batch = batch};

    if (!blocks_write_start(bench->node->blocks, bench->loop, write, on_written, &seen, &seen.err))
        fail_msg("%s", seen.err.text);
    for (int turns = 0; !seen.is_done && turns < 2000; turns++)
        loop_turn(bench->loop, 10);
    assert_true(seen.is_done);
    return seen.err.code == ERROR_NONE || error_copy(err, &seen.err);
}

void task_bench_put(struct task_bench *bench, const struct cid *cid, struct slice block)
{
    struct blocks_write *write = blocks_write_create();
    struct error err = {0};

    if (!blocks_write_put(write, cid, block, &err) || !write_blocks(bench, write, NULL, &err))
        fail_msg("%s", err.text);
}

/* ---- one run */

struct run {
    struct task_bench *bench;
    const struct task_bench_call *call;
    struct task_bench_reply *reply;
    struct task_frame frame;
    struct text input; /* what the slice sees of the body: elsewhere each time */
    struct slice body; /* what was not given yet */
};

static void store(struct run *run)
{
    struct task_batch *batch;

    while ((batch = task_frame_next_batch(&run->frame)) != NULL) {
        task_frame_set_started(&run->frame, batch);
        if (!write_blocks(run->bench, batch->write, batch, &run->reply->err))
            run->reply->is_broken = run->reply->output.size > 0;
    }
}

/* The rest that the task left, and the next piece of the body. */
static void give_input(struct run *run, bool is_more)
{
    size_t piece = run->body.size;
    struct text input = {0};

    if (!is_more)
        piece = 0;
    else if (run->call->piece_max > 0 && piece > run->call->piece_max)
        piece = run->call->piece_max;
    text_put_slice(&input, run->frame.task.input);
    text_put(&input, run->body.data, piece);
    run->body.data += piece;
    run->body.size -= piece;
    text_dispose(&run->input);
    run->input = input;
    run->frame.task.input = text_slice(&run->input);
    run->frame.task.is_input_whole = run->body.size == 0;
}

static void take_output(struct run *run)
{
    text_put_slice(&run->reply->output, text_slice(&run->frame.task.out));
    text_clear(&run->frame.task.out);
}

static void run_slices(struct run *run)
{
    struct error *err = &run->reply->err;
    enum task_step step = TASK_WANTS_INPUT;

    while (err->code == ERROR_NONE && step != TASK_DONE) {
        give_input(run, step == TASK_WANTS_INPUT);
        step = task_frame_run(&run->frame, err);
        assert_int_equal(step == TASK_FAILED, err->code != ERROR_NONE);
        run->reply->slices++;
        if (run->frame.held_size > run->reply->held_max)
            run->reply->held_max = run->frame.held_size;
        if (run->call->on_slice != NULL)
            run->call->on_slice(run->call->on_slice_arg, &run->frame.task);
        if (step == TASK_FAILED)
            run->reply->is_broken = run->reply->output.size > 0 || run->frame.is_begun;
        assert_false(step == TASK_WANTS_INPUT && run->frame.task.is_input_whole);
        if (step != TASK_WANTS_INPUT) /* else what was put stays in memory, as it may */
            store(run);
        if (step == TASK_WAITS)
            usleep(1000);
        take_output(run);
        if (run->reply->slices == run->call->leaves_after)
            break;
    }
    store(run);
}

/* body: out, what is left of it for the command. */
static struct call *parse(const struct task_bench_call *wanted, struct slice *body)
{
    struct slice type =
        wanted->content_type == NULL ? (struct slice){0} : slice_of(wanted->content_type);
    struct error err = {0};
    struct call *call;

    *body = wanted->body;
    if (!call_parse(&call, slice_of(wanted->target), type.size > 0, &err))
        fail_msg("%s: %s", wanted->target, err.text);
    if (call->wants_body) {
        *body = (struct slice){0};
        if (!call_body_arguments(call, wanted->body, type, &err))
            fail_msg("%s: %s", wanted->target, err.text);
    }
    return call;
}

void task_bench_run(struct task_bench *bench, const struct task_bench_call *wanted,
                    struct task_bench_reply *reply)
{
    struct run run = {.bench = bench, .call = wanted, .reply = reply};
    struct call *call = parse(wanted, &run.body);
    const struct task_command *command =
        wanted->command != NULL ? wanted->command : embedded_command(call->command->id);

    *reply = (struct task_bench_reply){0};
    if (command == NULL) {
        fail_msg("%s: the node has no such command", wanted->target);
        return;
    }
    task_frame_init(&run.frame, bench->node, command, call);
    run.frame.is_always_due = wanted->is_always_due;
    run.frame.task.arg = wanted->arg;
    if (wanted->content_type != NULL)
        run.frame.task.content_type = slice_of(wanted->content_type);
    assert_true(!command->writes || node_begin_write(bench->node));
    run_slices(&run);
    if (command->writes)
        node_end_write(bench->node);
    text_put_slice(&reply->content_type, text_slice(&run.frame.content_type));
    text_put_slice(&reply->header_lines, text_slice(&run.frame.header_lines));
    task_frame_dispose(&run.frame);
    text_dispose(&run.input);
    call_destroy(&call);
}

void task_bench_reply_dispose(struct task_bench_reply *reply)
{
    text_dispose(&reply->output);
    text_dispose(&reply->content_type);
    text_dispose(&reply->header_lines);
}

/* ---- in short */

char *task_bench_output(struct task_bench *bench, const char *target)
{
    struct task_bench_reply reply;
    char *output;

    task_bench_run(bench, &(struct task_bench_call){.target = target}, &reply);
    if (reply.err.code != ERROR_NONE)
        fail_msg("%s: %s", target, reply.err.text);
    output = memory_copy(reply.output.data, reply.output.size);
    task_bench_reply_dispose(&reply);
    return output;
}

char *task_bench_failure(struct task_bench *bench, const char *target)
{
    struct task_bench_reply reply;
    char *message;

    task_bench_run(bench, &(struct task_bench_call){.target = target}, &reply);
    if (reply.err.code == ERROR_NONE)
        fail_msg("%s: it did not fail", target);
    message = memory_copy_text(reply.err.text);
    task_bench_reply_dispose(&reply);
    return message;
}

const char *task_bench_file_body(struct text *body, struct slice content)
{
    text_put_slice(body,
                   SLICE("--" BOUNDARY "\r\n"
                         "Content-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"
                         "Content-Type: application/octet-stream\r\n\r\n"));
    text_put_slice(body, content);
    text_put_slice(body, SLICE("\r\n--" BOUNDARY "--\r\n"));
    return "multipart/form-data; boundary=" BOUNDARY;
}
