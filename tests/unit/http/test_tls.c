// SPDX-License-Identifier: Apache-2.0
/* TLS contexts: what files make them, what they speak, what a reload keeps. */
#include "certificate.h"
#include "conf/text.h"
#include "http/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct certificate ca, leaf, other;
    SSL_CTX *server, *client;
    SSL_SESSION *session; /* the newest that the client was given */
};

static struct tls_files files_of(const struct certificate *certificate)
{
    return (struct tls_files){.certificate = certificate->certificate_file,
                              .key = certificate->key_file};
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err = {0};
    struct tls_files files;

    *state = f;
    certificate_create(&f->ca, "ca", NULL);
    certificate_create(&f->leaf, "leaf", &f->ca);
    certificate_create(&f->other, "other", NULL);
    files = files_of(&f->leaf);
    f->server = tls_server_create(&files, NULL, &err);
    f->client = certificate_client_context();
    return f->server == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    SSL_SESSION_free(f->session);
    SSL_CTX_free(f->server);
    SSL_CTX_free(f->client);
    certificate_dispose(&f->ca);
    certificate_dispose(&f->leaf);
    certificate_dispose(&f->other);
    free(f);
    return 0;
}

/* What came of a handshake, made in memory. */
struct result {
    bool is_done, is_resumed, has_peer_certificate;
    int version;
    char protocol[32];
};

static struct result shake_hands(struct fixture *f, SSL_CTX *server_context,
                                 const unsigned char *alpn, unsigned int alpn_size)
{
    struct result result = {0};
    SSL *server = SSL_new(server_context), *client = SSL_new(f->client);
    BIO *server_bio, *client_bio;
    const unsigned char *chosen;
    unsigned int chosen_size;
    X509 *peer;
    char byte;

    BIO_new_bio_pair(&server_bio, 0, &client_bio, 0);
    SSL_set_bio(server, server_bio, server_bio);
    SSL_set_bio(client, client_bio, client_bio);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    if (f->session != NULL)
        SSL_set_session(client, f->session);
    if (alpn != NULL)
        assert_int_equal(SSL_set_alpn_protos(client, alpn, alpn_size), 0);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    result.is_done = SSL_is_init_finished(client) && SSL_is_init_finished(server);
    SSL_read(client, &byte, 1); /* takes the tickets */
    result.is_resumed = SSL_session_reused(server) == 1;
    result.version = SSL_version(server);
    peer = SSL_get1_peer_certificate(server);
    result.has_peer_certificate = peer != NULL;
    X509_free(peer);
    SSL_get0_alpn_selected(client, &chosen, &chosen_size);
    memcpy(result.protocol, chosen_size == 0 ? "" : (const char *)chosen, chosen_size);
    if (result.is_done) {
        SSL_SESSION_free(f->session);
        f->session = SSL_get1_session(client);
    }
    SSL_shutdown(client); /* else the session counts as broken */
    SSL_shutdown(server);
    SSL_free(client);
    SSL_free(server);
    return result;
}

/* ---- files */

static void test_tls_names_the_file_that_cannot_be_used(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct tls_files files;
        const char *named;
    } cases[] = {
        {{"/nonexistent", f->leaf.key_file, NULL}, "/nonexistent"},
        {{f->leaf.key_file, f->leaf.key_file, NULL}, f->leaf.key_file},
        {{f->leaf.certificate_file, "/nonexistent", NULL}, "/nonexistent"},
        {{f->leaf.certificate_file, f->leaf.certificate_file, NULL}, f->leaf.certificate_file},
        {{f->leaf.certificate_file, f->other.key_file, NULL}, f->other.key_file},
        {{f->leaf.certificate_file, f->leaf.key_file, "/nonexistent"}, "/nonexistent"},
        {{f->leaf.certificate_file, f->leaf.key_file, f->leaf.key_file}, f->leaf.key_file},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};

        assert_null(tls_server_create(&cases[i].files, NULL, &err));
        assert_int_equal(err.code, ERROR_IO);
        if (strncmp(err.text, cases[i].named, strlen(cases[i].named)) != 0)
            fail_msg("case %zu: %s", i, err.text);
    }
}

/* ---- protocols */

static void test_tls_speaks_1_2_and_1_3(void **state)
{
    static const struct {
        int version;
        bool is_spoken;
    } cases[] = {{TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    struct fixture *f = *state;

    SSL_CTX_set_security_level(f->client, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct result result;

        SSL_CTX_set_min_proto_version(f->client, cases[i].version);
        SSL_CTX_set_max_proto_version(f->client, cases[i].version);
        result = shake_hands(f, f->server, NULL, 0);
        assert_int_equal(result.is_done, cases[i].is_spoken);
        if (cases[i].is_spoken)
            assert_int_equal(result.version, cases[i].version);
    }
}

static void test_tls_agrees_on_http_1_1_or_on_nothing(void **state)
{
    static const struct {
        const char *offered, *chosen;
        bool is_done;
    } cases[] = {
        {"\x02h2\x08http/1.1", "http/1.1", true},
        {"\x08http/1.1", "http/1.1", true},
        {"\x02h2", "", false},
        {NULL, "", true},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct result result =
            shake_hands(f, f->server, (const unsigned char *)cases[i].offered,
                        cases[i].offered == NULL ? 0 : (unsigned int)strlen(cases[i].offered));

        assert_int_equal(result.is_done, cases[i].is_done);
        assert_string_equal(result.protocol, cases[i].chosen);
    }
}

/* ---- resumption */

static void test_tls_resumes_sessions_also_after_a_reload(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct tls_files files = files_of(&f->leaf);
        struct error err = {0};
        SSL_CTX *reloaded = tls_server_create(&files, f->server, &err);
        SSL_CTX *fresh = tls_server_create(&files, NULL, &err);

        SSL_CTX_set_min_proto_version(f->client, versions[i]);
        SSL_CTX_set_max_proto_version(f->client, versions[i]);
        SSL_SESSION_free(f->session);
        f->session = NULL;
        assert_false(shake_hands(f, f->server, NULL, 0).is_resumed);
        assert_true(shake_hands(f, f->server, NULL, 0).is_resumed);
        assert_true(shake_hands(f, reloaded, NULL, 0).is_resumed);
        assert_false(shake_hands(f, fresh, NULL, 0).is_resumed); /* it has keys of its own */
        SSL_CTX_free(reloaded);
        SSL_CTX_free(fresh);
    }
}

/* ---- clients' certificates */

static void test_tls_asks_for_certificates_and_verifies_them(void **state)
{
    struct fixture *f = *state;
    struct tls_files files = files_of(&f->leaf);
    struct error err = {0};
    SSL_CTX *asking;
    struct result result;

    files.client_ca = f->ca.certificate_file;
    asking = tls_server_create(&files, f->server, &err);
    assert_non_null(asking);
    result = shake_hands(f, asking, NULL, 0); /* none is fine: others decide what it may do */
    assert_true(result.is_done);
    assert_false(result.has_peer_certificate);

    SSL_CTX_use_certificate(f->client, f->leaf.x509);
    SSL_CTX_use_PrivateKey(f->client, f->leaf.key);
    SSL_SESSION_free(f->session);
    f->session = NULL;
    result = shake_hands(f, asking, NULL, 0);
    assert_true(result.is_done);
    assert_true(result.has_peer_certificate);
    result = shake_hands(f, asking, NULL, 0);
    assert_true(result.is_done); /* a resumption does not fail */

    SSL_CTX_use_certificate(f->client, f->other.x509);
    SSL_CTX_use_PrivateKey(f->client, f->other.key);
    SSL_SESSION_free(f->session);
    f->session = NULL;
    assert_false(shake_hands(f, asking, NULL, 0).is_done); /* of another CA */
    SSL_CTX_free(asking);
}

/* A resumed session keeps the verdict on the client's certificate. */
static void test_tls_resumes_nothing_across_a_reload_that_verifies_clients(void **state)
{
    struct fixture *f = *state;
    struct tls_files files = files_of(&f->leaf);
    struct error err = {0};
    SSL_CTX *first, *second;

    files.client_ca = f->ca.certificate_file;
    first = tls_server_create(&files, NULL, &err);
    files.client_ca = f->other.certificate_file;
    second = tls_server_create(&files, first, &err);
    SSL_CTX_use_certificate(f->client, f->leaf.x509);
    SSL_CTX_use_PrivateKey(f->client, f->leaf.key);
    assert_true(shake_hands(f, first, NULL, 0).is_done);
    assert_false(shake_hands(f, second, NULL, 0).is_done); /* the CA is not trusted any more */
    SSL_CTX_free(first);
    SSL_CTX_free(second);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tls_names_the_file_that_cannot_be_used),
        TEST(test_tls_speaks_1_2_and_1_3),
        TEST(test_tls_agrees_on_http_1_1_or_on_nothing),
        TEST(test_tls_resumes_sessions_also_after_a_reload),
        TEST(test_tls_asks_for_certificates_and_verifies_them),
        TEST(test_tls_resumes_nothing_across_a_reload_that_verifies_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
