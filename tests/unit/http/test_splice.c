// SPDX-License-Identifier: Apache-2.0
#include "http/splice.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* near[0] -- near[1] = from ... to = far[0] -- far[1] */
struct fixture {
    struct pipe_store *store;
    struct splice splice;
    int near[2], far[2];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    f->store = pipe_store_create();
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->near) != 0 ||
           socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->far) != 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    splice_close(&f->splice, f->store);
    pipe_store_destroy(&f->store);
    assert_null(f->store);
    for (int i = 0; i < 2; i++) {
        close(f->near[i]);
        close(f->far[i]);
    }
    free(f);
    return 0;
}

static enum splice_result move(struct fixture *f, uint64_t max, uint64_t *taken, uint64_t *put)
{
    return splice_move(&f->splice, f->near[1], f->far[0], max, taken, put);
}

static void fill(int fd)
{
    static char bytes[4096];

    while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
        ;
}

static size_t drain(int fd)
{
    static char bytes[65536];
    size_t total = 0;
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        total += (size_t)got;
    return total;
}

static void test_splice_moves_what_is_there(void **state)
{
    struct fixture *f = *state;
    char bytes[16];
    uint64_t taken, put;

    assert_true(splice_open(&f->splice, f->store));
    assert_int_equal(move(f, 100, &taken, &put), SPLICE_WAIT_READ);
    assert_int_equal(taken + put, 0);
    assert_int_equal(send(f->near[0], "hello", 5, 0), 5);
    assert_int_equal(move(f, 100, &taken, &put), SPLICE_MOVED);
    assert_int_equal(taken, 5);
    assert_int_equal(put, 5);
    assert_int_equal(recv(f->far[1], bytes, sizeof(bytes), 0), 5);
    assert_memory_equal(bytes, "hello", 5);
}

static void test_splice_takes_no_more_than_it_may(void **state)
{
    struct fixture *f = *state;
    char bytes[16];
    uint64_t taken, put;

    assert_true(splice_open(&f->splice, f->store));
    assert_int_equal(send(f->near[0], "helloworld", 10, 0), 10);
    assert_int_equal(move(f, 5, &taken, &put), SPLICE_MOVED);
    assert_int_equal(taken, 5);
    assert_int_equal(recv(f->near[1], bytes, sizeof(bytes), 0), 5);
    assert_memory_equal(bytes, "world", 5);
}

static void test_splice_holds_what_the_destination_has_no_room_for(void **state)
{
    struct fixture *f = *state;
    uint64_t taken, put, moved = 0;
    char byte;

    assert_true(splice_open(&f->splice, f->store));
    fill(f->far[0]);
    assert_int_equal(send(f->near[0], "hello", 5, 0), 5);
    assert_int_equal(move(f, 100, &taken, &put), SPLICE_WAIT_WRITE);
    assert_int_equal(taken, 5);
    assert_int_equal(put, 0);
    assert_int_equal(f->splice.held, 5);
    assert_int_equal(send(f->near[0], "more", 4, 0), 4);
    assert_int_equal(move(f, 95, &taken, &put), SPLICE_WAIT_WRITE);
    assert_int_equal(taken, 0); /* first what is held */
    drain(f->far[1]);
    while (move(f, 95, &taken, &put) == SPLICE_MOVED)
        moved += put;
    assert_int_equal(moved, 9);
    assert_int_equal(f->splice.held, 0);
    assert_int_equal(drain(f->far[1]), 9);
    assert_int_equal(recv(f->far[1], &byte, 1, 0), -1);
}

/* The destination takes a part of what is held: it counts at once, not when the pipe is empty. */
static void test_splice_counts_every_part_that_it_puts(void **state)
{
    struct fixture *f = *state;
    uint64_t taken, put, all_taken = 0, all_put = 0;

    assert_true(splice_open(&f->splice, f->store));
    for (int i = 0; i < 1000 && f->splice.held == 0; i++) {
        fill(f->near[0]);
        move(f, UINT64_MAX, &taken, &put);
        all_taken += taken;
        all_put += put;
        assert_int_equal(all_taken, all_put + f->splice.held);
    }
    assert_true(f->splice.held > 0);
    while (f->splice.held > 0) {
        uint64_t before = f->splice.held;

        drain(f->far[1]);
        move(f, UINT64_MAX, &taken, &put);
        assert_int_equal(put - taken, before - f->splice.held);
        assert_true(put > 0);
    }
}

static void test_splice_tells_the_end_and_failures_apart(void **state)
{
    struct fixture *f = *state;
    uint64_t taken, put;

    assert_true(splice_open(&f->splice, f->store));
    shutdown(f->near[0], SHUT_WR);
    assert_int_equal(move(f, 100, &taken, &put), SPLICE_EOF);
    assert_int_equal(splice_move(&f->splice, -1, f->far[0], 100, &taken, &put), SPLICE_FROM_ERROR);
}

static void test_splice_tells_that_the_destination_is_gone(void **state)
{
    struct fixture *f = *state;
    uint64_t taken, put;

    assert_true(splice_open(&f->splice, f->store));
    assert_int_equal(send(f->near[0], "hello", 5, 0), 5);
    assert_int_equal(splice_move(&f->splice, f->near[1], -1, 100, &taken, &put), SPLICE_TO_ERROR);
    assert_int_equal(taken, 5);
    assert_int_equal(put, 0);
}

static void test_splice_pipes_are_kept_for_the_next_user_when_empty(void **state)
{
    struct fixture *f = *state;
    struct splice other = {0};
    uint64_t taken, put;
    int end;

    assert_true(splice_open(&f->splice, f->store));
    end = f->splice.read_end;
    splice_close(&f->splice, f->store);
    splice_close(&f->splice, f->store); /* unopened ones too */
    assert_true(splice_open(&other, f->store));
    assert_int_equal(other.read_end, end);
    fill(f->far[0]);
    assert_int_equal(send(f->near[0], "secret", 6, 0), 6);
    assert_int_equal(splice_move(&other, f->near[1], f->far[0], 100, &taken, &put),
                     SPLICE_WAIT_WRITE);
    splice_close(&other, f->store); /* with bytes in it: nobody may find them */
    assert_true(splice_open(&f->splice, f->store));
    drain(f->far[1]);
    assert_int_equal(move(f, 100, &taken, &put), SPLICE_WAIT_READ);
    assert_int_equal(drain(f->far[1]), 0);
}

static void test_splice_pipes_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct splice many[64] = {{0}};
    size_t open = 0;

    while (open < 64 && splice_open(&many[open], f->store))
        open++;
    assert_true(open > 0 && open <= 32);
    splice_close(&many[0], f->store); /* kept: the next one can have it */
    assert_true(splice_open(&many[0], f->store));
    for (size_t i = 0; i < open; i++)
        splice_close(&many[i], f->store);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_splice_moves_what_is_there),
        TEST(test_splice_takes_no_more_than_it_may),
        TEST(test_splice_holds_what_the_destination_has_no_room_for),
        TEST(test_splice_counts_every_part_that_it_puts),
        TEST(test_splice_tells_the_end_and_failures_apart),
        TEST(test_splice_tells_that_the_destination_is_gone),
        TEST(test_splice_pipes_are_kept_for_the_next_user_when_empty),
        TEST(test_splice_pipes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
