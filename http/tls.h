// SPDX-License-Identifier: Apache-2.0
/* TLS contexts. A context is immutable once made and shared by threads; SSL_CTX_up_ref and
 * SSL_CTX_free count its holders. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "conf/error.h"
#include "conf/text.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct tls_files {
    const char *certificate; /* PEM, leaf first */
    const char *key;         /* PEM */
    const char *client_ca;   /* PEM; NULL: clients are not asked for certificates */
};

/* A server's context: TLS 1.2 and 1.3, ALPN http/1.1 alone, sessions resumed by tickets. previous
 * (may be NULL) hands its ticket keys on, so that a reload keeps sessions resumable; a change of
 * client_ca does not. NULL with err when a file cannot be used; the text names it. */
MUST_USE SSL_CTX *tls_server_create(const struct tls_files *files, SSL_CTX *previous,
                                    struct error *err);

/* ---- between peers: both sides show certificates
 *
 * TLS 1.3 alone; one protocol by ALPN, and who does not offer it is refused; no early data. Any
 * well-formed certificate is taken, of whomever: the handshake proves that the peer has its key,
 * and whose it is the owner asks behind it. What a stranger's handshake may cost is bounded: keys,
 * signatures, groups, and TLS_PEER_CERTIFICATES_MAX bytes of certificates. */

enum { TLS_PEER_CERTIFICATES_MAX = 16 * 1024, TLS_BLOB_MAX = 512, TLS_EXPORT_SIZE = 32 };

/* Borrowed for the call: references are taken. */
struct tls_identity {
    X509 *leaf;
    STACK_OF(X509) * chain; /* what is sent behind it; NULL: nothing */
    EVP_PKEY *key;
};

/* alpn: "causeway/1", a static text. NULL with err: the key is not the leaf's, say.
 *
 * A server's sessions are resumed by tickets, which it gives out only where tls_offer_ticket says
 * so, and takes back only where the tls_resumption of the connection says so. A new context knows
 * none of another's. */
MUST_USE SSL_CTX *tls_peer_server_create(const struct tls_identity *identity, const char *alpn,
                                         struct error *err);
/* A session is resumed by SSL_set_session, and kept as tls_client_attach says. After the handshake
 * tls_has_protocol must be asked: a server may have chosen no protocol at all. */
MUST_USE SSL_CTX *tls_peer_client_create(const struct tls_identity *identity, const char *alpn,
                                         struct error *err);

/* The server's side of one connection: whether a client may resume the session that a ticket was
 * given for, by the blob in it. Called in the handshake. Nothing else of the ticket is looked at:
 * that the certificate shown then has ended since, say. */
struct tls_resumption {
    bool (*is_good)(struct tls_resumption *resumption, struct slice blob);
    struct text offered; /* the blob of the ticket on its way */
    uint32_t lifetime_s;
};

/* Before the handshake. resumption: the caller's, until the SSL is freed; then text_dispose its
 * offered. */
void tls_server_attach(SSL *ssl, struct tls_resumption *resumption);
/* After the handshake: gives the client a ticket with that blob (at most TLS_BLOB_MAX bytes;
 * copied), good for at most lifetime_s and no longer than seven days. It goes out with what is
 * written next. false: not on this connection. */
bool tls_offer_ticket(SSL *ssl, struct slice blob, uint32_t lifetime_s);
/* The blob of the ticket that this connection was resumed with, or of a newer one that it was
 * given since; borrowed. Empty: it was not resumed. */
struct slice tls_ticket_blob(const SSL *ssl);

/* The client's side, before the handshake: keeps the newest session that the server gives in
 * *newest, which is the caller's, until the SSL is freed; SSL_SESSION_free is his. A session is
 * resumed once (RFC 8446 appendix C.4): a server that wants more gives a ticket each time. */
void tls_client_attach(SSL *ssl, SSL_SESSION **newest);

/* After the handshake: was a protocol agreed on? */
bool tls_has_protocol(const SSL *ssl);

/* Both sides get the same bytes, and nobody between them can (RFC 8446 section 7.5). */
void tls_export_key(SSL *ssl, const char *label, uint8_t out[TLS_EXPORT_SIZE]);

#endif
