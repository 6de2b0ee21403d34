// SPDX-License-Identifier: Apache-2.0
#include "conf/log_ring.h"
#include "conf/text.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool put(struct log_ring *ring, unsigned stream, const char *text)
{
    struct slice line = slice_of(text);
    char *room = log_ring_reserve(ring, stream, line.size, 0);

    if (room == NULL)
        return false;
    memcpy(room, line.data, line.size);
    log_ring_commit(ring, line.size);
    return true;
}

static void test_log_ring_hands_lines_over_in_order(void **state)
{
    struct log_record record;
    struct log_ring ring;

    log_ring_init(&ring, 256);
    assert_false(log_ring_next(&ring, &record));
    assert_true(put(&ring, 0, "first"));
    assert_true(put(&ring, 1, "second line"));
    assert_true(log_ring_next(&ring, &record));
    assert_int_equal(record.stream, 0);
    assert_int_equal(record.size, 5);
    assert_memory_equal(record.data, "first", 5);
    assert_true(log_ring_next(&ring, &record));
    assert_int_equal(record.stream, 1);
    assert_memory_equal(record.data, "second line", 11);
    assert_false(log_ring_next(&ring, &record));
    log_ring_dispose(&ring);
}

static void test_log_ring_counts_what_does_not_fit(void **state)
{
    struct log_record record;
    struct log_ring ring;
    unsigned taken = 0, refused = 0;

    log_ring_init(&ring, 256);
    for (unsigned i = 0; i < 20; i++) /* 8 bytes of header and 24 of line each: 8 fit */
        if (put(&ring, 0, "twenty-four bytes exact."))
            taken++;
        else
            refused++;
    assert_int_equal(taken, 8);
    assert_int_equal(log_ring_take_dropped(&ring), refused);
    assert_int_equal(log_ring_take_dropped(&ring), 0);
    while (log_ring_next(&ring, &record))
        taken--;
    assert_int_equal(taken, 0);
    assert_false(put(&ring, 0, "still full: nothing was released"));
    log_ring_release(&ring);
    assert_true(put(&ring, 0, "room again"));
    log_ring_dispose(&ring);
}

static void test_log_ring_keeps_room_for_what_matters_more(void **state)
{
    struct log_ring ring;

    log_ring_init(&ring, 256);
    for (unsigned i = 0; i < 6; i++) {
        assert_non_null(log_ring_reserve(&ring, 0, 24, 64));
        log_ring_commit(&ring, 24);
    }
    assert_null(log_ring_reserve(&ring, 0, 24, 64));
    assert_true(put(&ring, 1, "there is room for this"));
    assert_true(put(&ring, 1, "and for this"));
    log_ring_dispose(&ring);
}

static void test_log_ring_takes_a_reservation_back(void **state)
{
    struct log_record record;
    struct log_ring ring;

    log_ring_init(&ring, 256);
    assert_non_null(log_ring_reserve(&ring, 0, 40, 0));
    assert_false(log_ring_commit(&ring, 0));
    assert_false(log_ring_next(&ring, &record));
    memcpy(log_ring_reserve(&ring, 0, 40, 0), "short", 5);
    log_ring_commit(&ring, 5);
    assert_true(log_ring_next(&ring, &record));
    assert_int_equal(record.size, 5);
    log_ring_dispose(&ring);
}

static void test_log_ring_tells_when_it_becomes_half_full(void **state)
{
    struct log_record record;
    struct log_ring ring;
    unsigned told = 0;

    log_ring_init(&ring, 1024);
    for (unsigned i = 0; i < 30; i++) {
        log_ring_reserve(&ring, 0, 24, 0);
        told += log_ring_commit(&ring, 24);
        assert_int_equal(told, i >= 15); /* the sixteenth record of 32 bytes */
    }
    while (log_ring_next(&ring, &record))
        log_ring_release(&ring);
    for (unsigned i = 0; i < 16; i++) {
        log_ring_reserve(&ring, 0, 24, 0);
        told += log_ring_commit(&ring, 24);
    }
    assert_int_equal(told, 2);
    log_ring_dispose(&ring);
}

enum { LINES = 200000 };

static void *produce(void *ring_)
{
    struct log_ring *ring = ring_;

    for (unsigned i = 0; i < LINES;) {
        unsigned size = 4 + i * 31 % 57;
        char *room = log_ring_reserve(ring, i % 2, 64, 0);

        if (room == NULL) {
            sched_yield();
            continue;
        }
        memset(room, 'a' + (int)(i % 26), size);
        memcpy(room, &i, 4);
        log_ring_commit(ring, size);
        i++;
    }
    return NULL;
}

/* Every line arrives whole, once, in order, however the two sides interleave. */
static void test_log_ring_loses_and_mixes_nothing_between_threads(void **state)
{
    struct log_record record;
    struct log_ring ring;
    pthread_t producer;

    log_ring_init(&ring, 1024);
    assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
    for (unsigned i = 0; i < LINES;) {
        unsigned number;

        if (!log_ring_next(&ring, &record)) {
            log_ring_release(&ring);
            sched_yield();
            continue;
        }
        memcpy(&number, record.data, 4);
        assert_int_equal(number, i);
        assert_int_equal(record.stream, i % 2);
        assert_int_equal(record.size, 4 + i * 31 % 57);
        for (size_t j = 4; j < record.size; j++)
            assert_int_equal(record.data[j], 'a' + (int)(i % 26));
        if (i % 7 == 0)
            log_ring_release(&ring);
        i++;
    }
    pthread_join(producer, NULL);
    assert_false(log_ring_next(&ring, &record));
    log_ring_dispose(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_ring_hands_lines_over_in_order),
        cmocka_unit_test(test_log_ring_counts_what_does_not_fit),
        cmocka_unit_test(test_log_ring_keeps_room_for_what_matters_more),
        cmocka_unit_test(test_log_ring_takes_a_reservation_back),
        cmocka_unit_test(test_log_ring_tells_when_it_becomes_half_full),
        cmocka_unit_test(test_log_ring_loses_and_mixes_nothing_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
