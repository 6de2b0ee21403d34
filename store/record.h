// SPDX-License-Identifier: Apache-2.0
/* What the ledger keeps, as its callers see it: no SQL, no Redis. Slices and arrays are borrowed
 * from whoever made the record; in a transaction, from its arena. Times are ms since 1970, UTC. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/text.h"
#include "conf/ulid.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TOKEN_KEPT_DAYS = 90,  /* after it expired or was revoked; then it is purged */
    RECORD_HASH_SIZE = 32, /* SHA-256 */
    TOKEN_ID_SIZE = 11,    /* 10 letters of base32 and a NUL */
    TOKEN_LABEL_MAX = 200, /* bytes of UTF-8 */
    TOKEN_ROLES_MAX = 16,
    TOKEN_ROLES_SIZE = 512,    /* of the text of all roles */
    POLICY_SIZE_MAX = 8 << 20, /* bytes of one policy version */
    RECORD_UUID_SIZE = 37,     /* 36 characters and a NUL */
    PIN_NAME_MAX = 255,        /* bytes of UTF-8; Kubo's limit */
    PIN_CID_MAX = 512,         /* of a CID as it was typed */
    PIN_LABELS_MAX = 512,      /* bytes of "class=secret,project=moon" */
    PIN_COPIES_MAX = 32,       /* that somebody may ask for */
    JOURNAL_DETAIL_MAX = 4096,
    WINDOW_NAME_MAX = 128, /* of a window's scope, id and dimension, each */
    WINDOW_BYTES_MAX = 4096,
    MULTIHASH_MAX = 256,
    REASON_MAX = 500,           /* bytes of UTF-8: why somebody is suspended, or something denied */
    ENTRY_STATE_SIZE = 16,      /* of a state's name and a NUL */
    LINK_RECORD_MAX = 16 << 10, /* bytes of what federation/ keeps of a link, and of its limits */
    LINK_ROOTS_MAX = 8 << 10,   /* of a roots document with its signatures */
    LINK_ADDRESS_MAX = 2048,
    LINK_WORDS_MAX = 200,
    LINK_NODES_MAX = 64,     /* of one link and direction whose numbers are kept */
    LINK_HISTORY_MAX = 1000, /* entries of one partner; the oldest go */
    LINK_SAID_MAX = 1000,    /* bytes of UTF-8 */
    ALLOCATION_RECORD_MAX = 16 * 1024,
    ALLOCATION_STATES_MAX = 64, /* of totals */
    REPLY_BYTES_MAX = 64 << 10, /* of one kept reply */
};

/* Beyond this no size of an object is believed: 2^53. */
#define OBJECT_BYTES_MAX (1ULL << 53)

enum owner_kind { OWNER_MEMBER = 1, OWNER_GROUP, OWNER_PARTNER, OWNER_OPERATOR };

/* "member", "group", "partner", "operator" */
const char *owner_kind_name(enum owner_kind kind);
bool owner_kind_parse(enum owner_kind *kind, struct slice name);

/* Whose pins and charges they are. A group's id and a member's may be the same text. */
struct owner {
    enum owner_kind kind;
    char id[ID_SIZE];
};

bool owner_equal(const struct owner *a, const struct owner *b);

/* In the order of their strength: who needs a direct pin is served by a recursive one. */
enum pin_mode { PIN_NONE = 0, PIN_DIRECT, PIN_RECURSIVE };

enum { PIN_MODE_COUNT = PIN_RECURSIVE + 1 };

enum pin_state {
    PIN_QUEUED = 1, /* waits for its turn upstream */
    PIN_PINNING,    /* its pin is under way upstream */
    PIN_PINNED,     /* confirmed: upstream holds it, and it is charged */
    PIN_FAILED,     /* given up; kept to be asked about */
    PIN_LOST,       /* was pinned, and upstream has it no more */
    PIN_OWNERLESS,  /* pinned; its owner is gone from the policy */
    PIN_REMOVING,   /* will be gone once upstream has let go */
};

/* "none", "direct", "recursive"; "queued", ... */
const char *pin_mode_name(enum pin_mode mode);
bool pin_mode_parse(enum pin_mode *mode, struct slice name);
const char *pin_state_name(enum pin_state state);
bool pin_state_parse(enum pin_state *state, struct slice name);

/* What upstream holds for us of an object, and how large it is; by what is known. */
struct object_record {
    struct slice key; /* binary CIDv1: store/ownership.h */
    enum pin_mode upstream;
    bool is_adopted; /* our pin there does not bear our name */
    bool has_bytes[PIN_MODE_COUNT];
    uint64_t bytes[PIN_MODE_COUNT];
    /* The ledger was restored from a backup since upstream was looked at: what is said here may be
     * old, and others may have claimed the object meanwhile. Nothing may be unpinned or removed on
     * its word. object_put says how it is now. */
    bool is_doubtful;
};

/* An owner's claim on an object. What its fields do together: store/ownership.h. */
struct pin_record {
    uint64_t created_ms;
    uint64_t expires_ms; /* 0: never */
    struct slice key;    /* of the object */
    struct slice cid;    /* as typed */
    struct slice name;   /* UTF-8; may be empty */
    /* What its owner asked for, beyond what the policy gives (policy/placement.h): NAME=VALUE,...
     */
    struct slice labels;
    uint32_t min_copies; /* that there must be, as its owner asked: with the one here; 0: not */
    uint32_t slot;
    enum pin_mode held;   /* what was confirmed, and is charged */
    enum pin_mode wanted; /* what is under way */
    enum pin_state state; /* as it was last known */
    struct owner owner;
    bool is_ownerless; /* charged to the organization alone */
    char id[ULID_SIZE];
};

/* What an owner, or the organization, is charged. */
struct usage {
    uint64_t bytes;
    uint64_t objects; /* distinct ones */
    uint64_t pins;    /* confirmed ones */
};

/* Something that was begun, and is not known to have ended. */
struct journal_record {
    uint64_t number;
    uint64_t opened_ms;
    char pin[ULID_SIZE]; /* "": of no pin */
    struct slice kind;   /* "upload", "pin", "unpin": who opens it chooses */
    struct slice key;    /* of the object; empty: not known yet */
    struct slice detail; /* opener's own bytes */
    /* It stood open in a backup: what was begun may have ended long ago, one way or the other, and
     * more may have happened since. It is looked at, and nothing is undone because of it. */
    bool is_restored;
};

/* How much of a quota's window was used. The names are those of whoever counts: "member", "alice",
 * "upload". */
struct window_record {
    struct slice scope, id, dimension;
    struct slice bytes; /* struct quota_window, or whatever is counted with */
};

/* An object that nobody may pin or read through this gateway. */
struct denied_record {
    struct slice multihash; /* binary */
    struct slice reason;    /* UTF-8; may be empty */
    uint64_t added_ms;
};

struct suspended_record {
    char member[ID_SIZE];
    uint64_t since_ms;
    struct slice reason; /* UTF-8; may be empty */
};

/* ---- links: what they are is federation/link.h's to say. A partner has one, and ids of links are
 * nobody else's. */

struct link_entry {
    char partner[ID_SIZE];
    char id[ULID_SIZE];
    char state[ENTRY_STATE_SIZE]; /* its name: for who reads the ledger without federation/ */
    uint64_t epoch;               /* of one id it never goes down */
    uint64_t ended_epoch;         /* the last that ended, 0: none. Of one id it never goes down */
    struct slice record;          /* federation's own bytes */
    struct slice roots;           /* their newest document, signatures and all; empty: none yet */
    struct slice address;         /* text: where they are dialled */
    struct slice words;           /* text: to be compared, while the link is pending */
    struct slice limits;          /* federation's own bytes */
    bool has_invitation;          /* whoever has the secret of this hash may join */
    uint8_t invitation_hash[RECORD_HASH_SIZE];
    bool breaker_is_open; /* the three of federation/breaker.h */
    uint32_t breaker_attempt;
    uint64_t breaker_retry_ms;
    /* The ledger was restored from a backup since this was written: what the link's machine is told
     * of before anything else, with ended_epoch. link_put says that it was. */
    bool is_restored;
};

/* Something that happened to a partner's link. */
struct link_history {
    uint64_t number; /* out: rising */
    uint64_t at_ms;
    uint64_t epoch;
    char from[ENTRY_STATE_SIZE], to[ENTRY_STATE_SIZE]; /* states; the same: none was changed */
    struct slice actor; /* text: "operator:root", "partner:beta", "" */
    struct slice event; /* text: "confirm" */
    struct slice said;  /* text: one line for a person */
};

/* Up to which number one node of one side of a link may have sent; or of the other, may have been
 * taken (federation/sequence.h). Numbers begin anew with each incarnation of who sends. */
struct sequence_record {
    char node[ID_SIZE];
    bool is_ours;
    uint64_t incarnation;
    uint64_t claimed;
};

/* What was answered to an item of one of their nodes (federation/replies.h). */
struct reply_record {
    char node[ID_SIZE];
    char key[ULID_SIZE];
    uint64_t epoch;
    uint8_t digest[RECORD_HASH_SIZE]; /* of what was asked */
    struct slice body;
};

/* Up to which key a node of theirs has seen its answers. */
struct settled_record {
    char node[ID_SIZE];
    char key[ULID_SIZE];
};

/* ---- allocations: an object of ours at a partner, or of theirs with us. What they are is
 * federation/allocation.h's to say */

enum { ALLOCATION_ROLE_OWNER = 1, ALLOCATION_ROLE_HOLDER = 2 };

/* Named by link, role and id: ids are the owner's. */
struct allocation_entry {
    char link[ULID_SIZE];
    uint8_t role;
    char id[ULID_SIZE];
    struct slice object;          /* binary CIDv1: store/ownership.h */
    char state[ENTRY_STATE_SIZE]; /* its name; tombstones are rows like others, of a state of
                                     their own */
    int32_t priority;
    uint64_t bytes, pins;       /* that it is charged with now */
    uint64_t since_ms, wake_ms; /* wake_ms 0: never */
    char held_key[ULID_SIZE], release_key[ULID_SIZE], evict_key[ULID_SIZE]; /* "": none */
    struct slice record;                                                    /* federation's bytes */
    bool is_restored; /* of a backup, and was not put since */
};

/* Of one link and role, by state. */
struct allocation_total {
    char state[ENTRY_STATE_SIZE];
    uint64_t count, bytes, pins;
};

/* A secret is known by its SHA-256 alone. */
struct token_record {
    char id[TOKEN_ID_SIZE];
    enum owner_kind owner_kind;
    char owner[ID_SIZE];
    uint8_t secret_hash[RECORD_HASH_SIZE];
    /* After a rotation the secret before is good until old_until_ms. 0: there is none. */
    uint8_t old_secret_hash[RECORD_HASH_SIZE];
    uint64_t old_until_ms;
    uint64_t created_ms;
    uint64_t expires_ms; /* 0: never */
    uint64_t rotated_ms; /* 0: never was */
    uint64_t revoked_ms; /* 0: it is in force */
    uint64_t used_ms;    /* about when it was last used; 0: never */
    struct slice roles;  /* narrowed to these: ids, one space between. Empty: not narrowed */
    struct slice label;  /* UTF-8, what its maker calls it; may be empty */
    /* For clients that cannot say it themselves: whose its pins are, how long they last, and what
     * placement is to know of them. */
    struct slice pin_group;  /* a group of its owner's; empty: its owner's own */
    uint64_t pin_expire_ms;  /* 0: for ever */
    struct slice pin_labels; /* NAME=VALUE,...: they are at least so tight */
    uint32_t pin_min_copies; /* and there must be so many copies of each; 0: not said */
};

/* When a token was last used; coarse. */
struct token_use {
    char id[TOKEN_ID_SIZE];
    uint64_t used_ms;
};

/* The last record of the audit log that is known to be on disk. */
struct audit_head {
    uint64_t sequence; /* 0: there is none yet */
    uint8_t hash[RECORD_HASH_SIZE];
};

/* One text of the policy that was once in force. Identical bytes are one version. */
struct policy_record {
    uint64_t number; /* 1, 2, ...: what `policy rollback` is told */
    uint8_t hash[RECORD_HASH_SIZE];
    uint64_t created_ms;
    uint64_t activated_ms; /* the last time it came into force: later than every other version's
                              before, also when the clock stood still or went back */
    uint64_t size;         /* of bytes */
    struct slice bytes;    /* what policy/ handed in; not read here. Empty in lists */
    bool is_active;        /* at most one is */
};

/* The rule of a rotation, the same in every engine: the secret in force becomes the old one, good
 * until old_until_ms (0: not at all). ERROR_REFUSED: the token is revoked or has expired, or the
 * old secret of an earlier rotation is still good and would be cut short by this one; with
 * old_until_ms 0 that is what is wanted. */
MUST_USE bool token_record_rotate(struct token_record *record,
                                  const uint8_t secret_hash[RECORD_HASH_SIZE], uint64_t now_ms,
                                  uint64_t old_until_ms, struct error *err);

/* Is now_ms at or behind expires_ms? 0 never is. */
static inline bool record_has_expired(uint64_t expires_ms, uint64_t now_ms)
{
    return expires_ms != 0 && now_ms >= expires_ms;
}

/* Do two hashes agree? Takes the same time wherever they differ. */
bool record_hash_equal(const uint8_t a[RECORD_HASH_SIZE], const uint8_t b[RECORD_HASH_SIZE]);

#endif
