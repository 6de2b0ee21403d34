// SPDX-License-Identifier: Apache-2.0
/* Operator routes: how a call is answered, and what the token routes take and say. */
#include "auth/operator.h"

#include "../store/kit.h"

#define NOW_MS UINT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define DAY_MS UINT64_C(86400000)

struct fixture {
    struct kit *kit;
    struct operator_site site;
    struct directory_view *reader;
    const struct principal *root;
    int answers, status;
    json_t *body;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));
    struct error err = {0};

    kit_setup((void **)&f->kit);
    f->site = (struct operator_site){
        .loop = f->kit->loop, .store = f->kit->store, .directory = directory_create()};
    assert_true(directory_attach(f->site.directory, f->kit->store, &err));
    f->reader = directory_view_create(f->site.directory);
    f->root =
        principal_create(&(struct principal){.kind = PRINCIPAL_OPERATOR, .id = SLICE("root")});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_decref(f->body);
    principal_unref(&f->root);
    directory_view_destroy(&f->reader);
    directory_detach(f->site.directory);
    directory_destroy(&f->site.directory);
    kit_teardown((void **)&f->kit);
    free(f);
    return 0;
}

static void on_answer(void *fixture_, int status, json_t *body)
{
    struct fixture *f = fixture_;

    f->answers++;
    f->status = status;
    json_decref(f->body);
    f->body = body;
}

static struct operator_call *start(struct fixture *f, const char *path, const char *input,
                                   uint64_t now_ms)
{
    static const struct operator_route *const tables[] = {auth_routes, NULL};
    const struct operator_route *route = operator_find(tables, slice_of(path));
    json_t *object = json_loads(input, 0, NULL);

    assert_non_null(route);
    assert_non_null(object);
    return operator_start(route, &f->site, f->root, object, now_ms, on_answer, f);
}

static void turn(struct fixture *f, int answers)
{
    for (int i = 0; f->answers < answers && i < 500; i++)
        loop_turn(f->kit->loop, 10);
    assert_int_equal(f->answers, answers);
}

/* Calls a route and returns its answer, which the fixture owns. */
static const json_t *call(struct fixture *f, const char *path, const char *input, uint64_t now_ms,
                          int expected_status)
{
    int before = f->answers;

    start(f, path, input, now_ms);
    assert_int_equal(f->answers, before); /* never from inside start */
    turn(f, before + 1);
    if (f->status != expected_status)
        fail_msg("%s %s: %d, %s", path, input, f->status, json_dumps(f->body, JSON_COMPACT));
    return f->body;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value != NULL ? value : "(none)";
}

static enum directory_answer try_token(struct fixture *f, const char *token, uint64_t now_ms)
{
    struct directory_token found;
    struct credential credential;
    struct error err = {0};
    char value[128];

    snprintf(value, sizeof(value), "Bearer %s", token);
    assert_true(credential_parse(slice_of(value), &credential, &err));
    return directory_authenticate(f->reader, &credential, now_ms, &found);
}

static void expect_message(const json_t *body, const char *part)
{
    if (strstr(text(body, "message"), part) == NULL)
        fail_msg("'%s' is not in: %s", part, text(body, "message"));
}

static void test_token_new_makes_a_token_that_works_at_once(void **state)
{
    struct fixture *f = *state;
    const json_t *made = call(f, "/token/new",
                              "{\"owner\":\"alice\",\"label\":\"CI \xc3\xa9\","
                              "\"roles\":[\"reader\",\"uploader\"],\"expires_in\":\"30d\"}",
                              NOW_MS, 200);

    assert_int_equal(try_token(f, text(made, "token"), NOW_MS + 1), DIRECTORY_FOUND);
    assert_int_equal(try_token(f, text(made, "token"), NOW_MS + 30 * DAY_MS), DIRECTORY_EXPIRED);
    assert_string_equal(text(made, "owner"), "member:alice");
    assert_string_equal(text(made, "label"), "CI \xc3\xa9");
    assert_string_equal(text(made, "state"), "active");
    assert_string_equal(text(made, "created"), "2027-01-15T08:00:00.000Z");
    assert_string_equal(text(made, "expires"), "2027-02-14T08:00:00.000Z");
    assert_int_equal(json_array_size(json_object_get(made, "roles")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(made, "roles"), 1)),
                        "uploader");
    assert_true(json_is_null(json_object_get(made, "revoked")));
    assert_true(json_is_null(json_object_get(made, "last_used")));
    assert_int_equal(strncmp(text(made, "token") + 4, text(made, "id"), 10), 0);
}

static void test_token_new_keeps_what_it_fixes_of_pins(void **state)
{
    struct fixture *f = *state;
    const json_t *made = call(f, "/token/new",
                              "{\"owner\":\"alice\",\"pin_label\":\"class=secret,x=y\","
                              "\"pin_min_copies\":3}",
                              NOW_MS, 200);

    assert_string_equal(text(made, "pin_label"), "class=secret,x=y");
    assert_int_equal(json_integer_value(json_object_get(made, "pin_min_copies")), 3);
    made = call(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS, 200);
    assert_true(json_is_null(json_object_get(made, "pin_label")));
    assert_true(json_is_null(json_object_get(made, "pin_min_copies")));
}

static void test_token_new_lasts_a_year_unless_told_otherwise(void **state)
{
    struct fixture *f = *state;
    const json_t *made = call(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS, 200);

    assert_string_equal(text(made, "expires"), "2028-01-15T08:00:00.000Z");
    assert_true(json_is_null(json_object_get(made, "roles")));
    assert_string_equal(text(made, "label"), "");
    made = call(f, "/token/new", "{\"owner\":\"alice\",\"expires_in\":\"never\"}", NOW_MS, 200);
    assert_true(json_is_null(json_object_get(made, "expires")));
    assert_int_equal(try_token(f, text(made, "token"), NOW_MS * 2), DIRECTORY_FOUND);
}

static void test_token_routes_refuse_what_they_do_not_take(void **state)
{
    static const struct {
        const char *path, *input, *part;
    } table[] = {
        {"/token/new", "{}", "owner is missing"},
        {"/token/new", "{\"owner\":\"Alice\"}", "the owner 'Alice' has a byte at 1"},
        {"/token/new", "{\"owner\":\"\"}", "the owner is empty"},
        {"/token/new", "{\"owner\":7}", "'owner' must be a text"},
        {"/token/new", "{\"owner\":null}", "'owner' must be a text"},
        {"/token/new", "{\"owner\":\"alice\",\"lable\":\"x\"}", "there is no field 'lable' here"},
        {"/token/new", "{\"owner\":\"alice\",\"label\":\"a\\nb\"}", "one line without controls"},
        {"/token/new",
         "{\"owner\":\"alice\",\"label\":\"a\xc2\x9b"
         "2J\"}",
         "without controls"},
        {"/token/new", "{\"owner\":\"alice\",\"roles\":\"reader\"}", "'roles' must be an array"},
        {"/token/new", "{\"owner\":\"alice\",\"roles\":[]}", "1 to 16 roles"},
        {"/token/new", "{\"owner\":\"alice\",\"roles\":[1]}", "roles must be texts"},
        {"/token/new", "{\"owner\":\"alice\",\"roles\":[\"a b\"]}", "the role 'a b'"},
        {"/token/new", "{\"owner\":\"alice\",\"roles\":[\"a\",\"a\"]}", "'a' is given twice"},
        {"/token/new",
         "{\"owner\":\"alice\",\"roles\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
         "\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
         "1 to 16 roles"},
        {"/token/new", "{\"owner\":\"alice\",\"expires_in\":\"30\"}", "expires_in: '30' has no"},
        {"/token/new", "{\"owner\":\"alice\",\"expires_in\":\"0\"}", "of no use"},
        {"/token/new", "{\"owner\":\"alice\",\"expires_in\":\"99999d\"}", "more than a century"},
        {"/token/new", "{\"owner\":\"alice\",\"expires_in\":30}", "'expires_in' must be a text"},
        {"/token/new", "{\"owner\":\"alice\",\"pin_label\":\"secret\"}", "write NAME=VALUE"},
        {"/token/new", "{\"owner\":\"alice\",\"pin_label\":\"\"}", "write NAME=VALUE"},
        {"/token/new", "{\"owner\":\"alice\",\"pin_label\":\"a=b,=c\"}", "write NAME=VALUE"},
        {"/token/new", "{\"owner\":\"alice\",\"pin_min_copies\":0}", "pin_min_copies: 1 to 32"},
        {"/token/new", "{\"owner\":\"alice\",\"pin_min_copies\":33}", "pin_min_copies: 1 to 32"},
        {"/token/list", "{\"limit\":0}", "limit must be from 1 to 1000"},
        {"/token/list", "{\"limit\":1001}", "limit must be from 1 to 1000"},
        {"/token/list", "{\"limit\":\"5\"}", "'limit' must be a whole number"},
        {"/token/list", "{\"after\":\"x\"}", "after must be a token's id"},
        {"/token/list", "{\"owner\":\"a:b\"}", "the owner 'a:b'"},
        {"/token/rotate", "{}", "id must be a token's id"},
        {"/token/rotate", "{\"id\":\"abcdefghij\",\"grace\":\"soon\"}", "grace: 'soon' is not"},
        {"/token/revoke", "{}", "id must be a token's id"},
        {"/token/revoke", "{\"id\":\"abcdefghi1\"}", "id must be a token's id"},
        {"/token/revoke", "{\"id\":\"abcdefghij\",\"now\":true}", "there is no field 'now'"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        expect_message(call(f, table[i].path, table[i].input, NOW_MS, 400), table[i].part);
    assert_int_equal(directory_counters(f->site.directory).tokens, 0);
}

static void test_token_routes_never_repeat_a_secret_in_a_wrong_place(void **state)
{
    static const char secret[] = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";
    struct fixture *f = *state;
    char input[256];
    const json_t *body;

    snprintf(input, sizeof(input), "{\"id\":\"cw1_abcdefghij_%s\"}", secret);
    body = call(f, "/token/revoke", input, NOW_MS, 400);
    assert_null(strstr(text(body, "message"), secret));
}

static void test_token_new_bounds_the_names_of_its_roles(void **state)
{
    struct fixture *f = *state;
    struct text input = {0};

    text_put_text(&input, "{\"owner\":\"alice\",\"roles\":[");
    for (int i = 0; i < 9; i++) /* 9 names of 62 letters, and 8 blanks: too much */
        text_put_format(&input, "%s\"%d%061d\"", i == 0 ? "" : ",", i, 0);
    text_put_text(&input, "]}");
    expect_message(call(f, "/token/new", input.data, NOW_MS, 400), "566 bytes; 511 are allowed");
    text_dispose(&input);
}

static bool check_member(void *policy, struct slice id, struct error *err)
{
    return slice_is(id, policy) ||
           error_set(err, ERROR_NOT_FOUND, "the policy has no member '%.*s'", SLICE_ARGS(id));
}

static bool check_role(void *policy, struct slice role, struct error *err)
{
    return slice_is(role, "reader") ||
           error_set(err, ERROR_NOT_FOUND, "the policy has no role '%.*s'", SLICE_ARGS(role));
}

static void test_token_new_asks_the_policy_for_its_members_and_roles(void **state)
{
    struct fixture *f = *state;
    char member[] = "alice";

    f->site.check_member = check_member;
    f->site.check_role = check_role;
    f->site.policy = member;
    call(f, "/token/new", "{\"owner\":\"alice\",\"roles\":[\"reader\"]}", NOW_MS, 200);
    expect_message(call(f, "/token/new", "{\"owner\":\"alcie\"}", NOW_MS, 404),
                   "the policy has no member 'alcie'");
    expect_message(
        call(f, "/token/new", "{\"owner\":\"alice\",\"roles\":[\"raeder\"]}", NOW_MS, 404),
        "the policy has no role 'raeder'");
}

static void test_token_list_shows_no_secret_and_pages(void **state)
{
    struct fixture *f = *state;
    const json_t *list;
    char *dumped, after[96];

    for (int i = 0; i < 3; i++)
        call(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS, 200);
    call(f, "/token/new", "{\"owner\":\"bob\"}", NOW_MS, 200);
    list = call(f, "/token/list", "{\"owner\":\"alice\",\"limit\":2}", NOW_MS, 200);
    assert_int_equal(json_array_size(json_object_get(list, "tokens")), 2);
    assert_true(json_is_true(json_object_get(list, "has_more")));
    dumped = json_dumps(list, 0);
    assert_null(strstr(dumped, "cw1_"));
    assert_null(strstr(dumped, "hash"));
    free(dumped);
    snprintf(after, sizeof(after), "{\"owner\":\"alice\",\"after\":\"%s\"}",
             text(json_array_get(json_object_get(list, "tokens"), 1), "id"));
    list = call(f, "/token/list", after, NOW_MS, 200);
    assert_int_equal(json_array_size(json_object_get(list, "tokens")), 1);
    assert_true(json_is_false(json_object_get(list, "has_more")));
    list = call(f, "/token/list", "{}", NOW_MS + 366 * DAY_MS, 200);
    assert_int_equal(json_array_size(json_object_get(list, "tokens")), 4);
    assert_string_equal(text(json_array_get(json_object_get(list, "tokens"), 0), "state"),
                        "expired");
}

static void test_token_rotate_keeps_the_old_secret_for_the_grace(void **state)
{
    struct fixture *f = *state;
    const json_t *made = call(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS, 200);
    char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE], input[128];
    const json_t *rotated;

    snprintf(first, sizeof(first), "%s", text(made, "token"));
    snprintf(input, sizeof(input), "{\"id\":\"%.10s\"}", first + 4);
    rotated = call(f, "/token/rotate", input, NOW_MS, 200);
    snprintf(second, sizeof(second), "%s", text(rotated, "token"));
    assert_string_equal(text(rotated, "old_secret_until"), "2027-01-16T08:00:00.000Z");
    assert_string_equal(text(rotated, "expires"), "2028-01-15T08:00:00.000Z");
    assert_int_equal(strncmp(first, second, 15), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(try_token(f, first, NOW_MS + DAY_MS - 1), DIRECTORY_FOUND);
    assert_int_equal(try_token(f, first, NOW_MS + DAY_MS), DIRECTORY_SUPERSEDED);
    assert_int_equal(try_token(f, second, NOW_MS), DIRECTORY_FOUND);
    expect_message(call(f, "/token/rotate", input, NOW_MS + 1, 409),
                   "its old secret is good until 2027-01-16T08:00:00.000Z");
    snprintf(input, sizeof(input), "{\"id\":\"%.10s\",\"grace\":\"0\",\"expires_in\":\"1h\"}",
             first + 4);
    rotated = call(f, "/token/rotate", input, NOW_MS + 1, 200);
    assert_string_equal(text(rotated, "expires"), "2027-01-15T09:00:00.001Z");
    assert_true(json_is_null(json_object_get(rotated, "old_secret_until")));
    assert_int_equal(try_token(f, first, NOW_MS + 2), DIRECTORY_WRONG);
    assert_int_equal(try_token(f, second, NOW_MS + 2), DIRECTORY_WRONG);
    assert_int_equal(try_token(f, text(rotated, "token"), NOW_MS + 2), DIRECTORY_FOUND);
}

static void test_token_revoke_works_at_once_and_is_told(void **state)
{
    struct fixture *f = *state;
    const json_t *made = call(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS, 200);
    char token[TOKEN_TEXT_SIZE], input[64];
    const json_t *revoked;

    snprintf(token, sizeof(token), "%s", text(made, "token"));
    snprintf(input, sizeof(input), "{\"id\":\"%.10s\"}", token + 4);
    revoked = call(f, "/token/revoke", input, NOW_MS + 5, 200);
    assert_string_equal(text(revoked, "state"), "revoked");
    assert_string_equal(text(revoked, "revoked"), "2027-01-15T08:00:00.005Z");
    assert_null(json_object_get(revoked, "token"));
    assert_int_equal(try_token(f, token, NOW_MS + 6), DIRECTORY_REVOKED);
    expect_message(call(f, "/token/rotate", input, NOW_MS + 7, 409), "was revoked at");
    expect_message(call(f, "/token/revoke", "{\"id\":\"aaaaaaaaaa\"}", NOW_MS, 404),
                   "there is no token aaaaaaaaaa");
}

static void test_operator_cancel_silences_the_answer_and_not_the_deed(void **state)
{
    struct fixture *f = *state;
    struct operator_call *later = start(f, "/token/new", "{\"owner\":\"alice\"}", NOW_MS);
    struct operator_call *refused = start(f, "/token/new", "{}", NOW_MS);

    operator_cancel(later);
    operator_cancel(refused);
    for (int i = 0; i < 10; i++)
        loop_turn(f->kit->loop, 10);
    assert_int_equal(f->answers, 0);
    assert_int_equal(directory_counters(f->site.directory).tokens, 1);
}

/* ---- the call itself, without a store */

static void run_refuse(struct operator_call *call)
{
    assert_true(slice_is(operator_principal(call)->id, "root"));
    assert_int_equal(operator_now_ms(call), 77);
    operator_refuse(call, 418, "%s", json_string_value(json_object_get(operator_input(call), "x")));
}

static void run_error(struct operator_call *call)
{
    struct error err = {
        .code = (enum error_code)json_integer_value(json_object_get(operator_input(call), "code"))};

    snprintf(err.text, sizeof(err.text), "why");
    operator_refuse_error(call, &err);
}

static void test_operator_refuse_is_always_json(void **state)
{
    static const struct operator_route route = {"/x", run_refuse};
    struct fixture *f = *state;
    struct text longest = {0};

    for (int i = 0; i < 400; i++) /* 800 bytes: the message is cut inside a character */
        text_put_text(&longest, "\xc3\xa9");
    operator_start(&route, &f->site, f->root, json_pack("{s:s}", "x", longest.data), 77, on_answer,
                   f);
    turn(f, 1);
    assert_int_equal(f->status, 418);
    assert_true(json_is_string(json_object_get(f->body, "message")));
    operator_start(&route, &f->site, f->root, json_pack("{s:s}", "x", "no \"tea\""), 77, on_answer,
                   f);
    turn(f, 2);
    assert_string_equal(text(f->body, "message"), "no \"tea\"");
    text_dispose(&longest);
}

static void test_operator_errors_have_a_status(void **state)
{
    static const struct operator_route route = {"/x", run_error};
    static const struct {
        enum error_code code;
        int status;
    } table[] = {
        {ERROR_SYNTAX, 400},    {ERROR_LIMIT, 400},    {ERROR_UNSUPPORTED, 400},
        {ERROR_NOT_FOUND, 404}, {ERROR_MISMATCH, 409}, {ERROR_REFUSED, 409},
        {ERROR_IO, 500},        {ERROR_TIMEOUT, 504},  {ERROR_CANCELED, 503},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        operator_start(&route, &f->site, f->root, json_pack("{s:i}", "code", (int)table[i].code),
                       77, on_answer, f);
        turn(f, (int)i + 1);
        assert_int_equal(f->status, table[i].status);
        assert_string_equal(text(f->body, "message"), "why");
    }
}

static void test_operator_find_knows_exact_paths_only(void **state)
{
    static const char *const unknown[] = {
        "", "/", "/token", "/token/", "/token/new/", "/token/NEW", "/token/new?x=1", "token/new"};
    static const struct operator_route extra[] = {{"/x", run_refuse}, {NULL, NULL}};
    static const struct operator_route *const tables[] = {extra, auth_routes, NULL};

    assert_ptr_equal(operator_find(tables, SLICE("/x")), &extra[0]);
    assert_non_null(operator_find(tables, SLICE("/token/revoke")));
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_null(operator_find(tables, slice_of(unknown[i])));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_token_new_makes_a_token_that_works_at_once),
        TEST(test_token_new_keeps_what_it_fixes_of_pins),
        TEST(test_token_new_lasts_a_year_unless_told_otherwise),
        TEST(test_token_routes_refuse_what_they_do_not_take),
        TEST(test_token_routes_never_repeat_a_secret_in_a_wrong_place),
        TEST(test_token_new_bounds_the_names_of_its_roles),
        TEST(test_token_new_asks_the_policy_for_its_members_and_roles),
        TEST(test_token_list_shows_no_secret_and_pages),
        TEST(test_token_rotate_keeps_the_old_secret_for_the_grace),
        TEST(test_token_revoke_works_at_once_and_is_told),
        TEST(test_operator_cancel_silences_the_answer_and_not_the_deed),
        TEST(test_operator_refuse_is_always_json),
        TEST(test_operator_errors_have_a_status),
        cmocka_unit_test(test_operator_find_knows_exact_paths_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
