// SPDX-License-Identifier: Apache-2.0
/* TLS contexts. A context is immutable once made and shared by threads; SSL_CTX_up_ref and
 * SSL_CTX_free count its holders. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "conf/error.h"

#include <openssl/ssl.h>

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

#endif
