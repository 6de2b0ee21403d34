// SPDX-License-Identifier: Apache-2.0
/* Bounds on what strangers cost. */
#include "conf/text.h"
#include "http/guard.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct sockaddr *address_of(const char *text)
{
    static struct sockaddr_storage storage;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;

    memset(&storage, 0, sizeof(storage));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    return (const struct sockaddr *)&storage;
}

static struct guard *create(uint32_t at_once, uint32_t address_at_once, uint32_t address_per_second)
{
    struct guard_limits limits = {at_once, address_at_once, address_per_second};

    return guard_create(&limits, 42);
}

/* How many of count may enter. */
static int enter(struct guard *guard, const char *address, int count, uint64_t now_ms)
{
    int entered = 0;

    for (int i = 0; i < count; i++)
        entered += guard_enter(guard, address_of(address), now_ms) ? 1 : 0;
    return entered;
}

static void leave(struct guard *guard, const char *address, int count)
{
    for (int i = 0; i < count; i++)
        guard_leave(guard, address_of(address));
}

static void test_guard_is_none_without_limits(void **state)
{
    assert_null(create(0, 0, 0));
}

static void test_guard_limits_the_connections_of_an_address(void **state)
{
    struct guard *guard = create(0, 3, 0);

    assert_int_equal(enter(guard, "192.0.2.1", 5, 0), 3);
    assert_int_equal(enter(guard, "192.0.2.2", 5, 0), 3);
    leave(guard, "192.0.2.1", 1);
    assert_int_equal(enter(guard, "192.0.2.1", 5, 0), 1);
    leave(guard, "192.0.2.1", 3);
    leave(guard, "192.0.2.2", 3);
    assert_int_equal(enter(guard, "192.0.2.2", 5, 0), 3);
    guard_destroy(&guard);
    assert_null(guard);
}

static void test_guard_limits_how_fast_an_address_connects(void **state)
{
    static const struct {
        uint64_t wait_ms;
        int entered;
    } cases[] = {{0, 8}, {0, 0}, {249, 0}, {1, 1}, {500, 2}, {1000, 4}, {100000, 8}, {0, 0}};
    struct guard *guard = create(0, 0, 4);
    uint64_t now_ms = 1000000;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        now_ms += cases[i].wait_ms;
        assert_int_equal(enter(guard, "192.0.2.1", 20, now_ms), cases[i].entered);
        leave(guard, "192.0.2.1", cases[i].entered);
    }
    assert_int_equal(enter(guard, "192.0.2.2", 20, now_ms), 8);
    guard_destroy(&guard);
}

/* Who has one address of IPv6 has 2^64 of them. */
static void test_guard_takes_a_network_of_ipv6_for_one_address(void **state)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } cases[] = {
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::7", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::1", "::2", true},
        {"::ffff:192.0.2.1", "192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"::1", "0.0.0.1", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct guard *guard = create(0, 1, 0);

        assert_int_equal(enter(guard, cases[i].first, 1, 0), 1);
        assert_int_equal(enter(guard, cases[i].second, 1, 0), cases[i].is_same ? 0 : 1);
        guard_destroy(&guard);
    }
}

static void test_guard_says_when_there_are_too_many_in_all(void **state)
{
    struct guard *guard = create(4, 2, 0);

    assert_int_equal(enter(guard, "192.0.2.1", 2, 0), 2);
    assert_int_equal(enter(guard, "192.0.2.2", 2, 0), 2);
    assert_false(guard_is_over(guard));
    assert_int_equal(enter(guard, "2001:db8::1", 1, 0), 1);
    assert_true(guard_is_over(guard));
    leave(guard, "192.0.2.1", 1);
    assert_false(guard_is_over(guard));
    guard_destroy(&guard);
}

/* Somebody with very many addresses: who is inside is never forgotten, and the table stays as it
 * is. What does not fit is refused. */
static void test_guard_forgets_addresses_but_no_connection(void **state)
{
    struct guard *guard = create(0, 1, 0);
    char text[32];
    int inside = 0;

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
            inside += enter(guard, text, 1, (uint64_t)i);
        }
    assert_true(inside > 3000 && inside <= 4096); /* each once; the second round has the same */
    guard_destroy(&guard);
    guard = create(0, 1, 1);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
        assert_int_equal(enter(guard, text, 2, (uint64_t)i), 1);
        leave(guard, text, 1);
    }
    guard_destroy(&guard);
}

static void test_guard_lets_pass_what_has_no_address(void **state)
{
    struct guard *guard = create(1, 1, 1);
    struct sockaddr unix_peer = {.sa_family = AF_UNIX};

    for (int i = 0; i < 10; i++)
        assert_true(guard_enter(guard, &unix_peer, 0));
    assert_false(guard_is_over(guard));
    guard_leave(guard, &unix_peer);
    guard_destroy(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_is_none_without_limits),
        cmocka_unit_test(test_guard_limits_the_connections_of_an_address),
        cmocka_unit_test(test_guard_limits_how_fast_an_address_connects),
        cmocka_unit_test(test_guard_takes_a_network_of_ipv6_for_one_address),
        cmocka_unit_test(test_guard_says_when_there_are_too_many_in_all),
        cmocka_unit_test(test_guard_forgets_addresses_but_no_connection),
        cmocka_unit_test(test_guard_lets_pass_what_has_no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
