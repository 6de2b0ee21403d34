// SPDX-License-Identifier: Apache-2.0
/* The mutable files by their commands. What is expected was said by Kubo 0.43.1 (offline). */
#include "upstream/embedded/files.h"

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "task_bench.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/files_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A call, perhaps with a file, and what comes of it. */
struct step {
    const char *call;  /* behind "/api/v0/files/" */
    const char *file;  /* NULL: no body */
    const char *reply; /* of one that succeeds */
    const char *error; /* of one that fails; NULL: it succeeds */
};

static void run(struct task_bench *bench, const struct step *step, size_t piece, bool is_due)
{
    struct task_bench_call call = {.piece_max = piece, .is_always_due = is_due};
    struct task_bench_reply reply;
    struct text target = {0}, body = {0};

    text_put_format(&target, "/api/v0/files/%s", step->call);
    call.target = target.data;
    if (step->file != NULL) {
        call.content_type = task_bench_file_body(&body, slice_of(step->file));
        call.body = text_slice(&body);
    }
    task_bench_run(bench, &call, &reply);
    if (reply.err.code != ERROR_NONE || step->error != NULL)
        assert_string_equal(reply.err.text, step->error != NULL ? step->error : "");
    text_put_char(&reply.output, '\0');
    assert_string_equal(reply.output.data, step->reply != NULL ? step->reply : "");
    task_bench_reply_dispose(&reply);
    text_dispose(&target);
    text_dispose(&body);
}

static void run_all(struct task_bench *bench, const struct step *steps, size_t count, size_t piece,
                    bool is_due)
{
    for (size_t i = 0; i < count; i++)
        run(bench, &steps[i], piece, is_due);
}

static const struct step life[] = {
    {"ls", NULL, "{\"Entries\":null}\n", NULL},
    {"stat?arg=/", NULL,
     "{\"Hash\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\",\"Size\":0,\"CumulativeSize\":4,"
     "\"Blocks\":0,\"Type\":\"directory\"}\n",
     NULL},
    {"mkdir?arg=/a", NULL, NULL, NULL},
    {"mkdir?arg=/a", NULL, NULL, "file already exists"},
    {"mkdir?arg=/b/c/d", NULL, NULL, "file does not exist"},
    {"mkdir?arg=/b/c/d&parents=true", NULL, NULL, NULL},
    {"mkdir?arg=/", NULL, NULL, "cannot create directory '/': Already exists"},
    {"mkdir?arg=/v1&cid-version=1", NULL, NULL, NULL},
    {"mkdir?arg=/v7&cid-version=7", NULL, NULL, "unknown CID version: 7"},
    {"mkdir?arg=/x&hash=nosuch", NULL, NULL, "unrecognized hash function: \"nosuch\""},
    {"mkdir?arg=/x&hash=md5", NULL, NULL, "potentially insecure hash functions not allowed"},
    {"write?arg=/f", "hello", NULL, "file does not exist"},
    {"write?arg=/f&create=true", "hello", NULL, NULL},
    {"write?arg=/f&offset=5", " world", NULL, NULL},
    {"write?arg=/f&offset=-1", "x", NULL, "cannot have negative write offset"},
    {"write?arg=/a", "x", NULL, "/a was not a file"},
    {"write?arg=/f/x&create=true", "x", NULL, "cannot access f/x: Not a directory"},
    {"read?arg=/f", NULL, "hello world", NULL},
    {"read?arg=/f&offset=4&count=3", NULL, "o w", NULL},
    {"read?arg=/f&offset=12", NULL, NULL, "offset was past end of file (12 > 11)"},
    {"read?arg=/a", NULL, NULL, "/a was not a file"},
    {"read?arg=/none", NULL, NULL, "/none: file does not exist"},
    {"stat?arg=/f", NULL,
     "{\"Hash\":\"Qma84bMCdfA2e1zYtmvyoWZLvFkqY9wMBoxasRKg8bksue\",\"Size\":11,\"CumulativeSize\":"
     "121,\"Blocks\":2,\"Type\":\"file\"}\n",
     NULL},
    {"stat?arg=/f&hash=true&size=true", NULL, NULL,
     "invalid parameters: format was set by multiple options. Only one format option is allowed"},
    {"cp?arg=/f&arg=/a/", NULL, NULL, NULL},
    {"cp?arg=/f&arg=/a/f", NULL, NULL,
     "cp: cannot put node in path /a/f: directory already has entry by that name"},
    {"cp?arg=/none&arg=/x", NULL, NULL, "cp: cannot get node from path /none: file does not exist"},
    {"cp?arg=/f&arg=/none/x", NULL, NULL,
     "cp: cannot put node in path /none/x: file does not exist"},
    {"cp?arg=/f&arg=/f/x", NULL, NULL, "cp: cannot put node in path /f/x: /f/ is not a directory"},
    {"cp?arg=/f&arg=/n/x&parents=true", NULL, NULL, NULL},
    {"cp?arg=/f&arg=/a/f&force=true", NULL, NULL, NULL},
    {"cp?arg=/f&arg=/a&force=true", NULL, NULL, "cp: cannot unlink existing file: not a file: /a"},
    {"cp?arg=/ipfs/bafkqaaa&arg=/empty", NULL, NULL, NULL},
    {"mv?arg=/f&arg=/b", NULL, NULL, NULL},
    {"mv?arg=/none&arg=/b", NULL, NULL, "file does not exist"},
    {"mv?arg=/b&arg=/b/c/e", NULL, NULL, "cannot move /b into itself"},
    {"ls?arg=/b", NULL,
     "{\"Entries\":[{\"Name\":\"c\",\"Type\":0,\"Size\":0,\"Hash\":\"\"},{\"Name\":\"f\",\"Type\":"
     "0,"
     "\"Size\":0,\"Hash\":\"\"}]}\n",
     NULL},
    {"rm?arg=/a", NULL, "\"/a: path is a directory, use -r to remove directories\"\n",
     "can't remove some files"},
    {"rm?arg=/none&arg=/b/f&arg=/", NULL,
     "\"/none: file does not exist\"\n\"/: cannot delete root\"\n", "can't remove some files"},
    {"rm?arg=/none&force=true", NULL, NULL, NULL},
    {"rm?arg=/a&recursive=true", NULL, NULL, NULL},
    {"chmod?arg=0755&arg=/b", NULL, NULL, NULL},
    {"chmod?arg=9&arg=/b", NULL, NULL, "strconv.ParseInt: parsing \"9\": invalid syntax"},
    {"touch?arg=/b&mtime=123&mtime-nsecs=5", NULL, NULL, NULL},
    {"stat?arg=/b&with-local=true", NULL,
     "{\"Hash\":\"Qme5nZioXVuepvUKKZ6MiSurvRFp5Uhmabsgg7hrNuF91S\",\"Size\":0,\"CumulativeSize\":"
     "110,"
     "\"Blocks\":1,\"Type\":\"directory\",\"WithLocality\":true,\"Local\":true,\"SizeLocal\":110,"
     "\"Mtime\":123,\"MtimeNsecs\":5,\"Mode\":\"20000000755\"}\n",
     NULL},
    {"chcid?arg=/&cid-version=1", NULL, NULL,
     "cannot change CID format of the MFS root; use 'ipfs config Import.CidVersion' and 'ipfs "
     "config Import.HashFunction' instead"},
    {"chcid?arg=/n&cid-version=1", NULL, NULL, NULL},
    {"chcid?arg=/n/x&cid-version=1", NULL, NULL, "can only update directories"},
    {"flush?arg=/n", NULL,
     "{\"Cid\":\"bafybeia4yv4vauiqhvump2ialwl2dcr6bethvufimhvcuxcslvwjkpwr4q\"}\n", NULL},
    {"flush", NULL, "{\"Cid\":\"QmXiMJB9oYZB8217zGDLNKqmpHyB9o2tKJY5ms4NDEMLxd\"}\n", NULL},
};

static void test_calls_are_answered_as_kubo_does(void **state)
{
    run_all(*state, life, ARRAY_SIZE(life), 0, false);
}

static void test_calls_are_answered_alike_in_small_slices(void **state)
{
    run_all(*state, life, ARRAY_SIZE(life), 1, true);
}

static void test_files_are_there_when_the_node_is_opened_again(void **state)
{
    struct task_bench *bench = *state;
    struct cid before, after;

    run_all(bench, life, ARRAY_SIZE(life), 0, false);
    before = files_root(bench->node->files);
    task_bench_reopen(bench);
    after = files_root(bench->node->files);
    assert_true(cid_equal(&before, &after));
    run(bench, &(struct step){"read?arg=/n/x", NULL, "hello world", NULL}, 0, false);
}

static enum files_step make_other(struct task *task, struct files_change *change, struct error *err)
{
    (void)task, (void)err;
    hash_make_cid(&change->root, 0, CODEC_DAG_PB, HASH_SHA2_256, SLICE("another"));
    return FILES_DONE;
}

static void test_command_waits_while_another_changes_the_tree(void **state)
{
    struct task_bench *bench = *state;
    const struct step mkdir = {"mkdir?arg=/a", NULL, NULL, NULL};
    struct files_change change = {0};
    struct task_bench_call call = {.target = "/api/v0/files/mkdir?arg=/a", .leaves_after = 3};
    struct task_bench_reply reply;
    struct task task = {.node = bench->node};
    struct error err = {0};

    /* one has its turn: it waits for its blocks */
    assert_int_equal(files_change_run(&task, &change, make_other, &err), FILES_WANTS_STORED);
    task_bench_run(bench, &call, &reply);
    assert_int_equal(reply.slices, 3);
    assert_int_equal(reply.output.size, 0);
    task_bench_reply_dispose(&reply);
    /* it ends without having put its root */
    files_change_dispose(&change);
    run(bench, &mkdir, 0, false);
}

static void test_write_whose_client_leaves_changes_nothing(void **state)
{
    struct task_bench *bench = *state;
    const struct step write = {"write?arg=/f&create=true", "hello", NULL, NULL};
    struct text body = {0};
    struct task_bench_call call = {
        .target = "/api/v0/files/write?arg=/f&create=true", .piece_max = 1, .leaves_after = 150};
    struct task_bench_reply reply;
    struct cid before = files_root(bench->node->files), after;

    call.content_type = task_bench_file_body(&body, slice_of("hello world, and more of it"));
    call.body = text_slice(&body);
    task_bench_run(bench, &call, &reply);
    task_bench_reply_dispose(&reply);
    text_dispose(&body);
    after = files_root(bench->node->files);
    assert_true(cid_equal(&before, &after));
    run(bench, &write, 0, false); /* and the path is free */
    run(bench, &(struct step){"read?arg=/f", NULL, "hello", NULL}, 0, false);
}

static void test_long_write_is_one_row_of_whole_chunks(void **state)
{
    struct task_bench *bench = *state;
    size_t size = 5000000;
    char *bytes = memory_alloc(size + 1), *stat;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(1 + i % 251);
    run(bench, &(struct step){"write?arg=/f&create=true", bytes, NULL, NULL}, 70000, false);
    stat = task_bench_output(bench, "/api/v0/files/stat?arg=/f");
    assert_non_null(strstr(stat, "\"Size\":5000000,"));
    assert_non_null(strstr(stat, "\"Blocks\":20,")); /* 19 of 262,144 bytes, and the rest */
    run(bench, &(struct step){"read?arg=/f", NULL, bytes, NULL}, 0, false);
    free(stat);
    free(bytes);
}

#define FAR(offset, size)                                                                          \
    "the write offset " offset " is more than 1073741824 bytes beyond the end of the file, which " \
    "has " size ": write nearer to it, in several calls"

static void test_write_far_beyond_the_end_is_refused_and_changes_nothing(void **state)
{
    static const struct step steps[] = {
        {"write?arg=/f&create=true", "hello", NULL, NULL},
        {"write?arg=/f&offset=1152921504606846976", "", NULL, FAR("1152921504606846976", "5")},
        {"write?arg=/f&offset=1073741830", "x", NULL, FAR("1073741830", "5")},
        {"write?arg=/f&offset=1073741825&truncate=true", "x", NULL, FAR("1073741825", "0")},
        {"read?arg=/f", NULL, "hello", NULL},
        {"write?arg=/g&create=true&offset=9223372036854775807", "", NULL,
         FAR("9223372036854775807", "0")},
        {"write?arg=/d/g&create=true&parents=true&offset=1073741825", "x", NULL,
         FAR("1073741825", "0")},
        {"ls?arg=/d", NULL, "{\"Entries\":null}\n", NULL},
        {"read?arg=/g", NULL, NULL, "/g: file does not exist"},
        {"write?arg=/f&offset=5000", "", NULL, NULL},
    };
    struct text body = {0};
    struct task_bench_call call = {.target = "/api/v0/files/write?arg=/f&offset=1073746824",
                                   .leaves_after = 3};
    struct task_bench_reply reply;

    run_all(*state, steps, ARRAY_SIZE(steps), 0, false);
    /* as far as it may be: it begins */
    call.content_type = task_bench_file_body(&body, slice_of("x"));
    call.body = text_slice(&body);
    task_bench_run(*state, &call, &reply);
    assert_string_equal(reply.err.text, "");
    assert_int_equal(reply.slices, 3);
    task_bench_reply_dispose(&reply);
    text_dispose(&body);
}

/* 3 MB over others, 2 MiB at once; tight: with a node that has memory for nothing. */
static size_t held_for_overwrite(struct task_bench *bench, bool tight)
{
    const size_t size = 3000000, much = (size_t)1 << 30;
    char *bytes = memory_alloc(size + 1);
    struct text body = {0};
    struct task_bench_call call = {.target = "/api/v0/files/write?arg=/over", .piece_max = 20011};
    struct task_bench_reply reply;
    size_t held;

    memset(bytes, 'a', size);
    run(bench, &(struct step){"write?arg=/over&create=true", bytes, NULL, NULL}, 0, false);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(1 + (i * 7 ^ i >> 9) % 251);
    call.content_type = task_bench_file_body(&body, slice_of(bytes));
    call.body = text_slice(&body);
    node_hold_memory(bench->node, 0, tight ? much : 0);
    task_bench_run(bench, &call, &reply);
    node_hold_memory(bench->node, tight ? much : 0, 0);
    assert_string_equal(reply.err.text, "");
    held = reply.held_max;
    run(bench, &(struct step){"read?arg=/over", NULL, bytes, NULL}, 0, false);
    task_bench_reply_dispose(&reply);
    text_dispose(&body);
    free(bytes);
    return held;
}

static void test_write_counts_what_it_holds_and_parks_it_when_memory_is_short(void **state)
{
    assert_in_range(held_for_overwrite(*state, false), (2 << 20) - 20011, 8 << 20);
    assert_in_range(held_for_overwrite(*state, true), 0, 64 << 10);
}

static void test_changes_that_nobody_wants_flushed_are_limited(void **state)
{
    struct task_bench *bench = *state;
    char target[64], *message;

    for (unsigned i = 0; i < 256; i++) {
        snprintf(target, sizeof(target), "mkdir?arg=/%u&flush=false", i);
        run(bench, &(struct step){target, NULL, NULL, NULL}, 0, false);
    }
    message = task_bench_failure(bench, "/api/v0/files/mkdir?arg=/x&flush=false");
    assert_non_null(strstr(message, "reached limit of 256 unflushed MFS operations."));
    free(message);
    free(task_bench_output(bench, "/api/v0/files/flush"));
    run(bench, &(struct step){"mkdir?arg=/x&flush=false", NULL, NULL, NULL}, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, task_bench_setup, task_bench_teardown)
        TEST(test_calls_are_answered_as_kubo_does),
        TEST(test_calls_are_answered_alike_in_small_slices),
        TEST(test_files_are_there_when_the_node_is_opened_again),
        TEST(test_command_waits_while_another_changes_the_tree),
        TEST(test_write_whose_client_leaves_changes_nothing),
        TEST(test_long_write_is_one_row_of_whole_chunks),
        TEST(test_write_far_beyond_the_end_is_refused_and_changes_nothing),
        TEST(test_write_counts_what_it_holds_and_parks_it_when_memory_is_short),
        TEST(test_changes_that_nobody_wants_flushed_are_limited),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
