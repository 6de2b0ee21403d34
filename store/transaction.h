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
    TRANSACTION_OBJECT_GET,
    TRANSACTION_OBJECT_PUT,
    TRANSACTION_PIN_ADD,
    TRANSACTION_PIN_CONFIRM,
    TRANSACTION_PIN_FAIL,
    TRANSACTION_PIN_MARK,
    TRANSACTION_PIN_TRANSFER,
    TRANSACTION_PIN_REMOVE,
    TRANSACTION_PIN_LIST,
    TRANSACTION_USAGE_GET,
    TRANSACTION_USAGE_RECOUNT,
    TRANSACTION_JOURNAL_OPEN,
    TRANSACTION_JOURNAL_CLOSE,
    TRANSACTION_JOURNAL_LIST,
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

/* ---- objects and pins. What is to be written is decided by store/ownership.h; here it is kept,
 * and charged: an owner by the strongest mode that it holds of an object, the organization by the
 * strongest that anybody does. */

/* With all claims on it. ERROR_NOT_FOUND. */
struct object_get {
    struct slice key;            /* in */
    struct object_record record; /* out */
    struct pin_record *pins;
    size_t count;
};

/* What upstream holds now. Sizes that are known already stay. An object that has no pins and is not
 * held upstream is forgotten. ERROR_LIMIT. */
struct object_put {
    struct object_record record;
};

/* The intent: a claim that is not confirmed. held and is_ownerless are not looked at.
 * ERROR_MISMATCH: the id or the owner's slot is taken (one that is being removed takes none);
 * ERROR_LIMIT: name or cid is too long. */
struct pin_add {
    struct pin_record record;
};

/* Upstream holds the object at least in this mode; the pin is charged, and pinned. A size that is
 * known already stays. ERROR_NOT_FOUND: there is no such pin; ERROR_REFUSED: it is being removed;
 * ERROR_LIMIT: a size that cannot be. */
struct pin_confirm {
    char id[ULID_SIZE];
    enum pin_mode mode;
    uint64_t bytes; /* of the object, in this mode */
    bool renames;   /* name below replaces the pin's */
    struct slice name;
    struct pin_record record; /* out */
};

/* The claim came to nothing. What was confirmed before stays; else the pin goes, or stays as
 * PIN_FAILED. ERROR_NOT_FOUND. */
struct pin_fail {
    char id[ULID_SIZE];
    bool keeps;
};

/* Any state but PIN_FAILED, and whether it has an owner; wanted: what is under way for it.
 * ERROR_NOT_FOUND. */
struct pin_mark {
    char id[ULID_SIZE];
    enum pin_state state;
    enum pin_mode wanted;
    bool is_ownerless;
};

/* To another owner, charge and all; or back to its own, if it was ownerless. ERROR_NOT_FOUND;
 * ERROR_REFUSED: it is not confirmed, or is being removed; ERROR_MISMATCH: the slot is taken. */
struct pin_transfer {
    char id[ULID_SIZE];
    struct owner owner;
    uint32_t slot;            /* of the new owner */
    struct pin_record record; /* out */
};

/* Gone, with its charge. ERROR_NOT_FOUND. */
struct pin_remove {
    char id[ULID_SIZE];
    struct pin_record record; /* out: as it was */
};

/* An owner's pins by id, that is by the time of their making. */
struct pin_list {
    struct owner owner;
    char after[ULID_SIZE]; /* in: those behind this id; "": from the start */
    size_t limit;
    struct pin_record *records;
    size_t count;
    bool has_more;
};

/* An owner without a charge has zeros. */
struct usage_get {
    bool is_org; /* in: the organization, not owner */
    struct owner owner;
    struct usage usage; /* out */
};

/* Adds everything up again from pins and objects. Reads the whole ledger: for the start, for tools.
 * With repairs, what differs is put right. */
struct usage_recount {
    bool repairs;
    uint64_t accounts;  /* out: with a charge, the organization's too */
    uint64_t different; /* whose kept usage was another */
    struct usage org;   /* as recounted */
};

/* ---- journal */

/* ERROR_LIMIT: detail is too long. */
struct journal_open {
    struct journal_record record; /* in: all but number, which is out */
};

/* Closing what is closed changes nothing and is no error. */
struct journal_close {
    uint64_t number;
};

/* What is open, oldest first. */
struct journal_list {
    uint64_t after; /* in: numbers above this */
    size_t limit;
    struct journal_record *records;
    size_t count;
    bool has_more;
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
        struct object_get object_get;
        struct object_put object_put;
        struct pin_add pin_add;
        struct pin_confirm pin_confirm;
        struct pin_fail pin_fail;
        struct pin_mark pin_mark;
        struct pin_transfer pin_transfer;
        struct pin_remove pin_remove;
        struct pin_list pin_list;
        struct usage_get usage_get;
        struct usage_recount usage_recount;
        struct journal_open journal_open;
        struct journal_close journal_close;
        struct journal_list journal_list;
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
