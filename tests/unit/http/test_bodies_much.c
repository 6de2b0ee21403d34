// SPDX-License-Identifier: Apache-2.0
/* Bodies of many bytes or chunks through a relay: unharmed, in few writes, with little memory. */
#include "bodies_kit.h"

#include "http/framing.h"

#include <sys/socket.h>

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static unsigned int writes;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    writes++;
    return __real_sendmsg(fd, message, flags);
}

static void test_bodies_of_a_million_chunks_leave_in_few_writes(void **state)
{
    struct stage *s = *state;
    struct text chunks = {0};
    struct framing_limits limits = {0};
    struct decoder decoder;
    struct peer *client, *upstream;
    size_t content_size = 0;

    for (int i = 0; i < 1000; i++)
        text_put_text(&chunks, "1\r\na\r\n");
    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    writes = 0;
    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    for (int i = 0; i <= 1000; i++) {
        if (i < 1000)
            peer_send_bytes(client, chunks.data, chunks.size);
        else
            peer_send(client, "0\r\n\r\n");
        turn_for(s->loop, i < 1000 ? 0 : 20);
        peer_read(upstream);
        while (upstream->seen < upstream->got.size) {
            struct iovec content[8];
            int count = ARRAY_SIZE(content);
            size_t used;

            assert_int_not_equal(decoder_read(&decoder, upstream->got.data + upstream->seen,
                                              upstream->got.size - upstream->seen, &used, content,
                                              &count),
                                 DECODE_BAD);
            for (int j = 0; j < count; j++)
                content_size += content[j].iov_len;
            upstream->seen += used;
        }
        text_clear(&upstream->got);
        upstream->seen = 0;
    }
    assert_true(decoder.is_done);
    assert_int_equal(content_size, 1000000);
    assert_true(writes < 3000);
    text_dispose(&chunks);
}

static void send_much(struct peer *from, struct peer *to, uint64_t size)
{
    for (uint64_t sent = 0; sent < size;) {
        uint64_t part = size - sent < 256 * KIB ? size - sent : 256 * KIB;

        peer_send_pattern(from, sent, part);
        peer_expect_pattern(to, sent, part);
        sent += part;
    }
}

static void send_much_in_chunks(struct peer *from, struct peer *to, unsigned int count)
{
    struct framing_limits limits = {0};
    struct decoder decoder;
    uint64_t seen = 0;

    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    for (unsigned int i = 0; i <= count; i++) {
        if (i < count) {
            peer_send(from, "10000\r\n");
            peer_send_pattern(from, (uint64_t)i * 64 * KIB, 64 * KIB);
            peer_send(from, "\r\n");
        } else {
            peer_send(from, "0\r\n\r\n");
        }
        while (i == count ? !decoder.is_done : seen + 64 * KIB < (uint64_t)i * 64 * KIB) {
            struct peer view = *to;
            struct iovec content[16];
            int parts = ARRAY_SIZE(content);
            size_t used;

            loop_turn(to->loop, 1);
            peer_read(to);
            if (to->seen == to->got.size)
                continue;
            assert_int_not_equal(decoder_read(&decoder, to->got.data + to->seen,
                                              to->got.size - to->seen, &used, content, &parts),
                                 DECODE_BAD);
            for (int j = 0; j < parts; j++) {
                view.got = (struct text){.data = content[j].iov_base, .size = content[j].iov_len};
                view.seen = 0;
                peer_expect_pattern(&view, seen, content[j].iov_len);
                seen += content[j].iov_len;
            }
            to->seen += used;
            if (to->seen == to->got.size) {
                text_clear(&to->got);
                to->seen = 0;
            }
        }
    }
    assert_int_equal(seen, (uint64_t)count * 64 * KIB);
}

static void test_bodies_of_many_bytes_arrive_unharmed(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 33554433\r\n\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM "Content-Length: 33554433\r\n\r\n");
    send_much(client, upstream, 32 * MIB + 1);
    expect_passes(upstream, client, REPLY "Content-Length: 33554433\r\n\r\n");
    send_much(upstream, client, 32 * MIB + 1);
    assert_int_equal(s->last.bytes_in, 32 * MIB + 1);
    assert_true(s->last.bytes_out > 32 * MIB + 1);
    assert_true(block_store_bytes(s->server->blocks) < 2 * MIB);
    expect_both_go_on(client, upstream);
}

static void test_bodies_of_many_chunks_arrive_unharmed(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    send_much_in_chunks(client, upstream, 256);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n");
    send_much_in_chunks(upstream, client, 256);
    assert_true(block_store_bytes(s->server->blocks) < 2 * MIB);
    expect_both_go_on(client, upstream);
}

static void test_bodies_of_many_bytes_pass_through_unix_sockets(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_unix_client(s), *upstream;

    peer_send(client, POST "Content-Length: 8388608\r\n\r\n");
    upstream = stage_accept(s);
    peer_expect(upstream, UPSTREAM "Content-Length: 8388608\r\n\r\n");
    send_much(client, upstream, 8 * MIB);
    expect_passes(upstream, client, REPLY "Content-Length: 8388608\r\n\r\n");
    send_much(upstream, client, 8 * MIB);
    expect_both_go_on(client, upstream);
}

/* ---- back-pressure */

/* Pushes until nothing more goes for a while. */
static uint64_t push_until_stalled(struct stage *s, struct peer *peer)
{
    static char bytes[64 * KIB];
    uint64_t total = 0;

    for (int idle = 0; idle < 20;) {
        size_t put = peer_push(peer, bytes, sizeof(bytes));

        total += put;
        idle = put > 0 ? 0 : idle + 1;
        loop_turn(s->loop, 1);
    }
    return total;
}

static void test_bodies_stall_with_an_upstream_that_does_not_read(void **state)
{
    static const char *const requests[] = {POST "Content-Length: 1000000000\r\n\r\n",
                                           POST CHUNKED "\r\n3b9aca00\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;
        uint64_t pushed;

        open_relay(s, requests[i], &client, &upstream);
        pushed = push_until_stalled(s, client);
        assert_true(pushed < 64 * MIB); /* the kernel's buffers */
        assert_true(block_store_bytes(s->server->blocks) <= 2 * BLOCK_LARGE + 8 * BLOCK_SMALL);
        peer_read(upstream); /* room: it goes on */
        assert_true(push_until_stalled(s, client) > 0);
        peer_close(client);
        clock_advance_ms(1000);
        peer_await_gone(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

static void test_bodies_stall_with_a_client_that_does_not_read(void **state)
{
    static const char *const replies[] = {REPLY "Content-Length: 1000000000\r\n\r\n",
                                          REPLY CHUNKED "\r\n3b9aca00\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_send(upstream, replies[i]);
        assert_true(push_until_stalled(s, upstream) < 64 * MIB);
        assert_true(block_store_bytes(s->server->blocks) <= 2 * BLOCK_LARGE + 8 * BLOCK_SMALL);
        peer_read(client);
        assert_true(push_until_stalled(s, upstream) > 0);
        peer_reset(client);
        clock_advance_ms(1000);
        peer_await_gone(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_bodies_of_a_million_chunks_leave_in_few_writes),
        STAGE_TEST(test_bodies_of_many_bytes_arrive_unharmed),
        STAGE_TEST(test_bodies_of_many_chunks_arrive_unharmed),
        STAGE_TEST(test_bodies_of_many_bytes_pass_through_unix_sockets),
        STAGE_TEST(test_bodies_stall_with_an_upstream_that_does_not_read),
        STAGE_TEST(test_bodies_stall_with_a_client_that_does_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
