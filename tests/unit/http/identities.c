// SPDX-License-Identifier: Apache-2.0
#include "identities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct tls_identity identity_view(const struct identity *identity)
{
    return (struct tls_identity){
        .leaf = identity->leaf.x509, .chain = identity->chain, .key = identity->leaf.key};
}

void identity_create(struct identity *identity, const char *name)
{
    struct error err = {0};
    struct tls_identity view;

    certificate_create(&identity->ca, name, NULL);
    certificate_create(&identity->leaf, name, &identity->ca);
    identity->chain = sk_X509_new_null();
    X509_up_ref(identity->ca.x509);
    sk_X509_push(identity->chain, identity->ca.x509);
    view = identity_view(identity);
    identity->server = tls_peer_server_create(&view, PEER_ALPN, &err);
    identity->client = tls_peer_client_create(&view, PEER_ALPN, &err);
    assert_int_equal(err.code, ERROR_NONE);
}

void identity_dispose(struct identity *identity)
{
    SSL_CTX_free(identity->server);
    SSL_CTX_free(identity->client);
    sk_X509_pop_free(identity->chain, X509_free);
    certificate_dispose(&identity->ca);
    certificate_dispose(&identity->leaf);
}

bool identity_is(const struct identity *identity, X509 *leaf)
{
    return leaf != NULL && X509_cmp(leaf, identity->leaf.x509) == 0;
}
