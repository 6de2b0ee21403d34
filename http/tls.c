// SPDX-License-Identifier: Apache-2.0
#include "http/tls_private.h"

#include <openssl/err.h>
#include <string.h>

enum { READ_BUFFER_SIZE = 64 * 1024, TICKET_KEYS_SIZE = 80 };

static bool fail(SSL_CTX **context, struct error *err, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? "unknown cause" : ERR_reason_error_string(code);

    error_set(err, ERROR_IO, "%s: %s: %s", file, what, reason != NULL ? reason : "unreadable");
    ERR_clear_error();
    SSL_CTX_free(*context);
    *context = NULL;
    return false;
}

/* HTTP/1.1 or nothing: a client that insists on another protocol is told so in the handshake. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *in, unsigned int in_size, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";

    if (SSL_select_next_proto((unsigned char **)out, out_size, ours, sizeof(ours) - 1, in,
                              in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static bool load_files(SSL_CTX **context, const struct tls_files *files, struct error *err)
{
    if (SSL_CTX_use_certificate_chain_file(*context, files->certificate) != 1)
        return fail(context, err, "not a usable certificate chain (PEM)", files->certificate);
    if (SSL_CTX_use_PrivateKey_file(*context, files->key, SSL_FILETYPE_PEM) != 1)
        return fail(context, err, "not a usable private key (PEM)", files->key);
    if (SSL_CTX_check_private_key(*context) != 1)
        return fail(context, err, "does not belong to the certificate", files->key);
    if (files->client_ca == NULL)
        return true;
    if (SSL_CTX_load_verify_locations(*context, files->client_ca, NULL) != 1)
        return fail(context, err, "not a usable set of CA certificates (PEM)", files->client_ca);
    SSL_CTX_set_client_CA_list(*context, SSL_load_client_CA_file(files->client_ca));
    SSL_CTX_set_verify(*context, SSL_VERIFY_PEER, NULL);
    return true;
}

static void keep_ticket_keys(SSL_CTX *context, SSL_CTX *previous)
{
    unsigned char keys[TICKET_KEYS_SIZE];

    /* a resumed session keeps its old verdict on the client's certificate: never across a new CA */
    if (SSL_CTX_get_verify_mode(context) != SSL_VERIFY_NONE)
        return;
    if (SSL_CTX_get_tlsext_ticket_keys(previous, keys, sizeof(keys)) == 1)
        SSL_CTX_set_tlsext_ticket_keys(context, keys, sizeof(keys));
    OPENSSL_cleanse(keys, sizeof(keys));
}

void tls_set_up(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_COMPRESSION);
    /* a record at a time; a retry may come from another address; no buffers while idle */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER_SIZE);
}

SSL_CTX *tls_server_create(const struct tls_files *files, SSL_CTX *previous, struct error *err)
{
    static const unsigned char session_context[] = "causeway clients";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    tls_set_up(context);
    /* without a context id, a resumption with client certificates fails the connection */
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets only: no shared state */
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    ERR_clear_error();
    if (load_files(&context, files, err) && previous != NULL)
        keep_ticket_keys(context, previous);
    return context;
}
