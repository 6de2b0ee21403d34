// SPDX-License-Identifier: Apache-2.0
#include "auth/key.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SALT_SIZE = 16,
    SCRYPT_N = 1 << 14, /* with r = 8: 16 MiB, and what OpenSSL reads back without being asked */
    SCRYPT_R = 8,
    SCRYPT_P = 1,
};

/* For what fails only without memory or without random bytes. */
static void must(bool is_done, const char *what)
{
    if (is_done)
        return;
    fprintf(stderr, "causeway: cannot %s\n", what);
    abort();
}

EVP_PKEY *key_create(enum key_kind kind)
{
    EVP_PKEY *key =
        kind == KEY_P256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    must(key != NULL, "make a key");
    return key;
}

bool key_is(const EVP_PKEY *key, enum key_kind kind)
{
    char group[32] = "";

    if (kind == KEY_ED25519)
        return EVP_PKEY_is_a(key, "ED25519") == 1;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

bool key_equal(const EVP_PKEY *a, const EVP_PKEY *b)
{
    return EVP_PKEY_eq(a, b) == 1;
}

void key_public(const EVP_PKEY *key, uint8_t raw[KEY_RAW_SIZE])
{
    size_t size = KEY_RAW_SIZE;

    must(EVP_PKEY_get_raw_public_key(key, raw, &size) == 1 && size == KEY_RAW_SIZE,
         "read a public key");
}

EVP_PKEY *key_from_public(const uint8_t raw[KEY_RAW_SIZE])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, KEY_RAW_SIZE);

    ERR_clear_error();
    return key;
}

/* ---- signatures */

static struct text with_context(const char *context, struct slice message)
{
    struct text text = {0};

    text_put(&text, context, strlen(context) + 1);
    text_put_slice(&text, message);
    return text;
}

static const EVP_MD *digest_of(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

void key_sign(EVP_PKEY *key, const char *context, struct slice message, struct text *signature)
{
    struct text signed_text = with_context(context, message);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t size = KEY_SIGNATURE_MAX;
    unsigned char *room = (unsigned char *)text_reserve(signature, KEY_SIGNATURE_MAX);

    must(md != NULL && EVP_DigestSignInit(md, NULL, digest_of(key), NULL, key) == 1 &&
             EVP_DigestSign(md, room, &size, (const unsigned char *)signed_text.data,
                            signed_text.size) == 1,
         "sign");
    signature->size += size;
    EVP_MD_CTX_free(md);
    text_dispose(&signed_text);
}

bool key_verify(EVP_PKEY *key, const char *context, struct slice message, struct slice signature)
{
    struct text signed_text = with_context(context, message);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool result;

    must(md != NULL && EVP_DigestVerifyInit(md, NULL, digest_of(key), NULL, key) == 1,
         "check a signature");
    result = EVP_DigestVerify(md, (const unsigned char *)signature.data, signature.size,
                              (const unsigned char *)signed_text.data, signed_text.size) == 1;
    EVP_MD_CTX_free(md);
    text_dispose(&signed_text);
    ERR_clear_error();
    return result;
}

/* ---- PEM */

static void write_encrypted(BIO *bio, const EVP_PKEY *key, struct slice passphrase)
{
    unsigned char salt[SALT_SIZE];
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_ALGOR *scheme;
    X509_SIG *sealed;

    must(RAND_bytes(salt, sizeof(salt)) == 1, "draw random bytes");
    scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof(salt), NULL, SCRYPT_N, SCRYPT_R,
                                   SCRYPT_P);
    must(plain != NULL && scheme != NULL, "encrypt a key");
    sealed = PKCS8_set0_pbe(passphrase.data, (int)passphrase.size, plain, scheme);
    must(sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1, "encrypt a key");
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
}

void key_write(const EVP_PKEY *key, struct slice passphrase, struct text *pem)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes;
    long size;

    must(bio != NULL, "write a key");
    if (passphrase.data != NULL)
        write_encrypted(bio, key, passphrase);
    else
        must(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1,
             "write a key");
    size = BIO_get_mem_data(bio, &bytes);
    text_put(pem, bytes, (size_t)size);
    BIO_free(bio);
}

struct asked {
    struct slice passphrase;
    bool was_asked;
};

/* Without one of our own OpenSSL would ask at the terminal. */
static int give_passphrase(char *room, int size, int is_writing, void *asked_)
{
    struct asked *asked = asked_;

    asked->was_asked = true;
    if (asked->passphrase.data == NULL || asked->passphrase.size > (size_t)size)
        return -1;
    memcpy(room, asked->passphrase.data, asked->passphrase.size);
    return (int)asked->passphrase.size;
}

EVP_PKEY *key_read(struct slice pem, struct slice passphrase, struct error *err)
{
    struct asked asked = {.passphrase = passphrase};
    BIO *bio = BIO_new_mem_buf(pem.data != NULL ? pem.data : "", (int)pem.size);
    EVP_PKEY *key;

    must(bio != NULL, "read a key");
    key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &asked);
    BIO_free(bio);
    ERR_clear_error();
    if (key != NULL && (key_is(key, KEY_P256) || key_is(key, KEY_ED25519)))
        return key;
    if (key != NULL)
        error_set(err, ERROR_UNSUPPORTED, "the private key is neither ECDSA on P-256 nor Ed25519");
    else if (asked.was_asked && passphrase.data == NULL)
        error_set(err, ERROR_REFUSED, "the private key is encrypted, and no passphrase was given");
    else if (asked.was_asked)
        error_set(
            err, ERROR_MISMATCH,
            "the private key does not open: the passphrase is another, or the file is damaged");
    else
        error_set(err, ERROR_SYNTAX, "there is no private key in it that can be read (PEM)");
    EVP_PKEY_free(key);
    return NULL;
}
