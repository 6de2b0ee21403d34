// SPDX-License-Identifier: Apache-2.0
#include "auth/ca.h"

#include <assert.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VERSION_3 = 2,
    ORGANIZATION_MAX = 64, /* RFC 5280, ub-organization-name; longer names are in the SAN alone */
};

/* For what fails only without memory, or because of a mistake of ours. */
static void must(bool is_done, const char *what)
{
    if (is_done)
        return;
    fprintf(stderr, "causeway: cannot make a certificate: %s\n", what);
    abort();
}

struct ca_terms ca_terms_at(int64_t now_s, int64_t length_s, int64_t issuer_until_s,
                            const uint8_t serial[CA_SERIAL_SIZE])
{
    struct ca_terms terms = {.from_s = now_s - CA_SLACK_S, .until_s = now_s + length_s};

    memcpy(terms.serial, serial, CA_SERIAL_SIZE);
    if (terms.until_s > issuer_until_s)
        terms.until_s = issuer_until_s;
    return terms;
}

/* ---- parts */

static void set_serial(X509 *certificate, const uint8_t serial[CA_SERIAL_SIZE])
{
    uint8_t bytes[CA_SERIAL_SIZE];
    BIGNUM *number;

    memcpy(bytes, serial, sizeof(bytes));
    bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40); /* positive, and always of the same length */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    must(number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL,
         "serial number");
    BN_free(number);
}

static void put_entry(X509_NAME *name, const char *field, const char *value)
{
    must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                    -1, 0) == 1,
         "subject");
}

/* O=<org>, CN="Causeway root 1a2b3c4d": the letters are of the key's hash, so that subjects of one
 * organization differ. A name with spaces is not taken for a host. */
static void set_subject(X509 *certificate, const char *org, const char *role)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char text[64];

    must(X509_pubkey_digest(certificate, EVP_sha256(), hash, &size) == 1, "key identifier");
    snprintf(text, sizeof(text), "Causeway %s %02x%02x%02x%02x", role, hash[0], hash[1], hash[2],
             hash[3]);
    if (strlen(org) <= ORGANIZATION_MAX)
        put_entry(name, "O", org);
    put_entry(name, "CN", text);
}

static void put_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, OBJ_nid2sn(nid));
    X509_EXTENSION_free(extension);
}

/* org was checked to be a DNS name: nothing in it means anything to this syntax. */
static void put_constraints(X509 *certificate, X509 *issuer, const char *org)
{
    char value[4 * ORG_SIZE];

    snprintf(value, sizeof(value),
             "critical,permitted;URI:%s,permitted;DNS:%s,permitted;email:%s,"
             "excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0",
             org, org, org);
    put_extension(certificate, issuer, NID_name_constraints, value);
}

static X509 *begin(const char *org, const char *role, EVP_PKEY *key, const struct ca_terms *terms)
{
    X509 *certificate = X509_new();

    assert(key_is(key, KEY_P256));
    must(certificate != NULL && X509_set_version(certificate, VERSION_3) == 1 &&
             X509_set_pubkey(certificate, key) == 1 &&
             ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)terms->from_s) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)terms->until_s) != NULL,
         "its validity");
    set_serial(certificate, terms->serial);
    set_subject(certificate, org, role);
    return certificate;
}

static void finish(X509 *certificate, X509 *issuer, EVP_PKEY *issuer_key)
{
    put_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    if (issuer != certificate)
        put_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
             X509_sign(certificate, issuer_key, EVP_sha256()) > 0,
         "signature");
}

/* ---- the three */

X509 *ca_make_root(const char *org, EVP_PKEY *key, const struct ca_terms *terms)
{
    X509 *root = begin(org, "root", key, terms);

    put_extension(root, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:1");
    put_extension(root, root, NID_key_usage, "critical,keyCertSign");
    put_constraints(root, root, org);
    finish(root, root, key);
    return root;
}

X509 *ca_make_issuer(const char *org, EVP_PKEY *key, const struct ca_terms *terms, X509 *root,
                     EVP_PKEY *root_key)
{
    X509 *issuer = begin(org, "issuing CA", key, terms);

    put_extension(issuer, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    put_extension(issuer, root, NID_key_usage, "critical,keyCertSign");
    put_extension(issuer, root, NID_ext_key_usage, "clientAuth,serverAuth");
    put_constraints(issuer, root, org);
    finish(issuer, root, root_key);
    return issuer;
}

X509 *ca_make_leaf(const struct gateway_id *id, EVP_PKEY *key, const struct ca_terms *terms,
                   X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *leaf = begin(id->org, "gateway", key, terms);
    char uri[GATEWAY_URI_SIZE], name[GATEWAY_URI_SIZE + 4];

    snprintf(name, sizeof(name), "URI:%s", gateway_id_print(id, uri));
    put_extension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE");
    put_extension(leaf, issuer, NID_key_usage, "critical,digitalSignature");
    put_extension(leaf, issuer, NID_ext_key_usage, "clientAuth,serverAuth");
    put_extension(leaf, issuer, NID_subject_alt_name, name);
    finish(leaf, issuer, issuer_key);
    return leaf;
}
