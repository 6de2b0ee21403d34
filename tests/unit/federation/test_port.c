// SPDX-License-Identifier: Apache-2.0
/* What the partner port asks of a request whose sender is known, and of who wants to join. */
#include "../http/clock.h"
#include "port_kit.h"

/* ---- signatures */

static void assert_refused(struct kit *kit, struct asked *asked, int status, const char *problem,
                           const char *says)
{
    struct client client = client_of(kit, &kit->beta);
    struct text error = {0};

    text_put_format(&error, "\"error\":\"%s\"", problem);
    assert_int_equal(client_ask(&client, asked), status);
    assert_says(&client, error.data);
    assert_says(&client, says);
    assert_int_equal(kit->taken.count, 0);
    client_close(&client);
    text_dispose(&error);
}

static void test_port_refuses_what_is_not_signed_by_the_peer(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct asked asked = kit_heartbeat(kit);

    asked.signer = NULL;
    assert_refused(kit, &asked, 403, "signature", "Causeway-Signed is missing");
    asked.signer = &gamma;
    assert_refused(kit, &asked, 403, "signature", "by none of the keys that beta.example lists");
    asked = kit_heartbeat(kit);
    strcpy(asked.is.node, "south");
    assert_refused(kit, &asked, 403, "signature",
                   "signed as node 'south', with the certificate of 'north'");
    kit_org_dispose(&gamma);
}

/* Signed once, sent as something else: method and path are the header's only by being signed. */
static void test_port_refuses_what_was_signed_as_something_else(void **state)
{
    static const struct {
        const char *path, *body, *number;
    } sent[] = {
        {"/link/v1/end", "{\"v\":1}", "77"},
        {"/link/v1/heartbeat", "{\"v\":2}", "77"},
        {"/link/v1/heartbeat", "", "77"},
        {"/link/v1/heartbeat", "{\"v\":1}", "78"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
        struct client client = client_of(kit, &kit->beta);
        struct asked asked = kit_heartbeat(kit);
        struct text header = {0}, out = {0};
        char *number;

        put_signature(&asked, &header);
        number = header.data != NULL ? strstr(header.data, "sequence=77") : NULL;
        if (number == NULL)
            fail_msg("no header");
        else
            memcpy(number + 9, sent[i].number, 2);
        text_put_format(&out, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
                        sent[i].path, header.data, strlen(sent[i].body), sent[i].body);
        client_send_text(&client, &out);
        assert_int_equal(client_reply(&client), 403);
        assert_says(&client, "\"error\":\"signature\"");
        assert_int_equal(kit->taken.count, 0);
        client_close(&client);
        text_dispose(&header);
        text_dispose(&out);
    }
}

static void test_port_refuses_two_signatures(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);
    struct text out = {0};

    text_put_text(&out, "POST /link/v1/heartbeat HTTP/1.1\r\nHost: x\r\n");
    put_signature(&asked, &out);
    put_signature(&asked, &out);
    text_put_text(&out, "Content-Length: 7\r\n\r\n{\"v\":1}");
    client_send_text(&client, &out);
    assert_int_equal(client_reply(&client), 403);
    assert_says(&client, "stands there twice");
    client_close(&client);
    text_dispose(&out);
}

/* The peer's operator fetches a new key: only its document can say so. */
static void test_port_takes_roots_that_are_signed_by_a_new_key(void **state)
{
    struct kit *kit = *state;
    struct kit_org renewed = kit->beta;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    renewed.signing_key = key_create(KEY_ED25519);
    asked.path = "/link/v1/roots";
    asked.signer = &renewed;
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_false(kit->taken.has_signed);
    assert_string_equal(kit->taken.who.id.node, "north");
    EVP_PKEY_free(renewed.signing_key);
    client_close(&client);
}

/* ---- dates */

/* The refusal is signed by us, for this number: the peer can believe what it says of the clocks. */
static void assert_signed_by_us(const struct kit *kit, const struct client *client,
                                const struct asked *asked, const char *status)
{
    const char *value = strstr(client->got.data, "Causeway-Signed: ");
    const char *body = strstr(client->got.data, "\r\n\r\n") + 4;
    struct signature_of of = {slice_of(status), slice_of(asked->path), slice_of(body)};
    struct roots made = kit_roots(&kit->us, 1), roots = kit_sign(&made, &kit->us.root, NULL);
    struct wire_signed is;
    struct error err = {0};

    assert_non_null(value);
    value += 17;
    if (!wire_signed_parse(&is, (struct slice){value, strcspn(value, "\r")}, &err) ||
        !signature_check(&roots, &is, &of, &err))
        fail_msg("%s", err.text);
    assert_string_equal(is.node, "main");
    assert_int_equal(is.sequence, asked->is.sequence);
    roots_dispose(&roots);
}

static void test_port_refuses_dates_that_are_far_away(void **state)
{
    static const struct {
        int64_t away_ms;
        const char *says; /* NULL: taken */
    } cases[] = {
        {299000, NULL},
        {-299000, NULL},
        {301000, "differ by 301 s, and at most 300 may be: yours is ahead"},
        {-301000, "yours is behind"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client client = client_of(kit, &kit->beta);
        struct asked asked = kit_heartbeat(kit);

        asked.is.date_ms = (uint64_t)((int64_t)kit_wall_ms + cases[i].away_ms);
        kit->taken.count = kit->taken.skews = 0;
        if (cases[i].says == NULL) {
            assert_int_equal(client_ask(&client, &asked), 200);
            assert_int_equal(kit->taken.count, 1);
        } else {
            assert_int_equal(client_ask(&client, &asked), 400);
            assert_says(&client, "\"error\":\"date\"");
            assert_says(&client, cases[i].says);
            assert_says(&client, "\"date\":\"2027-01-15T08:00:00.000Z\"");
            assert_signed_by_us(kit, &client, &asked, "400");
            assert_int_equal(kit->taken.count, 0);
            assert_int_equal(kit->taken.skews, 1);
            assert_int_equal(kit->taken.skew_ms, cases[i].away_ms);
        }
        client_close(&client);
    }
}

/* ---- the link and the path */

static void test_port_refuses_another_link_than_the_connections(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    memcpy(asked.is.link, KIT_OTHER, sizeof(asked.is.link));
    assert_int_equal(client_ask(&client, &asked), 409);
    assert_says(&client, "\"error\":\"behind\"");
    assert_signed_by_us(kit, &client, &asked, "409");
    assert_int_equal(kit->taken.count, 0);
    client_close(&client);
}

static void test_port_names_what_it_does_not_serve(void **state)
{
    static const char *const requests[][2] = {
        {"POST", "/link/v1/heartbeats"},
        {"GET", "/link/v1/heartbeat"},
        {"POST", "/link/v1/hello"},
        {"POST", "/link/v1/batch?x=1"},
        {"GET", "/"},
        {"GET", "/link/v1/join"},
        {"POST", "/api/v0/id"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct asked asked = {requests[i][0], requests[i][1], "", NULL, KIT_UNSIGNED};

        assert_refused(kit, &asked, 404, "malformed", "no such request");
    }
}

static void test_port_bounds_bodies_before_they_come(void **state)
{
    static const struct {
        const char *path;
        size_t size;
    } cases[] = {
        {"/link/v1/heartbeat", 4 * 1024},
        {"/link/v1/roots", 16 * 1024},
        {"/link/v1/batch", 1024 * 1024},
        {"/link/v1/end", 4 * 1024},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client client = client_of(kit, &kit->beta);
        struct asked asked = kit_heartbeat(kit);
        struct text head = {0};

        text_put_format(&head, "POST %s HTTP/1.1\r\nHost: x\r\n", cases[i].path);
        put_signature(&asked, &head);
        text_put_format(&head, "Content-Length: %zu\r\n\r\n", cases[i].size + 1);
        client_send_text(&client, &head);
        assert_int_equal(client_reply(&client), 413);
        assert_says(&client, "\"error\":\"too_large\"");
        client_close(&client);
        text_dispose(&head);
    }
    assert_int_equal(kit->taken.count, 0);
}

/* What was sent is before the port: what comes later finds it there. */
static void await_requests(struct kit *kit, uint64_t count)
{
    for (int turn = 0; turn < KIT_TURNS && kit->server->counters.requests < count; turn++)
        loop_turn(kit->loop, 1);
    assert_int_equal(kit->server->counters.requests, count);
}

/* Connections that promise the largest body there is, and send nothing of it. */
static void test_port_bounds_what_all_bodies_cost(void **state)
{
    enum { PROMISED = 1024 * 1024, FIT = KIT_BODIES_MAX / PROMISED };
    struct kit *kit = *state;
    struct client clients[FIT + 1];
    struct asked asked = kit_heartbeat(kit);
    struct text head = {0};

    asked.path = "/link/v1/batch";
    text_put_text(&head, "POST /link/v1/batch HTTP/1.1\r\nHost: x\r\n");
    put_signature(&asked, &head);
    text_put_format(&head, "Content-Length: %d\r\n\r\n", PROMISED);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = client_of(kit, &kit->beta);
        client_send_text(&clients[i], &head);
        await_requests(kit, i + 1);
    }
    assert_int_equal(client_reply(&clients[FIT]), 429);
    assert_says(&clients[FIT], "too much is sent here at once");
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        client_close(&clients[i]);
    clients[0] = client_of(kit, &kit->beta); /* the others have left */
    assert_int_equal(client_ask(&clients[0], &asked), 200);
    client_close(&clients[0]);
    text_dispose(&head);
}

/* ---- control */

static void test_port_says_busy_when_control_is(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    kit->is_busy = true;
    assert_int_equal(client_ask(&client, &asked), 429);
    assert_says(&client, "\"error\":\"busy\"");
    assert_says(&client, "Retry-After: 5\r\n");
    assert_signed_by_us(kit, &client, &asked, "429");
    client_close(&client);
}

static void test_port_tells_control_when_nobody_waits_any_more(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct text out = {0};
    struct asked asked = kit_heartbeat(kit);

    kit->answers_later = true;
    text_put_text(&out, "POST /link/v1/heartbeat HTTP/1.1\r\nHost: x\r\n");
    put_signature(&asked, &out);
    text_put_text(&out, "Content-Length: 7\r\n\r\n{\"v\":1}");
    client_send_text(&client, &out);
    for (int turn = 0; turn < KIT_TURNS && kit->waiting == NULL; turn++)
        loop_turn(kit->loop, 1);
    assert_non_null(kit->waiting);
    server_destroy(&kit->server);
    assert_int_equal(kit->taken.canceled, 1);
    SSL_free(client.ssl);
    close(client.fd);
    text_dispose(&out);
}

/* ---- joining */

static struct asked a_join(const char *body)
{
    return (struct asked){"POST", "/link/v1/join", body, NULL, KIT_UNSIGNED};
}

static void test_port_hears_a_join_of_whoever_has_a_name(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct asked join = a_join("{\"v\":1}");
    struct client client;
    uint8_t exporter[32];

    kit->has_invitations = true;
    kit_publish(kit);
    client = client_of(kit, &gamma);
    assert_int_equal(client_ask(&client, &join), 200);
    assert_int_equal(kit->taken.kind, WIRE_JOIN);
    assert_string_equal(kit->taken.link, "");
    assert_string_equal(kit->taken.who.id.org, "gamma.example");
    assert_false(kit->taken.has_signed);
    assert_true(kit->taken.has_leaf);
    assert_int_equal(kit->taken.others, 1);
    SSL_export_keying_material(client.ssl, exporter, sizeof(exporter), LINKS_EXPORTER_LABEL,
                               strlen(LINKS_EXPORTER_LABEL), NULL, 0, 0);
    assert_memory_equal(kit->taken.exporter, exporter, sizeof(exporter));
    client_close(&client);
    kit_org_dispose(&gamma);
}

static void test_port_hears_no_join_without_an_invitation(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct client client = client_of(kit, &gamma);
    struct asked join = a_join("{\"v\":1}");

    assert_int_equal(client_ask(&client, &join), 403);
    assert_says(&client, "\"error\":\"stranger\"");
    client_close(&client);
    client = client_of(kit, &kit->beta); /* whose answer may have been lost */
    assert_int_equal(client_ask(&client, &join), 200);
    client_close(&client);
    kit_org_dispose(&gamma);
}

static void send_half_a_join(struct client *client, size_t size)
{
    struct text out = {0};

    text_put_format(&out, "POST /link/v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n{",
                    size);
    client_send_text(client, &out);
    text_dispose(&out);
}

static void test_port_gives_a_join_16_kib_and_5_seconds(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct client client;

    kit->has_invitations = true;
    kit_publish(kit);
    client = client_of(kit, &gamma);
    send_half_a_join(&client, 16 * 1024 + 1);
    assert_int_equal(client_reply(&client), 413);
    client_close(&client);
    client = client_of(kit, &gamma);
    send_half_a_join(&client, 16 * 1024);
    for (int turn = 0; turn < 50; turn++)
        loop_turn(kit->loop, 1);
    clock_advance_ms(4800);
    for (int turn = 0; turn < 20; turn++)
        loop_turn(kit->loop, 1);
    assert_false(client_read(&client));
    assert_false(client.is_ended);
    clock_advance_ms(300);
    assert_int_equal(client_reply(&client), 408);
    assert_says(&client, "did not come within 5 s");
    assert_says(&client, "Connection: close");
    assert_int_equal(kit->taken.count, 0);
    client_close(&client);
    kit_org_dispose(&gamma);
}

static void test_port_hears_few_strangers_at_once(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct client clients[PORT_STRANGERS_MAX + 1];
    struct asked join = a_join("{\"v\":1}");

    kit->has_invitations = true;
    kit_publish(kit);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = client_of(kit, &gamma);
        send_half_a_join(&clients[i], 100);
        await_requests(kit, i + 1);
    }
    assert_int_equal(client_reply(&clients[PORT_STRANGERS_MAX]), 429);
    assert_says(&clients[PORT_STRANGERS_MAX], "\"error\":\"busy\"");
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        client_close(&clients[i]);
    clients[0] = client_of(kit, &gamma); /* the others have left */
    assert_int_equal(client_ask(&clients[0], &join), 200);
    client_close(&clients[0]);
    kit_org_dispose(&gamma);
}

/* ---- what the operator is told */

static size_t audit_lines(struct kit *kit, struct text *all)
{
    char path[96], line[4096];
    size_t count = 0;
    FILE *file;

    server_destroy(&kit->server);
    port_destroy(&kit->port);
    audit_close(&kit->audit);
    snprintf(path, sizeof(path), "%s/audit.log", kit->audit_folder);
    file = fopen(path, "r");
    assert_non_null(file);
    for (; fgets(line, sizeof(line), file) != NULL; count++)
        text_put_text(all, line);
    fclose(file);
    return count;
}

static void test_port_notes_refusals_in_the_audit_log_but_not_all_of_a_flood(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);
    struct text all = {0};

    asked.signer = NULL;
    assert_int_equal(client_ask(&client, &asked), 403);
    client_close(&client);
    for (int i = 0; i < PORT_LINES_MAX + 10; i++) {
        client = client_of(kit, &gamma);
        assert_int_equal(client_ask(&client, &asked), 403);
        client_close(&client);
    }
    assert_int_equal(audit_lines(kit, &all), PORT_LINES_MAX);
    assert_non_null(strstr(all.data, "\"kind\":\"partner\",\"id\":\"beta\""));
    assert_non_null(strstr(all.data, "\"command\":\"link/heartbeat\""));
    assert_non_null(strstr(all.data, "\"rule\":\"signature\""));
    assert_non_null(strstr(all.data, "\"rule\":\"stranger:unknown\""));
    assert_non_null(strstr(all.data, "spiffe://gamma.example/gateway/north"));
    text_dispose(&all);
    kit_org_dispose(&gamma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_port_refuses_what_is_not_signed_by_the_peer),
        KIT_TEST(test_port_refuses_what_was_signed_as_something_else),
        KIT_TEST(test_port_refuses_two_signatures),
        KIT_TEST(test_port_takes_roots_that_are_signed_by_a_new_key),
        KIT_TEST(test_port_refuses_dates_that_are_far_away),
        KIT_TEST(test_port_refuses_another_link_than_the_connections),
        KIT_TEST(test_port_names_what_it_does_not_serve),
        KIT_TEST(test_port_bounds_bodies_before_they_come),
        KIT_TEST(test_port_bounds_what_all_bodies_cost),
        KIT_TEST(test_port_says_busy_when_control_is),
        KIT_TEST(test_port_tells_control_when_nobody_waits_any_more),
        KIT_TEST(test_port_hears_a_join_of_whoever_has_a_name),
        KIT_TEST(test_port_hears_no_join_without_an_invitation),
        KIT_TEST(test_port_gives_a_join_16_kib_and_5_seconds),
        KIT_TEST(test_port_hears_few_strangers_at_once),
        KIT_TEST(test_port_notes_refusals_in_the_audit_log_but_not_all_of_a_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
