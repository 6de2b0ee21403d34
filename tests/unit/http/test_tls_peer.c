// SPDX-License-Identifier: Apache-2.0
/* TLS between peers: what is taken and refused, and tickets. In memory, without sockets. */
#include "identities.h"

#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct identity ours, theirs;
    SSL_SESSION *newest; /* the client's */
    struct tls_resumption resumption;
    const char *offered; /* the server gives a ticket with this blob; NULL: none */
    uint32_t lifetime_s;
    bool refuses_tickets;
    unsigned int asked;
    char asked_for[64]; /* the newest blob */
};

static bool is_good(struct tls_resumption *resumption, struct slice blob)
{
    struct fixture *f = CONTAINER_OF(resumption, struct fixture, resumption);

    f->asked++;
    snprintf(f->asked_for, sizeof(f->asked_for), "%.*s", (int)blob.size, (const char *)blob.data);
    return !f->refuses_tickets;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    identity_create(&f->ours, "ours");
    identity_create(&f->theirs, "theirs");
    f->resumption.is_good = is_good;
    f->lifetime_s = 3600;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    SSL_SESSION_free(f->newest);
    text_dispose(&f->resumption.offered);
    identity_dispose(&f->ours);
    identity_dispose(&f->theirs);
    free(f);
    return 0;
}

struct result {
    bool is_done, is_resumed, has_protocol, is_client_known, is_server_known;
    int others; /* certificates that the client sent, without its leaf */
    char blob[64];
    uint8_t exported[2][TLS_EXPORT_SIZE];
};

static void note(struct fixture *f, SSL *server, SSL *client, struct result *result)
{
    struct slice blob = tls_ticket_blob(server);

    result->is_resumed = SSL_session_reused(server) == 1 && SSL_session_reused(client) == 1;
    result->has_protocol = tls_has_protocol(server) && tls_has_protocol(client);
    result->is_client_known = identity_is(&f->theirs, SSL_get0_peer_certificate(server));
    result->is_server_known = identity_is(&f->ours, SSL_get0_peer_certificate(client)) &&
                              sk_X509_num(SSL_get_peer_cert_chain(client)) == 2;
    result->others = sk_X509_num(SSL_get_peer_cert_chain(server));
    snprintf(result->blob, sizeof(result->blob), "%.*s", (int)blob.size, (const char *)blob.data);
    if (!result->is_done)
        return;
    tls_export_key(server, "label", result->exported[0]);
    tls_export_key(client, "label", result->exported[1]);
}

/* A handshake, then a byte from the server, with which a ticket comes. */
static struct result shake_hands(struct fixture *f, SSL_CTX *server_context,
                                 SSL_CTX *client_context)
{
    struct result result = {0};
    SSL *server = SSL_new(server_context), *client = SSL_new(client_context);
    BIO *server_bio, *client_bio;
    char byte = 'x';

    BIO_new_bio_pair(&server_bio, 0, &client_bio, 0);
    SSL_set_bio(server, server_bio, server_bio);
    SSL_set_bio(client, client_bio, client_bio);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    if (f->newest != NULL)
        SSL_set_session(client, f->newest);
    tls_server_attach(server, &f->resumption);
    tls_client_attach(client, &f->newest);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    result.is_done = SSL_is_init_finished(client) && SSL_is_init_finished(server);
    note(f, server, client, &result);
    if (f->offered != NULL && result.is_done)
        assert_true(tls_offer_ticket(server, slice_of(f->offered), f->lifetime_s));
    if (result.is_done)
        assert_int_equal(SSL_write(server, &byte, 1), 1);
    if (result.is_done)
        assert_int_equal(SSL_read(client, &byte, 1), 1);
    SSL_shutdown(client); /* else the session counts as broken */
    SSL_shutdown(server);
    SSL_free(client);
    SSL_free(server);
    return result;
}

static struct result connect_peers(struct fixture *f)
{
    return shake_hands(f, f->ours.server, f->theirs.client);
}

/* ---- contexts */

static void test_tls_peer_takes_an_identity_that_is_one(void **state)
{
    struct fixture *f = *state;
    struct tls_identity wrong = identity_view(&f->ours);
    struct error err = {0};

    wrong.key = f->theirs.leaf.key;
    assert_null(tls_peer_server_create(&wrong, PEER_ALPN, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    assert_non_null(strstr(err.text, "key is not that of its leaf"));
    err.code = ERROR_NONE;
    assert_null(tls_peer_client_create(&wrong, PEER_ALPN, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
}

static void test_tls_peer_shows_both_sides_whole_chains(void **state)
{
    struct fixture *f = *state;
    struct result result = connect_peers(f);

    assert_true(result.is_done);
    assert_true(result.has_protocol);
    assert_true(result.is_client_known);
    assert_true(result.is_server_known);
    assert_int_equal(result.others, 1); /* its CA */
    assert_false(result.is_resumed);
}

/* Whose it is, is asked behind the handshake: a certificate out of date too. */
static void test_tls_peer_takes_any_certificate_but_not_none(void **state)
{
    struct fixture *f = *state;
    SSL_CTX *bare = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_alpn_protos(bare, (const unsigned char *)"\x07" PEER_ALPN, 8);
    assert_false(shake_hands(f, f->ours.server, bare).is_done);
    SSL_CTX_free(bare);
    X509_gmtime_adj(X509_getm_notAfter(f->theirs.leaf.x509), -1000);
    X509_sign(f->theirs.leaf.x509, f->theirs.ca.key, EVP_sha256());
    assert_true(connect_peers(f).is_done);
}

static void test_tls_peer_verifies_with_no_key_that_costs_much(void **state)
{
    static const struct {
        unsigned int bits;
        bool is_taken;
    } cases[] = {{2048, true}, {4608, false}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        SSL_CTX *client = SSL_CTX_new(TLS_client_method());
        X509 *leaf = X509_dup(f->theirs.leaf.x509);
        EVP_PKEY *key = EVP_RSA_gen(cases[i].bits);

        X509_set_pubkey(leaf, key);
        X509_sign(leaf, f->theirs.ca.key, EVP_sha256());
        SSL_CTX_set_alpn_protos(client, (const unsigned char *)"\x07" PEER_ALPN, 8);
        assert_int_equal(SSL_CTX_use_certificate(client, leaf), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client, key), 1);
        assert_int_equal(shake_hands(f, f->ours.server, client).is_done, cases[i].is_taken);
        X509_free(leaf);
        EVP_PKEY_free(key);
        SSL_CTX_free(client);
    }
}

static void test_tls_peer_reads_no_more_certificates_than_a_bound(void **state)
{
    static const struct {
        int count;
        bool is_taken;
    } cases[] = {{20, true}, {60, false}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tls_identity view = identity_view(&f->theirs);
        struct error err = {0};
        SSL_CTX *client;

        view.chain = sk_X509_new_null();
        for (int n = 0; n < cases[i].count; n++)
            sk_X509_push(view.chain, f->theirs.ca.x509);
        client = tls_peer_client_create(&view, PEER_ALPN, &err);
        sk_X509_free(view.chain);
        assert_int_equal(shake_hands(f, f->ours.server, client).is_done, cases[i].is_taken);
        SSL_CTX_free(client);
    }
}

static void test_tls_peer_speaks_1_3_alone(void **state)
{
    static const struct {
        int version;
        bool is_spoken;
    } cases[] = {{TLS1_2_VERSION, false}, {TLS1_3_VERSION, true}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        SSL_CTX_set_min_proto_version(f->theirs.client, 0);
        SSL_CTX_set_max_proto_version(f->theirs.client, cases[i].version);
        assert_int_equal(connect_peers(f).is_done, cases[i].is_spoken);
    }
}

static void test_tls_peer_speaks_one_protocol_alone(void **state)
{
    static const struct {
        const char *offered;
        bool is_done;
    } cases[] = {
        {"\x07" PEER_ALPN, true},      {"\x02h2\x07" PEER_ALPN, true}, {"\x02h2", false},
        {"\x08" PEER_ALPN "0", false}, {"\x07peers/2", false},         {"", false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        SSL_CTX_set_alpn_protos(f->theirs.client, (const unsigned char *)cases[i].offered,
                                (unsigned int)strlen(cases[i].offered));
        assert_int_equal(connect_peers(f).is_done, cases[i].is_done);
    }
}

/* A server may choose no protocol: then the client has to ask. */
static void test_tls_peer_client_knows_a_server_of_another_kind(void **state)
{
    struct fixture *f = *state;
    SSL_CTX *plain = SSL_CTX_new(TLS_server_method());
    struct result result;

    SSL_CTX_use_certificate(plain, f->ours.leaf.x509);
    SSL_CTX_use_PrivateKey(plain, f->ours.leaf.key);
    result = shake_hands(f, plain, f->theirs.client);
    assert_true(result.is_done);
    assert_false(result.has_protocol);
    SSL_CTX_free(plain);
}

static void test_tls_peer_exports_a_key_of_this_connection(void **state)
{
    struct fixture *f = *state;
    struct result first = connect_peers(f), second = connect_peers(f);

    assert_memory_equal(first.exported[0], first.exported[1], TLS_EXPORT_SIZE);
    assert_memory_equal(second.exported[0], second.exported[1], TLS_EXPORT_SIZE);
    assert_memory_not_equal(first.exported[0], second.exported[0], TLS_EXPORT_SIZE);
}

/* ---- tickets */

static void test_tls_peer_gives_no_ticket_unless_told(void **state)
{
    struct fixture *f = *state;

    connect_peers(f);
    assert_null(f->newest);
    assert_false(connect_peers(f).is_resumed);
    assert_int_equal(f->asked, 0);
}

static void test_tls_peer_resumes_what_the_owner_takes_for_good(void **state)
{
    struct fixture *f = *state;
    struct result result;

    f->offered = "first";
    assert_string_equal(connect_peers(f).blob, "");
    assert_non_null(f->newest);
    f->offered = "second";
    result = connect_peers(f);
    assert_true(result.is_done && result.is_resumed && result.has_protocol);
    assert_true(result.is_client_known); /* the leaf is in the ticket, what was behind it is not */
    assert_true(result.is_server_known);
    assert_int_equal(result.others, -1);
    assert_string_equal(result.blob, "first");
    assert_string_equal(f->asked_for, "first");
    assert_memory_equal(result.exported[0], result.exported[1], TLS_EXPORT_SIZE);
    f->offered = NULL;
    assert_string_equal(connect_peers(f).blob, "second");
    assert_false(connect_peers(f).is_resumed); /* each is used once (RFC 8446 appendix C.4) */
}

static void test_tls_peer_shakes_hands_anew_when_the_owner_says_no(void **state)
{
    struct fixture *f = *state;
    struct result result;

    f->offered = "revoked since";
    connect_peers(f);
    f->refuses_tickets = true;
    result = connect_peers(f);
    assert_true(result.is_done);
    assert_false(result.is_resumed);
    assert_int_equal(f->asked, 1);
    assert_string_equal(f->asked_for, "revoked since");
    assert_int_equal(result.others, 1);
}

static void test_tls_peer_knows_no_ticket_of_another_context(void **state)
{
    struct fixture *f = *state;
    struct tls_identity view = identity_view(&f->ours);
    struct error err = {0};
    SSL_CTX *renewed = tls_peer_server_create(&view, PEER_ALPN, &err);
    struct result result;

    f->offered = "blob";
    connect_peers(f);
    result = shake_hands(f, renewed, f->theirs.client);
    assert_true(result.is_done);
    assert_false(result.is_resumed);
    assert_int_equal(f->asked, 0);
    SSL_CTX_free(renewed);
}

static void test_tls_peer_resumes_nothing_after_its_time(void **state)
{
    struct fixture *f = *state;
    struct result result;

    f->offered = "blob";
    f->lifetime_s = 1;
    connect_peers(f);
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(f->newest), 1);
    sleep(2);
    SSL_SESSION_set_time(f->newest, time(NULL)); /* a client that does not mind */
    result = connect_peers(f);
    assert_true(result.is_done);
    assert_false(result.is_resumed);
    f->lifetime_s = UINT32_MAX;
    connect_peers(f);
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(f->newest), 7 * 86400);
}

static void test_tls_peer_offers_only_what_can_be_a_ticket(void **state)
{
    static const char large[TLS_BLOB_MAX + 1];
    struct fixture *f = *state;
    SSL *ssl = SSL_new(f->ours.server);

    SSL_set_accept_state(ssl);
    assert_false(tls_offer_ticket(ssl, SLICE("x"), 1)); /* its owner cannot be asked */
    tls_server_attach(ssl, &f->resumption);
    assert_false(tls_offer_ticket(ssl, SLICE("x"), 1)); /* before the handshake */
    assert_false(tls_offer_ticket(ssl, SLICE("x"), 0));
    assert_false(tls_offer_ticket(ssl, (struct slice){large, sizeof(large)}, 1));
    assert_int_equal(tls_ticket_blob(ssl).size, 0);
    SSL_free(ssl);
}

static void test_tls_peer_takes_no_early_data(void **state)
{
    struct fixture *f = *state;

    f->offered = "blob";
    connect_peers(f);
    assert_int_equal(SSL_SESSION_get_max_early_data(f->newest), 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tls_peer_takes_an_identity_that_is_one),
        TEST(test_tls_peer_shows_both_sides_whole_chains),
        TEST(test_tls_peer_takes_any_certificate_but_not_none),
        TEST(test_tls_peer_verifies_with_no_key_that_costs_much),
        TEST(test_tls_peer_reads_no_more_certificates_than_a_bound),
        TEST(test_tls_peer_speaks_1_3_alone),
        TEST(test_tls_peer_speaks_one_protocol_alone),
        TEST(test_tls_peer_client_knows_a_server_of_another_kind),
        TEST(test_tls_peer_exports_a_key_of_this_connection),
        TEST(test_tls_peer_gives_no_ticket_unless_told),
        TEST(test_tls_peer_resumes_what_the_owner_takes_for_good),
        TEST(test_tls_peer_shakes_hands_anew_when_the_owner_says_no),
        TEST(test_tls_peer_knows_no_ticket_of_another_context),
        TEST(test_tls_peer_resumes_nothing_after_its_time),
        TEST(test_tls_peer_offers_only_what_can_be_a_ticket),
        TEST(test_tls_peer_takes_no_early_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
