// SPDX-License-Identifier: Apache-2.0
#include "http/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct framing_limits limits = {.trailer_size = 64, .extension_size = 16};

/* What a decoder made of an input. */
struct outcome {
    enum decode_result result;
    struct text content, trailers;
    size_t used;
    const char *fault;
};

static void outcome_dispose(struct outcome *outcome)
{
    text_dispose(&outcome->content);
    text_dispose(&outcome->trailers);
}

/* Decodes input in pieces that end at the given places, with room for so many vectors at a time. */
static void decode(struct outcome *outcome, enum body_framing kind, uint64_t length,
                   struct slice input, const size_t *ends, size_t end_count, int room)
{
    struct decoder decoder;

    *outcome = (struct outcome){.result = DECODE_MORE};
    decoder_init(&decoder, kind, length, &limits);
    for (size_t i = 0; i < end_count && outcome->result == DECODE_MORE; i++) {
        size_t size = ends[i] - outcome->used;
        char *piece = malloc(size + 1); /* of its own, so that nothing beside it can be touched */
        size_t at = 0;

        memcpy(piece, input.data + outcome->used, size);
        while (at < size && outcome->result == DECODE_MORE) {
            struct iovec content[8];
            int count = room;
            size_t used;

            outcome->result = decoder_read(&decoder, piece + at, size - at, &used, content, &count);
            assert_true(count <= room && used <= size - at);
            assert_true(used > 0 || outcome->result == DECODE_BAD);
            for (int j = 0; j < count; j++)
                text_put(&outcome->content, content[j].iov_base, content[j].iov_len);
            at += used;
            if (outcome->result == DECODE_DONE)
                break;
        }
        outcome->used += at;
        free(piece);
        if (outcome->result == DECODE_MORE && at < size)
            break;
    }
    if (decoder.is_done)
        outcome->result = DECODE_DONE;
    outcome->fault = decoder.fault;
    text_put_slice(&outcome->trailers, text_slice(&decoder.trailers));
    decoder_dispose(&decoder);
}

static void decode_whole(struct outcome *outcome, enum body_framing kind, uint64_t length,
                         const char *input)
{
    size_t end = strlen(input);

    decode(outcome, kind, length, slice_of(input), &end, 1, 8);
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    return a->result == b->result &&
           slice_equal(text_slice(&a->content), text_slice(&b->content)) &&
           slice_equal(text_slice(&a->trailers), text_slice(&b->trailers)) &&
           a->fault == b->fault && (a->result == DECODE_BAD || a->used == b->used);
}

/* ---- chunks */

static const struct chunked_case {
    const char *input, *content, *trailers;
    size_t rest; /* bytes behind the body */
} good[] = {
    {"0\r\n\r\n", "", "", 0},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", "", 0},
    {"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "hello", "", 0},
    {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789", "", 0},
    {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "", 0},
    {"00005\r\nhello\r\n000\r\n\r\n", "hello", "", 0},
    {"5;a=b\r\nhello\r\n0;last\r\n\r\n", "hello", "", 0},
    {"5;0123456789abcdef\r\nhello\r\n0\r\n\r\n", "hello", "", 0},
    {"5;\r\nhello\r\n0\r\n\r\n", "hello", "", 0},
    {"5;a=\"\t b\"\r\nhello\r\n0\r\n\r\n", "hello", "", 0},
    {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "", 0},
    {"3\r\n0\r\n\r\n0\r\n\r\n", "0\r\n", "", 0},
    {"5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "hello", "", 16},
    {"0\r\nX-A: 1\r\n\r\n", "", "X-A: 1\r\n", 0},
    {"0\r\nX-A:1\r\nx-b:\r\n\r\nrest", "", "X-A:1\r\nx-b:\r\n", 4},
    {"0\r\nX-A: \xc3\xa9\t\r\n\r\n", "", "X-A: \xc3\xa9\t\r\n", 0},
    {"0\r\nContent-Length: 5\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nHOST: x\r\n\r\n", "",
     "X-A: 1\r\n", 0},
};

static const struct {
    const char *input, *fault;
} bad[] = {
    {"\r\n", "a chunk size is not a plain hexadecimal number"},
    {" 5\r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"+5\r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"-5\r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"0x5\r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"5 \r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"5 ;a\r\nhello\r\n", "a chunk size is not a plain hexadecimal number"},
    {"5\nhello\n", "a chunk size is not a plain hexadecimal number"},
    {"g\r\n", "a chunk size is not a plain hexadecimal number"},
    {";a\r\n", "a chunk size is not a plain hexadecimal number"},
    {"5_0\r\n", "a chunk size is not a plain hexadecimal number"},
    {"5\r\r\nhello", "a chunk size line does not end with CR LF"},
    {"5\rhello", "a chunk size line does not end with CR LF"},
    {"0000000000000005\r\nhello\r\n", "a chunk size has too many digits"},
    {"ffffffffffffffff\r\nhello\r\n", "a chunk size has too many digits"},
    {"10000000000000000\r\nhello\r\n", "a chunk size has too many digits"},
    {"5;0123456789abcdefg\r\nhello\r\n", "a chunk extension is larger than is allowed"},
    {"5;a\nb\r\nhello\r\n", "a chunk extension has a control character"},
    {"5;a\x7f\r\nhello\r\n", "a chunk extension has a control character"},
    {"5;a\rb\r\n", "a chunk size line does not end with CR LF"},
    {"5\r\nhello!\r\n", "a chunk is longer than its size"},
    {"5\r\nhello\n0\r\n\r\n", "a chunk is longer than its size"},
    {"5\r\nhello\r0\r\n\r\n", "a chunk does not end with CR LF"},
    {"5\r\nhello0\r\n\r\n", "a chunk is longer than its size"},
    {"0\r\nX-A: 1\n\r\n", "a trailer line does not end with CR LF"},
    {"0\r\n\n", "a trailer line does not end with CR LF"},
    {"0\r\n\r\r", "a trailer line does not end with CR LF"},
    {"0\r\nX-A: 1\r\r\n", "a trailer line does not end with CR LF"},
    {"0\r\nX-A\r\n\r\n", "a trailer line is not a header"},
    {"0\r\n: 1\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX A: 1\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX-A : 1\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX-A: 1\r\n folded\r\n\r\n", "a trailer line is not a header"},
    {"0\r\n X-A: 1\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX-A: \x01\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX-A: \x7f\r\n\r\n", "a trailer line is not a header"},
    {"0\r\nX-A: 0123456789012345678901234567890123456789012345678901234567890\r\n\r\n",
     "the trailers are larger than is allowed"},
    {"0\r\nX-A: 012345678901234567890123\r\nX-B: 0123456789012345678901234567890\r\n\r\n",
     "the trailers are larger than is allowed"},
    {"0\r\nHost: 0123456789012345678901234567890123456\r\nHost: "
     "0123456789012345678901234567890123456\r\n\r\n",
     "the trailers are larger than is allowed"},
};

static void test_framing_decodes_chunks(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct outcome outcome;

        decode_whole(&outcome, FRAMING_CHUNKED, 0, good[i].input);
        if (outcome.result != DECODE_DONE ||
            !slice_is(text_slice(&outcome.content), good[i].content) ||
            !slice_is(text_slice(&outcome.trailers), good[i].trailers) ||
            strlen(good[i].input) - outcome.used != good[i].rest)
            fail_msg("%s: %d, \"%s\"", good[i].input, outcome.result, outcome.content.data);
        outcome_dispose(&outcome);
    }
}

static void test_framing_refuses_what_is_no_chunk(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct outcome outcome;

        decode_whole(&outcome, FRAMING_CHUNKED, 0, bad[i].input);
        if (outcome.result != DECODE_BAD || strcmp(outcome.fault, bad[i].fault) != 0)
            fail_msg("%s: %d, %s", bad[i].input, outcome.result, outcome.fault);
        outcome_dispose(&outcome);
    }
}

static void test_framing_refuses_a_nul_anywhere_but_in_content(void **state)
{
    static const char *const inputs[] = {
        "#5\r\nhello\r\n0\r\n\r\n", "5#\r\nhello\r\n0\r\n\r\n", "5;#\r\nhello\r\n0\r\n\r\n",
        "5\r#hello\r\n0\r\n\r\n",   "5\r\nhello#\n0\r\n\r\n",   "0\r\n#\r\n\r\n",
        "0\r\nX-A#: 1\r\n\r\n",     "0\r\nX-A: #\r\n\r\n",      "0\r\n\r#"};

    for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
        struct outcome outcome;
        size_t size = strlen(inputs[i]);
        char *input = memcpy(malloc(size), inputs[i], size);

        *(char *)memchr(input, '#', size) = '\0';
        decode(&outcome, FRAMING_CHUNKED, 0, (struct slice){input, size}, &size, 1, 8);
        if (outcome.result != DECODE_BAD)
            fail_msg("%s", inputs[i]);
        outcome_dispose(&outcome);
        free(input);
    }
}

static void test_framing_waits_for_more_wherever_the_input_ends(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        for (size_t end = 0; end < strlen(good[i].input) - good[i].rest; end++) {
            struct outcome outcome;

            decode(&outcome, FRAMING_CHUNKED, 0, slice_of(good[i].input), &end, 1, 8);
            if (outcome.result != DECODE_MORE)
                fail_msg("%s: %zu", good[i].input, end);
            outcome_dispose(&outcome);
        }
}

/* ---- slicings: the outcome is the same wherever the input is cut */

static void expect_same_cut_twice(const char *input, enum body_framing kind, uint64_t length)
{
    size_t size = strlen(input);
    struct outcome whole;

    decode(&whole, kind, length, slice_of(input), &size, 1, 8);
    for (size_t a = 0; a <= size; a++)
        for (size_t b = a; b <= size; b++) {
            size_t ends[3] = {a, b, size};
            struct outcome cut;

            decode(&cut, kind, length, slice_of(input), ends, 3, 1 + (int)(a % 8));
            if (!is_same(&whole, &cut))
                fail_msg("%s: cut at %zu and %zu", input, a, b);
            outcome_dispose(&cut);
        }
    outcome_dispose(&whole);
}

static void expect_same_byte_by_byte(const char *input, enum body_framing kind, uint64_t length)
{
    size_t size = strlen(input);
    size_t ends[256];
    struct outcome whole, cut;

    for (size_t i = 0; i < size; i++)
        ends[i] = i + 1;
    decode(&whole, kind, length, slice_of(input), &size, 1, 8);
    decode(&cut, kind, length, slice_of(input), ends, size, 1);
    if (!is_same(&whole, &cut))
        fail_msg("%s: byte by byte", input);
    outcome_dispose(&whole);
    outcome_dispose(&cut);
}

static void test_framing_gives_the_same_however_the_input_is_cut(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        expect_same_cut_twice(good[i].input, FRAMING_CHUNKED, 0);
        expect_same_byte_by_byte(good[i].input, FRAMING_CHUNKED, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_same_cut_twice(bad[i].input, FRAMING_CHUNKED, 0);
        expect_same_byte_by_byte(bad[i].input, FRAMING_CHUNKED, 0);
    }
    expect_same_cut_twice("hello, world", FRAMING_LENGTH, 5);
    expect_same_cut_twice("hello", FRAMING_LENGTH, 6);
    expect_same_cut_twice("hello", FRAMING_UNTIL_CLOSE, 0);
}

/* Small content is moved together, large content stays where it is; either way no vector is wasted.
 */
static void test_framing_merges_small_chunks_and_not_large_ones(void **state)
{
    enum { SMALL = 1000, LARGE = 20000 };
    struct text input = {0};
    struct iovec content[8];
    struct decoder decoder;
    int count = 8;
    size_t used;
    char *large = malloc(LARGE);

    memset(large, 'b', LARGE);
    for (int i = 0; i < SMALL; i++)
        text_put_text(&input, "1\r\na\r\n");
    text_put_format(&input, "%x\r\n", LARGE);
    text_put(&input, large, LARGE);
    text_put_text(&input, "\r\n1\r\nc\r\n0\r\n\r\n");
    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    assert_int_equal(decoder_read(&decoder, input.data, input.size, &used, content, &count),
                     DECODE_DONE);
    assert_int_equal(used, input.size);
    assert_int_equal(count, 2);
    assert_int_equal(content[0].iov_len, SMALL);
    assert_int_equal(content[1].iov_len, LARGE + 1);
    assert_memory_equal(content[1].iov_base, large, LARGE);
    assert_int_equal(((char *)content[1].iov_base)[LARGE], 'c');
    decoder_dispose(&decoder);
    text_dispose(&input);
    free(large);
}

static void test_framing_takes_the_largest_chunk_size(void **state)
{
    struct iovec content[2];
    struct decoder decoder;
    char input[] = "fffffffffffffff\r\nabc";
    int count = 2;
    size_t used;

    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    assert_int_equal(decoder_read(&decoder, input, sizeof(input) - 1, &used, content, &count),
                     DECODE_MORE);
    assert_int_equal(content[0].iov_len, 3);
    assert_true(decoder.left == 0xfffffffffffffff - 3);
    decoder_dispose(&decoder);
}

static void test_framing_has_no_limit_on_chunks_but_on_each_extension(void **state)
{
    struct text input = {0};
    struct outcome outcome;

    for (int i = 0; i < 100; i++)
        text_put_text(&input, "1;0123456789\r\na\r\n");
    text_put_text(&input, "0\r\n\r\n");
    decode_whole(&outcome, FRAMING_CHUNKED, 0, input.data);
    assert_int_equal(outcome.result, DECODE_DONE);
    assert_int_equal(outcome.content.size, 100);
    outcome_dispose(&outcome);
    text_dispose(&input);
}

/* ---- other framings */

static void test_framing_by_length_takes_as_much_as_it_says(void **state)
{
    struct outcome outcome;

    decode_whole(&outcome, FRAMING_LENGTH, 5, "hello, world");
    assert_int_equal(outcome.result, DECODE_DONE);
    assert_true(slice_is(text_slice(&outcome.content), "hello"));
    assert_int_equal(outcome.used, 5);
    outcome_dispose(&outcome);
    decode_whole(&outcome, FRAMING_LENGTH, 6, "hello");
    assert_int_equal(outcome.result, DECODE_MORE);
    outcome_dispose(&outcome);
}

static void test_framing_without_a_body_is_done_at_once(void **state)
{
    struct decoder decoder;

    decoder_init(&decoder, FRAMING_NONE, 0, &limits);
    assert_true(decoder.is_done);
    decoder_init(&decoder, FRAMING_LENGTH, 0, &limits);
    assert_true(decoder.is_done);
}

static void test_framing_ends_by_close_only_where_it_may(void **state)
{
    static const struct {
        enum body_framing kind;
        bool may;
    } cases[] = {{FRAMING_NONE, true},
                 {FRAMING_LENGTH, false},
                 {FRAMING_CHUNKED, false},
                 {FRAMING_UNTIL_CLOSE, true}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct decoder decoder;

        decoder_init(&decoder, cases[i].kind, 5, &limits);
        assert_int_equal(decoder_finish(&decoder), cases[i].may);
        assert_int_equal(decoder.is_done, cases[i].may);
    }
}

static void test_framing_skips_what_goes_past_it(void **state)
{
    struct decoder decoder;

    decoder_init(&decoder, FRAMING_LENGTH, 100, &limits);
    decoder_skip(&decoder, 60);
    assert_int_equal(decoder.left, 40);
    assert_false(decoder.is_done);
    decoder_skip(&decoder, 40);
    assert_true(decoder.is_done);
}

static void test_framing_writes_chunk_lines(void **state)
{
    static const struct {
        uint64_t size;
        const char *line;
    } cases[] = {{1, "1\r\n"},
                 {16, "10\r\n"},
                 {0xabcdef, "abcdef\r\n"},
                 {UINT64_MAX, "ffffffffffffffff\r\n"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char line[FRAMING_CHUNK_LINE];
        size_t size = framing_chunk_line(line, cases[i].size);

        assert_int_equal(size, strlen(cases[i].line));
        assert_memory_equal(line, cases[i].line, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing_decodes_chunks),
        cmocka_unit_test(test_framing_refuses_what_is_no_chunk),
        cmocka_unit_test(test_framing_refuses_a_nul_anywhere_but_in_content),
        cmocka_unit_test(test_framing_waits_for_more_wherever_the_input_ends),
        cmocka_unit_test(test_framing_gives_the_same_however_the_input_is_cut),
        cmocka_unit_test(test_framing_merges_small_chunks_and_not_large_ones),
        cmocka_unit_test(test_framing_takes_the_largest_chunk_size),
        cmocka_unit_test(test_framing_has_no_limit_on_chunks_but_on_each_extension),
        cmocka_unit_test(test_framing_by_length_takes_as_much_as_it_says),
        cmocka_unit_test(test_framing_without_a_body_is_done_at_once),
        cmocka_unit_test(test_framing_ends_by_close_only_where_it_may),
        cmocka_unit_test(test_framing_skips_what_goes_past_it),
        cmocka_unit_test(test_framing_writes_chunk_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
