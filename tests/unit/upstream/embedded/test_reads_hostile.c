// SPDX-License-Identifier: Apache-2.0
/* Objects that nobody makes but whoever wants a node to recurse, to hang or to run out of memory.
 */
#include "task_bench.h"

#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/unixfs.h"
#include "upstream/embedded/link_stack.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- making them: in a task, which writes many blocks at once */

struct maker {
    void (*make)(struct task *task, struct maker *maker);
    struct cid root;
};

static struct cid put(struct task *task, uint64_t codec, const struct text *block)
{
    struct error err = {0};
    struct cid cid;

    hash_make_cid(&cid, 1, codec, HASH_SHA2_256, text_slice(block));
    if (!task_put(task, &cid, text_slice(block), &err))
        fail_msg("%s", err.text);
    return cid;
}

static void put_link(struct text *block, const struct cid *cid, const char *name)
{
    struct dag_pb_link link = {.cid = *cid, .name = slice_of(name), .has_name = true};

    dag_pb_put_link(block, &link);
}

static void put_unixfs(struct text *block, const struct unixfs *unixfs)
{
    struct text message = {0};

    unixfs_put(&message, unixfs, NULL, 0);
    dag_pb_put_data(block, text_slice(&message));
    text_dispose(&message);
}

static struct cid put_raw(struct task *task, const char *content)
{
    struct text block = {0};
    struct cid cid;

    text_put_text(&block, content);
    cid = put(task, CODEC_RAW, &block);
    text_dispose(&block);
    return cid;
}

/* A node of that type with so many links of one name to one child. */
static struct cid put_node(struct task *task, const struct unixfs *unixfs, const struct cid *child,
                           const char *name, size_t count)
{
    struct text block = {0};
    struct cid cid;

    for (size_t i = 0; i < count; i++)
        put_link(&block, child, name);
    put_unixfs(&block, unixfs);
    cid = put(task, CODEC_DAG_PB, &block);
    text_dispose(&block);
    return cid;
}

static enum task_step run_maker(struct task *task, struct error *err)
{
    struct maker *maker = task->arg;

    (void)err;
    maker->make(task, maker);
    return TASK_DONE;
}

static const struct task_command command_make = {
    .id = COMMAND_VERSION, .run = run_maker, .writes = true};

static struct cid made(struct task_bench *bench,
                       void (*make)(struct task *task, struct maker *maker))
{
    struct maker maker = {.make = make};
    struct task_bench_call call = {
        .target = "/api/v0/version", .command = &command_make, .arg = &maker};
    struct task_bench_reply reply;

    task_bench_run(bench, &call, &reply);
    assert_int_equal(reply.err.code, ERROR_NONE);
    task_bench_reply_dispose(&reply);
    return maker.root;
}

/* ---- asking for them */

static const char *const readers[] = {"cat",
                                      "get",
                                      "get?archive=true&compress=true",
                                      "ls",
                                      "ls?stream=true",
                                      "refs?recursive=true",
                                      "refs?recursive=true&unique=true&max-depth=100000"};

static void ask(struct task_bench *bench, const char *command, const struct cid *root,
                unsigned leaves_after, struct task_bench_reply *reply)
{
    struct task_bench_call call = {.leaves_after = leaves_after};
    struct text target = {0};

    text_put_format(&target, "/api/v0/%s%carg=", command, strchr(command, '?') != NULL ? '&' : '?');
    cid_print(root, CID_BASE_DEFAULT, &target);
    call.target = target.data;
    task_bench_run(bench, &call, reply);
    text_dispose(&target);
}

static const struct unixfs file = {.type = UNIXFS_FILE};
static const struct unixfs directory = {.type = UNIXFS_DIRECTORY};

static void make_deep_file(struct task *task, struct maker *maker)
{
    maker->root = put_raw(task, "bottom");
    for (int i = 0; i < LINK_STACK_DEPTH_MAX + 10; i++)
        maker->root = put_node(task, &file, &maker->root, "", 1);
}

static void make_deep_directory(struct task *task, struct maker *maker)
{
    maker->root = put_raw(task, "bottom");
    for (int i = 0; i < LINK_STACK_DEPTH_MAX + 10; i++)
        maker->root = put_node(task, &directory, &maker->root, ".", 1); /* or names grow, too */
}

static void test_reads_refuse_what_is_deeper_than_they_go(void **state)
{
    struct cid deep_file = made(*state, make_deep_file);
    struct cid deep_directory = made(*state, make_deep_directory);
    struct task_bench_reply reply;

    ask(*state, "cat", &deep_file, 0, &reply);
    assert_int_equal(reply.err.code, ERROR_LIMIT);
    task_bench_reply_dispose(&reply);
    ask(*state, "get", &deep_directory, 0, &reply);
    assert_int_equal(reply.err.code, ERROR_LIMIT);
    task_bench_reply_dispose(&reply);
    ask(*state, "refs?recursive=true", &deep_file, 0, &reply);
    assert_int_equal(reply.err.code, ERROR_NONE); /* a line says it */
    assert_non_null(strstr(reply.output.data, "deeper than"));
    task_bench_reply_dispose(&reply);
}

/* 2^60 leaves without a byte. */
static void make_endless_file(struct task *task, struct maker *maker)
{
    maker->root = put_node(task, &file, &maker->root, "", 0);
    for (int i = 0; i < 60; i++)
        maker->root = put_node(task, &file, &maker->root, "", 2);
}

/* 256^7 shards without an entry. */
static void make_endless_shards(struct task *task, struct maker *maker)
{
    static const char bits[32] = {[0 ... 31] = (char)0xff};
    struct unixfs shard = {.type = UNIXFS_HAMT,
                           .hash = UNIXFS_HASH_MURMUR3,
                           .fanout = 256,
                           .has_data = true,
                           .data = {bits, sizeof(bits)}};

    maker->root = put_node(task, &shard, &maker->root, "00", 0);
    for (int i = 0; i < 7; i++)
        maker->root = put_node(task, &shard, &maker->root, "00", 256);
}

/* Each slice must end, so that a client who leaves ends the task. */
static void test_reads_of_what_has_no_end_stop_at_slices(void **state)
{
    struct cid roots[] = {made(*state, make_endless_file), made(*state, make_endless_shards)};

    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        for (size_t j = 0; j < ARRAY_SIZE(readers); j++) {
            struct task_bench_reply reply;

            ask(*state, readers[j], &roots[i], 3, &reply);
            assert_true(reply.slices <= 3);
            task_bench_reply_dispose(&reply);
        }
}

static void make_deep_shards(struct task *task, struct maker *maker)
{
    static const char bits[1] = {1};
    struct unixfs shard = {.type = UNIXFS_HAMT,
                           .hash = UNIXFS_HASH_MURMUR3,
                           .fanout = 8,
                           .has_data = true,
                           .data = {bits, sizeof(bits)}};

    maker->root = put_node(task, &shard, &maker->root, "0", 0);
    for (int i = 0; i < 30; i++) /* murmur3 has bits for 21 */
        maker->root = put_node(task, &shard, &maker->root, "0", 1);
}

static void test_reads_refuse_shards_below_what_the_hash_reaches(void **state)
{
    struct cid root = made(*state, make_deep_shards);
    struct task_bench_reply reply;

    for (size_t i = 0; i < 2; i++) {
        ask(*state, i == 0 ? "ls" : "get", &root, 0, &reply);
        assert_string_equal(reply.err.text, "sharded directory too deep");
        task_bench_reply_dispose(&reply);
    }
}

enum { WIDE_LINKS = 30000, WIDE_LEVELS = 8 };

/* Each level has its lower one in the middle of many links: some 10 MiB of lists in all. */
static void make_wide(struct task *task, struct maker *maker)
{
    struct cid leaf = put_raw(task, "leaf");

    maker->root = leaf;
    for (int level = 0; level < WIDE_LEVELS; level++) {
        struct text block = {0};

        for (int i = 0; i < WIDE_LINKS; i++)
            put_link(&block, i == WIDE_LINKS / 2 ? &maker->root : &leaf, "");
        put_unixfs(&block, &file);
        maker->root = put(task, CODEC_DAG_PB, &block);
        text_dispose(&block);
    }
}

static size_t lines_of(const struct text *output)
{
    size_t lines = 0;

    for (size_t i = 0; i < output->size; i++)
        lines += output->data[i] == '\n';
    return lines;
}

static void test_reads_come_back_to_links_that_they_gave_up(void **state)
{
    struct cid root = made(*state, make_wide);
    struct task_bench_reply reply;

    ask(*state, "cat", &root, 0, &reply);
    assert_int_equal(reply.err.code, ERROR_NONE);
    assert_int_equal(reply.output.size, ((WIDE_LINKS - 1) * WIDE_LEVELS + 1) * strlen("leaf"));
    task_bench_reply_dispose(&reply);
    ask(*state, "refs?recursive=true", &root, 0, &reply);
    assert_int_equal(reply.err.code, ERROR_NONE);
    assert_int_equal(lines_of(&reply.output), WIDE_LINKS * WIDE_LEVELS);
    task_bench_reply_dispose(&reply);
}

static bool list_wide(struct text *list, const struct cid *cid, struct slice block,
                      struct error *err)
{
    (void)block, (void)err;
    for (int i = 0; i < WIDE_LINKS; i++) {
        struct stacked_link link = {.cid = *cid};

        link_list_put(list, &link);
    }
    return true;
}

static void test_link_stack_keeps_within_its_bytes_however_many_levels(void **state)
{
    struct link_stack *stack = link_stack_create(list_wide);
    struct cid cid;
    size_t before = mallinfo2().uordblks, after;

    (void)state;
    hash_make_cid(&cid, 1, CODEC_DAG_PB, HASH_SHA2_256, SLICE("x"));
    for (int i = 0; i < 100; i++)
        assert_true(link_stack_push(stack, &cid, SLICE(""), 0, NULL));
    after = mallinfo2().uordblks;
    assert_true(after - before < 2 * LINK_STACK_BYTES_MAX);
    link_stack_destroy(&stack);
}

static void make_short_file(struct task *task, struct maker *maker)
{
    struct unixfs liar = {.type = UNIXFS_FILE,
                          .has_file_size = true,
                          .file_size = 20,
                          .stat = {.has_mtime = true, .mtime_s = 5}};
    struct cid leaf = put_raw(task, "seventeen bytes");

    maker->root = put_node(task, &liar, &leaf, "", 1);
}

/* Kubo ends such a TAR file in the middle, and says nothing. */
static void test_get_says_that_a_file_is_shorter_than_it_says(void **state)
{
    struct cid root = made(*state, make_short_file);
    struct task_bench_reply reply;

    ask(*state, "get", &root, 0, &reply);
    assert_string_equal(reply.err.text, "archive/tar: missed writing 5 bytes");
    task_bench_reply_dispose(&reply);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, task_bench_setup, task_bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_refuse_what_is_deeper_than_they_go),
        TEST(test_reads_of_what_has_no_end_stop_at_slices),
        TEST(test_reads_refuse_shards_below_what_the_hash_reaches),
        TEST(test_reads_come_back_to_links_that_they_gave_up),
        cmocka_unit_test(test_link_stack_keeps_within_its_bytes_however_many_levels),
        TEST(test_get_says_that_a_file_is_shorter_than_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
