// SPDX-License-Identifier: Apache-2.0
/* Who reaches what on the partner port: strangers of each kind, and the peer of a link. */
#include "port_kit.h"

/* ---- strangers */

struct stranger {
    const char *name;
    X509 *leaf, *issuer;
    EVP_PKEY *key;
    const char *detail, *says;
};

/* Refused before any of the body is there: the request waits with all of it. */
static void assert_stranger(struct kit *kit, const struct stranger *stranger)
{
    SSL_CTX *context = client_context(stranger->leaf, stranger->key, stranger->issuer, NULL);
    struct client client = client_dial(kit);
    struct asked asked = kit_heartbeat(kit);
    struct text head = {0};

    print_message("%s\n", stranger->name);
    assert_true(client_shake(&client, context, NULL));
    text_put_format(&head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n", asked.path);
    put_signature(&asked, &head);
    text_put_text(&head, "\r\n");
    client_send_text(&client, &head);
    assert_int_equal(client_reply(&client), 403);
    assert_says(&client, "\"error\":\"stranger\"");
    assert_says(&client, "application/json");
    assert_says(&client, "Connection: close");
    assert_says(&client, stranger->says);
    assert_int_equal(kit->taken.count, 0);
    client_close(&client);
    SSL_CTX_free(context);
    text_dispose(&head);
}

static uint64_t refused(const struct kit *kit, enum peer_verdict verdict)
{
    return server_counter(&port_counters(kit->port)->verdicts[verdict]);
}

static void test_port_refuses_an_organization_without_a_link(void **state)
{
    struct kit_org gamma = kit_org_create("gamma.example");
    struct stranger stranger = {"no link",    gamma.leaf,
                                gamma.issuer, gamma.leaf_key,
                                "unknown",    "there is no link with 'gamma.example' here"};

    assert_stranger(*state, &stranger);
    assert_int_equal(server_counter(&port_counters(((struct kit *)*state)->port)->unknown), 1);
    kit_org_dispose(&gamma);
}

/* The same name with another root: what any CA could make. */
static void test_port_refuses_the_name_of_a_link_with_another_root(void **state)
{
    struct kit_org imposter = kit_org_create(KIT_BETA);
    struct stranger stranger = {
        "another root",    imposter.leaf,  imposter.issuer,
        imposter.leaf_key, "unknown_root", "leads to no root that is known of this organization"};

    assert_stranger(*state, &stranger);
    assert_int_equal(refused(*state, PEER_UNKNOWN_ROOT), 1);
    kit_org_dispose(&imposter);
}

static X509 *make_leaf(const struct kit_org *org, const char *san, int64_t from_s, int64_t until_s)
{
    struct kit_form form = {
        .key = org->leaf_key,
        .issuer = org->issuer,
        .issuer_key = org->issuer_key,
        .from_s = from_s,
        .until_s = until_s,
        .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                       {NID_key_usage, "critical,digitalSignature"},
                       {NID_ext_key_usage, "clientAuth,serverAuth"},
                       {NID_subject_key_identifier, "hash"},
                       {NID_authority_key_identifier, "keyid:always"},
                       {NID_subject_alt_name, san}},
    };

    return kit_certificate(&form);
}

static void test_port_refuses_leaves_that_are_not_the_peer(void **state)
{
    static const struct {
        const char *name, *san;
        int64_t from_s, until_s;
        enum peer_verdict verdict;
        const char *says;
    } cases[] = {
        {"another organization's name by the right CA", "URI:spiffe://gamma.example/gateway/north",
         KIT_NOW - 10, KIT_NOW + 1000, PEER_ACCEPTED, "no link with 'gamma.example'"},
        {"a name that is no gateway", "URI:spiffe://beta.example/cache/north", KIT_NOW - 10,
         KIT_NOW + 1000, PEER_MALFORMED, "gateway"},
        {"a DNS name", "DNS:beta.example", KIT_NOW - 10, KIT_NOW + 1000, PEER_MALFORMED,
         "alternative name"},
        {"two names",
         "URI:spiffe://beta.example/gateway/north,URI:spiffe://beta.example/gateway/south",
         KIT_NOW - 10, KIT_NOW + 1000, PEER_MALFORMED, "2 alternative names"},
        {"expired", "URI:spiffe://beta.example/gateway/north", KIT_NOW - 1000, KIT_NOW - 10,
         PEER_EXPIRED, "the certificate has expired"},
        {"not yet", "URI:spiffe://beta.example/gateway/north", KIT_NOW + 10, KIT_NOW + 1000,
         PEER_NOT_YET, "a clock is wrong"},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        X509 *leaf = make_leaf(&kit->beta, cases[i].san, cases[i].from_s, cases[i].until_s);
        uint64_t before = refused(kit, cases[i].verdict);
        struct stranger stranger = {cases[i].name,      leaf, kit->beta.issuer,
                                    kit->beta.leaf_key, NULL, cases[i].says};

        assert_stranger(kit, &stranger);
        if (cases[i].verdict != PEER_ACCEPTED)
            assert_int_equal(refused(kit, cases[i].verdict), before + 1);
        X509_free(leaf);
    }
}

/* The peer's name by the CA of another partner: each is trusted for itself alone. */
static void test_port_refuses_a_name_by_the_ca_of_another(void **state)
{
    struct kit *kit = *state;
    struct kit_org gamma = kit_org_create("gamma.example");
    X509 *leaf =
        make_leaf(&gamma, "URI:spiffe://beta.example/gateway/north", KIT_NOW - 10, KIT_NOW + 1000);
    struct stranger stranger = {"wrong CA",     leaf, gamma.issuer,
                                gamma.leaf_key, NULL, "leads to no root that is known"};

    assert_stranger(kit, &stranger);
    X509_free(leaf);
    kit_org_dispose(&gamma);
}

/* Without a certificate, with TLS 1.2, without TLS, with another protocol: nothing is answered. */
static void assert_no_handshake(struct kit *kit, SSL_CTX *context)
{
    struct client client = client_dial(kit);

    if (client_shake(&client, context, NULL)) { /* TLS 1.3: the client may end first */
        client_send(&client, "GET /link/v1/hello HTTP/1.1\r\nHost: x\r\n\r\n", 40);
        assert_int_equal(client_reply(&client), 0);
    }
    client_close(&client);
    SSL_CTX_free(context);
    assert_int_equal(kit->taken.count, 0);
}

static void test_port_refuses_other_handshakes(void **state)
{
    static const unsigned char http[] = "\x08http/1.1";
    struct kit *kit = *state;
    SSL_CTX *old = client_context(kit->beta.leaf, kit->beta.leaf_key, kit->beta.issuer, NULL);
    SSL_CTX *other = client_context(kit->beta.leaf, kit->beta.leaf_key, kit->beta.issuer, NULL);
    SSL_CTX *none = client_context(kit->beta.leaf, kit->beta.leaf_key, kit->beta.issuer, NULL);

    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    assert_no_handshake(kit, old);
    SSL_CTX_set_alpn_protos(other, http, sizeof(http) - 1);
    assert_no_handshake(kit, other);
    SSL_CTX_set_alpn_protos(none, NULL, 0);
    assert_no_handshake(kit, none);
    assert_no_handshake(kit, client_context(NULL, NULL, NULL, NULL));
    assert_int_equal(server_counter(&kit->server->counters.handshakes_failed), 4);
}

static void test_port_ends_plain_http(void **state)
{
    static const char request[] = "GET /link/v1/hello HTTP/1.1\r\nHost: x\r\n\r\n";
    struct kit *kit = *state;
    struct client client = client_dial(kit);
    char bytes[256];
    ssize_t got = -1;

    assert_int_equal(write(client.fd, request, sizeof(request) - 1), sizeof(request) - 1);
    for (int turn = 0; turn < KIT_TURNS && got != 0; turn++) {
        loop_turn(kit->loop, 1);
        got = read(client.fd, bytes, sizeof(bytes));
        if (got < 0 && errno != EAGAIN) /* reset */
            break;
        assert_true(got <= 0 || memcmp(bytes, "HTTP", 4) != 0);
    }
    assert_int_equal(kit->taken.count, 0);
    client_close(&client);
    assert_int_equal(server_counter(&kit->server->counters.handshakes_failed), 1);
}

/* ---- the peer */

static void test_port_hands_a_genuine_request_to_control(void **state)
{
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);
    struct asked asked = kit_heartbeat(kit);

    assert_int_equal(client_ask(&client, &asked), 200);
    assert_says(&client, "Causeway-Signed: ours\r\n");
    assert_says(&client, "Content-Type: application/json\r\n");
    assert_int_equal(kit->taken.count, 1);
    assert_string_equal(kit->taken.method, "POST");
    assert_string_equal(kit->taken.path, "/link/v1/heartbeat");
    assert_int_equal(kit->taken.kind, WIRE_HEARTBEAT);
    assert_true(slice_is(text_slice(&kit->taken.body), "{\"v\":1}"));
    assert_string_equal(kit->taken.link, KIT_LINK);
    assert_string_equal(kit->taken.who.id.org, KIT_BETA);
    assert_string_equal(kit->taken.who.id.node, "north");
    assert_memory_equal(kit->taken.who.root, kit->beta.root.signer.hash, KEY_HASH_SIZE);
    assert_true(kit->taken.has_signed);
    assert_int_equal(kit->taken.is.sequence, 77);
    assert_int_equal(kit->taken.is.epoch, KIT_EPOCH);
    assert_int_equal(client_ask(&client, &asked), 200); /* on the same connection */
    assert_int_equal(server_counter(&port_counters(kit->port)->accepted), 1);
    assert_int_equal(server_counter(&port_counters(kit->port)->taken[WIRE_HEARTBEAT]), 2);
    client_close(&client);
}

static void test_port_answers_hello_and_roots_without_a_signature(void **state)
{
    static const char *const paths[] = {"/link/v1/hello", "/link/v1/roots"};
    struct kit *kit = *state;
    struct client client = client_of(kit, &kit->beta);

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct asked asked = {"GET", paths[i], "", NULL, KIT_UNSIGNED};

        assert_int_equal(client_ask(&client, &asked), 200);
        assert_string_equal(kit->taken.path, paths[i]);
        assert_string_equal(kit->taken.method, "GET");
        assert_string_equal(kit->taken.link, KIT_LINK);
        assert_false(kit->taken.has_signed);
    }
    client_close(&client);
}

/* Over is told by control, in a signed answer; nothing else is given. */
static void test_port_lets_a_revoked_peer_hear_that_it_is(void **state)
{
    struct kit *kit = *state;
    struct client client;

    kit->state = LINK_REVOKED;
    kit_publish(kit);
    client = client_of(kit, &kit->beta);
    kit->answers_later = true;
    client_send(&client, "GET /link/v1/hello HTTP/1.1\r\nHost: x\r\n\r\n", 40);
    for (int turn = 0; turn < KIT_TURNS && kit->waiting == NULL; turn++)
        loop_turn(kit->loop, 1);
    kit_answer(kit, 410, "{\"error\":\"gone\"}");
    assert_int_equal(client_reply(&client), 410);
    client_close(&client);
}

static void test_port_takes_roots_of_a_known_name_with_an_unknown_root(void **state)
{
    struct kit *kit = *state;
    struct kit_org moved = kit_org_create(KIT_BETA);
    struct client client = client_of(kit, &moved);
    struct asked asked = kit_heartbeat(kit);

    asked.path = "/link/v1/roots";
    asked.signer = &moved;
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_int_equal(kit->taken.kind, WIRE_ROOTS);
    assert_string_equal(kit->taken.link, KIT_LINK);
    assert_string_equal(kit->taken.who.id.org, KIT_BETA);
    assert_memory_equal(kit->taken.who.root, (uint8_t[KEY_HASH_SIZE]){0}, KEY_HASH_SIZE);
    assert_false(kit->taken.has_signed); /* by no key that is known */
    assert_says(&client, "Connection: close");
    client_close(&client);
    client = client_of(kit, &moved);
    asked = (struct asked){"GET", "/link/v1/roots", "", NULL, KIT_UNSIGNED};
    assert_int_equal(client_ask(&client, &asked), 403);
    client_close(&client);
    kit_org_dispose(&moved);
}

/* An organization that was linked before, by the same root: its old link is over, and stays known.
 */
static void test_port_lets_the_link_in_force_go_before_one_that_is_over(void **state)
{
    struct kit *kit = *state;
    struct asked hello = {"GET", "/link/v1/hello", "", NULL, KIT_UNSIGNED};
    struct asked asked = kit_heartbeat(kit);
    struct client client;

    kit->has_old_link = true;
    kit_publish(kit);
    client = client_of(kit, &kit->beta);
    assert_int_equal(client_ask(&client, &hello), 200);
    assert_string_equal(kit->taken.link, KIT_LINK);
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_string_equal(kit->taken.link, KIT_LINK);
    client_close(&client);
    client = client_of(kit, &kit->beta); /* who says which one it is about is heard about that */
    memcpy(asked.is.link, KIT_OLD, sizeof(asked.is.link));
    assert_int_equal(client_ask(&client, &asked), 200);
    assert_string_equal(kit->taken.link, KIT_OLD);
    client_close(&client);
}

static void test_port_takes_roots_for_the_link_that_is_named(void **state)
{
    static const char *const links[] = {KIT_LINK, KIT_OLD};
    struct kit *kit = *state;
    struct kit_org moved = kit_org_create(KIT_BETA);
    struct asked asked = kit_heartbeat(kit);

    kit->has_old_link = true;
    kit_publish(kit);
    asked.path = "/link/v1/roots";
    asked.signer = &moved;
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        struct client client = client_of(kit, &moved);

        memcpy(asked.is.link, links[i], sizeof(asked.is.link));
        assert_int_equal(client_ask(&client, &asked), 200);
        assert_string_equal(kit->taken.link, links[i]);
        client_close(&client);
    }
    kit_org_dispose(&moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_port_refuses_an_organization_without_a_link),
        KIT_TEST(test_port_refuses_the_name_of_a_link_with_another_root),
        KIT_TEST(test_port_refuses_leaves_that_are_not_the_peer),
        KIT_TEST(test_port_refuses_a_name_by_the_ca_of_another),
        KIT_TEST(test_port_refuses_other_handshakes),
        KIT_TEST(test_port_ends_plain_http),
        KIT_TEST(test_port_hands_a_genuine_request_to_control),
        KIT_TEST(test_port_answers_hello_and_roots_without_a_signature),
        KIT_TEST(test_port_lets_a_revoked_peer_hear_that_it_is),
        KIT_TEST(test_port_takes_roots_of_a_known_name_with_an_unknown_root),
        KIT_TEST(test_port_lets_the_link_in_force_go_before_one_that_is_over),
        KIT_TEST(test_port_takes_roots_for_the_link_that_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
