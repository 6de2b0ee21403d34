// SPDX-License-Identifier: Apache-2.0
#include "audit_kit.h"

#include "auth/audit_line.h"

#include <arpa/inet.h>
#include <jansson.h>

#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define FIRST  "03308f0ed8179528ebc3d1439a4ab7015127426c5ba0d66a39aa2395d8f86174"
#define SECOND "973c83c6a19f92be47b69a8cb90b18d2a5219cd62bec5d34b1eacf6e3d42a364"

/* The hashes were computed by another program. */
static void test_audit_line_hashes_as_any_program_would(void **state)
{
    struct audit_entry entry = {.time_ms = 1770000000000,
                                .request_id = SLICE("r1"),
                                .command = SLICE("pin/add"),
                                .decision = SLICE("allow")};
    struct audit_chain chain = {0};
    struct text body = {0}, out = {0};

    audit_line_put_body(&body, &entry);
    audit_line_put(&out, &chain, 0, text_slice(&body));
    text_clear(&body);
    audit_line_put_bare_body(&body, 1770000000001);
    audit_line_put(&out, &chain, 3, text_slice(&body));
    assert_string_equal(
        out.data,
        "{\"sequence\":1,\"previous\":\"" ZEROS "\",\"time\":\"2026-02-02T02:40:00.000Z\","
        "\"request\":\"r1\",\"command\":\"pin/add\",\"decision\":\"allow\",\"hash\":\"" FIRST
        "\"}\n"
        "{\"sequence\":2,\"previous\":\"" FIRST
        "\",\"lost\":3,\"time\":\"2026-02-02T02:40:00.001Z\",\"hash\":\"" SECOND "\"}\n");
    assert_int_equal(chain.sequence, 2);
    text_dispose(&body);
    text_dispose(&out);
}

static void test_audit_line_has_every_member_in_order(void **state)
{
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
    struct slice roles[] = {SLICE("reader"), SLICE("pinner")};
    struct slice groups[] = {SLICE("lab")};
    struct principal principal = {
        .kind = PRINCIPAL_MEMBER,
        .id = SLICE("alice"),
        .groups = groups,
        .group_count = 1,
        .token_id = SLICE("abcdefghij"),
        .token_roles = roles,
        .token_role_count = 2,
        .certificate_name = SLICE("dns:a.example"),
        .peer = (struct sockaddr *)&peer,
        .is_encrypted = true,
    };
    struct slice arguments[] = {SLICE("/ipfs/a\"b"), SLICE("")};
    struct audit_pair options[] = {{SLICE("recursive"), SLICE("true")}, {SLICE("name"), {0}}};
    struct audit_entry entry = {
        .time_ms = 1,
        .request_id = SLICE("r"),
        .principal = &principal,
        .command = SLICE("pin/add"),
        .arguments = arguments,
        .argument_count = 2,
        .options = options,
        .option_count = 2,
        .has_body_size = true,
        .body_size = 0,
        .decision = SLICE("deny"),
        .mode = SLICE("enforce"),
        .rule = SLICE("no-big"),
        .at = SLICE("policy.yaml:12"),
        .policy = SLICE("abcd"),
        .message = SLICE("ask\nus"),
    };
    struct text body = {0};

    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &peer.sin6_addr), 1);
    audit_line_put_body(&body, &entry);
    assert_string_equal(
        body.data,
        ",\"time\":\"1970-01-01T00:00:00.001Z\",\"request\":\"r\",\"principal\":{\"kind\":"
        "\"member\","
        "\"id\":\"alice\",\"token\":\"abcdefghij\",\"roles\":[\"reader\",\"pinner\"],"
        "\"certificate\":\"dns:a.example\",\"peer\":\"2001:db8::1\",\"encrypted\":true},"
        "\"command\":\"pin/add\",\"arguments\":[\"/ipfs/a\\\"b\",\"\"],"
        "\"options\":[[\"recursive\",\"true\"],[\"name\",\"\"]],\"body_size\":0,"
        "\"decision\":\"deny\",\"mode\":\"enforce\",\"rule\":\"no-big\",\"at\":\"policy.yaml:12\","
        "\"policy\":\"abcd\",\"message\":\"ask\\nus\"");
    text_dispose(&body);
}

static void test_audit_line_tells_narrowed_to_nothing_from_not_narrowed(void **state)
{
    struct slice none[1];
    struct principal open = {.kind = PRINCIPAL_ANONYMOUS};
    struct principal narrowed = {.kind = PRINCIPAL_ANONYMOUS, .token_roles = none};
    struct audit_entry entries[] = {{.principal = &open}, {.principal = &narrowed}};
    static const char *const expected[] = {
        ",\"time\":\"1970-01-01T00:00:00.000Z\",\"principal\":{\"kind\":\"anonymous\","
        "\"encrypted\":false}",
        ",\"time\":\"1970-01-01T00:00:00.000Z\",\"principal\":{\"kind\":\"anonymous\",\"roles\":[],"
        "\"encrypted\":false}"};

    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        struct text body = {0};

        audit_line_put_body(&body, &entries[i]);
        assert_string_equal(body.data, expected[i]);
        text_dispose(&body);
    }
}

static void test_audit_line_names_where_the_peer_is(void **state)
{
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct principal from_ip = {.peer = (struct sockaddr *)&ip}, from_unix = {.peer = &local};
    const struct {
        const struct principal *principal;
        const char *says;
    } table[] = {{&from_ip, "\"peer\":\"192.0.2.7\""}, {&from_unix, "\"peer\":\"unix\""}};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct audit_entry entry = {.principal = table[i].principal};
        struct text body = {0};

        audit_line_put_body(&body, &entry);
        assert_non_null(strstr(body.data, table[i].says));
        text_dispose(&body);
    }
}

/* A body as the object that it stands in. */
static json_t *parse(const struct text *body)
{
    struct audit_chain chain = {0};
    struct text line = {0};
    json_error_t problem;
    json_t *object;

    audit_line_put(&line, &chain, 0, text_slice(body));
    object = json_loadb(line.data, line.size - 1, 0, &problem);
    if (object == NULL)
        fail_msg("%s: %s", problem.text, line.data);
    text_dispose(&line);
    return object;
}

static struct slice filled(char *room, char c, size_t size)
{
    memset(room, c, size);
    return (struct slice){room, size};
}

static void test_audit_line_leaves_out_whole_arguments(void **state)
{
    static char room[AUDIT_LIST_MAX + 1];
    static const struct {
        size_t sizes[3];
        char letter; /* a control takes six bytes */
        size_t kept;
    } table[] = {
        {{AUDIT_LIST_MAX - 2, 0, 0}, 'a', 1},      {{AUDIT_LIST_MAX - 1, 0, 0}, 'a', 0},
        {{AUDIT_LIST_MAX - 5, 0, 0}, 'a', 2},      {{AUDIT_LIST_MAX + 1, 5, 5}, 'a', 0},
        {{10, AUDIT_LIST_MAX, 5}, 'a', 1},         {{(AUDIT_LIST_MAX - 2) / 6, 0, 0}, '\1', 1},
        {{AUDIT_LIST_MAX / 6 + 1, 1, 1}, '\1', 0}, {{1, 1, 1}, '\1', 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct slice arguments[3];
        struct audit_pair options[3];
        struct audit_entry entry = {.arguments = arguments, .argument_count = 3};
        struct text body = {0};
        json_t *object, *left_out;

        for (size_t n = 0; n < 3; n++) {
            arguments[n] = filled(room, table[i].letter, table[i].sizes[n]);
            options[n] = (struct audit_pair){SLICE(""), arguments[n]};
        }
        audit_line_put_body(&body, &entry);
        object = parse(&body);
        assert_int_equal(json_array_size(json_object_get(object, "arguments")), table[i].kept);
        left_out = json_object_get(object, "arguments_left_out");
        assert_int_equal(json_integer_value(left_out), 3 - table[i].kept);
        assert_int_equal(left_out == NULL, table[i].kept == 3);
        json_decref(object);

        text_clear(&body);
        entry = (struct audit_entry){.options = options, .option_count = 3};
        audit_line_put_body(&body, &entry);
        object = parse(&body);
        assert_int_equal(
            json_array_size(json_object_get(object, "options")) +
                (size_t)json_integer_value(json_object_get(object, "options_left_out")),
            3);
        json_decref(object);
        text_dispose(&body);
    }
}

static void test_audit_line_cuts_texts_between_characters(void **state)
{
    static char room[AUDIT_TEXT_MAX + 8];
    static const struct {
        const char *end; /* behind `before` letters */
        size_t before, kept;
    } table[] = {
        {"", AUDIT_TEXT_MAX, AUDIT_TEXT_MAX},
        {"ab", AUDIT_TEXT_MAX - 1, AUDIT_TEXT_MAX},
        {"\xe2\x82\xac", AUDIT_TEXT_MAX - 2, AUDIT_TEXT_MAX - 2},
        {"\xe2\x82\xac", AUDIT_TEXT_MAX - 3, AUDIT_TEXT_MAX},
        {"\"x", AUDIT_TEXT_MAX - 1, AUDIT_TEXT_MAX - 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct audit_entry entry = {.message = filled(room, 'a', table[i].before)};
        struct text body = {0};
        json_t *object;

        memcpy(room + table[i].before, table[i].end, strlen(table[i].end));
        entry.message.size += strlen(table[i].end);
        audit_line_put_body(&body, &entry);
        object = parse(&body);
        assert_int_equal(json_string_length(json_object_get(object, "message")), table[i].kept);
        json_decref(object);
        text_dispose(&body);
    }
}

/* Everything as long as it can be, and every byte escaped: it fits a ring. */
static void test_audit_line_of_the_worst_record_fits(void **state)
{
    static char room[64 * 1024];
    struct slice worst = filled(room, '\1', sizeof(room));
    struct slice roles[TOKEN_ROLES_MAX + 1], arguments[3000];
    struct audit_pair options[3000];
    struct principal principal = {.id = worst,
                                  .token_id = worst,
                                  .certificate_name = worst,
                                  .token_roles = roles,
                                  .token_role_count = ARRAY_SIZE(roles)};
    struct audit_entry entry = {
        .time_ms = 1770000000000,
        .request_id = worst,
        .principal = &principal,
        .command = worst,
        .arguments = arguments,
        .argument_count = ARRAY_SIZE(arguments),
        .options = options,
        .option_count = ARRAY_SIZE(options),
        .has_body_size = true,
        .body_size = UINT64_MAX,
        .decision = worst,
        .mode = worst,
        .rule = worst,
        .at = worst,
        .policy = worst,
        .message = worst,
    };
    struct audit_chain chain = {.has_begun = true, .sequence = UINT64_MAX - 1};
    struct text body = {0}, line = {0};

    for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
        roles[i] = worst;
    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
        arguments[i] = (struct slice){room, 1};
        options[i] = (struct audit_pair){{room, 1}, {room, 1}};
    }
    audit_line_put_body(&body, &entry);
    assert_in_range(body.size, 48 * 1024, AUDIT_BODY_MAX);
    audit_line_put(&line, &chain, UINT64_MAX, text_slice(&body));
    assert_in_range(line.size, body.size, AUDIT_LINE_MAX + 1);
    text_dispose(&body);
    text_dispose(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit_line_hashes_as_any_program_would),
        cmocka_unit_test(test_audit_line_has_every_member_in_order),
        cmocka_unit_test(test_audit_line_tells_narrowed_to_nothing_from_not_narrowed),
        cmocka_unit_test(test_audit_line_names_where_the_peer_is),
        cmocka_unit_test(test_audit_line_leaves_out_whole_arguments),
        cmocka_unit_test(test_audit_line_cuts_texts_between_characters),
        cmocka_unit_test(test_audit_line_of_the_worst_record_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
