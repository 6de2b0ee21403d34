// SPDX-License-Identifier: Apache-2.0
#include "auth/throttle.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include <cmocka.h>

static const uint8_t seed[16] = {1, 2, 3};
static const struct slice nobody = {NULL, 0};

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;

    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        storage.ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        storage.ss_family = AF_INET6;
    }
    return storage;
}

static uint32_t fail_from(struct throttle *throttle, const char *address, const char *id,
                          uint64_t now_ms)
{
    struct sockaddr_storage peer = address_of(address);

    return throttle_failed(throttle, (struct sockaddr *)&peer, id == NULL ? nobody : slice_of(id),
                           now_ms);
}

static int setup(void **state)
{
    *state = throttle_create(&(struct throttle_settings){0}, seed);
    return 0;
}

static int teardown(void **state)
{
    struct throttle *throttle = *state;

    throttle_destroy(&throttle);
    assert_null(throttle);
    return 0;
}

static void test_throttle_lets_ten_failures_pass_and_names_the_wait(void **state)
{
    struct throttle *throttle = *state;

    for (int i = 0; i < 10; i++)
        assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000), 0);
    /* level 11, one leaks in 6 s: level 9, with room for one more, after 12 s */
    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000), 12);
    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000), 18);
    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000 + 17999), 7);
    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000 + 17999 + 7000), 0);
}

static void test_throttle_forgets_within_two_windows_however_long_it_went_on(void **state)
{
    struct throttle *throttle = *state;

    for (int i = 0; i < 10000; i++)
        fail_from(throttle, "192.0.2.1", NULL, 1000);
    assert_true(fail_from(throttle, "192.0.2.1", NULL, 1000) <= 66);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 1000 + 120000), 0);
}

static void test_throttle_never_answers_who_fails_slowly(void **state)
{
    struct throttle *throttle = *state;

    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(fail_from(throttle, "192.0.2.1", "abcdefghij", i * 6000), 0);
}

static void test_throttle_keeps_addresses_apart(void **state)
{
    static const char *const others[] = {"192.0.2.2", "2001:db8::1", "::ffff:192.0.2.3"};
    struct throttle *throttle = *state;
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    for (int i = 0; i < 50; i++)
        fail_from(throttle, "192.0.2.1", NULL, 1000);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(fail_from(throttle, others[i], NULL, 1000), 0);
    assert_int_equal(throttle_failed(throttle, (struct sockaddr *)&local, nobody, 1000), 0);
    assert_true(fail_from(throttle, "::ffff:192.0.2.1", NULL, 1000) > 0); /* is the same host */
}

static void test_throttle_takes_a_64_of_ipv6_as_one(void **state)
{
    struct throttle *throttle = *state;
    char address[64];

    for (unsigned i = 0; i < 20; i++) {
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", i);
        assert_int_equal(fail_from(throttle, address, NULL, 1000) > 0, i >= 10);
    }
    assert_int_equal(fail_from(throttle, "2001:db8:1:3::1", NULL, 1000), 0);
}

static void test_throttle_counts_a_token_id_over_all_addresses(void **state)
{
    struct throttle *throttle = *state;
    char address[64];

    for (unsigned i = 0; i < 20; i++) {
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        assert_int_equal(fail_from(throttle, address, "abcdefghij", 1000) > 0, i >= 10);
    }
    assert_int_equal(fail_from(throttle, "192.0.2.1", "bbcdefghij", 1000), 0);
}

/* A flood from a million addresses hides no one who guesses on, and costs no memory. */
static void test_throttle_holds_in_a_flood_of_addresses(void **state)
{
    struct throttle *throttle = *state;
    size_t before;

    for (int i = 0; i < 30; i++)
        fail_from(throttle, "192.0.2.1", "abcdefghij", 1000);
    before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 1000000; i++) {
        struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i)};

        throttle_failed(throttle, (struct sockaddr *)&peer, nobody, 1000 + i / 100);
        if (i % 100000 == 0) {
            assert_true(fail_from(throttle, "192.0.2.1", NULL, 1000 + i / 100) > 0);
            assert_true(fail_from(throttle, "192.0.2.2", "abcdefghij", 1000 + i / 100) > 0);
        }
    }
    assert_int_equal(mallinfo2().uordblks, before);
}

static void test_throttle_keeps_to_its_settings(void **state)
{
    struct throttle *throttle = throttle_create(
        &(struct throttle_settings){.failures = 3, .window_ms = 3000, .slots = 64}, seed);

    for (int i = 0; i < 3; i++)
        assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 0), 0);
    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 0), 2);
    assert_int_equal(throttle_failed(throttle, NULL, nobody, 0), 0);
    throttle_destroy(&throttle);
}

/* ---- several threads guess */

enum { GUESSERS = 4, GUESSES = 5000 };

struct guesser {
    pthread_t thread;
    struct throttle *throttle;
    unsigned number, passed;
};

/* At one address all together, and at addresses of its own, so that places are taken over. */
static void *guess(void *guesser_)
{
    struct guesser *guesser = guesser_;
    char own[32];

    for (unsigned i = 0; i < GUESSES; i++) {
        snprintf(own, sizeof(own), "10.%u.%u.%u", guesser->number, i / 256, i % 256);
        guesser->passed += fail_from(guesser->throttle, "192.0.2.1", NULL, 0) == 0;
        (void)fail_from(guesser->throttle, own, NULL, 0);
    }
    return NULL;
}

static void test_throttle_counts_what_several_threads_see_together(void **state)
{
    static const struct throttle_settings settings = {0};
    struct throttle *throttle = throttle_create(&settings, seed);
    struct guesser guessers[GUESSERS];
    unsigned passed = 0;

    assert_int_equal(fail_from(throttle, "192.0.2.1", NULL, 0), 0); /* has its place */
    for (unsigned i = 0; i < GUESSERS; i++) {
        guessers[i] = (struct guesser){.throttle = throttle, .number = i};
        assert_int_equal(pthread_create(&guessers[i].thread, NULL, guess, &guessers[i]), 0);
    }
    for (unsigned i = 0; i < GUESSERS; i++) {
        pthread_join(guessers[i].thread, NULL);
        passed += guessers[i].passed;
    }
    assert_int_equal(passed, 9);
    throttle_destroy(&throttle);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_throttle_lets_ten_failures_pass_and_names_the_wait),
        TEST(test_throttle_forgets_within_two_windows_however_long_it_went_on),
        TEST(test_throttle_never_answers_who_fails_slowly),
        TEST(test_throttle_keeps_addresses_apart),
        TEST(test_throttle_takes_a_64_of_ipv6_as_one),
        TEST(test_throttle_counts_a_token_id_over_all_addresses),
        TEST(test_throttle_holds_in_a_flood_of_addresses),
        TEST(test_throttle_keeps_to_its_settings),
        TEST(test_throttle_counts_what_several_threads_see_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
