// SPDX-License-Identifier: Apache-2.0
/* A roots document and certificates, each behind its length in two bytes: who is accepted is of the
 * document's organization, under one of its roots, and within the time. */
#include "auth/peer.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdint.h>

#define NOW INT64_C(1800000000) /* the corpus was made then */

enum { CERTIFICATES_MAX = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice take(struct slice *left)
{
    struct slice part = {NULL, 0};
    size_t size;

    if (left->size < 2)
        return part;
    size = (size_t)(uint8_t)left->data[0] << 8 | (uint8_t)left->data[1];
    left->data += 2;
    left->size -= 2;
    part = (struct slice){left->data, size < left->size ? size : left->size};
    left->data += part.size;
    left->size -= part.size;
    return part;
}

static void check(const struct roots *roots, const struct peer_identity *identity)
{
    bool is_listed = false;

    assert(strcmp(identity->id.org, roots->org) == 0);
    assert(id_is_valid(slice_of(identity->id.node)));
    assert(identity->until_s > NOW && identity->serial[0] != '\0');
    for (size_t i = 0; i < roots->root_count; i++)
        is_listed |= memcmp(identity->root, roots->roots[i].hash, KEY_HASH_SIZE) == 0;
    for (size_t i = 0; i < roots->next_count; i++)
        is_listed |= memcmp(identity->root, roots->next[i].hash, KEY_HASH_SIZE) == 0;
    assert(is_listed);
}

static void ask(const struct roots *roots, struct peer_question *question)
{
    struct peer_trust *trust = peer_trust_create(roots);
    struct peer_identity identity;
    struct error err = {0};
    enum peer_verdict verdict = peer_verify(trust, question, &identity, &err);

    assert((verdict == PEER_ACCEPTED) == (err.code == ERROR_NONE));
    assert(peer_verdict_name(verdict)[0] != '\0' && ERR_peek_error() == 0);
    if (verdict == PEER_ACCEPTED)
        check(roots, &identity);
    peer_trust_destroy(&trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice left = {(const char *)data, size}, document = take(&left);
    struct peer_question question = {.others = sk_X509_new_null(), .now_s = NOW};
    struct roots roots = {0};
    bool has_roots = roots_read(&roots, document, NULL);

    for (int i = 0; i < CERTIFICATES_MAX && left.size > 0; i++) {
        X509 *certificate = ca_read_der(take(&left), NULL);
        struct gateway_id claim;

        if (certificate == NULL)
            continue;
        if (peer_claim(certificate, &claim, NULL))
            assert(id_is_valid(slice_of(claim.node)));
        if (ca_check_root(certificate, NULL))
            assert(X509_check_ca(certificate) == 1);
        if (question.leaf == NULL)
            question.leaf = certificate;
        else
            sk_X509_push(question.others, certificate);
    }
    if (has_roots && question.leaf != NULL)
        ask(&roots, &question);
    X509_free(question.leaf);
    sk_X509_pop_free(question.others, X509_free);
    roots_dispose(&roots);
    ERR_clear_error();
    return 0;
}
