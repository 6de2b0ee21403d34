// SPDX-License-Identifier: Apache-2.0
/* One direction alone: from a socket pair to another. */
#include "http/half.h"
#include "peer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * 1024, BUDGET = 4 * MIB };

/* source -- from => to -- sink */
struct fixture {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct peer source, sink;
    struct connection from, to;
    struct half half;
    enum half_result result;
    unsigned int runs;
};

static const struct framing_limits limits = {.trailer_size = 1024, .extension_size = 64};

static void run_from(struct io *io)
{
    struct fixture *f = CONTAINER_OF(io, struct fixture, from.io);

    f->runs++;
    f->result = half_run(&f->half);
}

static void run_to(struct io *io)
{
    struct fixture *f = CONTAINER_OF(io, struct fixture, to.io);

    f->runs++;
    f->result = half_run(&f->half);
}

static void on_nothing(struct io *io)
{
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int near[2], far[2];

    *state = f;
    signal(SIGPIPE, SIG_IGN);
    f->loop = loop_create(NULL);
    f->blocks = block_store_create(BUDGET);
    f->pipes = pipe_store_create();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, near) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, far) != 0)
        return 1;
    peer_init(&f->source, f->loop, near[0]);
    peer_init(&f->sink, f->loop, far[1]);
    f->from.blocks = f->to.blocks = f->blocks;
    io_init(&f->from.io, f->loop, near[1], run_from, on_nothing);
    io_init(&f->to.io, f->loop, far[0], on_nothing, run_to);
    half_init(&f->half, &f->from, &f->to, f->pipes);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    half_dispose(&f->half);
    connection_close(&f->from);
    connection_close(&f->to);
    peer_dispose(&f->source);
    peer_dispose(&f->sink);
    pipe_store_destroy(&f->pipes);
    block_store_destroy(&f->blocks);
    loop_destroy(&f->loop);
    free(f);
    return 0;
}

static void begin(struct fixture *f, const char *head, enum body_framing kind, uint64_t length,
                  enum body_framing encoding)
{
    decoder_init(&f->half.decoder, kind, length, &limits);
    half_begin(&f->half, slice_of(head), encoding);
    f->result = half_run(&f->half);
}

static void await(struct fixture *f, enum half_result result)
{
    for (int i = 0; i < 10000 && f->result != result; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->result, result);
}

/* ---- messages */

static void test_half_sends_a_message_that_stands_in_memory(void **state)
{
    struct fixture *f = *state;

    half_begin_local(&f->half, SLICE("head\r\n"), SLICE("body"));
    assert_int_equal(half_run(&f->half), HALF_DONE);
    peer_expect(&f->sink, "head\r\nbody");
    assert_int_equal(f->half.written_size, 10);
    assert_int_equal(f->half.content_size, 0);
}

static void test_half_sends_much_that_stands_in_memory(void **state)
{
    struct fixture *f = *state;
    size_t size = 4 * MIB;
    char *body = malloc(size);

    memset(body, 'b', size);
    half_begin_local(&f->half, SLICE("head\r\n"), (struct slice){body, size});
    f->result = half_run(&f->half);
    assert_int_equal(f->result, HALF_WAITS_WRITE);
    while (f->sink.got.size < size + 6) {
        peer_read(&f->sink);
        loop_turn(f->loop, 1);
    }
    await(f, HALF_DONE);
    assert_int_equal(f->half.written_size, size + 6);
    free(body);
}

static void test_half_reframes(void **state)
{
    static const struct {
        enum body_framing kind;
        uint64_t length;
        enum body_framing encoding;
        const char *sent, *expected;
        bool closes;
    } cases[] = {
        {FRAMING_NONE, 0, FRAMING_NONE, "", "", false},
        {FRAMING_LENGTH, 5, FRAMING_LENGTH, "hello", "hello", false},
        {FRAMING_LENGTH, 5, FRAMING_CHUNKED, "hello", "5\r\nhello\r\n0\r\n\r\n", false},
        {FRAMING_CHUNKED, 0, FRAMING_CHUNKED, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
         "5\r\nhello\r\n0\r\n\r\n", false},
        {FRAMING_CHUNKED, 0, FRAMING_CHUNKED, "0\r\nX: y\r\n\r\n", "0\r\nX: y\r\n\r\n", false},
        {FRAMING_CHUNKED, 0, FRAMING_UNTIL_CLOSE, "2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
         "hello", false},
        {FRAMING_UNTIL_CLOSE, 0, FRAMING_CHUNKED, "hello", "5\r\nhello\r\n0\r\n\r\n", true},
        {FRAMING_UNTIL_CLOSE, 0, FRAMING_CHUNKED, "", "0\r\n\r\n", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *fixture;
        struct fixture *f;

        setup(&fixture);
        f = fixture;
        peer_send(&f->source, cases[i].sent);
        if (cases[i].closes)
            peer_finish(&f->source);
        begin(f, "head\r\n", cases[i].kind, cases[i].length, cases[i].encoding);
        await(f, HALF_DONE);
        peer_expect(&f->sink, "head\r\n");
        peer_expect(&f->sink, cases[i].expected);
        peer_expect_silence(&f->sink, 1);
        teardown(&fixture);
    }
}

static void test_half_leaves_what_is_behind_the_message(void **state)
{
    struct fixture *f = *state;

    peer_send(&f->source, "helloGET");
    begin(f, "", FRAMING_LENGTH, 5, FRAMING_LENGTH);
    await(f, HALF_DONE);
    peer_expect(&f->sink, "hello");
    assert_int_equal(buffer_size(&f->from.in), 3);
    assert_memory_equal(f->from.in.data + f->from.in.start, "GET", 3);
}

static void test_half_sends_an_interim_message_ahead(void **state)
{
    struct fixture *f = *state;

    half_queue_interim(&f->half, SLICE("100\r\n"));
    half_begin_local(&f->half, SLICE("200\r\n"), SLICE("body"));
    assert_int_equal(half_run(&f->half), HALF_DONE);
    peer_expect(&f->sink, "100\r\n200\r\nbody");
}

static void test_half_breaks_off_with_a_line(void **state)
{
    struct fixture *f = *state;

    peer_send(&f->source, "2\r\n{}\r\n");
    begin(f, "", FRAMING_CHUNKED, 0, FRAMING_CHUNKED);
    await(f, HALF_WAITS_READ);
    half_break_off(&f->half, SLICE("{\"e\":1}"));
    peer_expect(&f->sink, "2\r\n{}\r\n8\r\n\n{\"e\":1}\r\n");
    peer_expect_silence(&f->sink, 1);
}

/* ---- ends and failures */

static void test_half_tells_how_its_source_ended(void **state)
{
    static const struct {
        enum body_framing kind;
        const char *sent;
        enum half_result result;
    } cases[] = {
        {FRAMING_LENGTH, "hell", HALF_SOURCE_ENDED},
        {FRAMING_LENGTH, "", HALF_SOURCE_ENDED},
        {FRAMING_CHUNKED, "5\r\nhello\r\n", HALF_SOURCE_ENDED},
        {FRAMING_CHUNKED, "5\r\nhello\r\n0\r\n", HALF_SOURCE_ENDED},
        {FRAMING_CHUNKED, "5\r\nhello\r\nx", HALF_SOURCE_BROKE_FRAMING},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *fixture;
        struct fixture *f;

        setup(&fixture);
        f = fixture;
        peer_send(&f->source, cases[i].sent);
        peer_finish(&f->source);
        begin(f, "", cases[i].kind, 5, cases[i].kind);
        await(f, cases[i].result);
        teardown(&fixture);
    }
}

static void test_half_does_not_take_a_distrusted_end_for_one(void **state)
{
    struct fixture *f = *state;

    peer_send(&f->source, "hello");
    peer_finish(&f->source);
    f->half.distrusts_end = true;
    begin(f, "", FRAMING_UNTIL_CLOSE, 0, FRAMING_CHUNKED);
    await(f, HALF_SOURCE_ENDED);
    peer_expect(&f->sink, "5\r\nhello\r\n");
    peer_expect_silence(&f->sink, 1);
}

static void test_half_tells_that_its_destination_failed(void **state)
{
    struct fixture *f = *state;

    peer_close(&f->sink);
    peer_send(&f->source, "hello");
    begin(f, "head\r\n", FRAMING_LENGTH, 5, FRAMING_LENGTH);
    assert_int_equal(f->result, HALF_DESTINATION_FAILED);
}

static void test_half_forgets_what_was_queued(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    peer_close(&f->sink);
    begin(f, "first\r\n", FRAMING_NONE, 0, FRAMING_NONE);
    assert_int_equal(f->result, HALF_DESTINATION_FAILED);
    half_forget_output(&f->half);
    connection_close(&f->to);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    io_init(&f->to.io, f->loop, ends[0], on_nothing, run_to);
    peer_init(&f->sink, f->loop, ends[1]);
    begin(f, "second\r\n", FRAMING_NONE, 0, FRAMING_NONE);
    assert_int_equal(f->result, HALF_DONE);
    peer_expect(&f->sink, "second\r\n");
}

/* ---- back-pressure */

static void test_half_reads_no_more_than_it_can_write(void **state)
{
    static const enum body_framing kinds[] = {FRAMING_LENGTH, FRAMING_UNTIL_CLOSE};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        static char bytes[64 * KIB];
        void *fixture;
        struct fixture *f;
        size_t pushed = 0, part;

        setup(&fixture);
        f = fixture;
        begin(f, "", kinds[i], 1000 * MIB, kinds[i]);
        for (int idle = 0; idle < 10; idle++) {
            part = peer_push(&f->source, bytes, sizeof(bytes));
            pushed += part;
            idle = part > 0 ? 0 : idle;
            loop_turn(f->loop, 1);
        }
        assert_true(pushed < 8 * MIB);
        assert_int_equal(f->result, HALF_WAITS_WRITE);
        assert_false(f->from.io.is_read_watched);
        assert_true(block_store_bytes(f->blocks) <= BLOCK_LARGE + 4 * BLOCK_SMALL);
        f->runs = 0;
        for (int turns = 0; turns < 10; turns++)
            loop_turn(f->loop, 1);
        assert_int_equal(f->runs, 0); /* and it does not spin */
        for (int turns = 0; turns < 1000 && f->result != HALF_WAITS_READ; turns++) {
            peer_read(&f->sink);
            loop_turn(f->loop, 1);
        }
        assert_int_equal(f->result, HALF_WAITS_READ);
        teardown(&fixture);
    }
}

static void test_half_gives_its_block_back_when_all_is_written(void **state)
{
    struct fixture *f = *state;

    peer_send(&f->source, "5\r\nhello\r\n");
    begin(f, "", FRAMING_CHUNKED, 0, FRAMING_CHUNKED);
    await(f, HALF_WAITS_READ);
    assert_null(f->from.in.data);
}

/* ---- much: memory does not grow, nor does one source starve the others */

static void pass_much(struct fixture *f, uint64_t size)
{
    static char bytes[256 * KIB];
    uint64_t sent = 0, got = 0;

    while (got < size) {
        ssize_t part;

        if (sent < size) {
            uint64_t left = size - sent;

            part = send(f->source.fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
                        MSG_NOSIGNAL);
            sent += part > 0 ? (uint64_t)part : 0;
        }
        loop_turn(f->loop, 0);
        while ((part = recv(f->sink.fd, bytes, sizeof(bytes), 0)) > 0)
            got += (uint64_t)part;
    }
    assert_int_equal(got, size);
}

static uint64_t much(void)
{
    const char *text = getenv("TEST_HALF_BYTES");

    return text == NULL ? 256 * MIB : strtoull(text, NULL, 10);
}

static void test_half_moves_much_in_the_kernel_in_constant_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t size = much();

    begin(f, "", FRAMING_LENGTH, size, FRAMING_LENGTH);
    pass_much(f, size);
    await(f, HALF_DONE);
    assert_int_equal(f->half.content_size, size);
    assert_int_equal(f->half.written_size, size);
    assert_true(block_store_bytes(f->blocks) <= 2 * BLOCK_LARGE + 4 * BLOCK_SMALL);
}

static void test_half_copies_much_in_constant_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t size = much();

    begin(f, "", FRAMING_UNTIL_CLOSE, 0, FRAMING_UNTIL_CLOSE);
    pass_much(f, size);
    assert_int_equal(f->half.content_size, size);
    assert_true(block_store_bytes(f->blocks) <= 2 * BLOCK_LARGE + 4 * BLOCK_SMALL);
    peer_finish(&f->source);
    await(f, HALF_DONE);
}

static void test_half_lets_others_have_their_turn(void **state)
{
    struct fixture *f = *state;
    static char bytes[2 * MIB];
    size_t before;

    /* whatever stands ready, one run takes a bounded part of it */
    begin(f, "", FRAMING_UNTIL_CLOSE, 0, FRAMING_CHUNKED);
    before = peer_push(&f->source, bytes, sizeof(bytes));
    assert_true(before > 0);
    f->result = half_run(&f->half);
    assert_true(f->half.content_size <= 8 * BLOCK_LARGE);
    for (int i = 0; i < 1000 && f->half.content_size < before; i++) {
        peer_read(&f->sink);
        loop_turn(f->loop, 1);
    }
    assert_int_equal(f->half.content_size, before);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_half_sends_a_message_that_stands_in_memory),
        TEST(test_half_sends_much_that_stands_in_memory),
        cmocka_unit_test(test_half_reframes),
        TEST(test_half_leaves_what_is_behind_the_message),
        TEST(test_half_sends_an_interim_message_ahead),
        TEST(test_half_breaks_off_with_a_line),
        cmocka_unit_test(test_half_tells_how_its_source_ended),
        TEST(test_half_does_not_take_a_distrusted_end_for_one),
        TEST(test_half_tells_that_its_destination_failed),
        TEST(test_half_forgets_what_was_queued),
        cmocka_unit_test(test_half_reads_no_more_than_it_can_write),
        TEST(test_half_gives_its_block_back_when_all_is_written),
        TEST(test_half_moves_much_in_the_kernel_in_constant_memory),
        TEST(test_half_copies_much_in_constant_memory),
        TEST(test_half_lets_others_have_their_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
