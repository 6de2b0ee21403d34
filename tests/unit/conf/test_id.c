// SPDX-License-Identifier: Apache-2.0
#include "conf/id.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIXTY_THREE "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static const struct {
    const char *id;
    bool is_valid;
} table[] = {
    {"a", true},        {"0", true},
    {"alice", true},    {"ci-bot", true},
    {"a.b_c-9", true},  {SIXTY_THREE, true},
    {"9lives", true},   {"", false},
    {"-a", false},      {".a", false},
    {"_a", false},      {"Alice", false},
    {"al ice", false},  {"al/ice", false},
    {"al:ice", false},  {"alic\xc3\xa9", false},
    {"alice\n", false}, {SIXTY_THREE "4", false},
};

static void test_id_accepts_exactly_the_documented_form(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};

        assert_int_equal(id_is_valid(slice_of(table[i].id)), table[i].is_valid);
        assert_int_equal(id_check(slice_of(table[i].id), "member", &err), table[i].is_valid);
        assert_int_equal(err.code == ERROR_NONE, table[i].is_valid);
    }
}

static void test_id_names_the_wrong_byte_and_shows_it_escaped(void **state)
{
    struct error err = {0};

    assert_false(id_check(SLICE("al\x01"), "token's owner", &err));
    assert_string_equal(err.text, "the token's owner 'al\\u0001' has a byte at 3 that ids cannot "
                                  "have there; write a-z, 0-9, and behind the first '.', '_' or "
                                  "'-'");
}

static void test_id_refuses_a_nul_inside(void **state)
{
    assert_false(id_is_valid((struct slice){"ab\0cd", 5}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_accepts_exactly_the_documented_form),
        cmocka_unit_test(test_id_names_the_wrong_byte_and_shows_it_escaped),
        cmocka_unit_test(test_id_refuses_a_nul_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
