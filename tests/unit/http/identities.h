// SPDX-License-Identifier: Apache-2.0
/* Two peers for tests: each a CA of its own, a leaf, and contexts for both sides of a connection
 * between them. */
#ifndef TESTS_HTTP_IDENTITIES_H
#define TESTS_HTTP_IDENTITIES_H

#include "certificate.h"
#include "http/tls.h"

#define PEER_ALPN "peers/1"

struct identity {
    struct certificate ca, leaf;
    STACK_OF(X509) * chain;
    SSL_CTX *server, *client;
};

void identity_create(struct identity *identity, const char *name);
void identity_dispose(struct identity *identity);
struct tls_identity identity_view(const struct identity *identity);

/* Is this the leaf that the other side showed? */
bool identity_is(const struct identity *identity, X509 *leaf);

#endif
