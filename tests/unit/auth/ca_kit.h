// SPDX-License-Identifier: Apache-2.0
/* What the tests of an organization's identity share: an organization whose keys are in memory, at
 * a time of its own, documents of it, and certificates of any form. */
#ifndef TESTS_UNIT_AUTH_CA_KIT_H
#define TESTS_UNIT_AUTH_CA_KIT_H

#include "auth/roots.h"

#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KIT_NOW INT64_C(1800000000)

struct kit_root {
    EVP_PKEY *key;
    X509 *certificate;
    struct text der;
    struct roots_signer signer;
};

struct kit_org {
    const char *name;
    struct kit_root root;
    EVP_PKEY *issuer_key, *leaf_key, *signing_key;
    X509 *issuer, *leaf;
};

static inline struct ca_terms kit_terms(int64_t from_s, int64_t until_s)
{
    static uint8_t last;
    struct ca_terms terms = {.from_s = from_s, .until_s = until_s};

    terms.serial[CA_SERIAL_SIZE - 1] = ++last;
    return terms;
}

static inline struct kit_root kit_root_create(const char *org)
{
    struct kit_root root = {.key = key_create(KEY_P256)};
    struct ca_terms terms = kit_terms(KIT_NOW - CA_SLACK_S, KIT_NOW + CA_ROOT_S);

    root.certificate = ca_make_root(org, root.key, &terms);
    ca_put_der(root.certificate, &root.der);
    root.signer.key = root.key;
    ca_hash(root.certificate, root.signer.hash);
    return root;
}

static inline void kit_root_dispose(struct kit_root *root)
{
    EVP_PKEY_free(root->key);
    X509_free(root->certificate);
    text_dispose(&root->der);
}

static inline struct gateway_id kit_id(const char *org, const char *node)
{
    struct gateway_id id;

    snprintf(id.org, sizeof(id.org), "%s", org);
    snprintf(id.node, sizeof(id.node), "%s", node);
    return id;
}

static inline struct kit_org kit_org_create(const char *name)
{
    struct kit_org org = {
        .name = name,
        .root = kit_root_create(name),
        .issuer_key = key_create(KEY_P256),
        .leaf_key = key_create(KEY_P256),
        .signing_key = key_create(KEY_ED25519),
    };
    struct ca_terms issuer = kit_terms(KIT_NOW - CA_SLACK_S, KIT_NOW + CA_ISSUER_S);
    struct ca_terms leaf = kit_terms(KIT_NOW - CA_SLACK_S, KIT_NOW + CA_LEAF_S);
    struct gateway_id id = kit_id(name, "north");

    org.issuer = ca_make_issuer(name, org.issuer_key, &issuer, org.root.certificate, org.root.key);
    org.leaf = ca_make_leaf(&id, org.leaf_key, &leaf, org.issuer, org.issuer_key);
    return org;
}

static inline void kit_org_dispose(struct kit_org *org)
{
    kit_root_dispose(&org->root);
    EVP_PKEY_free(org->issuer_key);
    EVP_PKEY_free(org->leaf_key);
    EVP_PKEY_free(org->signing_key);
    X509_free(org->issuer);
    X509_free(org->leaf);
}

/* ---- documents */

/* Not signed, not read: what roots_write takes. Borrows of the organization. */
static inline struct roots kit_roots(const struct kit_org *org, uint64_t sequence)
{
    struct roots roots = {.sequence = sequence, .issued_s = KIT_NOW, .root_count = 1};

    snprintf(roots.org, sizeof(roots.org), "%s", org->name);
    roots_set(&roots.roots[0], text_slice(&org->root.der));
    roots.key_count = 1;
    roots.keys[0].from_s = KIT_NOW - CA_SLACK_S;
    roots.keys[0].until_s = ROOTS_OPEN;
    key_public(org->signing_key, roots.keys[0].key);
    return roots;
}

/* Signed by up to two roots, and read again. */
static inline struct roots kit_sign(const struct roots *roots, const struct kit_root *a,
                                    const struct kit_root *b)
{
    struct roots_signer signers[2] = {a->signer};
    struct roots result = {0};
    struct text bytes = {0};
    struct error err = {0};

    if (b != NULL)
        signers[1] = b->signer;
    if (!roots_write(roots, signers, b != NULL ? 2 : 1, &bytes, &err) ||
        !roots_read(&result, text_slice(&bytes), &err))
        fail_msg("%s", err.text);
    text_dispose(&bytes);
    return result;
}

/* ---- certificates of any form */

struct kit_extension {
    int nid;
    const char *value; /* as OpenSSL's configuration writes it */
};

struct kit_form {
    EVP_PKEY *key;
    X509 *issuer; /* NULL: itself */
    EVP_PKEY *issuer_key;
    int64_t from_s, until_s;
    struct kit_extension extensions[8]; /* ends with a value of NULL */
    const EVP_MD *digest;               /* NULL: SHA-256 */
};

static inline X509 *kit_certificate(const struct kit_form *form)
{
    X509 *certificate = X509_new();
    X509 *issuer = form->issuer != NULL ? form->issuer : certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    static int number;
    char text[32];
    X509V3_CTX context;

    snprintf(text, sizeof(text), "kit %d", ++number);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1000 + number);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, form->key);
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)form->from_s);
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)form->until_s);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; form->extensions[i].value != NULL; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, form->extensions[i].nid, form->extensions[i].value);

        assert_non_null(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(certificate, form->issuer_key,
                          form->digest != NULL ? form->digest : EVP_sha256()) > 0);
    return certificate;
}

#endif
