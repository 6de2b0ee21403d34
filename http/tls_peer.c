// SPDX-License-Identifier: Apache-2.0
/* TLS between peers. */
#include "http/tls_private.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>

enum { RSA_BITS_MAX = 4096, TICKET_LIFETIME_MAX_S = 7 * 86400 };

/* ---- certificates */

/* Any is taken, see tls.h: that the peer has its key is proved by the handshake itself. A key that
 * costs much to verify with is not. */
static int take_certificate(X509_STORE_CTX *store, void *arg)
{
    const EVP_PKEY *key = X509_get0_pubkey(X509_STORE_CTX_get0_cert(store));
    bool is_taken =
        key != NULL && (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) <= RSA_BITS_MAX);

    X509_STORE_CTX_set_error(store, is_taken ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return is_taken ? 1 : 0;
}

static bool fail(SSL_CTX **context, struct error *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    error_set(err, ERROR_MISMATCH, "the identity for TLS: %s%s%s", what, reason != NULL ? ": " : "",
              reason != NULL ? reason : "");
    ERR_clear_error();
    SSL_CTX_free(*context);
    *context = NULL;
    return false;
}

static bool use_identity(SSL_CTX **context, const struct tls_identity *identity, struct error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate(*context, identity->leaf) != 1)
        return fail(context, err, "its leaf cannot be used");
    if (SSL_CTX_use_PrivateKey(*context, identity->key) != 1 ||
        SSL_CTX_check_private_key(*context) != 1)
        return fail(context, err, "its key is not that of its leaf");
    if (identity->chain != NULL && SSL_CTX_set1_chain(*context, identity->chain) != 1)
        return fail(context, err, "its chain cannot be used");
    return true;
}

/* ---- the protocol */

/* Without the extension OpenSSL would ask nobody, and go on without a protocol. */
static int demand_alpn(SSL *ssl, int *alert, void *arg)
{
    const unsigned char *extension;
    size_t size;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &extension, &size) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *in, unsigned int in_size, void *alpn)
{
    size_t size = strlen(alpn);

    for (unsigned int i = 0; i < in_size; i += 1U + in[i])
        if (in[i] == size && in_size - i > size && memcmp(in + i + 1, alpn, size) == 0) {
            *out = in + i + 1;
            *out_size = (unsigned char)size;
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void offer_alpn(SSL_CTX *context, const char *alpn)
{
    unsigned char wire[256];
    size_t size = strlen(alpn);

    wire[0] = (unsigned char)size;
    for (size_t i = 0; i < size; i++)
        wire[i + 1] = (unsigned char)alpn[i];
    SSL_CTX_set_alpn_protos(context, wire, (unsigned int)size + 1);
}

/* What both sides have in common. Groups and signatures are those that cost little: OpenSSL's own
 * choice has finite fields of 8192 bits. */
static SSL_CTX *create(const SSL_METHOD *method, const struct tls_identity *identity,
                       const char *alpn, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(method);

    assert(strlen(alpn) > 0 && strlen(alpn) < 256);
    tls_set_up(context);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set1_sigalgs_list(context, "ecdsa_secp256r1_sha256:ed25519:ecdsa_secp384r1_sha384:"
                                       "rsa_pss_rsae_sha256");
    SSL_CTX_set_max_cert_list(context, TLS_PEER_CERTIFICATES_MAX);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, take_certificate, NULL);
    (void)use_identity(&context, identity, err);
    return context;
}

/* ---- the server's tickets */

static int put_blob(SSL *ssl, void *arg)
{
    const struct tls_resumption *resumption = SSL_get_app_data(ssl);
    SSL_SESSION *session = SSL_get_session(ssl);

    assert(resumption != NULL); /* no ticket is made but by tls_offer_ticket */
    SSL_SESSION_set_timeout(session, resumption->lifetime_s);
    return SSL_SESSION_set1_ticket_appdata(session, resumption->offered.data,
                                           resumption->offered.size);
}

static struct slice blob_of(SSL_SESSION *session)
{
    void *data = NULL;
    size_t size = 0;

    if (session == NULL || SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1)
        return (struct slice){0};
    return (struct slice){data, size};
}

static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                      size_t name_size, SSL_TICKET_STATUS status, void *arg)
{
    struct tls_resumption *resumption = SSL_get_app_data(ssl);

    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
        resumption == NULL || !resumption->is_good(resumption, blob_of(session)))
        return SSL_TICKET_RETURN_IGNORE;
    return SSL_TICKET_RETURN_USE;
}

SSL_CTX *tls_peer_server_create(const struct tls_identity *identity, const char *alpn,
                                struct error *err)
{
    static const unsigned char session_context[] = "causeway peers";
    SSL_CTX *context = create(TLS_server_method(), identity, alpn, err);

    if (context == NULL)
        return NULL;
    SSL_CTX_set_client_hello_cb(context, demand_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, (void *)alpn);
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0); /* a stranger gets none */
    SSL_CTX_set_session_ticket_cb(context, put_blob, judge_ticket, NULL);
    return context;
}

void tls_server_attach(SSL *ssl, struct tls_resumption *resumption)
{
    SSL_set_app_data(ssl, resumption);
}

bool tls_offer_ticket(SSL *ssl, struct slice blob, uint32_t lifetime_s)
{
    struct tls_resumption *resumption = SSL_get_app_data(ssl);

    if (resumption == NULL || blob.size > TLS_BLOB_MAX || lifetime_s == 0)
        return false;
    text_clear(&resumption->offered);
    text_put_slice(&resumption->offered, blob);
    resumption->lifetime_s =
        lifetime_s < TICKET_LIFETIME_MAX_S ? lifetime_s : TICKET_LIFETIME_MAX_S;
    return SSL_new_session_ticket(ssl) == 1;
}

struct slice tls_ticket_blob(const SSL *ssl)
{
    return SSL_session_reused(ssl) == 1 ? blob_of(SSL_get_session(ssl)) : (struct slice){0};
}

/* ---- the client's sessions */

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **newest = SSL_get_app_data(ssl);

    if (newest == NULL)
        return 0;
    SSL_SESSION_free(*newest);
    *newest = session;
    return 1;
}

SSL_CTX *tls_peer_client_create(const struct tls_identity *identity, const char *alpn,
                                struct error *err)
{
    SSL_CTX *context = create(TLS_client_method(), identity, alpn, err);

    if (context == NULL)
        return NULL;
    offer_alpn(context, alpn);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return context;
}

void tls_client_attach(SSL *ssl, SSL_SESSION **newest)
{
    SSL_set_app_data(ssl, newest);
}

/* ---- */

bool tls_has_protocol(const SSL *ssl)
{
    const unsigned char *name;
    unsigned int size;

    SSL_get0_alpn_selected(ssl, &name, &size);
    return size > 0;
}

void tls_export_key(SSL *ssl, const char *label, uint8_t out[TLS_EXPORT_SIZE])
{
    int result =
        SSL_export_keying_material(ssl, out, TLS_EXPORT_SIZE, label, strlen(label), NULL, 0, 0);

    assert(result == 1); /* only before the handshake is done */
}
