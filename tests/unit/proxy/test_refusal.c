// SPDX-License-Identifier: Apache-2.0
#include "kit.h"
#include "proxy/refusal.h"

static void expect(int status, const char *message, const char *wanted)
{
    struct text body = {0};

    assert_string_equal(refusal_put_error(NULL, status, message, &body), "application/json");
    assert_string_equal(body.data, wanted);
    text_dispose(&body);
}

static void test_refusal_has_the_codes_that_clients_of_kubo_know(void **state)
{
    static const struct {
        int status, code;
    } cases[] = {
        {400, 1}, {401, 4}, {403, 4}, {404, 0}, {405, 0}, {408, 0}, {413, 1}, {417, 0}, {429, 3},
        {431, 0}, {500, 0}, {501, 0}, {502, 0}, {503, 0}, {504, 0}, {505, 0}, {507, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(refusal_code(cases[i].status), cases[i].code);
}

static void test_refusal_is_one_line_of_json(void **state)
{
    expect(403, "not for you", "{\"Message\":\"not for you\",\"Code\":4,\"Type\":\"error\"}\n");
    expect(404, "no command 'x'",
           "{\"Message\":\"no command 'x'\",\"Code\":0,\"Type\":\"error\"}\n");
}

static void test_refusal_escapes_what_a_client_sent(void **state)
{
    expect(
        400, "a \"quote\", a \\ and\na line",
        "{\"Message\":\"a \\\"quote\\\", a \\\\ and\\na line\",\"Code\":1,\"Type\":\"error\"}\n");
    expect(400, "\x01\x1b[2J",
           "{\"Message\":\"\\u0001\\u001b[2J\",\"Code\":1,\"Type\":\"error\"}\n");
}

static void test_refusal_is_put_behind_what_is_there(void **state)
{
    struct text body = {0};

    text_put_text(&body, "before\n");
    refusal_put_error(NULL, 502, "x", &body);
    assert_string_equal(body.data, "before\n{\"Message\":\"x\",\"Code\":0,\"Type\":\"error\"}\n");
    text_dispose(&body);
}

static void test_refusal_says_what_the_tracker_said_as_kubo_would(void **state)
{
    static const struct {
        enum tracker_outcome outcome;
        const char *text;
        int status;
        const char *message;
    } cases[] = {
        {TRACKER_NOT_PINNED, "not pinned", 500, "not pinned"},
        {TRACKER_QUOTA, "no room", 507, "no room"},
        {TRACKER_DENIED, "not here", 410, "not here"},
        {TRACKER_FAILED, "no node", 502, "pin: no node"},
        {TRACKER_FAILED, "pin: no node", 502, "pin: no node"},
        {TRACKER_MISSING, "block was not found", 500, "pin: block was not found"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct tracker_answer answer = {.outcome = cases[i].outcome,
                                              .text = slice_of(cases[i].text)};
        struct text message = {0};

        assert_int_equal(refusal_status(answer.outcome), cases[i].status);
        refusal_put_answer(&answer, &message);
        assert_string_equal(message.data, cases[i].message);
        text_dispose(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusal_has_the_codes_that_clients_of_kubo_know),
        cmocka_unit_test(test_refusal_is_one_line_of_json),
        cmocka_unit_test(test_refusal_escapes_what_a_client_sent),
        cmocka_unit_test(test_refusal_is_put_behind_what_is_there),
        cmocka_unit_test(test_refusal_says_what_the_tracker_said_as_kubo_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
