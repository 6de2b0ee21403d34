// SPDX-License-Identifier: Apache-2.0
/* What the gateway answers itself, as a client reads it. */
#include "kit.h"
#include "proxy/rpc_answers.h"
#include "proxy/treatment.h"
#include "tests/unit/http/stage.h"

#include <jansson.h>

#define POLICY                                                                                     \
    "version: 1\norg: lab.example\nmembers: {alice: {}}\n"                                         \
    "roles: {reader: {allow: [cat, \"files/*\", version]}}\n"                                      \
    "bind: [{to: \"member:alice\", roles: [reader]}]\n"

struct fixture {
    struct snapshot snapshot;
    struct site site;
    struct principal principal;
    struct call *call; /* of `commands`; NULL: the version is asked for */
    struct http_handler handler;
    const struct policy *policy;
};

/* The handler is told nothing but the stage. */
static struct fixture *current;

static void on_request(struct exchange *exchange, void *stage)
{
    ((struct stage *)stage)->begun++;
    if (current->call == NULL)
        rpc_answer_version(exchange);
    else
        rpc_answer_commands(exchange, &current->site, &current->principal, current->call);
}

/* One request; the reply's body as JSON. */
static json_t *ask(struct stage *s, struct fixture *f)
{
    struct peer *client;
    json_error_t fault;
    json_t *json;

    f->site.snapshot = &f->snapshot;
    f->handler = *s->settings.handler;
    f->handler.on_request = on_request;
    s->settings.handler = &f->handler;
    current = f;
    client = stage_client_sends(s, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer_expect(client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
    peer_await(client, "\r\n\r\n");
    stage_await_ended(s, 1);
    peer_await_gone(client);
    json = json_loadb(client->got.data + client->seen, client->got.size - client->seen, 0, &fault);
    if (json == NULL)
        fail_msg("%s", fault.text);
    return json;
}

/* The node of a path such as "pin/add" in a tree of commands, or NULL. Borrowed. */
static json_t *find(json_t *node, const char *path)
{
    size_t size = strcspn(path, "/"), i;
    json_t *child;

    json_array_foreach(json_object_get(node, "Subcommands"), i, child)
    {
        const char *name = json_string_value(json_object_get(child, "Name"));

        if (strlen(name) == size && memcmp(name, path, size) == 0)
            return path[size] == '\0' ? child : find(child, path + size + 1);
    }
    return NULL;
}

static struct fixture with_config(const char *yaml)
{
    return (struct fixture){.snapshot = {.config = kit_config(yaml)},
                            .principal = {.kind = PRINCIPAL_ANONYMOUS},
                            .call = kit_call("commands", false)};
}

static void dispose(struct fixture *f)
{
    call_destroy(&f->call);
    policy_unref(&f->snapshot.policy);
    config_unref(&f->snapshot.config);
}

static void test_rpc_answers_version_is_what_clients_look_at(void **state)
{
    struct fixture f = with_config("allow: [read]\n");
    json_t *json;

    call_destroy(&f.call);
    json = ask(*state, &f);
    assert_string_equal(json_string_value(json_object_get(json, "Version")), "0.43.1");
    for (const char *const *name =
             (const char *const[]){"Commit", "Repo", "System", "Golang", NULL};
         *name != NULL; name++)
        assert_true(json_is_string(json_object_get(json, *name)));
    json_decref(json);
    dispose(&f);
}

static void test_rpc_answers_commands_that_a_class_allows(void **state)
{
    struct fixture f = with_config("allow: [read, pin]\n");
    json_t *json = ask(*state, &f);
    size_t i;
    json_t *child;

    assert_string_equal(json_string_value(json_object_get(json, "Name")), "ipfs");
    assert_non_null(find(json, "cat"));
    assert_non_null(find(json, "pin/add"));
    assert_non_null(find(json, "version"));  /* whatever is allowed: clients ask it first */
    assert_non_null(find(json, "commands")); /* this one */
    assert_null(find(json, "add"));
    assert_null(find(json, "repo/gc"));
    assert_null(find(json, "pin/remote/service/add"));
    json_array_foreach(json_object_get(json, "Subcommands"), i, child)
    { /* one node for each group */
        assert_ptr_equal(find(json, json_string_value(json_object_get(child, "Name"))), child);
    }
    assert_int_equal(json_array_size(json_object_get(find(json, "cat"), "Options")), 0);
    json_decref(json);
    dispose(&f);
}

static void test_rpc_answers_commands_with_their_options(void **state)
{
    struct fixture f = with_config("allow: [read]\n");
    json_t *json, *options, *option, *names;
    bool has_offset = false;
    size_t i;

    call_destroy(&f.call);
    f.call = kit_call("commands?flags=true", false);
    json = ask(*state, &f);
    options = json_object_get(find(json, "cat"), "Options");
    assert_true(json_array_size(options) > 2);
    json_array_foreach(options, i, option)
    {
        names = json_object_get(option, "Names");
        assert_true(json_array_size(names) >= 1);
        if (strcmp(json_string_value(json_array_get(names, 0)), "offset") == 0) {
            has_offset = true;
            assert_string_equal(json_string_value(json_array_get(names, 1)), "o");
        }
    }
    assert_true(has_offset);
    json_decref(json);
    dispose(&f);
}

static void test_rpc_answers_commands_that_the_policy_allows_whoever_asks(void **state)
{
    struct fixture f = with_config("");
    struct policy_source source = {"policy.yaml", SLICE(POLICY)};
    struct error err = {0};
    json_t *json;

    if (!policy_compile(&f.snapshot.policy, &source, 1, NULL, &err))
        fail_msg("%s", err.text);
    f.principal = (struct principal){.kind = PRINCIPAL_MEMBER, .id = SLICE("alice")};
    json = ask(*state, &f);
    assert_non_null(find(json, "cat"));
    assert_non_null(find(json, "files/stat")); /* of a CID */
    assert_null(find(json, "files/write"));    /* there is no right to it */
    assert_null(find(json, "ls"));
    assert_null(find(json, "commands"));
    json_decref(json);
    dispose(&f);
}

static void test_rpc_answers_commands_of_nobody(void **state)
{
    struct fixture f = with_config("");
    struct policy_source source = {"policy.yaml", SLICE(POLICY)};
    struct error err = {0};
    json_t *json;

    if (!policy_compile(&f.snapshot.policy, &source, 1, NULL, &err))
        fail_msg("%s", err.text);
    json = ask(*state, &f);
    assert_int_equal(json_array_size(json_object_get(json, "Subcommands")), 1);
    assert_non_null(find(json, "version"));
    json_decref(json);
    dispose(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_rpc_answers_version_is_what_clients_look_at),
        STAGE_TEST(test_rpc_answers_commands_that_a_class_allows),
        STAGE_TEST(test_rpc_answers_commands_with_their_options),
        STAGE_TEST(test_rpc_answers_commands_that_the_policy_allows_whoever_asks),
        STAGE_TEST(test_rpc_answers_commands_of_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
