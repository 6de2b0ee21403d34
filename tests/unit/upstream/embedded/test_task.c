// SPDX-License-Identifier: Apache-2.0
/* The job side of tasks, with commands made for the purpose: input, output, blocks, and how a task
 * goes on. Each also in slices that end as soon as they can. */
#include "task_bench.h"

#include "ipfs/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ECHO_TARGET "/api/v0/block/put"

/* ---- echo: its input in upper case, one byte at a time */

static enum task_step run_echo(struct task *task, struct error *err)
{
    while (task->input.size > 0) {
        text_put_char(&task->out, (char)(task->input.data[0] & ~0x20));
        task_take(task, 1);
        if (task_is_due(task))
            return TASK_GO_ON;
    }
    return task->is_input_whole ? TASK_DONE : TASK_WANTS_INPUT;
}

static const struct task_command echo = {.id = COMMAND_BLOCK_PUT, .run = run_echo};

static void test_task_takes_its_input_in_any_pieces(void **state)
{
    static const size_t pieces[] = {0, 1, 2, 7, 100};

    for (size_t i = 0; i < 2 * ARRAY_SIZE(pieces); i++) {
        struct task_bench_call call = {.target = ECHO_TARGET,
                                       .body = SLICE("abcdefghijklm"),
                                       .content_type = "multipart/form-data; boundary=x",
                                       .command = &echo,
                                       .piece_max = pieces[i / 2],
                                       .is_always_due = i % 2 == 0};
        struct task_bench_reply reply;

        task_bench_run(*state, &call, &reply);
        assert_int_equal(reply.err.code, ERROR_NONE);
        assert_string_equal(reply.output.data, "ABCDEFGHIJKLM");
        assert_string_equal(reply.content_type.data, "application/json");
        task_bench_reply_dispose(&reply);
    }
}

/* ---- keep: puts blocks and gets them back, before they are durable and behind it */

struct keep {
    unsigned done;
    bool is_stored;
};

enum { KEEP_COUNT = 2000 };

static struct slice kept(unsigned n, char *text, size_t size, struct cid *cid)
{
    struct slice block;

    memset(text, 'x', size);
    block = (struct slice){text, size};
    block.size = (size_t)snprintf(text, size, "block %u", n) + 1 + n % 2000;
    hash_make_cid(cid, 1, CODEC_RAW, HASH_SHA2_256, block);
    return block;
}

static bool keep_one(struct task *task, unsigned n, struct error *err)
{
    char text[2100];
    struct slice block, got;
    struct cid cid;
    uint32_t size;

    block = kept(n, text, sizeof(text), &cid);
    if (!task_put(task, &cid, block, err) || !task_get(task, &cid, &got, err))
        return false;
    if (!slice_equal(got, block)) /* no assertion: the slice must end, whatever happens */
        return error_set(err, ERROR_MISMATCH, "block %u is another", n);
    (void)kept(n / 2, text, sizeof(text), &cid);
    if (!task_size(task, &cid, &size, err))
        return false;
    return true;
}

static enum task_step run_keep(struct task *task, struct error *err)
{
    struct keep *keep = task->state;
    const unsigned *count = task->arg;

    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    for (; keep->done < *count; keep->done++) {
        if (!keep_one(task, keep->done, err))
            return TASK_FAILED;
        if (task_is_due(task)) {
            keep->done++;
            return TASK_GO_ON;
        }
    }
    text_put_text(&task->out, "kept");
    if (!keep->is_stored) {
        keep->is_stored = true;
        return TASK_WANTS_STORED;
    }
    return TASK_DONE;
}

static const struct task_command keep = {
    .id = COMMAND_BLOCK_PUT, .state_size = sizeof(struct keep), .run = run_keep, .writes = true};

static void test_task_finds_what_it_put(void **state)
{
    unsigned counts[] = {100, KEEP_COUNT};

    for (int i = 0; i < 2; i++) {
        struct task_bench_call call = {.target = ECHO_TARGET,
                                       .content_type = "multipart/form-data; boundary=x",
                                       .command = &keep,
                                       .arg = &counts[i],
                                       .is_always_due = i == 0};
        struct task_bench_reply reply;

        task_bench_run(*state, &call, &reply);
        if (reply.err.code != ERROR_NONE)
            fail_msg("%s", reply.err.text);
        assert_string_equal(reply.output.data, "keptkept");
        assert_string_equal(reply.content_type.data, "text/plain");
        assert_string_equal(reply.header_lines.data, "X-Stream-Output: 1\r\n");
        assert_true(reply.slices > (i == 0 ? counts[i] : 2));
        task_bench_reply_dispose(&reply);
    }
}

static void test_task_blocks_are_there_when_it_was_done(void **state)
{
    struct task_bench *bench = *state;
    unsigned count = KEEP_COUNT;
    struct task_bench_call call = {.target = ECHO_TARGET,
                                   .content_type = "multipart/form-data; boundary=x",
                                   .command = &keep,
                                   .arg = &count};
    struct task_bench_reply reply;

    task_bench_run(bench, &call, &reply);
    task_bench_reply_dispose(&reply);
    task_bench_reopen(bench);
    assert_int_equal(blocks_totals(bench->node->blocks).count, KEEP_COUNT);
}

/* ---- what is missing, and what fails late */

static enum task_step run_missing(struct task *task, struct error *err)
{
    bool *is_begun = task->state;
    struct slice block;
    struct cid cid;

    if (!*is_begun && task->arg != NULL) {
        *is_begun = true;
        text_put_text(&task->out, "begun");
        return TASK_GO_ON;
    }
    hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256, SLICE("nowhere"));
    return task_get(task, &cid, &block, err) ? TASK_DONE : TASK_FAILED;
}

static const struct task_command missing = {
    .id = COMMAND_ID, .state_size = sizeof(bool), .run = run_missing, .is_lines = true};

static void test_task_fails_in_kubos_words(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct task_bench_call call = {
            .target = "/api/v0/id", .command = &missing, .arg = i == 0 ? NULL : state};
        struct task_bench_reply reply;

        task_bench_run(*state, &call, &reply);
        assert_int_equal(reply.err.code, ERROR_NOT_FOUND);
        assert_string_equal(reply.err.text,
                            "block was not found locally (offline): ipld: could not find "
                            "bafkreibav37qjfhifdiyrrye4h2irjmjwfnoahir63frfh3cckoku3gfim");
        assert_int_equal(reply.is_broken, i == 1);
        assert_string_equal(reply.header_lines.data, "X-Chunked-Output: 1\r\n");
        task_bench_reply_dispose(&reply);
    }
}

/* ---- how it goes on */

static unsigned disposed;

static enum task_step run_patient(struct task *task, struct error *err)
{
    unsigned *calls = task->state;

    return ++*calls < 5 ? TASK_WAITS : TASK_DONE;
}

static void dispose_patient(struct task *task)
{
    disposed++;
}

static const struct task_command patient = {.id = COMMAND_ID,
                                            .state_size = sizeof(unsigned),
                                            .run = run_patient,
                                            .dispose = dispose_patient};

static void test_task_is_disposed_once_however_it_ends(void **state)
{
    static const unsigned leaves_after[] = {0, 1, 3};

    for (size_t i = 0; i < ARRAY_SIZE(leaves_after); i++) {
        struct task_bench_call call = {
            .target = "/api/v0/id", .command = &patient, .leaves_after = leaves_after[i]};
        struct task_bench_reply reply;

        disposed = 0;
        task_bench_run(*state, &call, &reply);
        assert_int_equal(reply.slices, leaves_after[i] == 0 ? 5 : leaves_after[i]);
        assert_int_equal(disposed, 1);
        task_bench_reply_dispose(&reply);
    }
}

/* ---- output before a failure */

static enum task_step run_cut(struct task *task, struct error *err)
{
    const char *header_lines = task->arg;

    task_reply(task, "text/plain", header_lines);
    text_put_text(&task->out, "before");
    error_set(err, ERROR_NOT_FOUND, "and then no more");
    return TASK_FAILED;
}

static const struct task_command cut = {.id = COMMAND_ID, .run = run_cut};

static void test_task_puts_lines_and_bytes_out_before_it_fails(void **state)
{
    struct {
        char header_lines[40];
        bool is_broken;
    } rows[] = {{TASK_LINES_HEADER, true}, {TASK_STREAM_HEADER, true}, {"", false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct task_bench_call call = {
            .target = "/api/v0/id", .command = &cut, .arg = rows[i].header_lines};
        struct task_bench_reply reply;

        task_bench_run(*state, &call, &reply);
        assert_string_equal(reply.err.text, "and then no more");
        assert_int_equal(reply.is_broken, rows[i].is_broken);
        assert_string_equal(reply.output.data, "before");
        task_bench_reply_dispose(&reply);
    }
}

/* ---- the gate */

static void test_gate_lets_writers_in_or_a_collection(void **state)
{
    struct node *node = ((struct task_bench *)*state)->node;

    assert_true(node_begin_write(node));
    assert_true(node_begin_write(node));
    node_end_write(node);
    assert_true(node_close_gate(node));
    assert_false(node_close_gate(node));
    assert_false(node_is_quiet(node));
    assert_false(node_begin_write(node));
    node_end_write(node);
    assert_true(node_is_quiet(node));
    node_open_gate(node);
    assert_true(node_begin_write(node));
    node_end_write(node);
}

#define BENCH_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, task_bench_setup, task_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_task_takes_its_input_in_any_pieces),
        BENCH_TEST(test_task_finds_what_it_put),
        BENCH_TEST(test_task_blocks_are_there_when_it_was_done),
        BENCH_TEST(test_task_fails_in_kubos_words),
        BENCH_TEST(test_task_is_disposed_once_however_it_ends),
        BENCH_TEST(test_task_puts_lines_and_bytes_out_before_it_fails),
        BENCH_TEST(test_gate_lets_writers_in_or_a_collection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
