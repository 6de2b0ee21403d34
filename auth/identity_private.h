// SPDX-License-Identifier: Apache-2.0
/* For identity.c and identity_make.c alone. */
#ifndef AUTH_IDENTITY_PRIVATE_H
#define AUTH_IDENTITY_PRIVATE_H

#include "auth/identity_files.h"

struct identity {
    char *folder;
    struct gateway_id id;
    struct roots roots; /* the newest */
    struct documents documents;
    bool *is_kept;         /* of each document: roots_must_keep */
    struct bundle issuer;  /* empty: none that is of use */
    struct bundle leaf;    /* likewise */
    EVP_PKEY *signing_key; /* NULL: not here */
    int64_t announced_s, switched_s;
};

/* Takes a document that was made or read, which must follow from the newest. */
MUST_USE bool identity_take(struct identity *identity, struct slice bytes, struct error *err);

/* What is in the files, anew. */
MUST_USE bool identity_load_issuer(struct identity *identity, struct error *err);
MUST_USE bool identity_load_leaf(struct identity *identity, struct error *err);
MUST_USE bool identity_load_signing_key(struct identity *identity, struct error *err);

#endif
