// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void write_files(struct certificate *certificate)
{
    FILE *file;

    snprintf(certificate->folder, sizeof(certificate->folder), "/tmp/test_certificate.XXXXXX");
    assert_non_null(mkdtemp(certificate->folder));
    snprintf(certificate->certificate_file, sizeof(certificate->certificate_file), "%s/certificate",
             certificate->folder);
    snprintf(certificate->key_file, sizeof(certificate->key_file), "%s/key", certificate->folder);
    file = fopen(certificate->certificate_file, "w");
    assert_int_equal(PEM_write_X509(file, certificate->x509), 1);
    fclose(file);
    file = fopen(certificate->key_file, "w");
    assert_int_equal(PEM_write_PrivateKey(file, certificate->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

void certificate_create(struct certificate *certificate, const char *name,
                        const struct certificate *issuer)
{
    static long serial;
    X509 *x509 = X509_new();
    X509_NAME *subject;
    X509_EXTENSION *ca =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
                            issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");

    certificate->key = EVP_EC_gen("P-256");
    certificate->x509 = x509;
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, certificate->key);
    subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x509, issuer == NULL ? subject : X509_get_subject_name(issuer->x509));
    X509_add_ext(x509, ca, -1);
    X509_EXTENSION_free(ca);
    assert_true(X509_sign(x509, issuer == NULL ? certificate->key : issuer->key, EVP_sha256()) > 0);
    write_files(certificate);
}

void certificate_dispose(struct certificate *certificate)
{
    unlink(certificate->certificate_file);
    unlink(certificate->key_file);
    rmdir(certificate->folder);
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
}

SSL_CTX *certificate_client_context(void)
{
    return SSL_CTX_new(TLS_client_method());
}
