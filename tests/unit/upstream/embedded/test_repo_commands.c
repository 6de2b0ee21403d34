// SPDX-License-Identifier: Apache-2.0
/* repo/gc, repo/verify, repo/stat, repo/ls, refs/local. */
#include "pin_stage.h"

#define MISSING "block was not found locally (offline): ipld: could not find "

/* ---- garbage */

static void expect_blocks(struct stage *stage, const char *wanted)
{
    for (size_t i = 0; i < OLD; i++)
        if (stage_has(stage, i) != (wanted[i] == '1'))
            fail_msg("%s: %s", stage_names[i], wanted[i] == '1' ? "it is gone" : "it is there");
}

static void test_garbage_is_what_no_pin_reaches(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@left", "{\"Pins\":[\"@left\"]}\n");
    stage_expect(stage, "pin/add?arg=@other&recursive=false", "{\"Pins\":[\"@other\"]}\n");
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "1110001"); /* one, two, left; other, whose own block it is */
    stage_expect(stage, "pin/rm?arg=@left&arg=@other", "{\"Pins\":[\"@left\",\"@other\"]}\n");
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "0000000");
    assert_int_equal(blocks_totals(stage->bench->node->blocks).disk_bytes, 0);
}

static void test_a_pin_of_any_form_keeps_the_block(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@old", "{\"Pins\":[\"@old\"]}\n");
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "1110000");
}

static void test_garbage_is_named_line_by_line(void **state)
{
    struct stage *stage = *state;
    struct text line = {0};
    struct cid raw;

    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    cid_make(&raw, 1, CODEC_RAW, HASH_SHA2_256, cid_digest(&stage->cids[OTHER]), 32);
    text_put_text(&line, "{\"Key\":{\"/\":\"");
    cid_print(&raw, CID_BASE_DEFAULT, &line);
    text_put_text(&line, "\"}}\n");
    stage_expect(stage, "repo/gc", line.data);
    stage_expect(stage, "repo/gc", "");
    expect_blocks(stage, "1111100");
    text_dispose(&line);
}

static void test_what_the_files_reach_is_no_garbage(void **state)
{
    struct stage *stage = *state;
    struct cid root = stage->cids[OTHER];
    struct error err = {0};

    assert_true(pins_put_value(stage->bench->node->pins, FILES_ROOT_KEY,
                               (struct slice){(const char *)root.bytes, root.size}, &err));
    task_bench_reopen(stage->bench);
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "0000001"); /* what it links to may be missing, as in Kubo */
}

static void test_nothing_goes_while_a_pinned_block_is_missing(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    stage_lose(stage, RIGHT);
    stage_expect_failure(stage, "repo/gc",
                         "could not retrieve links for @right, which the pin @root needs: " MISSING
                         "@right; garbage collection aborted: could not retrieve some links",
                         "");
    stage_expect_failure(stage, "repo/gc?stream-errors=true", "encountered errors during gc run",
                         "{\"Key\":null,\"Error\":\"could not retrieve links for @right, which the "
                         "pin @root needs: " MISSING
                         "@right; garbage collection aborted: could not retrieve some links\"}\n");
    expect_blocks(stage, "1110101");
    stage_store(stage, RIGHT); /* the gate is open again */
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "1111100");
}

static void test_nothing_goes_while_a_pinned_block_is_damaged(void **state)
{
    struct stage *stage = *state;
    struct task_bench_reply reply;

    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    stage_damage(stage, LEFT);
    stage_run(stage, "repo/gc", &reply);
    assert_int_equal(reply.err.code, ERROR_MISMATCH);
    assert_non_null(strstr(reply.err.text, "the block's bytes are damaged"));
    assert_int_equal(reply.output.size, 0);
    task_bench_reply_dispose(&reply);
    expect_blocks(stage, "1111101");
    stage_store(stage, LEFT); /* which repairs it */
    stage_expect(stage, "repo/gc?silent=true", "");
    expect_blocks(stage, "1111100");
}

static void test_garbage_waits_for_who_writes(void **state)
{
    struct stage *stage = *state;
    struct task_bench_reply reply;

    assert_true(node_begin_write(stage->bench->node));
    task_bench_run(stage->bench,
                   &(struct task_bench_call){.target = "/api/v0/repo/gc", .leaves_after = 3},
                   &reply);
    assert_int_equal(reply.slices, 3);
    assert_int_equal(reply.err.code, ERROR_NONE);
    task_bench_reply_dispose(&reply);
    expect_blocks(stage, "1111101");
    node_end_write(stage->bench->node);
    assert_true(node_begin_write(stage->bench->node)); /* who left has opened the gate */
    node_end_write(stage->bench->node);
}

static void test_garbage_is_collected_once_at_a_time(void **state)
{
    struct stage *stage = *state;

    assert_true(node_close_gate(stage->bench->node));
    stage_expect_failure(stage, "repo/gc",
                         "garbage is being collected; try again when it has ended", "");
    node_open_gate(stage->bench->node);
    stage_expect(stage, "repo/gc?silent=true", "");
}

/* Many more than a page, and all but some are pinned. */
static void test_much_garbage_goes_page_by_page(void **state)
{
    struct stage *stage = *state;
    struct node *node = stage->bench->node;
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;
    struct error err = {0};
    struct cid cid;

    for (unsigned n = 0; n < 3000; n++) {
        struct slice block = {(const char *)&n, sizeof(n)};

        hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256, block);
        assert_true(blocks_write_put(write, &cid, block, &err));
        if (n % 10 == 0)
            assert_true(
                pins_add(node->pins, &cid, n % 20 ? PIN_DIRECT : PIN_RECURSIVE, SLICE(""), &err));
    }
    assert_true(blocks_write_now(node->blocks, &write, &written, &err));
    stage_expect(stage, "repo/gc?silent=true", "");
    assert_int_equal(blocks_totals(node->blocks).count, 300);
    stage_expect(stage, "pin/verify", "");
}

/* ---- the repository */

static void test_verifying_reads_every_block(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "repo/verify",
                 "{\"Msg\":\"\",\"Progress\":1}\n{\"Msg\":\"\",\"Progress\":2}\n"
                 "{\"Msg\":\"\",\"Progress\":3}\n{\"Msg\":\"\",\"Progress\":4}\n"
                 "{\"Msg\":\"\",\"Progress\":5}\n{\"Msg\":\"\",\"Progress\":6}\n"
                 "{\"Msg\":\"verify complete, all blocks validated.\",\"Progress\":0}\n");
    stage_expect_failure(stage, "repo/verify?heal=true",
                         "this command must be run in online mode. Try running 'ipfs daemon' first",
                         "");
}

static void expect_verified(struct stage *stage, const char *target, const char *failure,
                            const char *in_output)
{
    struct task_bench_reply reply;

    stage_run(stage, target, &reply);
    assert_string_equal(reply.err.text, failure);
    if (strstr(reply.output.data, in_output) == NULL)
        fail_msg("'%s' is not in: %s", in_output, reply.output.data);
    task_bench_reply_dispose(&reply);
}

static void test_what_is_damaged_is_named_and_stored_anew_by_a_put(void **state)
{
    struct stage *stage = *state;

    stage_damage(stage, ONE);
    stage_damage(stage, ROOT);
    expect_verified(stage, "repo/verify", "verify complete, 2 blocks corrupt",
                    "the block's bytes are damaged)\",\"Progress\":0}");
    stage_store(stage, ONE);
    expect_verified(stage, "repo/verify", "verify complete, 1 blocks corrupt", " was corrupt (");
    expect_verified(stage, "repo/verify?drop=true", "",
                    "{\"Msg\":\"verify complete, 1 blocks corrupt, 1 removed\",\"Progress\":0}");
    expect_blocks(stage, "1111001");
    expect_verified(stage, "repo/verify", "", "all blocks validated");
    stage_store(stage, ROOT);
    expect_verified(stage, "repo/verify", "", "all blocks validated");
    expect_blocks(stage, "1111101");
}

static void test_the_repository_says_how_large_it_is(void **state)
{
    struct stage *stage = *state;
    struct task_bench_reply reply;
    char wanted[160];

    stage_run(stage, "repo/stat", &reply);
    assert_int_equal(strncmp(reply.output.data, "{\"RepoSize\":", 12), 0);
    snprintf(wanted, sizeof(wanted),
             ",\"NumObjects\":6,\"RepoPath\":\"%s/blocks\",\"Version\":\"fs-repo@18\"}\n",
             stage->bench->folder);
    assert_non_null(strstr(reply.output.data, wanted));
    task_bench_reply_dispose(&reply);
    stage_run(stage, "stats/repo?size-only=true", &reply);
    assert_non_null(
        strstr(reply.output.data, ",\"NumObjects\":0,\"RepoPath\":\"\",\"Version\":\"\"}\n"));
    task_bench_reply_dispose(&reply);
}

static void test_the_repository_names_its_blocks(void **state)
{
    struct stage *stage = *state;
    struct task_bench_reply local, listed;
    char *one = stage_expand(stage, "{\"Ref\":\"@one\",\"Err\":\"\"}\n");
    size_t lines = 0;

    stage_run(stage, "repo/ls", &listed);
    stage_run(stage, "refs/local", &local);
    assert_true(slice_equal(text_slice(&local.output), text_slice(&listed.output)));
    assert_non_null(strstr(listed.output.data, one));
    for (size_t i = 0; i < listed.output.size; i++)
        lines += listed.output.data[i] == '\n';
    assert_int_equal(lines, 6);
    task_bench_reply_dispose(&local);
    task_bench_reply_dispose(&listed);
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_garbage_is_what_no_pin_reaches),
        STAGE_TEST(test_a_pin_of_any_form_keeps_the_block),
        STAGE_TEST(test_garbage_is_named_line_by_line),
        STAGE_TEST(test_what_the_files_reach_is_no_garbage),
        STAGE_TEST(test_nothing_goes_while_a_pinned_block_is_missing),
        STAGE_TEST(test_nothing_goes_while_a_pinned_block_is_damaged),
        STAGE_TEST(test_garbage_waits_for_who_writes),
        STAGE_TEST(test_garbage_is_collected_once_at_a_time),
        STAGE_TEST(test_much_garbage_goes_page_by_page),
        STAGE_TEST(test_verifying_reads_every_block),
        STAGE_TEST(test_what_is_damaged_is_named_and_stored_anew_by_a_put),
        STAGE_TEST(test_the_repository_says_how_large_it_is),
        STAGE_TEST(test_the_repository_names_its_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
