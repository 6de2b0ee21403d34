// SPDX-License-Identifier: Apache-2.0
#include "auth/ca.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void put_bio(BIO *bio, bool is_written, struct text *out)
{
    char *bytes = NULL;
    long size = BIO_get_mem_data(bio, &bytes);

    if (!is_written) {
        fprintf(stderr, "causeway: cannot write a certificate\n");
        abort();
    }
    text_put(out, bytes, (size_t)size);
    BIO_free(bio);
}

void ca_put_der(const X509 *certificate, struct text *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    put_bio(bio, i2d_X509_bio(bio, certificate) == 1, out);
}

void ca_put_pem(const X509 *certificate, struct text *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    put_bio(bio, PEM_write_bio_X509(bio, certificate) == 1, out);
}

X509 *ca_read_der(struct slice der, struct error *err)
{
    const unsigned char *at = (const unsigned char *)der.data;
    struct text again = {0};
    X509 *certificate;
    bool is_same;

    if (der.size > CA_DER_MAX) {
        error_set(err, ERROR_LIMIT, "a certificate has at most %d bytes, and this has %zu",
                  CA_DER_MAX, der.size);
        return NULL;
    }
    certificate = der.size == 0 ? NULL : d2i_X509(NULL, &at, (long)der.size);
    ERR_clear_error();
    if (certificate == NULL) {
        error_set(err, ERROR_SYNTAX, "it is no certificate that can be read (DER)");
        return NULL;
    }
    ca_put_der(certificate, &again);
    is_same = slice_equal(text_slice(&again), der);
    text_dispose(&again);
    if (is_same)
        return certificate;
    error_set(err, ERROR_SYNTAX,
              "the certificate is not written in the one way (DER), or bytes stand behind it");
    X509_free(certificate);
    return NULL;
}

static bool is_pem_end(void)
{
    unsigned long code = ERR_peek_last_error();

    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Never asked: a certificate is not encrypted. */
static int give_nothing(char *room, int size, int is_writing, void *arg)
{
    return -1;
}

bool ca_read_pem(struct slice pem, X509 **certificates, size_t max, size_t *count,
                 struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem.data != NULL ? pem.data : "", (int)pem.size);
    bool is_readable = true;
    X509 *certificate;

    *count = 0;
    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509(bio, NULL, give_nothing, NULL)) != NULL && *count < max)
        certificates[(*count)++] = certificate;
    if (certificate != NULL)
        is_readable =
            error_set(err, ERROR_LIMIT, "there are more than %zu certificates in it", max);
    else if (!is_pem_end())
        is_readable =
            error_set(err, ERROR_SYNTAX, "certificate %zu of it cannot be read (PEM)", *count + 1);
    else if (*count == 0)
        is_readable = error_set(err, ERROR_SYNTAX, "there is no certificate in it (PEM)");
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    while (!is_readable && *count > 0)
        X509_free(certificates[--*count]);
    return is_readable;
}

/* ---- what is in one */

void ca_hash(const X509 *certificate, uint8_t hash[KEY_HASH_SIZE])
{
    unsigned size = 0;
    int result = X509_digest(certificate, EVP_sha256(), hash, &size);

    assert(result == 1 && size == KEY_HASH_SIZE);
}

const char *ca_print_serial(const X509 *certificate, char text[CA_SERIAL_TEXT_SIZE])
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    size_t size = (size_t)ASN1_STRING_length(serial);
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);

    assert(size <= (CA_SERIAL_TEXT_SIZE - 1) / 2);
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02X", bytes[i]);
    text[2 * size] = '\0';
    return text;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t ca_from_s(const X509 *certificate)
{
    return seconds_of(X509_get0_notBefore(certificate));
}

int64_t ca_until_s(const X509 *certificate)
{
    return seconds_of(X509_get0_notAfter(certificate));
}

static bool check_root(X509 *certificate, struct error *err)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);

    if (key == NULL || !key_is(key, KEY_P256))
        return error_set(err, ERROR_UNSUPPORTED, "the root's key is not ECDSA on P-256");
    if (X509_get_signature_nid(certificate) != NID_ecdsa_with_SHA256)
        return error_set(err, ERROR_UNSUPPORTED, "the root is not signed by ECDSA with SHA-256");
    if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0)
        return error_set(err, ERROR_SYNTAX, "an extension of the root cannot be read");
    if (X509_check_ca(certificate) != 1 ||
        (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) == 0)
        return error_set(err, ERROR_REFUSED, "the root is no CA that may sign certificates");
    return X509_verify(certificate, key) == 1 ||
           error_set(err, ERROR_MISMATCH, "the root is not signed by its own key");
}

bool ca_check_root(X509 *certificate, struct error *err)
{
    bool result = check_root(certificate, err);

    ERR_clear_error();
    return result;
}
