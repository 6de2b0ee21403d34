// SPDX-License-Identifier: Apache-2.0
#include "auth/gateway_id.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_gateway_id_is_read_and_printed(void **state)
{
    static const char *const uris[] = {"spiffe://library.example.org/gateway/north-1",
                                       "spiffe://example/gateway/0"};
    char printed[GATEWAY_URI_SIZE];
    struct gateway_id id;

    for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
        assert_true(gateway_id_parse(slice_of(uris[i]), &id, NULL));
        assert_string_equal(gateway_id_print(&id, printed), uris[i]);
    }
    assert_string_equal(id.org, "example");
    assert_string_equal(id.node, "0");
}

static void test_gateway_id_has_room_for_the_longest(void **state)
{
    char printed[GATEWAY_URI_SIZE];
    struct gateway_id id, again;

    memset(&id, 0, sizeof(id));
    for (size_t i = 0; i < ORG_SIZE - 1; i++)
        id.org[i] = i % 64 == 63 ? '.' : 'o';
    memset(id.node, 'n', ID_SIZE - 1);
    gateway_id_print(&id, printed);
    assert_int_equal(strlen(printed), GATEWAY_URI_SIZE - 1);
    assert_true(gateway_id_parse(slice_of(printed), &again, NULL));
    assert_memory_equal(&again, &id, sizeof(id));
}

static void test_gateway_id_refuses_all_else(void **state)
{
    static const struct {
        struct slice uri;
        const char *text;
    } cases[] = {
        {SLICE(""), "names no gateway"},
        {SLICE("spiffe://"), "names no gateway"},
        {SLICE("https://a.example/gateway/n"), "names no gateway"},
        {SLICE("SPIFFE://a.example/gateway/n"), "names no gateway"},
        {SLICE("a\nb"), "'a\\nb' names no gateway"},
        {SLICE("spiffe://\xc3\xa4.example/gateway/n"), "is 0xc3"},
        {SLICE("spiffe://a.example"), "names no gateway"},
        {SLICE("spiffe://a.example/gateway"), "names no gateway"},
        {SLICE("spiffe://a.example/member/n"), "names no gateway"},
        {SLICE("spiffe://a.example/Gateway/n"), "names no gateway"},
        {SLICE("spiffe://a.example//gateway/n"), "names no gateway"},
        {SLICE("spiffe:///gateway/n"), "has 1 to 253 letters"},
        {SLICE("spiffe://A.example/gateway/n"), "is no DNS name"},
        {SLICE("spiffe://a.example:443/gateway/n"), "is no DNS name"},
        {SLICE("spiffe://x@a.example/gateway/n"), "is no DNS name"},
        {SLICE("spiffe://a..example/gateway/n"), "is no DNS name"},
        {SLICE("spiffe://a.example./gateway/n"), "is no DNS name"},
        {SLICE("spiffe://a\0.example/gateway/n"), "byte 2 of an organization's name is 0x00"},
        {SLICE("spiffe://a.example/gateway/"), "node"},
        {SLICE("spiffe://a.example/gateway/n/"), "node"},
        {SLICE("spiffe://a.example/gateway/n/m"), "node"},
        {SLICE("spiffe://a.example/gateway/N"), "node"},
        {SLICE("spiffe://a.example/gateway/n%31"), "node"},
        {SLICE("spiffe://a.example/gateway/n?x"), "node"},
        {SLICE("spiffe://a.example/gateway/n\0"), "node"},
    };
    struct gateway_id id;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};

        if (gateway_id_parse(cases[i].uri, &id, &err))
            fail_msg("case %zu was taken", i);
        assert_int_equal(err.code, ERROR_SYNTAX);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_id_is_read_and_printed),
        cmocka_unit_test(test_gateway_id_has_room_for_the_longest),
        cmocka_unit_test(test_gateway_id_refuses_all_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
