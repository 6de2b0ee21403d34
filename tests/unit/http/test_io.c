// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"
#include "http/io.h"
#include "http/tls.h"
#include "peer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Both ends of a socket pair: io on one, a peer on the other. */
struct fixture {
    struct loop *loop;
    struct io io;
    struct peer peer;
    struct certificate certificate;
    SSL_CTX *server, *client;
    unsigned int readable, writable;
    void (*then_readable)(struct fixture *f);
    char bytes[256 * 1024];
};

static void on_readable(struct io *io)
{
    struct fixture *f = CONTAINER_OF(io, struct fixture, io);

    f->readable++;
    if (f->then_readable != NULL)
        f->then_readable(f);
}

static void on_writable(struct io *io)
{
    CONTAINER_OF(io, struct fixture, io)->writable++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int ends[2];

    *state = f;
    f->loop = loop_create(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        return 1;
    io_init(&f->io, f->loop, ends[0], on_readable, on_writable);
    peer_init(&f->peer, f->loop, ends[1]);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    io_close(&f->io);
    io_close(&f->io); /* closed ones too */
    assert_int_equal(f->io.fd, -1);
    peer_dispose(&f->peer);
    SSL_CTX_free(f->server);
    SSL_CTX_free(f->client);
    if (f->certificate.x509 != NULL)
        certificate_dispose(&f->certificate);
    loop_destroy(&f->loop);
    free(f);
    return 0;
}

static void turn(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++)
        loop_turn(f->loop, 1);
}

/* ---- plain */

static void test_io_reads_what_came_and_tells_its_end(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_AGAIN);
    peer_send(&f->peer, "hello");
    assert_int_equal(io_read(&f->io, f->bytes, 3), 3);
    assert_int_equal(io_read(&f->io, f->bytes, 10), 2);
    peer_finish(&f->peer);
    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_EOF);
}

static void test_io_writes_vectors_until_there_is_no_room(void **state)
{
    struct fixture *f = *state;
    struct iovec vectors[2] = {{f->bytes, 3}, {f->bytes, sizeof(f->bytes)}};
    ssize_t put;
    size_t total = 0;

    while ((put = io_write(&f->io, vectors, 2)) > 0)
        total += (size_t)put;
    assert_int_equal(put, IO_AGAIN);
    assert_true(total > 0);
    peer_close(&f->peer);
    assert_int_equal(io_write(&f->io, vectors, 2), IO_ERROR);
}

static void test_io_calls_while_it_is_watched(void **state)
{
    struct fixture *f = *state;

    peer_send(&f->peer, "hello");
    turn(f, 2);
    assert_int_equal(f->readable, 0);
    io_watch_read(&f->io);
    io_watch_read(&f->io);
    turn(f, 3);
    assert_int_equal(f->readable, 3); /* as long as the bytes are there */
    io_unwatch_read(&f->io);
    io_unwatch_read(&f->io);
    turn(f, 2);
    assert_int_equal(f->readable, 3);
}

static void test_io_tells_of_room_once(void **state)
{
    struct fixture *f = *state;

    turn(f, 2);
    assert_int_equal(f->writable, 0);
    io_watch_write(&f->io);
    io_watch_write(&f->io);
    turn(f, 3);
    assert_int_equal(f->writable, 1);
}

static void test_io_calls_at_once_when_asked(void **state)
{
    struct fixture *f = *state;

    io_watch_read_now(&f->io);
    assert_int_equal(f->readable, 0); /* never from inside */
    turn(f, 3);
    assert_int_equal(f->readable, 1);
    io_watch_read_now(&f->io);
    io_unwatch_read(&f->io);
    turn(f, 3);
    assert_int_equal(f->readable, 1);
}

static void close_it(struct fixture *f)
{
    io_close(&f->io);
}

static void test_io_can_be_closed_in_its_own_call(void **state)
{
    struct fixture *f = *state;

    f->then_readable = close_it;
    io_watch_read_now(&f->io);
    io_watch_write(&f->io);
    peer_send(&f->peer, "hello");
    turn(f, 3);
    assert_int_equal(f->readable, 1);
    assert_true(f->writable <= 1);
}

static void test_io_knows_its_peer_without_reading(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(io_peer_state(&f->io), IO_PEER_OPEN);
    peer_send(&f->peer, "hello");
    assert_int_equal(io_peer_state(&f->io), IO_PEER_OPEN);
    peer_finish(&f->peer);
    assert_int_equal(io_peer_state(&f->io), IO_PEER_FINISHED);
    peer_close(&f->peer);
    assert_int_equal(io_peer_state(&f->io), IO_PEER_GONE);
}

static void test_io_shuts_down_its_end_and_reads_on(void **state)
{
    struct fixture *f = *state;

    io_shutdown_write(&f->io);
    peer_expect_end(&f->peer);
    peer_send(&f->peer, "hello");
    assert_int_equal(io_read(&f->io, f->bytes, 10), 5);
}

/* ---- TLS */

static void start_tls(struct fixture *f, int version)
{
    struct error err = {0};
    struct tls_files files;
    SSL *ssl;

    certificate_create(&f->certificate, "localhost", NULL);
    files = (struct tls_files){.certificate = f->certificate.certificate_file,
                               .key = f->certificate.key_file};
    f->server = tls_server_create(&files, NULL, &err);
    assert_non_null(f->server);
    f->client = certificate_client_context();
    SSL_CTX_set_min_proto_version(f->client, version);
    SSL_CTX_set_max_proto_version(f->client, version);
    ssl = SSL_new(f->server);
    SSL_set_accept_state(ssl);
    io_start_tls(&f->io, ssl);
}

/* What a session does in its handshake. */
static int handshake_result;

static void shake(struct fixture *f)
{
    struct error err = {0};

    if (handshake_result == IO_AGAIN)
        handshake_result = io_handshake(&f->io, &err);
}

static void shake_hands(struct fixture *f, int version)
{
    start_tls(f, version);
    handshake_result = IO_AGAIN;
    f->then_readable = shake;
    io_watch_read(&f->io);
    peer_start_tls(&f->peer, f->client);
    for (int i = 0; i < 100 && handshake_result == IO_AGAIN; i++)
        turn(f, 1);
    assert_int_equal(handshake_result, 1);
    f->then_readable = NULL;
    io_unwatch_read(&f->io);
    turn(f, 2);
    f->readable = 0;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void with_each_version(void (*test)(struct fixture *f))
{
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        void *state;

        assert_int_equal(setup(&state), 0);
        shake_hands(state, versions[i]);
        test(state);
        teardown(&state);
    }
}

static void reads_and_ends(struct fixture *f)
{
    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_AGAIN);
    peer_send(&f->peer, "hello");
    peer_send(&f->peer, "world");
    assert_int_equal(io_read(&f->io, f->bytes, 100), 10); /* two records, one read */
    assert_memory_equal(f->bytes, "helloworld", 10);
    peer_finish(&f->peer);
    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_EOF);
}

static void test_io_tls_reads_what_came_and_tells_its_end(void **state)
{
    with_each_version(reads_and_ends);
}

static void writes_large_and_small(struct fixture *f)
{
    static char head[] = "head", tail[] = "tail";
    struct iovec vectors[3] = {{head, 4}, {f->bytes, sizeof(f->bytes)}, {tail, 4}};
    struct iovec *next = vectors;
    size_t total = 0;

    memset(f->bytes, 'b', sizeof(f->bytes));
    while (next < vectors + 3) {
        ssize_t put = io_write(&f->io, next, (int)(vectors + 3 - next));

        if (put == IO_AGAIN) { /* the same bytes will be offered again */
            io_watch_write(&f->io);
            turn(f, 1);
            peer_read(&f->peer);
            continue;
        }
        assert_true(put > 0);
        total += (size_t)put;
        for (; put > 0 && next < vectors + 3; next += next->iov_len == 0) {
            size_t part = (size_t)put < next->iov_len ? (size_t)put : next->iov_len;

            next->iov_base = (char *)next->iov_base + part;
            next->iov_len -= part;
            put -= (ssize_t)part;
        }
    }
    assert_int_equal(total, sizeof(f->bytes) + 8);
    peer_await(&f->peer, "tail");
    assert_int_equal(f->peer.got.size, total);
    assert_memory_equal(f->peer.got.data, "headb", 5);
}

static void test_io_tls_writes_much_through_a_small_pipe(void **state)
{
    with_each_version(writes_large_and_small);
}

/* A reader that takes little at a time, as one does whose destination is slow: bytes that TLS has
 * taken from the descriptor already must still be told of. */
static void read_a_little(struct fixture *f)
{
    char bytes[1000];

    if (io_read(&f->io, bytes, sizeof(bytes)) == IO_AGAIN)
        io_unwatch_read(&f->io);
}

static void tells_of_held_bytes(struct fixture *f)
{
    char sent[8000];
    unsigned int before;

    memset(sent, 'a', sizeof(sent));
    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_AGAIN); /* nothing: the reader knows that */
    peer_send_bytes(&f->peer, sent, sizeof(sent));
    read_a_little(f); /* without having been told */
    f->then_readable = read_a_little;
    io_watch_read(&f->io);
    for (int i = 0; i < 30; i++)
        turn(f, 1);
    assert_true(f->readable >= 7);
    before = f->readable;
    turn(f, 5);
    assert_int_equal(f->readable, before); /* and it does not spin */
}

static void test_io_tls_tells_of_bytes_that_it_holds(void **state)
{
    with_each_version(tells_of_held_bytes);
}

static void does_not_spin_on_a_part_of_a_record(struct fixture *f)
{
    unsigned char part[5] = {23, 3, 3, 1, 0}; /* the head of a record of 256 bytes */

    assert_int_equal(send(f->peer.fd, part, sizeof(part), 0), 5);
    f->then_readable = read_a_little;
    io_watch_read(&f->io);
    turn(f, 2);
    io_watch_read(&f->io);
    f->readable = 0;
    turn(f, 5);
    assert_int_equal(f->readable, 0);
}

static void test_io_tls_does_not_spin_on_a_part_of_a_record(void **state)
{
    with_each_version(does_not_spin_on_a_part_of_a_record);
}

static ssize_t last_read;

static void read_all(struct fixture *f)
{
    last_read = io_read(&f->io, f->bytes, sizeof(f->bytes));
    if (last_read == IO_EOF || last_read == IO_ERROR)
        io_unwatch_read(&f->io);
}

/* close_notify came with the last bytes, and the connection stays open below it. */
static void tells_of_an_end_behind_bytes(struct fixture *f)
{
    peer_send(&f->peer, "hello");
    SSL_shutdown(f->peer.ssl);
    last_read = 1;
    f->then_readable = read_all;
    io_watch_read(&f->io);
    for (int i = 0; i < 20 && last_read > 0; i++)
        turn(f, 1);
    assert_int_equal(last_read, IO_EOF);
}

static void test_io_tls_tells_of_an_end_behind_bytes(void **state)
{
    with_each_version(tells_of_an_end_behind_bytes);
}

static void tells_of_garbage_behind_bytes(struct fixture *f)
{
    peer_send(&f->peer, "hello");
    assert_int_equal(send(f->peer.fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    last_read = 1;
    f->then_readable = read_all;
    io_watch_read(&f->io);
    for (int i = 0; i < 20 && last_read > 0; i++)
        turn(f, 1);
    assert_int_equal(last_read, IO_ERROR);
}

static void test_io_tls_tells_of_garbage_behind_bytes(void **state)
{
    with_each_version(tells_of_garbage_behind_bytes);
}

static void tells_a_truncation_from_an_end(struct fixture *f)
{
    SSL_set_quiet_shutdown(f->peer.ssl, 1);
    close(f->peer.fd);
    f->peer.fd = -1;
    assert_int_equal(io_read(&f->io, f->bytes, 10), IO_ERROR);
}

static void test_io_tls_tells_a_truncation_from_an_end(void **state)
{
    with_each_version(tells_a_truncation_from_an_end);
}

static void sends_its_end(struct fixture *f)
{
    io_shutdown_write(&f->io);
    peer_await_gone(&f->peer);
    assert_true(f->peer.is_ended); /* close_notify, not just the end of the stream */
    assert_int_equal(SSL_get_shutdown(f->peer.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

static void test_io_tls_sends_its_end(void **state)
{
    with_each_version(sends_its_end);
}

static void holds_at_most_what_it_says(struct fixture *f)
{
    assert_int_equal(io_held_max(&f->io), 0);
    peer_send(&f->peer, "hello");
    assert_int_equal(io_read(&f->io, f->bytes, 1), 1);
    assert_true(io_held_max(&f->io) >= 4);
}

static void test_io_tls_holds_at_most_what_it_says(void **state)
{
    with_each_version(holds_at_most_what_it_says);
}

static void test_io_handshake_says_why_it_failed(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    start_tls(f, TLS1_3_VERSION);
    assert_int_equal(io_handshake(&f->io, &err), IO_AGAIN);
    peer_send(&f->peer, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(io_handshake(&f->io, &err), IO_ERROR);
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.text, "TLS: "));
}

static void test_io_handshake_says_that_the_peer_left(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    start_tls(f, TLS1_3_VERSION);
    assert_int_equal(io_handshake(&f->io, &err), IO_AGAIN);
    peer_close(&f->peer);
    assert_int_equal(io_handshake(&f->io, &err), IO_ERROR);
    assert_non_null(strstr(err.text, "TLS: "));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_io_reads_what_came_and_tells_its_end),
        TEST(test_io_writes_vectors_until_there_is_no_room),
        TEST(test_io_calls_while_it_is_watched),
        TEST(test_io_tells_of_room_once),
        TEST(test_io_calls_at_once_when_asked),
        TEST(test_io_can_be_closed_in_its_own_call),
        TEST(test_io_knows_its_peer_without_reading),
        TEST(test_io_shuts_down_its_end_and_reads_on),
        cmocka_unit_test(test_io_tls_reads_what_came_and_tells_its_end),
        cmocka_unit_test(test_io_tls_writes_much_through_a_small_pipe),
        cmocka_unit_test(test_io_tls_tells_of_bytes_that_it_holds),
        cmocka_unit_test(test_io_tls_does_not_spin_on_a_part_of_a_record),
        cmocka_unit_test(test_io_tls_tells_of_an_end_behind_bytes),
        cmocka_unit_test(test_io_tls_tells_of_garbage_behind_bytes),
        cmocka_unit_test(test_io_tls_tells_a_truncation_from_an_end),
        cmocka_unit_test(test_io_tls_sends_its_end),
        cmocka_unit_test(test_io_tls_holds_at_most_what_it_says),
        TEST(test_io_handshake_says_why_it_failed),
        TEST(test_io_handshake_says_that_the_peer_left),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
