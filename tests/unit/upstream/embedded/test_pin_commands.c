// SPDX-License-Identifier: Apache-2.0
/* pin/add, rm, update, ls, verify. Texts are those of Kubo 0.43.1 without a network. */
#include "pin_stage.h"

#define MISSING "block was not found locally (offline): ipld: could not find "

static void test_pins_are_added_listed_and_removed(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/ls", "{}\n");
    stage_expect(stage, "pin/ls?stream=true", "");
    stage_expect(stage, "pin/add?arg=@right", "{\"Pins\":[\"@right\"]}\n");
    stage_expect(stage, "pin/add?arg=@one&arg=@two&recursive=false&name=a%20name",
                 "{\"Pins\":[\"@one\",\"@two\"]}\n");
    stage_expect(stage, "pin/ls?type=direct&names=true",
                 "{\"Keys\":{\"@two\":{\"Type\":\"direct\",\"Name\":\"a name\"},"
                 "\"@one\":{\"Type\":\"direct\",\"Name\":\"a name\"}}}\n");
    stage_expect(stage, "pin/ls?type=direct&stream=true&names=true",
                 "{\"Cid\":\"@two\",\"Name\":\"a name\",\"Type\":\"direct\"}\n"
                 "{\"Cid\":\"@one\",\"Name\":\"a name\",\"Type\":\"direct\"}\n");
    stage_expect(stage, "pin/ls?type=recursive&stream=true",
                 "{\"Cid\":\"@right\",\"Type\":\"recursive\"}\n");
    stage_expect(stage, "pin/rm?arg=@one&arg=@right", "{\"Pins\":[\"@one\",\"@right\"]}\n");
    stage_expect(stage, "pin/ls?stream=true", "{\"Cid\":\"@two\",\"Type\":\"direct\"}\n");
}

static void test_adding_says_what_is_wrong_in_kubo_s_words(void **state)
{
    struct stage *stage = *state;

    stage_expect_failure(stage, "pin/add?arg=@other", "pin: " MISSING "@gone", "");
    stage_expect_failure(stage, "pin/add?arg=@gone&recursive=false", "pin: " MISSING "@gone", "");
    stage_expect_failure(stage, "pin/add?arg=@root&arg=@gone", "pin: " MISSING "@gone", "");
    stage_expect(stage, "pin/ls?type=recursive&stream=true",
                 "{\"Cid\":\"@root\",\"Type\":\"recursive\"}\n"); /* before the one that failed */
    stage_expect_failure(stage, "pin/add?arg=@root&recursive=false",
                         "pin: @root already pinned recursively", "");
    stage_expect(stage, "pin/add?arg=@other&recursive=false", "{\"Pins\":[\"@other\"]}\n");
}

static void test_a_name_is_at_most_255_bytes(void **state)
{
    struct stage *stage = *state;
    struct text target = {0};

    text_put_text(&target, "pin/add?arg=@root&name=");
    for (int i = 0; i < 256; i++)
        text_put_char(&target, 'x');
    stage_expect_failure(stage, target.data, "pin name is 256 bytes (max 255 bytes)", "");
    text_dispose(&target);
}

static void test_pinning_again_renames(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root&name=first", "{\"Pins\":[\"@root\"]}\n");
    stage_expect(stage, "pin/add?arg=@root&name=second", "{\"Pins\":[\"@root\"]}\n");
    stage_expect(stage, "pin/ls?type=recursive&stream=true&name=sec",
                 "{\"Cid\":\"@root\",\"Name\":\"second\",\"Type\":\"recursive\"}\n");
    stage_expect(stage, "pin/ls?type=recursive&stream=true&name=fir", "");
    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    stage_expect(stage, "pin/ls?type=recursive&stream=true&names=true",
                 "{\"Cid\":\"@root\",\"Type\":\"recursive\"}\n");
}

/* root, left, right: the links' texts; one, two. */
static void test_progress_counts_distinct_blocks(void **state)
{
    struct stage *stage = *state;
    struct text reply = {0};
    size_t bytes = 0;

    for (size_t i = ONE; i <= ROOT; i++)
        bytes += stage->dag.blocks[i].data.size;
    text_put_format(&reply, "{\"Progress\":5,\"Bytes\":%zu}\n{\"Pins\":[\"@root\"]}\n", bytes);
    stage_expect(stage, "pin/add?arg=@root&progress=true", reply.data);
    text_dispose(&reply);
    stage_expect(stage, "pin/add?arg=@one&progress=true&recursive=false",
                 "{\"Pins\":[\"@one\"]}\n");
}

static void test_v0_and_v1_of_one_block_are_two_pins(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@old&name=zero", "{\"Pins\":[\"@old\"]}\n");
    stage_expect_failure(stage, "pin/rm?arg=@left", "not pinned or pinned indirectly", "");
    stage_expect(stage, "pin/add?arg=@left&name=one", "{\"Pins\":[\"@left\"]}\n");
    stage_expect(stage, "pin/ls?arg=@old&arg=@left&stream=true&names=true",
                 "{\"Cid\":\"@old\",\"Name\":\"zero\",\"Type\":\"recursive\"}\n"
                 "{\"Cid\":\"@left\",\"Name\":\"one\",\"Type\":\"recursive\"}\n");
    stage_expect(stage, "pin/add?arg=@old&cid-base=base32", "{\"Pins\":[\"@left\"]}\n");
}

static void test_removing_says_what_is_wrong_in_kubo_s_words(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root&arg=@right", "{\"Pins\":[\"@root\",\"@right\"]}\n");
    stage_expect_failure(stage, "pin/rm?arg=@left", "not pinned or pinned indirectly", "");
    stage_expect_failure(stage, "pin/rm?arg=@root&recursive=false", "@root is pinned recursively",
                         "");
    stage_expect_failure(stage, "pin/rm?arg=@right&arg=@gone", "not pinned or pinned indirectly",
                         "");
    stage_expect(stage, "pin/ls?type=recursive&stream=true",
                 "{\"Cid\":\"@root\",\"Type\":\"recursive\"}\n"); /* before the one that failed */
}

static void test_updates_move_a_pin(void **state)
{
    struct stage *stage = *state;

    stage_expect_failure(stage, "pin/update?arg=@left&arg=@root",
                         "'from' cid was not recursively pinned already", "");
    stage_expect(stage, "pin/add?arg=@left&name=kept", "{\"Pins\":[\"@left\"]}\n");
    stage_expect(stage, "pin/update?arg=@left&arg=@left", "{\"Pins\":[\"@left\",\"@left\"]}\n");
    stage_expect_failure(stage, "pin/update?arg=@left&arg=@gone", "get @gone: " MISSING "@gone",
                         "");
    stage_expect_failure(stage, "pin/update?arg=@left&arg=@other", MISSING "@gone", "");
    stage_expect(stage, "pin/update?arg=@left&arg=@root", "{\"Pins\":[\"@left\",\"@root\"]}\n");
    stage_expect(stage, "pin/ls?type=recursive&stream=true&names=true",
                 "{\"Cid\":\"@root\",\"Name\":\"kept\",\"Type\":\"recursive\"}\n");
    stage_expect(stage, "pin/update?arg=@root&arg=@right&unpin=false",
                 "{\"Pins\":[\"@root\",\"@right\"]}\n");
    stage_expect_failure(stage, "pin/update?arg=@right&arg=@root",
                         "'to' cid was already recursively pinned", "");
}

static void test_listing_finds_what_lies_below_pins(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    stage_expect(stage, "pin/add?arg=@two&recursive=false&name=mine", "{\"Pins\":[\"@two\"]}\n");
    stage_expect(stage, "pin/ls?stream=true",
                 "{\"Cid\":\"@root\",\"Type\":\"recursive\"}\n"
                 "{\"Cid\":\"@two\",\"Type\":\"direct\"}\n"
                 "{\"Cid\":\"@left\",\"Type\":\"indirect\"}\n"
                 "{\"Cid\":\"@one\",\"Type\":\"indirect\"}\n"
                 "{\"Cid\":\"@right\",\"Type\":\"indirect\"}\n");
    stage_expect(stage, "pin/ls?type=indirect&stream=true",
                 "{\"Cid\":\"@left\",\"Type\":\"indirect\"}\n"
                 "{\"Cid\":\"@one\",\"Type\":\"indirect\"}\n"
                 "{\"Cid\":\"@right\",\"Type\":\"indirect\"}\n");
    stage_expect(stage, "pin/ls?name=min",
                 "{\"Keys\":{\"@two\":{\"Type\":\"direct\",\"Name\":\"mine\"}}}\n");
    stage_expect(stage, "pin/ls?arg=@left&arg=@root&arg=@two&stream=true",
                 "{\"Cid\":\"@left\",\"Type\":\"indirect through @root\"}\n"
                 "{\"Cid\":\"@root\",\"Type\":\"recursive\"}\n"
                 "{\"Cid\":\"@two\",\"Type\":\"direct\"}\n");
    stage_expect(stage, "pin/ls?arg=@two&type=indirect",
                 "{\"Keys\":{\"@two\":{\"Type\":\"indirect through @root\",\"Name\":\"\"}}}\n");
}

static void test_listing_says_what_is_wrong_in_kubo_s_words(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root", "{\"Pins\":[\"@root\"]}\n");
    stage_expect_failure(stage, "pin/ls?type=bad",
                         "invalid type 'bad', must be one of {direct, indirect, recursive, all}",
                         "");
    stage_expect_failure(stage, "pin/ls?arg=@other", "path '@other' is not pinned", "");
    stage_expect_failure(stage, "pin/ls?arg=@root&type=direct", "path '@root' is not pinned", "");
    stage_expect_failure(stage, "pin/ls?arg=@root&type=indirect", "path '@root' is not pinned", "");
    stage_lose(stage, LEFT);
    stage_expect_failure(stage, "pin/ls?type=indirect", MISSING "@left", "");
}

static void test_a_listing_of_many_pages_is_whole(void **state)
{
    struct stage *stage = *state;
    struct task_bench_reply reply;
    struct error err = {0};
    size_t lines = 0;

    for (unsigned n = 0; n < 600; n++) {
        struct cid cid;

        hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256,
                      (struct slice){(const char *)&n, sizeof(n)});
        assert_true(pins_add(stage->bench->node->pins, &cid, n % 2 ? PIN_DIRECT : PIN_RECURSIVE,
                             SLICE(""), &err));
    }
    stage_run(stage, "pin/ls?type=recursive&stream=true", &reply);
    for (size_t i = 0; i < reply.output.size; i++)
        lines += reply.output.data[i] == '\n';
    assert_int_equal(lines, 300);
    task_bench_reply_dispose(&reply);
    stage_run(stage, "pin/ls?type=direct", &reply);
    lines = 0;
    for (const char *at = reply.output.data; (at = strstr(at, "\"Type\":\"direct\"")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 300);
    task_bench_reply_dispose(&reply);
}

static void test_verifying_names_what_is_bad(void **state)
{
    struct stage *stage = *state;

    stage_expect(stage, "pin/add?arg=@root&arg=@left", "{\"Pins\":[\"@root\",\"@left\"]}\n");
    stage_expect(stage, "pin/verify", "");
    stage_expect(stage, "pin/verify?verbose=true",
                 "{\"Cid\":\"@root\",\"Ok\":true}\n{\"Cid\":\"@left\",\"Ok\":true}\n");
    stage_expect_failure(stage, "pin/verify?verbose=true&quiet=true",
                         "the --verbose and --quiet options can not be used at the same time", "");
    stage_lose(stage, TWO);
    stage_expect(
        stage, "pin/verify",
        "{\"Cid\":\"@root\",\"BadNodes\":[{\"Cid\":\"@two\",\"Err\":\"" MISSING "@two\"}]}\n"
        "{\"Cid\":\"@left\",\"BadNodes\":[{\"Cid\":\"@two\",\"Err\":\"" MISSING "@two\"}]}\n");
    stage_expect(stage, "pin/verify?quiet=true", "{\"Cid\":\"@root\"}\n{\"Cid\":\"@left\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_pins_are_added_listed_and_removed),
        STAGE_TEST(test_adding_says_what_is_wrong_in_kubo_s_words),
        STAGE_TEST(test_a_name_is_at_most_255_bytes),
        STAGE_TEST(test_pinning_again_renames),
        STAGE_TEST(test_progress_counts_distinct_blocks),
        STAGE_TEST(test_v0_and_v1_of_one_block_are_two_pins),
        STAGE_TEST(test_removing_says_what_is_wrong_in_kubo_s_words),
        STAGE_TEST(test_updates_move_a_pin),
        STAGE_TEST(test_listing_finds_what_lies_below_pins),
        STAGE_TEST(test_listing_says_what_is_wrong_in_kubo_s_words),
        STAGE_TEST(test_a_listing_of_many_pages_is_whole),
        STAGE_TEST(test_verifying_names_what_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
