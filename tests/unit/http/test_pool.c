// SPDX-License-Identifier: Apache-2.0
#include "clock.h"
#include "http/pool.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEERS = 16 };

struct fixture {
    struct loop *loop;
    struct block_store *blocks;
    struct pool *pool;
    struct pool_settings settings;
    char folder[64];
    int listen_fd;
    struct peer peers[PEERS];
    size_t peer_count;
    struct dial dial;
    unsigned int done;
    struct pooled *pooled;
    enum error_code code;
    char text[512];
    unsigned int readable;
};

static void on_done(struct dial *dial, struct pooled *pooled, const struct error *err)
{
    struct fixture *f = CONTAINER_OF(dial, struct fixture, dial);

    f->done++;
    f->pooled = pooled;
    f->code = err == NULL ? ERROR_NONE : err->code;
    snprintf(f->text, sizeof(f->text), "%s", err == NULL ? "" : err->text);
}

static void listen_on(struct fixture *f, const char *text, int backlog)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    struct address address;
    struct error err = {0};

    assert_true(address_parse(&address, slice_of(text), &err));
    f->listen_fd =
        socket(address.sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&address.sockaddr, address.size), 0);
    assert_int_equal(listen(f->listen_fd, backlog), 0);
    f->settings.address = address;
    if (address.kind == ADDRESS_IP) {
        assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&bound, &size), 0);
        address_from_sockaddr(&f->settings.address, (struct sockaddr *)&bound, size);
    }
}

static void create(struct fixture *f)
{
    f->pool = pool_create(f->loop, f->blocks, &f->settings);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    f->loop = loop_create(NULL);
    f->blocks = block_store_create(1024 * 1024);
    f->settings =
        (struct pool_settings){.max_idle = 2, .connect_timeout_ms = 1000, .idle_timeout_ms = 30000};
    listen_on(f, "127.0.0.1:0", 16);
    return 0;
}

static int setup_started(void **state)
{
    setup(state);
    create(*state);
    return 0;
}

static void use_unix(struct fixture *f, int backlog)
{
    char text[96];

    close(f->listen_fd);
    snprintf(f->folder, sizeof(f->folder), "/tmp/test_pool.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(text, sizeof(text), "unix:%s/socket", f->folder);
    listen_on(f, text, backlog);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pool_destroy(&f->pool);
    assert_null(f->pool);
    for (size_t i = 0; i < f->peer_count; i++)
        peer_dispose(&f->peers[i]);
    if (f->listen_fd >= 0)
        close(f->listen_fd);
    if (f->folder[0] != '\0') {
        unlink(f->settings.address.text + strlen("unix:"));
        rmdir(f->folder);
    }
    block_store_destroy(&f->blocks);
    loop_destroy(&f->loop);
    free(f);
    return 0;
}

static void dial(struct fixture *f)
{
    struct error err = {0};

    assert_true(pool_dial_start(f->pool, &f->dial, on_done, &err));
    assert_int_equal(f->done, 0); /* never from inside */
}

static void await_done(struct fixture *f)
{
    for (int i = 0; i < 5000 && f->done == 0; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->done, 1);
    f->done = 0;
}

static struct peer *accept_peer(struct fixture *f)
{
    int fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    assert_true(fd >= 0);
    peer_init(&f->peers[f->peer_count], f->loop, fd);
    return &f->peers[f->peer_count++];
}

/* A connection that was dialled, and its peer. */
static struct pooled *connect_one(struct fixture *f, struct peer **peer)
{
    struct pooled *pooled;

    dial(f);
    await_done(f);
    assert_non_null(f->pooled);
    *peer = accept_peer(f);
    pooled = f->pooled;
    f->pooled = NULL;
    return pooled;
}

/* ---- dialling: the six cases */

static void test_pool_dials(void **state)
{
    struct fixture *f = *state;
    struct peer *peer;
    struct pooled *pooled = connect_one(f, &peer);
    struct iovec bytes = {f->text, 5};

    assert_false(pooled->is_reused);
    strcpy(f->text, "hello");
    assert_int_equal(io_write(&pooled->connection.io, &bytes, 1), 5);
    peer_expect(peer, "hello");
    pool_give(pooled, false);
    peer_expect_end(peer);
}

static void test_pool_dials_a_unix_socket(void **state)
{
    struct fixture *f = *state;
    struct peer *peer;

    use_unix(f, 4);
    create(f);
    pool_give(connect_one(f, &peer), false);
    peer_expect_end(peer);
}

static void test_pool_refuses_to_dial_without_descriptors(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, none;
    struct error err = {0};

    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_false(pool_dial_start(f->pool, &f->dial, on_done, &err));
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.text, f->settings.address.text));
    loop_turn(f->loop, 1);
    assert_int_equal(f->done, 0);
}

static void test_pool_says_why_dialling_failed(void **state)
{
    struct fixture *f = *state;

    close(f->listen_fd);
    f->listen_fd = -1;
    dial(f);
    await_done(f);
    assert_null(f->pooled);
    assert_int_equal(f->code, ERROR_IO);
    assert_non_null(strstr(f->text, "Connection refused"));
    assert_non_null(strstr(f->text, f->settings.address.text));
}

static void test_pool_gives_up_dialling_after_its_time(void **state)
{
    struct fixture *f = *state;
    int fds[8];

    listen(f->listen_fd, 0); /* and nobody accepts: further handshakes get no answer */
    for (size_t i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&f->settings.address.sockaddr, f->settings.address.size);
    }
    dial(f);
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->done, 0);
    clock_advance_ms(1010);
    await_done(f);
    assert_int_equal(f->code, ERROR_TIMEOUT);
    assert_non_null(strstr(f->text, "1000 ms"));
    for (size_t i = 0; i < 8; i++)
        close(fds[i]);
}

static void test_pool_forgets_a_dial_that_is_cancelled(void **state)
{
    struct fixture *f = *state;

    dial(f);
    pool_dial_cancel(&f->dial);
    pool_dial_cancel(&f->dial); /* idle ones too */
    clock_advance_ms(2000);
    for (int i = 0; i < 5; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->done, 0);
}

static void test_pool_tells_of_a_peer_that_goes_while_dialling(void **state)
{
    struct fixture *f = *state;
    char byte;

    dial(f);
    close(f->listen_fd); /* resets what was not accepted */
    f->listen_fd = -1;
    await_done(f);
    if (f->pooled == NULL) {
        assert_int_equal(f->code, ERROR_IO);
        return;
    }
    assert_true(io_read(&f->pooled->connection.io, &byte, 1) <= 0);
    pool_give(f->pooled, false);
}

/* ---- a unix socket's queue */

static void test_pool_waits_for_room_in_the_queue_of_a_unix_socket(void **state)
{
    struct fixture *f = *state;
    int fds[4];

    use_unix(f, 0);
    create(f);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&f->settings.address.sockaddr, f->settings.address.size);
    }
    dial(f);
    for (int i = 0; i < 30; i++)
        loop_turn(f->loop, 1);
    assert_int_equal(f->done, 0);
    while (accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK) >=
           0) /* leaked to the end of the test */
        ;
    await_done(f);
    assert_non_null(f->pooled);
    pool_give(f->pooled, false);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_pool_waits_for_the_queue_of_a_unix_socket_no_longer_than_for_a_peer(void **state)
{
    struct fixture *f = *state;
    int fds[4];

    use_unix(f, 0);
    create(f);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&f->settings.address.sockaddr, f->settings.address.size);
    }
    dial(f);
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, 1);
    clock_advance_ms(1010);
    await_done(f);
    assert_int_equal(f->code, ERROR_TIMEOUT);
    dial(f);
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, 1);
    pool_dial_cancel(&f->dial);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

/* ---- idle connections */

static void test_pool_keeps_what_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct peer *peer;
    struct pooled *pooled = connect_one(f, &peer);

    assert_null(pool_take(f->pool, UINT64_MAX));
    pool_give(pooled, true);
    assert_ptr_equal(pool_take(f->pool, UINT64_MAX), pooled);
    assert_true(pooled->is_reused);
    assert_null(pool_take(f->pool, UINT64_MAX));
    pool_give(pooled, true);
    peer_expect_silence(peer, 5);
}

static void test_pool_takes_the_newest_and_none_that_is_too_old(void **state)
{
    struct fixture *f = *state;
    struct peer *peers[2];
    struct pooled *older = connect_one(f, &peers[0]), *newer = connect_one(f, &peers[1]);

    pool_give(older, true);
    clock_advance_ms(500);
    loop_turn(f->loop, 0);
    pool_give(newer, true);
    assert_ptr_equal(pool_take(f->pool, 1000), newer);
    assert_ptr_equal(pool_take(f->pool, 1000), older);
    pool_give(older, true);
    pool_give(newer, true);
    clock_advance_ms(1100);
    loop_turn(f->loop, 0);
    assert_null(pool_take(f->pool, 1000));
    assert_non_null(pool_take(f->pool, 2000));
    pool_give(newer, false);
}

static void test_pool_keeps_no_more_than_it_may(void **state)
{
    struct fixture *f = *state;
    struct peer *peers[3];
    struct pooled *pooled[3];

    for (int i = 0; i < 3; i++)
        pooled[i] = connect_one(f, &peers[i]);
    for (int i = 0; i < 3; i++)
        pool_give(pooled[i], true);
    peer_expect_end(peers[2]);
    peer_expect_silence(peers[0], 5);
}

static void test_pool_drops_what_the_upstream_closes_or_speaks_on(void **state)
{
    struct fixture *f = *state;
    struct peer *peers[2];
    struct pooled *first = connect_one(f, &peers[0]), *second = connect_one(f, &peers[1]);

    pool_give(first, true);
    pool_give(second, true);
    peer_close(peers[0]);
    peer_send(peers[1], "HTTP/1.1 408 Request Timeout\r\n\r\n");
    for (int i = 0; i < 5; i++)
        loop_turn(f->loop, 1);
    assert_null(pool_take(f->pool, UINT64_MAX));
    peer_await_gone(peers[1]);
}

static void test_pool_does_not_keep_what_has_bytes_or_room_pending(void **state)
{
    struct fixture *f = *state;
    struct peer *peers[2];
    struct pooled *with_bytes = connect_one(f, &peers[0]), *with_write = connect_one(f, &peers[1]);

    peer_send(peers[0], "rest");
    while (connection_read(&with_bytes->connection) <= 0)
        ;
    pool_give(with_bytes, true);
    io_watch_write(&with_write->connection.io);
    pool_give(with_write, true);
    assert_null(pool_take(f->pool, UINT64_MAX));
}

static void test_pool_closes_what_idles_for_too_long(void **state)
{
    struct fixture *f = *state;
    struct peer *peers[2];
    struct pooled *older = connect_one(f, &peers[0]), *newer = connect_one(f, &peers[1]);

    pool_give(older, true);
    clock_advance_ms(20000);
    loop_turn(f->loop, 0);
    pool_give(newer, true);
    clock_advance_ms(11000);
    peer_expect_end(peers[0]);
    peer_expect_silence(peers[1], 5);
    clock_advance_ms(30000);
    peer_expect_end(peers[1]);
}

int main(void)
{
#define TEST(test)    cmocka_unit_test_setup_teardown(test, setup, teardown)
#define STARTED(test) cmocka_unit_test_setup_teardown(test, setup_started, teardown)
    const struct CMUnitTest tests[] = {
        STARTED(test_pool_dials),
        TEST(test_pool_dials_a_unix_socket),
        STARTED(test_pool_refuses_to_dial_without_descriptors),
        STARTED(test_pool_says_why_dialling_failed),
        STARTED(test_pool_gives_up_dialling_after_its_time),
        STARTED(test_pool_forgets_a_dial_that_is_cancelled),
        STARTED(test_pool_tells_of_a_peer_that_goes_while_dialling),
        TEST(test_pool_waits_for_room_in_the_queue_of_a_unix_socket),
        TEST(test_pool_waits_for_the_queue_of_a_unix_socket_no_longer_than_for_a_peer),
        STARTED(test_pool_keeps_what_is_given_back),
        STARTED(test_pool_takes_the_newest_and_none_that_is_too_old),
        STARTED(test_pool_keeps_no_more_than_it_may),
        STARTED(test_pool_drops_what_the_upstream_closes_or_speaks_on),
        STARTED(test_pool_does_not_keep_what_has_bytes_or_room_pending),
        STARTED(test_pool_closes_what_idles_for_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
