// SPDX-License-Identifier: Apache-2.0
/* The certificates of an organization: it is its own CA.
 *
 *   root         self-signed, path length 1; its key may be kept off the machine
 *   issuing CA   on the gateway, a year, path length 0, for TLS alone
 *   leaf         seven days; one URI name (gateway_id.h); client and server both
 *
 * Root and issuing CA are constrained to names of the organization (RFC 5280, section 4.2.1.10):
 * whoever puts the root into a store of his own trusts it for these and for no others. All keys are
 * P-256 (key.h), all signatures ECDSA with SHA-256.
 *
 * Time and serial numbers are the caller's. Any thread. */
#ifndef AUTH_CA_H
#define AUTH_CA_H

#include "auth/gateway_id.h"
#include "auth/key.h"

#include <openssl/x509.h>
#include <stdint.h>

#define CA_DAY_S    INT64_C(86400)
#define CA_SLACK_S  INT64_C(3600)     /* certificates begin in the past: clocks may be behind */
#define CA_ROOT_S   (3653 * CA_DAY_S) /* ten years */
#define CA_ISSUER_S (365 * CA_DAY_S)
#define CA_LEAF_S   (7 * CA_DAY_S)

enum {
    CA_SERIAL_SIZE = 16,      /* 126 bits of them random: never zero, never negative */
    CA_DER_MAX = 4096,        /* a larger certificate is nobody's of ours */
    CA_SERIAL_TEXT_SIZE = 41, /* of any serial, at most 20 bytes in hexadecimal (RFC 5280) */
};

struct ca_terms {
    uint8_t serial[CA_SERIAL_SIZE]; /* random bytes; of the first, two bits are set here */
    int64_t from_s, until_s;        /* since 1970 */
};

/* Beginning CA_SLACK_S ago, so long, but never beyond the end of what signs it (INT64_MAX: nothing
 * does). */
struct ca_terms ca_terms_at(int64_t now_s, int64_t length_s, int64_t issuer_until_s,
                            const uint8_t serial[CA_SERIAL_SIZE]);

/* Never NULL; freed by X509_free. key is P-256. Of the issuing CA and the leaf only the public half
 * of key is used. */
X509 *ca_make_root(const char *org, EVP_PKEY *key, const struct ca_terms *terms);
X509 *ca_make_issuer(const char *org, EVP_PKEY *key, const struct ca_terms *terms, X509 *root,
                     EVP_PKEY *root_key);
X509 *ca_make_leaf(const struct gateway_id *id, EVP_PKEY *key, const struct ca_terms *terms,
                   X509 *issuer, EVP_PKEY *issuer_key);

/* Appends it in DER or PEM. */
void ca_put_der(const X509 *certificate, struct text *out);
void ca_put_pem(const X509 *certificate, struct text *out);
/* A certificate that is in DER whole, written in the one way, and no larger than CA_DER_MAX. NULL
 * with err otherwise. */
X509 *ca_read_der(struct slice der, struct error *err);
/* The certificates of a PEM text, in their order; other things in it are passed over. Fills at most
 * max; more, none, or one that cannot be read, is an error. */
MUST_USE bool ca_read_pem(struct slice pem, X509 **certificates, size_t max, size_t *count,
                          struct error *err);

/* A self-signed P-256 root as made above: what a partner may pin. The names in it are not looked
 * at, for what counts is the document (roots.h) that lists it. */
MUST_USE bool ca_check_root(X509 *certificate, struct error *err);

/* SHA-256 of the DER. */
void ca_hash(const X509 *certificate, uint8_t hash[KEY_HASH_SIZE]);
/* In hexadecimal, as `openssl x509 -serial` writes it. Returns text. ERROR: more than 20 bytes. */
const char *ca_print_serial(const X509 *certificate, char text[CA_SERIAL_TEXT_SIZE]);
int64_t ca_from_s(const X509 *certificate);
int64_t ca_until_s(const X509 *certificate);

#endif
