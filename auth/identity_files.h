// SPDX-License-Identifier: Apache-2.0
/* The files of an identity. For identity.c and identity_make.c alone. */
#ifndef AUTH_IDENTITY_FILES_H
#define AUTH_IDENTITY_FILES_H

#include "auth/identity.h"

enum { IDENTITY_CHAIN_MAX = 2 };

/* A private key and certificates of it, the first with its public half. */
struct bundle {
    EVP_PKEY *key;
    X509 *chain[IDENTITY_CHAIN_MAX];
    size_t count;
};

void bundle_dispose(struct bundle *bundle); /* empty and valid again */

/* Names of files, in one folder. Each returns path->data. */
const char *identity_path(struct text *path, const char *folder, const char *name);
const char *identity_root_path(struct text *path, const char *folder,
                               const uint8_t hash[KEY_HASH_SIZE]);
const char *identity_signing_path(struct text *path, const char *folder,
                                  const uint8_t key[KEY_RAW_SIZE]);

/* count certificates are in it, and belong to the key. ERROR_NOT_FOUND: the file is not there. */
MUST_USE bool bundle_read(struct bundle *bundle, const char *path, size_t count,
                          struct slice passphrase, struct error *err);
MUST_USE bool bundle_write(const struct bundle *bundle, const char *path, struct slice passphrase,
                           struct error *err);

struct documents {
    struct text *list; /* as they were signed, by number, rising */
    size_t count;
};

void documents_dispose(struct documents *documents);
/* Reads folder/roots; one that is not there has none. Whether they are right, it does not know. */
MUST_USE bool documents_read(struct documents *documents, const char *folder, struct error *err);
MUST_USE bool documents_write(const char *folder, uint64_t sequence, struct slice bytes,
                              struct error *err);
void documents_add(struct documents *documents, struct slice bytes);

#endif
