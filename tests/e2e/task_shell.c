// SPDX-License-Identifier: Apache-2.0
/* Runs commands of an embedded node for a test in another language: `task_shell`, a fresh node in a
 * temporary folder. Each call on standard input is a line "TARGET PIECE SIZE" and SIZE bytes of a
 * body (0: none; a multipart body with BOUNDARY; it comes in pieces of PIECE bytes, 0: at once).
 * The answer: a line "CODE OUTPUT MESSAGE" and that many bytes of output and message; CODE is 0 or
 * enum error_code. No call, and not answered: "reopen 0 0" closes the node and opens it again; "CID
 * 0 SIZE" stores that block. */
#include "conf/memory.h"
#include "unit/upstream/embedded/task_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOUNDARY "task-shell-boundary"

static void answer(struct task_bench *bench, const char *target, size_t piece, struct slice body)
{
    struct task_bench_call call = {.target = target, .body = body, .piece_max = piece};
    struct task_bench_reply reply;
    struct error err = {0};
    struct call *parsed;

    if (body.size > 0)
        call.content_type = "multipart/form-data; boundary=" BOUNDARY;
    if (call_parse(&parsed, slice_of(target), body.size > 0, &err)) {
        call_destroy(&parsed);
        task_bench_run(bench, &call, &reply);
    } else {
        reply = (struct task_bench_reply){.err = err};
    }
    printf("%d %zu %zu\n", (int)reply.err.code, reply.output.size, strlen(reply.err.text));
    fwrite(reply.output.data, 1, reply.output.size, stdout);
    fputs(reply.err.text, stdout);
    fflush(stdout);
    task_bench_reply_dispose(&reply);
}

static void put_block(struct task_bench *bench, const char *text, struct slice block)
{
    struct cid cid;

    assert_true(cid_parse(&cid, slice_of(text), NULL));
    task_bench_put(bench, &cid, block);
}

static void serve(void **state)
{
    static char line[1 << 20], target[1 << 20];
    size_t piece, size;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *body;

        assert_int_equal(sscanf(line, "%1048575s %zu %zu", target, &piece, &size), 3);
        body = memory_alloc(size + 1);
        assert_int_equal(fread(body, 1, size, stdin), size);
        if (strcmp(target, "reopen") == 0)
            task_bench_reopen(*state);
        else if (target[0] != '/')
            put_block(*state, target, (struct slice){body, size});
        else
            answer(*state, target, piece, (struct slice){body, size});
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serve, task_bench_setup, task_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
