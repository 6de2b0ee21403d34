// SPDX-License-Identifier: Apache-2.0
/* Connections and tickets of a link end when it changes, and no others. */
#include "../http/clock.h"
#include "port_kit.h"

static void turn_for(struct kit *kit, unsigned int ms)
{
    uint64_t end_us = clock_us() + (uint64_t)ms * 1000;

    while (clock_us() < end_us)
        loop_turn(kit->loop, 5);
}

static struct client client_with(struct kit *kit, SSL_CTX *context, SSL_SESSION *session)
{
    struct client client = client_dial(kit);

    assert_true(client_shake(&client, context, session));
    return client;
}

/* ---- connections */

static void test_port_cuts_idle_connections_within_a_second(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);
    uint64_t began_us;

    assert_int_equal(client_ask(&client, &asked), 200);
    kit->generation++;
    kit->state = LINK_REVOKED;
    began_us = clock_us();
    kit_publish(kit);
    client_await_end(&client);
    assert_true(clock_us() - began_us < 1000 * 1000);
    assert_int_equal(server_counter(&port_counters(kit->port)->cut), 1);
    client_close(&client);
}

static void test_port_keeps_connections_of_links_that_did_not_change(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    assert_int_equal(client_ask(&client, &asked), 200);
    for (int i = 0; i < 3; i++) { /* views of other links */
        kit_publish(kit);
        turn_for(kit, 2 * PORT_CUT_MS);
        assert_int_equal(client_ask(&client, &asked), 200);
    }
    assert_int_equal(server_counter(&port_counters(kit->port)->accepted), 1);
    client_close(&client);
}

static void begin_heartbeat(struct kit *kit, struct client *client)
{
    struct asked asked = kit_heartbeat(kit);
    struct text out = {0};

    kit->answers_later = true;
    text_put_text(&out, "POST /link/v1/heartbeat HTTP/1.1\r\nHost: x\r\n");
    put_signature(&asked, &out);
    text_put_text(&out, "Content-Length: 7\r\n\r\n{\"v\":1}");
    client_send_text(client, &out);
    text_dispose(&out);
    for (int turn = 0; turn < KIT_TURNS && kit->waiting == NULL; turn++)
        loop_turn(kit->loop, 1);
    assert_non_null(kit->waiting);
}

/* What ended the link is answered: the peer needs to know that it was heard. */
static void test_port_sends_the_answer_that_goes_with_the_change(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);

    begin_heartbeat(kit, &client);
    kit->generation++;
    kit_publish(kit);
    kit_answer(kit, 200, "{}");
    assert_int_equal(client_reply(&client), 200);
    client_await_end(&client);
    client_close(&client);
}

static void test_port_cuts_what_runs_too(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);

    begin_heartbeat(kit, &client);
    kit->generation++;
    kit->has_no_link = true;
    kit_publish(kit);
    assert_int_equal(client_reply(&client), 503);
    assert_says(&client, "\"error\":\"later\"");
    assert_says(&client, "connect anew");
    assert_int_equal(kit->taken.canceled, 1);
    client_await_end(&client);
    client_close(&client);
}

/* Of who had a link before, and is dialled back meanwhile: what it begins changes that link. */
static void test_port_lets_a_join_go_on_while_its_link_changes(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);

    kit->answers_later = true;
    client_send(&client, "POST /link/v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
                61);
    for (int turn = 0; turn < KIT_TURNS && kit->waiting == NULL; turn++)
        loop_turn(kit->loop, 1);
    kit->generation++;
    kit_publish(kit);
    clock_advance_ms(1000);
    for (int turn = 0; turn < 20; turn++)
        loop_turn(kit->loop, 1);
    assert_int_equal(kit->taken.canceled, 0);
    kit_answer(kit, 200, "{}");
    assert_int_equal(client_reply(&client), 200);
    client_close(&client);
}

/* Between the change and the cut: a link that is gone, or of another epoch, is served nothing. */
static void test_port_serves_no_other_epoch_on_an_old_connection(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    assert_int_equal(client_ask(&client, &asked), 200);
    kit->has_no_link = true;
    kit_publish(kit);
    assert_int_equal(client_ask(&client, &asked), 403);
    assert_says(&client, "the link changed: connect anew");
    assert_int_equal(kit->taken.count, 1);
    client_close(&client);
}

static void test_port_ends_a_connection_with_its_certificate(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    assert_int_equal(client_ask(&client, &asked), 200);
    kit_wall_ms += (uint64_t)CA_LEAF_S * 1000;
    asked = kit_heartbeat(kit);
    assert_int_equal(client_ask(&client, &asked), 403);
    assert_says(&client, "has expired");
    client_close(&client);
}

static void test_port_bounds_the_connections_of_a_link(void **state)
{
    struct kit *kit = *state;
    struct client clients[PORT_SESSIONS_MAX + 1];
    struct asked asked = {"GET", "/link/v1/hello", "", NULL, KIT_UNSIGNED};

    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = client_of(kit, &kit->beta);
        assert_int_equal(client_ask(&clients[i], &asked), i < PORT_SESSIONS_MAX ? 200 : 429);
    }
    assert_says(&clients[PORT_SESSIONS_MAX], "too many connections");
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        client_close(&clients[i]);
}

/* ---- tickets */

struct resuming {
    SSL_CTX *context;
    SSL_SESSION *session;
};

/* A first connection, and the ticket that it was given. */
static void resuming_start(struct kit *kit, struct resuming *resuming)
{
    struct asked asked = kit_heartbeat(kit);
    struct client client;

    resuming->session = NULL;
    resuming->context =
        client_context(kit->beta.leaf, kit->beta.leaf_key, kit->beta.issuer, &resuming->session);
    client = client_with(kit, resuming->context, NULL);
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_non_null(resuming->session);
    client_close(&client);
}

static void resuming_end(struct resuming *resuming)
{
    SSL_SESSION_free(resuming->session);
    SSL_CTX_free(resuming->context);
}

/* Dials with the ticket: was it taken, and is the peer served? */
static bool resume(struct kit *kit, const struct resuming *resuming, int status)
{
    struct client client = client_with(kit, resuming->context, resuming->session);
    struct asked asked = kit_heartbeat(kit);
    bool is_resumed = SSL_session_reused(client.ssl);

    assert_int_equal(client_ask(&client, &asked), status);
    client_close(&client);
    return is_resumed;
}

static void test_port_knows_a_peer_again_by_its_ticket(void **state)
{
    struct kit *kit = *state;
    struct resuming resuming;

    resuming_start(kit, &resuming);
    memset(&kit->taken.who, 0, sizeof(kit->taken.who));
    assert_true(resume(kit, &resuming, 200));
    assert_string_equal(kit->taken.who.id.org, KIT_BETA);
    assert_string_equal(kit->taken.who.id.node, "north");
    assert_memory_equal(kit->taken.who.root, kit->beta.root.signer.hash, KEY_HASH_SIZE);
    assert_int_equal(kit->taken.who.until_s, KIT_NOW + CA_LEAF_S);
    assert_int_equal(server_counter(&port_counters(kit->port)->resumed), 1);
    assert_true(resume(kit, &resuming, 200)); /* with the ticket that the second one was given */
    resuming_end(&resuming);
}

static void test_port_takes_no_ticket_of_before_a_change(void **state)
{
    struct kit *kit = *state;
    struct resuming resuming;

    resuming_start(kit, &resuming);
    kit_publish(kit); /* another link's */
    assert_true(resume(kit, &resuming, 200));
    kit->generation++;
    kit_publish(kit);
    assert_false(resume(kit, &resuming, 200));
    kit->has_no_link = true;
    kit_publish(kit);
    assert_false(resume(kit, &resuming, 403));
    resuming_end(&resuming);
}

static void test_port_takes_no_ticket_beyond_the_leaf(void **state)
{
    struct kit *kit = *state;
    struct resuming resuming;

    resuming_start(kit, &resuming);
    kit_wall_ms += (uint64_t)CA_LEAF_S * 1000;
    assert_false(resume(kit, &resuming, 403));
    resuming_end(&resuming);
}

static void test_port_gives_a_revoked_peer_no_ticket(void **state)
{
    struct kit *kit = *state;
    SSL_SESSION *session = NULL;
    SSL_CTX *context;
    struct client client;
    struct asked asked = kit_heartbeat(kit);

    kit->state = LINK_REVOKED;
    kit_publish(kit);
    context = client_context(kit->beta.leaf, kit->beta.leaf_key, kit->beta.issuer, &session);
    client = client_with(kit, context, NULL);
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_null(session);
    client_close(&client);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_port_cuts_idle_connections_within_a_second),
        KIT_TEST(test_port_keeps_connections_of_links_that_did_not_change),
        KIT_TEST(test_port_sends_the_answer_that_goes_with_the_change),
        KIT_TEST(test_port_cuts_what_runs_too),
        KIT_TEST(test_port_lets_a_join_go_on_while_its_link_changes),
        KIT_TEST(test_port_serves_no_other_epoch_on_an_old_connection),
        KIT_TEST(test_port_ends_a_connection_with_its_certificate),
        KIT_TEST(test_port_bounds_the_connections_of_a_link),
        KIT_TEST(test_port_knows_a_peer_again_by_its_ticket),
        KIT_TEST(test_port_takes_no_ticket_of_before_a_change),
        KIT_TEST(test_port_takes_no_ticket_beyond_the_leaf),
        KIT_TEST(test_port_gives_a_revoked_peer_no_ticket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
