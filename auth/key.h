// SPDX-License-Identifier: Apache-2.0
/* An organization's keys: ECDSA on P-256 where TLS is involved (root, issuing CA, leaf), Ed25519
 * for what the gateway signs itself (requests over a link, receipts, statements).
 *
 * Why P-256 for certificates: it is what every TLS 1.3 implementation must have (RFC 8446, section
 * 9.1) and what tokens and key services that may hold an offline root know; and with OpenSSL 3.0 it
 * signs and verifies about twice as fast as Ed25519. Why Ed25519 for the rest: a signature is 64
 * bytes, always the same for the same message, and needs no randomness that could fail.
 *
 * What is signed begins with a context and a NUL, so that a signature made for one purpose says
 * nothing for another. Any thread. Sources: RFC 5915, RFC 8410, RFC 5958 (PKCS #8), RFC 8032. */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "conf/error.h"
#include "conf/text.h"

#include <openssl/evp.h>

enum { KEY_RAW_SIZE = 32, KEY_SIGNATURE_MAX = 72, KEY_HASH_SIZE = 32 };

enum key_kind { KEY_P256, KEY_ED25519 };

/* From the system's random source. Never NULL; freed by EVP_PKEY_free, as all keys here. */
EVP_PKEY *key_create(enum key_kind kind);

bool key_is(const EVP_PKEY *key, enum key_kind kind);
/* Both have the same public half. */
bool key_equal(const EVP_PKEY *a, const EVP_PKEY *b);

/* The public half of an Ed25519 key, and back. NULL: these bytes are no key. */
void key_public(const EVP_PKEY *key, uint8_t raw[KEY_RAW_SIZE]);
EVP_PKEY *key_from_public(const uint8_t raw[KEY_RAW_SIZE]);

/* Appends the signature: of P-256 over SHA-256, in DER; of Ed25519 64 bytes. */
void key_sign(EVP_PKEY *key, const char *context, struct slice message, struct text *signature);
bool key_verify(EVP_PKEY *key, const char *context, struct slice message, struct slice signature);

/* Appends the private key in PEM (PKCS #8). passphrase: {NULL, 0} is none, otherwise the key is
 * encrypted (AES-256 under scrypt). Wipe the text after use. */
void key_write(const EVP_PKEY *key, struct slice passphrase, struct text *pem);
/* The first private key of a PEM text. ERROR_REFUSED: it wants a passphrase and none was given.
 * ERROR_MISMATCH: the passphrase is wrong. NULL with err on failure; no error repeats the text. */
EVP_PKEY *key_read(struct slice pem, struct slice passphrase, struct error *err);

#endif
