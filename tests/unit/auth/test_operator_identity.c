// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about the identity, and the command that asks them. */
#include "auth/command_rotate.h"
#include "auth/identity_keeper.h"
#include "auth/operator.h"
#include "auth/operator_client.h"
#include "ca_kit.h"
#include "conf/memory.h"

#include <string.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    return (uint64_t)KIT_NOW * 1000;
}

struct fixture {
    char folder[64], keys[80];
    struct loop *loop;
    struct jobs *jobs;
    struct identity_keeper *keeper;
    struct operator_site site;
    const struct principal *root;
    bool is_answered;
    int status;
    json_t *body;

    /* of the command */
    char *out, *err;
    size_t out_size, err_size;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));
    struct identity_keeper_settings settings = {.id = kit_id("library.example.org", "north"),
                                                .now_ms = now_ms};
    struct error err = {0};

    snprintf(f->folder, sizeof(f->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->keys, sizeof(f->keys), "%s/keys", f->folder);
    f->loop = loop_create(NULL);
    f->jobs = jobs_create(1, 10);
    settings.folder = f->keys;
    settings.loop = f->loop;
    settings.jobs = f->jobs;
    if (!identity_keeper_open(&f->keeper, &settings, &err))
        fail_msg("%s", err.text);
    f->site = (struct operator_site){.loop = f->loop, .keeper = f->keeper};
    f->root =
        principal_create(&(struct principal){.kind = PRINCIPAL_OPERATOR, .id = SLICE("root")});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    identity_keeper_close(&f->keeper);
    jobs_destroy(&f->jobs);
    loop_turn(f->loop, 0);
    loop_destroy(&f->loop);
    principal_unref(&f->root);
    json_decref(f->body);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

static void on_answer(void *fixture_, int status, json_t *body)
{
    struct fixture *f = fixture_;

    f->is_answered = true;
    f->status = status;
    json_decref(f->body);
    f->body = body;
}

/* input is taken over. */
static const json_t *ask(struct fixture *f, const char *path, json_t *input, int status)
{
    static const struct operator_route *const tables[] = {identity_routes, NULL};
    const struct operator_route *route = operator_find(tables, slice_of(path));

    assert_non_null(route);
    assert_non_null(input);
    f->is_answered = false;
    operator_start(route, &f->site, f->root, input, now_ms(), on_answer, f);
    for (int i = 0; i < 500 && !f->is_answered; i++)
        loop_turn(f->loop, 10);
    assert_true(f->is_answered);
    if (f->status != status)
        fail_msg("%s: %d, %s", path, f->status, json_dumps(f->body, JSON_COMPACT));
    return f->body;
}

static const json_t *ask_text(struct fixture *f, const char *path, const char *input, int status)
{
    return ask(f, path, json_loads(input, 0, NULL), status);
}

static void expect_text(const json_t *object, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(object, name));

    if (value == NULL || strstr(value, text) == NULL)
        fail_msg("%s: '%s' is not in '%s'", name, text, value);
}

/* ---- routes */

static void test_identity_status_says_what_there_is(void **state)
{
    struct fixture *f = *state;
    json_t *identity = operator_describe_identity(f->site.keeper);

    expect_text(identity, "org", "library.example.org");
    expect_text(identity, "node", "north");
    expect_text(json_object_get(identity, "leaf"), "until", "2027-01-22T08:00:00.000Z");
    assert_non_null(json_object_get(json_object_get(identity, "issuer"), "until"));
    assert_int_equal(json_string_length(json_object_get(json_object_get(identity, "root"), "hash")),
                     64);
    assert_true(json_is_null(json_object_get(identity, "next_root")));
    assert_true(json_is_null(json_object_get(identity, "old_root")));
    assert_true(json_is_true(json_object_get(identity, "has_signing_key")));
    assert_int_equal(json_array_size(json_object_get(identity, "due")), 0);
    json_decref(identity);
}

static void test_identity_rotate_says_what_it_did_and_what_comes_next(void **state)
{
    static const struct {
        const char *input, *said, *next;
    } cases[] = {
        {"{\"what\":\"leaf\"}", "A new leaf is in force", "they have nothing to do"},
        {"{\"what\":\"issuer\"}", "A new issuing CA is in force", "they have nothing to do"},
        {"{\"what\":\"signing-key\"}", "A new signing key is in force", "they have nothing to do"},
        {"{\"what\":\"root\"}", "A next root was made", "`causeway link rotate root` once more"},
        {"{\"what\":\"root\",\"force\":true}", "is in force", "`causeway link rotate root` once"},
        {"{\"what\":\"root\",\"force\":true}", "The old root is out", "The rotation is over"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const json_t *answer = ask_text(f, "/identity/rotate", cases[i].input, 200);

        expect_text(answer, "said", cases[i].said);
        expect_text(answer, "next", cases[i].next);
        expect_text(answer, "org", "library.example.org");
    }
}

static void test_identity_rotate_refuses_what_it_cannot_do(void **state)
{
    static const struct {
        const char *input;
        int status;
        const char *message;
    } cases[] = {
        {"{}", 400, "'what' must be leaf"},
        {"{\"what\":\"branch\"}", 400, "and is 'branch'"},
        {"{\"what\":\"leaf\",\"force\":1}", 400, "'force' must be"},
        {"{\"what\":\"leaf\",\"hurry\":true}", 400, "there is no field 'hurry'"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_text(ask_text(f, "/identity/rotate", cases[i].input, cases[i].status), "message",
                    cases[i].message);
    ask_text(f, "/identity/rotate", "{\"what\":\"root\"}", 200);
    expect_text(ask_text(f, "/identity/rotate", "{\"what\":\"root\"}", 409), "message",
                "not every partner has taken the announcement");
}

static void test_next_passphrase_is_the_same_unless_given(void **state)
{
    struct fixture *f = *state;
    static const char first[] = "{\"what\":\"root\",\"next_passphrase\":\"a\"}";
    static const char second[] = "{\"what\":\"root\",\"force\":true,\"next_passphrase\":\"a\"}";

    ask_text(f, "/identity/rotate", first, 200);
    ask_text(f, "/identity/rotate", second, 200); /* a is in force */
    ask_text(f, "/identity/rotate", "{\"what\":\"issuer\",\"passphrase\":\"b\"}", 409);
    ask_text(f, "/identity/rotate", "{\"what\":\"root\",\"force\":true,\"passphrase\":\"a\"}", 200);
    ask_text(f, "/identity/rotate", "{\"what\":\"root\",\"passphrase\":\"a\"}", 200);
    ask_text(f, "/identity/rotate", "{\"what\":\"root\",\"force\":true,\"passphrase\":\"a\"}", 200);
    ask_text(f, "/identity/rotate", "{\"what\":\"issuer\",\"passphrase\":\"a\"}", 200);
}

static void test_without_links_it_is_said_what_is_missing(void **state)
{
    struct fixture *f = *state;

    f->site.keeper = NULL;
    expect_text(ask_text(f, "/identity/rotate", "{\"what\":\"leaf\"}", 409), "message",
                "listen.partners");
    f->site.links_missing = "no such line";
    expect_text(ask_text(f, "/identity/rotate", "{\"what\":\"leaf\"}", 409), "message",
                "no such line");
}

/* ---- the command */

// NOLINTBEGIN(bugprone-reserved-identifier)
int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output);

int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output)
{
    struct fixture *f = cli->context;
    const json_t *answer = ask(f, path, input, 200);

    *output = json_deep_copy(answer);
    return CLI_DONE;
}
// NOLINTEND(bugprone-reserved-identifier)

/* Runs `causeway link rotate ...`; words end with NULL. */
static int run(struct fixture *f, const char *const *words)
{
    static const struct cli_command commands[] = {
        {"link rotate", "WHAT", 1, 1, "Rotate.", link_rotate_help, link_rotate_options,
         command_link_rotate},
        {.words = NULL},
    };
    static const struct cli_command *const tables[] = {commands, NULL};
    char *argv[12] = {(char *)"causeway", (char *)"link", (char *)"rotate"};
    FILE *out, *err;
    int argc = 3, result;

    free(f->out);
    free(f->err);
    out = open_memstream(&f->out, &f->out_size);
    err = open_memstream(&f->err, &f->err_size);
    while (*words != NULL)
        argv[argc++] = (char *)*words++;
    result = cli_run(argc, argv, tables, out, err, f);
    fclose(out);
    fclose(err);
    return result;
}

#define RUN(f, ...) run(f, (const char *const[]){__VA_ARGS__, NULL})

static void test_command_reads_passphrases_from_files_and_tells_people(void **state)
{
    struct fixture *f = *state;
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/passphrase", f->folder);
    file = fopen(path, "w");
    fputs("secret words\n", file);
    fclose(file);
    assert_int_equal(RUN(f, "root", "--next-passphrase-file", path), CLI_DONE);
    assert_non_null(strstr(f->out, "A next root was made"));
    assert_non_null(strstr(f->out, "`causeway link rotate root` once more"));
    assert_null(strstr(f->out, "secret"));
    assert_int_equal(RUN(f, "root", "--force", "--next-passphrase-file", path), CLI_DONE);
    assert_int_equal(RUN(f, "issuer", "--passphrase-file", path, "--json"), CLI_DONE);
    assert_non_null(strstr(f->out, "\"said\""));
}

static void test_command_refuses_a_file_that_is_none(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "issuer", "--passphrase-file", "/no/such/file"), CLI_FAILED);
    assert_non_null(strstr(f->err, "--passphrase-file: /no/such/file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_identity_status_says_what_there_is),
        TEST(test_identity_rotate_says_what_it_did_and_what_comes_next),
        TEST(test_identity_rotate_refuses_what_it_cannot_do),
        TEST(test_next_passphrase_is_the_same_unless_given),
        TEST(test_without_links_it_is_said_what_is_missing),
        TEST(test_command_reads_passphrases_from_files_and_tells_people),
        TEST(test_command_refuses_a_file_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
