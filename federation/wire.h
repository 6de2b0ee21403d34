// SPDX-License-Identifier: Apache-2.0
/* The messages of a link, version 1: what stands in the bodies under /link/v1/.
 *
 * Pure; any thread. Every message but errors begins with "v"; a version that is not spoken here is
 * ERROR_UNSUPPORTED. `from` and `to` are the incarnations of who speaks and who is spoken to. Roots
 * documents are dag-cbor with their signatures (auth/roots.h), and bytes here. */
#ifndef FEDERATION_WIRE_H
#define FEDERATION_WIRE_H

#include "conf/id.h"
#include "conf/ulid.h"
#include "federation/wire_shape.h"

enum {
    WIRE_VERSION_MIN = 1,
    WIRE_VERSION_MAX = 1,
    WIRE_ITEMS_MAX = 50, /* of a batch */
    WIRE_FEATURES_MAX = 64,
    WIRE_MESSAGE_MAX = 400,
    WIRE_ADDRESS_MAX = 512,
    WIRE_ROOTS_MAX = 8 * 1024, /* a roots document */
    WIRE_PAGE_MAX = 96 * 1024,
    WIRE_SIGNATURE_MAX = 72,
    WIRE_WITH_MAX = 16 * 1024, /* what an item says of itself */
};

#define WIRE_NO_LIMIT UINT64_C(9007199254740991)

struct wire_versions {
    uint64_t min, max;
};

/* GET /link/v1/hello */
struct wire_hello {
    struct wire_versions versions;
    char org[WIRE_ORG_SIZE];
    char node[ID_SIZE];
    struct wire_list features; /* ids; what is spoken beyond the version */
    struct wire_list must;     /* ids; who does not know one of these must not go on: 426 */
    uint64_t body_max, items_max;
    uint64_t roots;
    uint64_t date_ms;
};

/* POST /link/v1/join */
struct wire_join {
    uint64_t version;
    char link[ULID_SIZE];
    uint64_t invite_epoch;
    uint64_t last_epoch; /* that the joining side remembers; 0: none */
    char org[WIRE_ORG_SIZE];
    char node[ID_SIZE];
    char address[WIRE_ADDRESS_MAX + 1]; /* "": they cannot be dialled */
    uint64_t incarnation;
    struct text roots;               /* the signed document, see auth/roots.h */
    uint8_t proof[WIRE_DIGEST_SIZE]; /* see invitation.h */
};

struct wire_joined {
    uint64_t version;
    char link[ULID_SIZE];
    uint64_t epoch;
    uint64_t incarnation;
    struct text roots;
    bool reaches;     /* the address that the request told was dialled, and answered as theirs */
    uint64_t ignored; /* members of the request that are not known here */
};

struct wire_credit {
    uint64_t items, bytes;
};

/* WIRE_NO_LIMIT: not limited. version 0: not told. */
struct wire_grant {
    uint64_t version;
    uint64_t bytes, pins, max_object;
};

enum wire_state {
    WIRE_STATE_PENDING,
    WIRE_STATE_ACTIVE,
    WIRE_STATE_DEGRADED,
    WIRE_STATE_ISOLATED,
    WIRE_STATE_SUSPENDED,
};

/* POST /link/v1/heartbeat, and its answer */
struct wire_heartbeat {
    uint64_t version;
    uint64_t from, to;
    uint64_t sequence; /* of the answer; of the request it stands in the signed header */
    uint64_t state;    /* enum wire_state: to be shown, not to be acted on */
    bool confirmed, suspended, isolated;
    uint64_t taken, roots, roots_known;
    struct wire_credit credit;
    uint64_t load;           /* percent */
    char settled[ULID_SIZE]; /* as of a batch: what was settled since the last one, too */
    struct wire_grant we_store, they_store; /* of the speaker's policy */
    bool draining;                          /* the speaker is about to end the link in good order */
    uint64_t ignored;
};

/* POST /link/v1/roots: one document. Who lacks several is sent them one after the other. */
struct wire_roots {
    uint64_t version;
    uint64_t from, to;
    uint64_t sequence; /* of the document */
    struct text roots;
};

struct wire_item {
    char key[ULID_SIZE];
    char action[ID_SIZE];
    struct text with; /* a JSON object, of the action's own shape */
};

/* POST /link/v1/batch: at most WIRE_ITEMS_MAX, done in order */
struct wire_batch {
    uint64_t version;
    uint64_t from, to;
    char settled[ULID_SIZE]; /* "": nothing yet */
    struct wire_list items;
};

struct wire_result {
    uint64_t status; /* as HTTP has them */
    struct text with;
    char key[ULID_SIZE];
    char message[WIRE_MESSAGE_MAX + 1]; /* "" below 400 */
};

/* Its answer, 200: one result an item, in order */
struct wire_results {
    uint64_t version;
    uint64_t from, to;
    struct wire_credit credit;
    struct wire_list results;
    uint64_t ignored;
};

/* POST /link/v1/statement, and its answer: what who speaks holds to be true of what either holds
 * for the other, a page of it; sent while either has isolated the link. With `settled` it asks for
 * a page of the statement at a cut, and brings none. */
struct wire_statement {
    uint64_t version;
    uint64_t from, to;
    uint64_t sequence;             /* of the answer */
    char after[ULID_SIZE];         /* the page is of what comes behind this id; "": the first */
    char settled[ULID_SIZE];       /* of who speaks: its side of the cut; "": no cut */
    char settled_there[ULID_SIZE]; /* of who is spoken to; "": where it is now */
    struct text page;              /* federation/statement.h; empty: nothing is held */
    struct text signature;         /* of a last page at a cut */
    uint64_t ignored;
};

enum wire_cause { WIRE_CAUSE_REVOKED, WIRE_CAUSE_EXPIRED, WIRE_CAUSE_REPINNED };

/* POST /link/v1/end, and the answer to any message of an epoch that is over */
struct wire_end {
    uint64_t version;
    uint64_t epoch;
    uint64_t cause; /* enum wire_cause */
    uint64_t date_ms;
};

enum wire_problem {
    WIRE_PROBLEM_MALFORMED,       /* 400 */
    WIRE_PROBLEM_DATE,            /* 400: clocks differ by more than 300 s */
    WIRE_PROBLEM_STRANGER,        /* 403 */
    WIRE_PROBLEM_SIGNATURE,       /* 403 */
    WIRE_PROBLEM_PROOF,           /* 403 */
    WIRE_PROBLEM_BEHIND,          /* 409: no such link or epoch is known */
    WIRE_PROBLEM_USED,            /* 409: the invitation */
    WIRE_PROBLEM_NUMBER,          /* 409: floor */
    WIRE_PROBLEM_OLD_INCARNATION, /* 409 */
    WIRE_PROBLEM_WRONG_PARTY,     /* 409: a heartbeat first */
    WIRE_PROBLEM_OLD_ROOTS,       /* 409 */
    WIRE_PROBLEM_GONE,            /* 410: the invitation */
    WIRE_PROBLEM_TOO_LARGE,       /* 413 */
    WIRE_PROBLEM_VERSION,         /* 426: versions */
    WIRE_PROBLEM_BUSY,            /* 429 */
    WIRE_PROBLEM_LATER,           /* 503 */
    WIRE_PROBLEM_STATE,           /* 503: the link's state does not allow it now */
    WIRE_PROBLEM_DATA,            /* 400: not the blocks that were promised */
    WIRE_PROBLEM_UNKNOWN,         /* 404: an allocation */
    WIRE_PROBLEM_POSITION,        /* 409: blocks from another place on are wanted */
    WIRE_PROBLEMS,
};

/* Any other answer */
struct wire_error {
    uint64_t problem;                   /* enum wire_problem */
    char message[WIRE_MESSAGE_MAX + 1]; /* one line for a person */
    uint64_t epoch;
    uint64_t floor;
    uint64_t retry_after_s;
    uint64_t date_ms;
    struct wire_versions versions;
};

enum wire_message {
    WIRE_HELLO,
    WIRE_JOIN,
    WIRE_JOINED,
    WIRE_HEARTBEAT,
    WIRE_ROOTS,
    WIRE_BATCH,
    WIRE_RESULTS,
    WIRE_STATEMENT,
    WIRE_END,
    WIRE_ERROR,
    WIRE_MESSAGES,
};

/* Its largest body, in bytes. */
size_t wire_body_max(enum wire_message kind);
const struct wire_shape *wire_shape(enum wire_message kind);
unsigned wire_problem_status(enum wire_problem problem);
const char *wire_problem_name(enum wire_problem problem);

/* message: the struct above; to be given to wire_free also after a failure. */
MUST_USE bool wire_parse(enum wire_message kind, struct slice body, void *message,
                         unsigned *unknown, struct error *err);
void wire_print(enum wire_message kind, const void *message, struct text *out);
void wire_free(enum wire_message kind, void *message);

/* The greatest version that both speak. ERROR_UNSUPPORTED: none, and who is to be updated. */
MUST_USE bool wire_choose_version(struct wire_versions ours, struct wire_versions theirs,
                                  uint64_t *version, struct error *err);
/* ERROR_UNSUPPORTED names the first of `must` that is not known. */
MUST_USE bool wire_check_must(const struct wire_list *must, const char *const *known,
                              struct error *err);

#endif
