// SPDX-License-Identifier: Apache-2.0
/* Certificates for tests: made on the spot, written as PEM files into a folder of their own. */
#ifndef TESTS_HTTP_CERTIFICATE_H
#define TESTS_HTTP_CERTIFICATE_H

#include <openssl/ssl.h>

struct certificate {
    char folder[64];
    char certificate_file[96], key_file[96];
    X509 *x509;
    EVP_PKEY *key;
};

/* For the name, P-256. issuer: NULL signs itself, as a CA. */
void certificate_create(struct certificate *certificate, const char *name,
                        const struct certificate *issuer);
void certificate_dispose(struct certificate *certificate);

/* A client's context that trusts nothing and verifies nothing. */
SSL_CTX *certificate_client_context(void);

#endif
