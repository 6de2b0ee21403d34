// SPDX-License-Identifier: Apache-2.0
/* The named transactions: everything that the ledger can be asked to do. Each is atomic: it is done
 * whole, or its error is set and nothing changed. Each could be one script of a Redis server: it
 * reads a few records by key and writes a few, and takes time and randomness as input.
 *
 * A transaction is a block on the heap with its inputs, its results and an arena for what they
 * point to. Make one, fill in the inputs, start it (store/store.h), read the results. */
#ifndef STORE_TRANSACTION_H
#define STORE_TRANSACTION_H

#include "conf/arena.h"
#include "conf/error.h"
#include "store/record.h"

enum transaction_name {
    TRANSACTION_TOKEN_ADD,
    TRANSACTION_TOKEN_GET,
    TRANSACTION_TOKEN_LIST,
    TRANSACTION_TOKEN_ROTATE,
    TRANSACTION_TOKEN_REVOKE,
    TRANSACTION_TOKEN_USED,
    TRANSACTION_AUDIT_HEAD_GET,
    TRANSACTION_AUDIT_HEAD_SET,
    TRANSACTION_POLICY_PUT,
    TRANSACTION_POLICY_GET,
    TRANSACTION_POLICY_LIST,
    TRANSACTION_POLICY_ACTIVATE,
    TRANSACTION_COUNT
};

/* ---- tokens. Every one that changes a token leaves it as it is now in `record`. */

/* ERROR_MISMATCH: the id is taken. */
struct token_add {
    struct token_record record; /* in: everything but used_ms, rotated_ms, revoked_ms */
};

/* ERROR_NOT_FOUND. */
struct token_get {
    char id[TOKEN_ID_SIZE];     /* in */
    struct token_record record; /* out */
};

/* By id, revoked and expired ones too. */
struct token_list {
    char after[TOKEN_ID_SIZE]; /* in: those behind this id; "": from the start */
    char owner[ID_SIZE];       /* in: of this owner alone; "": of all */
    enum owner_kind owner_kind;
    size_t limit; /* in: at most so many */
    struct token_record *records;
    size_t count;
    bool has_more; /* behind the last of records */
};

/* The secret in force becomes the old one. ERROR_NOT_FOUND; ERROR_REFUSED: it is revoked, or
 * expired, or a secret from an earlier rotation is still good and this one would cut it short
 * (old_until_ms 0 does so: it ends every secret but the new one at once). */
struct token_rotate {
    char id[TOKEN_ID_SIZE];
    uint8_t secret_hash[RECORD_HASH_SIZE];
    uint64_t now_ms;
    uint64_t old_until_ms; /* the old secret's end; 0: now */
    bool sets_expiry;      /* expires_ms below replaces the record's */
    uint64_t expires_ms;
    struct token_record record; /* out */
};

/* ERROR_NOT_FOUND. Revoking again changes nothing and is no error. */
struct token_revoke {
    char id[TOKEN_ID_SIZE];
    uint64_t now_ms;
    struct token_record record; /* out */
};

/* Later times win; ids that are unknown are passed over. */
struct token_used {
    const struct token_use *uses;
    size_t count;
};

/* ---- audit log */

struct audit_head_get {
    struct audit_head head; /* out */
};

/* ERROR_REFUSED: the ledger knows a later one. */
struct audit_head_set {
    struct audit_head head; /* in */
};

/* ---- policy versions */

/* Stores the version unless its hash is known, and makes it the active one. */
struct policy_put {
    uint8_t hash[RECORD_HASH_SIZE];
    uint64_t now_ms;
    struct slice bytes;
    struct policy_record record; /* out, without bytes */
};

/* By number; number 0: by hash; has_hash false: the active one. ERROR_NOT_FOUND. */
struct policy_get {
    uint64_t number;
    bool has_hash;
    uint8_t hash[RECORD_HASH_SIZE];
    struct policy_record record; /* out, with bytes */
};

/* Newest number first. */
struct policy_list {
    uint64_t before; /* in: numbers below this; 0: from the newest */
    size_t limit;
    struct policy_record *records; /* out, without bytes */
    size_t count;
    bool has_more;
};

/* Back into force. ERROR_NOT_FOUND. */
struct policy_activate {
    uint64_t number;
    uint64_t now_ms;
    struct policy_record record; /* out, without bytes */
};

struct transaction {
    enum transaction_name name;
    struct arena arena; /* the caller's before the start; results are in it afterwards */
    struct error err;   /* ERROR_NONE: done, and durable if it wrote */
    union {
        struct token_add token_add;
        struct token_get token_get;
        struct token_list token_list;
        struct token_rotate token_rotate;
        struct token_revoke token_revoke;
        struct token_used token_used;
        struct audit_head_get audit_head_get;
        struct audit_head_set audit_head_set;
        struct policy_put policy_put;
        struct policy_get policy_get;
        struct policy_list policy_list;
        struct policy_activate policy_activate;
    };
};

/* Zeroed inputs. */
struct transaction *transaction_create(enum transaction_name name);
/* One that was not given to store_start. NULL is fine. */
void transaction_destroy(struct transaction **transaction);

/* Copies into the transaction's arena. */
struct slice transaction_copy(struct transaction *transaction, struct slice s);

/* "token-add": for logs, metrics and the engine's errors. */
const char *transaction_text(enum transaction_name name);
/* Does it change records? */
bool transaction_writes(enum transaction_name name);

#endif
