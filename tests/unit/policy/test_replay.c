// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "auth/audit_line.h"
#include "policy/replay.h"

#define HEAD                                                                                       \
    "{\"sequence\":1,\"previous\":\"00\",\"time\":\"2026-05-01T03:00:00.250Z\",\"request\":\"r\"," \
    "\"principal\":{\"kind\":\"member\",\"id\":\"alice\",\"token\":\"t\","
#define TAIL  ",\"decision\":\"allow\",\"mode\":\"enforce\",\"rule\":\"x\",\"policy\":\"ff\"}"
#define ALICE HEAD "\"peer\":\"192.0.2.7\",\"encrypted\":true}"

static void read_line(struct replayed *replayed, const char *line)
{
    enum replay_answer answer;
    struct error err = {0};

    if (!replay_read(replayed, slice_of(line), &answer, &err))
        fail_msg("%s: %s", line, err.text);
    assert_int_equal(answer, REPLAY_REQUEST);
}

static void test_replay_reads_who_called_and_when(void **state)
{
    const struct sockaddr_in *peer;
    struct replayed replayed;

    (void)state;
    read_line(&replayed, ALICE ",\"command\":\"pin/ls\"" TAIL);
    assert_int_equal(replayed.principal.kind, PRINCIPAL_MEMBER);
    assert_true(slice_is(replayed.principal.id, "alice"));
    assert_null(replayed.principal.token_roles);
    peer = (const struct sockaddr_in *)(const void *)replayed.principal.peer;
    assert_int_equal(peer->sin_family, AF_INET);
    assert_int_equal(ntohl(peer->sin_addr.s_addr), 0xc0000207);
    assert_true(replayed.request.now_ms == UINT64_C(1777604400250));
    assert_true(replayed.was_allowed);
    replayed_dispose(&replayed);
    assert_null(replayed.call);
}

static void test_replay_reads_addresses_of_every_kind(void **state)
{
    static const struct {
        const char *peer;
        int family; /* 0: not known */
    } cases[] = {{"2001:db8::1", AF_INET6}, {"10.1.2.3", AF_INET}, {"unix", 0}, {"", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replayed replayed;
        char line[1024];

        snprintf(line, sizeof(line), HEAD "\"peer\":\"%s\"},\"command\":\"pin/ls\"" TAIL,
                 cases[i].peer);
        read_line(&replayed, line);
        if (cases[i].family == 0)
            assert_null(replayed.principal.peer);
        else
            assert_int_equal(replayed.principal.peer->sa_family, cases[i].family);
        replayed_dispose(&replayed);
    }
}

static void test_replay_reads_the_roles_of_a_narrowed_token(void **state)
{
    struct replayed replayed;

    (void)state;
    read_line(&replayed, HEAD "\"roles\":[\"a\",\"b\"]},\"command\":\"pin/ls\"" TAIL);
    assert_int_equal(replayed.principal.token_role_count, 2);
    assert_true(slice_is(replayed.principal.token_roles[1], "b"));
    replayed_dispose(&replayed);
    read_line(&replayed, HEAD "\"roles\":[]},\"command\":\"pin/ls\"" TAIL);
    assert_non_null(replayed.principal.token_roles); /* narrowed to nothing */
    assert_int_equal(replayed.principal.token_role_count, 0);
    replayed_dispose(&replayed);
}

static void test_replay_reads_calls(void **state)
{
    static const struct {
        const char *part;
        int arguments, options;
        int64_t length;
        unsigned pending;
    } cases[] = {
        {"\"command\":\"pin/add\",\"arguments\":[\"" CID_RAW "\",\"/ipfs/" CID_DAG_PB
         "/\\u00e4 %&?\"],\"options\":[[\"name\",\"a&b=%20\"],[\"recursive\",\"false\"]]",
         2, 2, 0, 0},
        {"\"command\":\"add\",\"body_size\":5000000000", 0, 0, 5000000000, 0},
        {"\"command\":\"add\",\"options\":[[\"pin\",\"true\"]]", 0, 1, -1, 0}, /* chunked */
        {"\"command\":\"pin/ls\"", 0, 0, 0, 0},
        /* denied at its head: what stands in the body was not read */
        {"\"command\":\"pin/add\"", 0, 0, 0, PENDING_ARGUMENTS},
        {"\"command\":\"pin/rm\",\"body_size\":80", 0, 0, 80, PENDING_ARGUMENTS},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replayed replayed;
        char line[2048];

        snprintf(line, sizeof(line), ALICE ",%s" TAIL, cases[i].part);
        read_line(&replayed, line);
        assert_int_equal(replayed.call->argument_count, cases[i].arguments);
        assert_int_equal(replayed.call->option_count, cases[i].options);
        assert_true(replayed.request.content_length == cases[i].length);
        assert_int_equal(replayed.request.pending, cases[i].pending);
        replayed_dispose(&replayed);
    }
}

static void test_replay_leaves_out_what_is_no_whole_request(void **state)
{
    static const struct {
        const char *line;
        enum replay_answer answer;
    } cases[] = {
        {"{\"sequence\":2,\"previous\":\"\",\"lost\":7,\"time\":\"2026-05-01T03:00:00Z\"}",
         REPLAY_OTHER},
        {ALICE ",\"command\":\"token/new\"}", REPLAY_OTHER},
        {ALICE ",\"command\":\"pin/ls\",\"decision\":\"allow\"}", REPLAY_OTHER}, /* no policy */
        {ALICE ",\"command\":\"pin/add\",\"arguments\":[\"" CID_RAW
               "\"],\"arguments_left_out\":9" TAIL,
         REPLAY_INCOMPLETE},
        {ALICE ",\"command\":\"pin/ls\",\"options_left_out\":1" TAIL, REPLAY_INCOMPLETE},
        {ALICE ",\"command\":\"pin/add\",\"arguments\":[\"nonsense\"]" TAIL, REPLAY_INCOMPLETE},
        {ALICE ",\"command\":\"cat\",\"arguments\":[7]" TAIL, REPLAY_INCOMPLETE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replayed replayed;
        enum replay_answer answer;
        struct error err = {0};

        if (!replay_read(&replayed, slice_of(cases[i].line), &answer, &err))
            fail_msg("%s: %s", cases[i].line, err.text);
        assert_int_equal(answer, cases[i].answer);
        assert_null(replayed.call);
        assert_null(replayed.json);
    }
}

static void test_replay_refuses_what_is_no_audit_log(void **state)
{
    static const char *const lines[] = {
        "",
        "x",
        "[]",
        "7",
        "{}",
        "{\"time\":7}",
        "{\"time\":\"2026-05-01T03:00:00Z\",\"command\":\"cat\",\"policy\":\"f\"}", /* nobody */
        ("{\"time\":\"yesterday\",\"principal\":{\"kind\":\"member\",\"id\":\"a\"},"
         "\"command\":\"pin/ls\",\"policy\":\"f\"}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct replayed replayed;
        enum replay_answer answer;
        struct error err = {0};

        if (replay_read(&replayed, slice_of(lines[i]), &answer, &err))
            fail_msg("'%s' was taken", lines[i]);
        assert_true(err.text[0] != '\0');
        assert_null(replayed.json);
    }
}

/* What auth/ writes, policy/ reads. */
static void test_replay_reads_what_the_audit_log_writes(void **state)
{
    struct slice arguments[] = {SLICE(CID_RAW)};
    struct audit_pair options[] = {{SLICE("recursive"), SLICE("false")}};
    struct slice roles[] = {SLICE("writer")};
    struct sockaddr_in peer = kit_address("10.1.2.3");
    struct principal principal = {.kind = PRINCIPAL_MEMBER,
                                  .id = SLICE("alice"),
                                  .token_roles = roles,
                                  .token_role_count = 1,
                                  .peer = (const struct sockaddr *)&peer};
    struct audit_entry entry = {.time_ms = UINT64_C(1777604400250),
                                .principal = &principal,
                                .command = SLICE("pin/add"),
                                .arguments = arguments,
                                .argument_count = 1,
                                .options = options,
                                .option_count = 1,
                                .decision = SLICE("deny"),
                                .policy = SLICE("ff")};
    struct audit_chain chain = {0};
    struct replayed replayed;
    struct text body = {0}, line = {0};

    (void)state;
    audit_line_put_body(&body, &entry);
    audit_line_put(&line, &chain, 0, text_slice(&body));
    text_put_char(&line, '\0');
    read_line(&replayed, line.data);
    assert_false(replayed.was_allowed);
    assert_true(replayed.request.now_ms == entry.time_ms);
    assert_int_equal(replayed.principal.token_role_count, 1);
    assert_true(slice_is(replayed.call->arguments[0].text, CID_RAW));
    assert_false(call_option_bool(replayed.call, OPT_RECURSIVE, true));
    replayed_dispose(&replayed);
    text_dispose(&body);
    text_dispose(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_reads_who_called_and_when),
        cmocka_unit_test(test_replay_reads_addresses_of_every_kind),
        cmocka_unit_test(test_replay_reads_the_roles_of_a_narrowed_token),
        cmocka_unit_test(test_replay_reads_calls),
        cmocka_unit_test(test_replay_leaves_out_what_is_no_whole_request),
        cmocka_unit_test(test_replay_refuses_what_is_no_audit_log),
        cmocka_unit_test(test_replay_reads_what_the_audit_log_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
