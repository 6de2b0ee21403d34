// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "federation/peer_lookup.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct looked_up {
    struct loop *loop;
    struct jobs *jobs;
    struct peer_lookup *lookup;
    unsigned calls;
    struct address found[PEER_LOOKUP_MAX];
    size_t count;
    struct error err;
};

static int setup(void **state)
{
    struct looked_up *up = memory_alloc(sizeof(*up));

    up->loop = loop_create(NULL);
    up->jobs = jobs_create(1, 1);
    *state = up;
    return 0;
}

static int teardown(void **state)
{
    struct looked_up *up = *state;

    peer_lookup_cancel(&up->lookup);
    if (up->jobs != NULL)
        jobs_destroy(&up->jobs);
    for (int i = 0; i < 5; i++)
        loop_turn(up->loop, 1);
    loop_destroy(&up->loop);
    free(up);
    return 0;
}

static void on_found(void *up_, const struct address *found, size_t count, const struct error *err)
{
    struct looked_up *up = up_;

    up->lookup = NULL;
    up->calls++;
    up->count = count;
    if (count > 0)
        memcpy(up->found, found, count * sizeof(*found));
    if (err != NULL)
        up->err = *err;
}

static bool start(struct looked_up *up, const char *const *texts, size_t count, struct error *err)
{
    struct address addresses[PEER_LOOKUP_TEXTS];

    for (size_t i = 0; i < count; i++)
        assert_true(address_parse(&addresses[i], slice_of(texts[i]), NULL));
    return peer_lookup_start(&up->lookup, up->jobs, up->loop, addresses, count, on_found, up, err);
}

static void look_up(struct looked_up *up, const char *const *texts, size_t count)
{
    assert_true(start(up, texts, count, NULL));
    for (int i = 0; i < 20000 && up->calls == 0; i++)
        loop_turn(up->loop, 1);
    assert_int_equal(up->calls, 1);
}

static void test_peer_lookup_keeps_the_order_and_leaves_out_repetition(void **state)
{
    static const char *const texts[] = {"127.0.0.2:9501", "[::1]:9501", "127.0.0.2:9501",
                                        "127.0.0.2:9502"};
    struct looked_up *up = *state;

    look_up(up, texts, 4);
    assert_int_equal(up->count, 3);
    assert_string_equal(up->found[0].text, "127.0.0.2:9501");
    assert_string_equal(up->found[1].text, "[::1]:9501");
    assert_string_equal(up->found[2].text, "127.0.0.2:9502");
}

static void test_peer_lookup_finds_names(void **state)
{
    static const char *const texts[] = {"localhost:9501"};
    struct looked_up *up = *state;

    look_up(up, texts, 1);
    assert_true(up->count > 0);
    assert_int_equal(up->found[0].kind, ADDRESS_IP);
    assert_int_equal(up->found[0].port, 9501);
}

/* ".invalid": RFC 6761, section 6.4. */
static void test_peer_lookup_a_name_that_is_not_found_hides_no_other(void **state)
{
    static const char *const texts[] = {"nowhere.invalid:9501", "127.0.0.1:9501"};
    struct looked_up *up = *state;

    look_up(up, texts, 2);
    assert_int_equal(up->count, 1);
    assert_string_equal(up->found[0].text, "127.0.0.1:9501");
}

static void test_peer_lookup_says_why_nothing_was_found(void **state)
{
    static const char *const texts[] = {"nowhere.invalid:9501"};
    struct looked_up *up = *state;

    look_up(up, texts, 1);
    assert_int_equal(up->count, 0);
    assert_true(up->err.text[0] != '\0');
}

static void test_peer_lookup_calls_nobody_who_canceled(void **state)
{
    static const char *const texts[] = {"127.0.0.1:9501"};
    struct looked_up *up = *state;

    assert_true(start(up, texts, 1, NULL));
    peer_lookup_cancel(&up->lookup);
    assert_null(up->lookup);
    peer_lookup_cancel(&up->lookup);
    for (int i = 0; i < 50; i++)
        loop_turn(up->loop, 1);
    assert_int_equal(up->calls, 0);
}

/* Holds the pool's only thread up. */
struct blocker {
    struct job job;
    pthread_mutex_t mutex;
    bool is_done;
};

static void block(struct job *job)
{
    struct blocker *blocker = CONTAINER_OF(job, struct blocker, job);

    pthread_mutex_lock(&blocker->mutex);
    pthread_mutex_unlock(&blocker->mutex);
}

static void blocked(struct job *job)
{
    CONTAINER_OF(job, struct blocker, job)->is_done = true;
}

static void test_peer_lookup_is_refused_when_too_much_waits(void **state)
{
    static const char *const texts[] = {"127.0.0.1:9501"};
    struct looked_up *up = *state;
    struct peer_lookup *lookups[3];
    struct blocker blocker = {.job.run = block, .job.on_done = blocked};
    struct error err = {0};
    size_t count = 0;
    bool is_taken = true;

    pthread_mutex_init(&blocker.mutex, NULL);
    pthread_mutex_lock(&blocker.mutex);
    assert_true(job_start(up->jobs, up->loop, &blocker.job));
    while (is_taken && count < ARRAY_SIZE(lookups)) {
        is_taken = start(up, texts, 1, &err);
        if (is_taken)
            lookups[count++] = up->lookup;
        up->lookup = NULL;
    }
    assert_false(is_taken);
    assert_int_equal(err.code, ERROR_LIMIT);
    for (size_t i = 0; i < count; i++)
        peer_lookup_cancel(&lookups[i]);
    pthread_mutex_unlock(&blocker.mutex);
    for (int i = 0; i < 20000 && !blocker.is_done; i++)
        loop_turn(up->loop, 1);
    assert_true(blocker.is_done);
    pthread_mutex_destroy(&blocker.mutex);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_peer_lookup_keeps_the_order_and_leaves_out_repetition),
        CASE(test_peer_lookup_finds_names),
        CASE(test_peer_lookup_a_name_that_is_not_found_hides_no_other),
        CASE(test_peer_lookup_says_why_nothing_was_found),
        CASE(test_peer_lookup_calls_nobody_who_canceled),
        CASE(test_peer_lookup_is_refused_when_too_much_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
