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
    TRANSACTION_TOKEN_PURGE,
    TRANSACTION_AUDIT_HEAD_GET,
    TRANSACTION_AUDIT_HEAD_SET,
    TRANSACTION_POLICY_PUT,
    TRANSACTION_POLICY_GET,
    TRANSACTION_POLICY_LIST,
    TRANSACTION_POLICY_ACTIVATE,
    TRANSACTION_OBJECT_GET,
    TRANSACTION_OBJECT_PUT,
    TRANSACTION_OBJECT_LIST,
    TRANSACTION_PIN_ADD,
    TRANSACTION_PIN_CONFIRM,
    TRANSACTION_PIN_EDIT,
    TRANSACTION_PIN_FAIL,
    TRANSACTION_PIN_MARK,
    TRANSACTION_PIN_TRANSFER,
    TRANSACTION_PIN_REMOVE,
    TRANSACTION_PIN_LIST,
    TRANSACTION_PIN_EXPIRED,
    TRANSACTION_OWNER_LIST,
    TRANSACTION_OWNER_MARK,
    TRANSACTION_USAGE_GET,
    TRANSACTION_USAGE_RECOUNT,
    TRANSACTION_JOURNAL_OPEN,
    TRANSACTION_JOURNAL_CLOSE,
    TRANSACTION_JOURNAL_LIST,
    TRANSACTION_WINDOW_PUT,
    TRANSACTION_WINDOW_LIST,
    TRANSACTION_DENY_ADD,
    TRANSACTION_DENY_REMOVE,
    TRANSACTION_DENY_LIST,
    TRANSACTION_DENY_FIND,
    TRANSACTION_MEMBER_SUSPEND,
    TRANSACTION_MEMBER_RESUME,
    TRANSACTION_MEMBER_LIST,
    TRANSACTION_LINK_PUT,
    TRANSACTION_LINK_GET,
    TRANSACTION_LINK_LIST,
    TRANSACTION_LINK_EVENT_ADD,
    TRANSACTION_LINK_EVENT_LIST,
    TRANSACTION_SEQUENCE_CLAIM,
    TRANSACTION_SEQUENCE_LIST,
    TRANSACTION_REPLY_PUT,
    TRANSACTION_REPLY_SETTLE,
    TRANSACTION_REPLY_LIST,
    TRANSACTION_ALLOCATION_PUT,
    TRANSACTION_ALLOCATION_GET,
    TRANSACTION_ALLOCATION_LIST,
    TRANSACTION_ALLOCATION_REMOVE,
    TRANSACTION_ALLOCATION_SUM,
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

/* Forgets tokens that were revoked or had expired by ended_ms. */
struct token_purge {
    uint64_t ended_ms;
    size_t limit;               /* in: at most so many */
    char (*ids)[TOKEN_ID_SIZE]; /* out: those that are gone */
    size_t count;
    bool has_more;
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

/* Every object, by key. */
struct object_list {
    struct slice after; /* in: those behind this key; empty: from the start */
    size_t limit;
    struct object_record *records;
    size_t count;
    bool has_more;
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
    bool labels_it; /* labels below replace the pin's */
    struct slice labels;
    uint32_t min_copies; /* replaces the pin's; 0: that stays */
    bool sets_expiry;    /* expires_ms below replaces the pin's */
    uint64_t expires_ms;
    struct pin_record record; /* out */
};

/* Another name or expiry for a pin, confirmed or not; nothing else changes. ERROR_NOT_FOUND;
 * ERROR_REFUSED: it is being removed; ERROR_LIMIT: the name is too long. */
struct pin_edit {
    char id[ULID_SIZE];
    bool renames;
    struct slice name;
    bool sets_expiry;
    uint64_t expires_ms;      /* 0: never */
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

/* Pins by id, that is by the time of their making. */
struct pin_list {
    struct owner owner;    /* in: of this owner alone; kind 0: of all */
    char after[ULID_SIZE]; /* in: those behind this id; "": from the start */
    size_t limit;
    struct pin_record *records;
    size_t count;
    bool has_more;
};

/* Pins whose time is over, by expiry and then by id. Those that are being removed already are left
 * out. */
struct pin_expired {
    uint64_t until_ms;     /* in: with an expiry of at most this */
    uint64_t after_ms;     /* in: those behind this expiry and this id; 0 and "": from the start */
    char after[ULID_SIZE]; /* in */
    size_t limit;
    struct pin_record *records;
    size_t count;
    bool has_more;
};

/* ---- owners */

struct owner_entry {
    struct owner owner;
    struct usage usage; /* zeros: nothing of it is confirmed, or it is gone */
    bool has_ownerless;
};

/* Every owner that has a pin, of whatever state. By kind (its name) and id. */
struct owner_list {
    struct owner after; /* in: those behind it; kind 0: from the start */
    size_t limit;
    struct owner_entry *entries;
    size_t count;
    bool has_more;
};

/* An owner left the policy, or is back: its pins are charged to the organization alone, or to it
 * again; those that are pinned become ownerless, or pinned again. What was never confirmed, or is
 * being removed, is passed over. A page of its pins at a time, by id: begin again behind the last
 * of records while there are more. A page that was done twice is no error. */
struct owner_mark {
    struct owner owner;
    bool is_ownerless;
    char after[ULID_SIZE];
    size_t limit;               /* at most 1,000 are taken at once */
    struct pin_record *records; /* out: looked at, as they are now */
    size_t count;
    bool has_more;
};

/* An owner without a charge has zeros. */
struct usage_get {
    bool is_org; /* in: the organization, not owner */
    struct owner owner;
    struct usage usage; /* out */
};

/* Adds everything up again from pins and objects. Reads the whole ledger, while all else waits: for
 * the start, before anybody is served. With repairs, what differs is put right. */
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

/* ---- windows of quotas: how much of what passes by was used. Kept once a second by whoever counts
 * in memory, and read at the start. */

/* What is there by these names is replaced; a window without bytes is forgotten. ERROR_LIMIT: a
 * name or the bytes are too long. */
struct window_put {
    const struct window_record *windows;
    size_t count;
};

/* All, by scope, id, dimension. */
struct window_list {
    struct window_record after; /* in: those behind its names; empty: from the start */
    size_t limit;
    struct window_record *records;
    size_t count;
    bool has_more;
};

/* ---- the denylist: by multihash, whatever CID it comes in */

/* What is denied already keeps its time and gets the new reason. ERROR_LIMIT: reason or multihash
 * is too long. */
struct deny_add {
    struct denied_record record;
};

/* ERROR_NOT_FOUND. */
struct deny_remove {
    struct slice multihash;
    struct denied_record record; /* out: as it was */
};

/* All, by multihash. */
struct deny_list {
    struct slice after; /* in: those behind it; empty: from the start */
    size_t limit;
    struct denied_record *records;
    size_t count;
    bool has_more;
};

/* Which of these are denied? */
struct deny_find {
    const struct slice *multihashes;
    size_t count;
    bool is_any;         /* out */
    size_t first;        /* out: the first that is */
    struct slice reason; /* out: of it */
};

/* ---- members that are suspended */

/* One that is suspended already keeps its time and gets the new reason. ERROR_LIMIT. */
struct member_suspend {
    struct suspended_record record;
};

/* ERROR_NOT_FOUND: it is not suspended. */
struct member_resume {
    char member[ID_SIZE];
    struct suspended_record record; /* out: as it was */
};

/* The suspended ones, by id. */
struct member_list {
    char after[ID_SIZE];
    size_t limit;
    struct suspended_record *records;
    size_t count;
    bool has_more;
};

/* ---- links. What belongs together (a state and its history, an effect and the reply to who asked
 * for it) is started together, store_start_all, and is durable together. */

/* A new one, or what there is of the partner is replaced, and with it, if the id is another one,
 * the numbers and replies of the one before. ended_epoch 0 keeps what is kept. is_restored is not
 * looked at: what is put knows of it. ERROR_MISMATCH: the id is of another partner's;
 * ERROR_REFUSED: the epoch would go down; ERROR_LIMIT. */
struct link_put {
    struct link_entry entry;
};

/* ERROR_NOT_FOUND. */
struct link_get {
    char partner[ID_SIZE];
    struct link_entry entry; /* out */
};

/* All, by partner. */
struct link_list {
    char after[ID_SIZE]; /* in: those behind it; "": from the start */
    size_t limit;
    struct link_entry *entries;
    size_t count;
    bool has_more;
};

/* Beyond LINK_HISTORY_MAX the oldest of the partner is forgotten. ERROR_LIMIT. */
struct link_event_add {
    char partner[ID_SIZE];
    struct link_history history; /* in: all but number */
};

/* Newest first. */
struct link_event_list {
    char partner[ID_SIZE];
    uint64_t before; /* in: numbers below this; 0: from the newest */
    size_t limit;
    struct link_history *entries;
    size_t count;
    bool has_more;
};

/* Of one incarnation it never goes down; another one replaces it. ERROR_LIMIT: the node would be
 * one more than LINK_NODES_MAX. */
struct sequence_claim {
    char link[ULID_SIZE];
    struct sequence_record record;
};

/* All of a link: ours, then theirs, by node; and what each node of theirs has settled. */
struct sequence_list {
    char link[ULID_SIZE];
    struct sequence_record *records;
    size_t count;
    struct settled_record *settled;
    size_t settled_count;
};

/* ERROR_MISMATCH: there is one for this key; ERROR_LIMIT. */
struct reply_put {
    char link[ULID_SIZE];
    struct reply_record record;
};

/* Replies to this key of the node, and all before it, are forgotten. Going back changes nothing.
 * "": every reply to the node, and what it had settled: its keys begin anew. ERROR_LIMIT: as
 * sequence_claim. */
struct reply_settle {
    char link[ULID_SIZE];
    struct settled_record record;
};

/* All of a link, by node and key. */
struct reply_list {
    char link[ULID_SIZE];
    char after_node[ID_SIZE], after_key[ULID_SIZE]; /* in: those behind; "" both: from the start */
    size_t limit;
    struct reply_record *records;
    size_t count;
    bool has_more;
};

/* ---- allocations */

/* A new one, or what there is by its name is replaced. is_restored is not looked at.
 * ERROR_LIMIT. */
struct allocation_put {
    struct allocation_entry entry;
};

/* ERROR_NOT_FOUND. */
struct allocation_get {
    char link[ULID_SIZE];
    uint8_t role;
    char id[ULID_SIZE];
    struct allocation_entry entry; /* out */
};

enum allocation_list_by {
    ALLOCATION_LIST_ID,     /* of link and role, by id */
    ALLOCATION_LIST_STATE,  /* of link, role and state: the greatest priority first, then by id */
    ALLOCATION_LIST_OBJECT, /* of object: by link, role, id */
    /* The same, of the owner, without those that are released or lost: copies that there are, are
     * to be, or were refused. */
    ALLOCATION_LIST_COPIES,
    ALLOCATION_LIST_DUE, /* with a wake_ms of at most until_ms: by wake_ms, link, role, id */
    /* the owner's that are not over, of objects that have no record: by object, link, role, id */
    ALLOCATION_LIST_UNPINNED,
};

struct allocation_list {
    enum allocation_list_by by;
    char link[ULID_SIZE];
    uint8_t role;
    char state[ENTRY_STATE_SIZE];
    struct slice object;
    uint64_t until_ms;
    const struct allocation_entry *after; /* those behind it; of it is read what the order is by.
                                             NULL: from the start */
    size_t limit;
    struct allocation_entry *entries;
    size_t count;
    bool has_more;
};

/* Gone without a trace. What is not there is no error. */
struct allocation_remove {
    char link[ULID_SIZE];
    uint8_t role;
    char id[ULID_SIZE];
};

/* Reads all of them: for the start. */
struct allocation_sum {
    char link[ULID_SIZE];
    uint8_t role;
    struct allocation_total *totals; /* by state */
    size_t count;
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
        struct token_purge token_purge;
        struct audit_head_get audit_head_get;
        struct audit_head_set audit_head_set;
        struct policy_put policy_put;
        struct policy_get policy_get;
        struct policy_list policy_list;
        struct policy_activate policy_activate;
        struct object_get object_get;
        struct object_put object_put;
        struct object_list object_list;
        struct pin_add pin_add;
        struct pin_confirm pin_confirm;
        struct pin_edit pin_edit;
        struct pin_fail pin_fail;
        struct pin_mark pin_mark;
        struct pin_transfer pin_transfer;
        struct pin_remove pin_remove;
        struct pin_list pin_list;
        struct pin_expired pin_expired;
        struct owner_list owner_list;
        struct owner_mark owner_mark;
        struct usage_get usage_get;
        struct usage_recount usage_recount;
        struct journal_open journal_open;
        struct journal_close journal_close;
        struct journal_list journal_list;
        struct window_put window_put;
        struct window_list window_list;
        struct deny_add deny_add;
        struct deny_remove deny_remove;
        struct deny_list deny_list;
        struct deny_find deny_find;
        struct member_suspend member_suspend;
        struct member_resume member_resume;
        struct member_list member_list;
        struct link_put link_put;
        struct link_get link_get;
        struct link_list link_list;
        struct link_event_add link_event_add;
        struct link_event_list link_event_list;
        struct sequence_claim sequence_claim;
        struct sequence_list sequence_list;
        struct reply_put reply_put;
        struct reply_settle reply_settle;
        struct reply_list reply_list;
        struct allocation_put allocation_put;
        struct allocation_get allocation_get;
        struct allocation_list allocation_list;
        struct allocation_remove allocation_remove;
        struct allocation_sum allocation_sum;
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
