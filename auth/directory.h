// SPDX-License-Identifier: Apache-2.0
/* Every token of the ledger, in memory, for threads that may not wait: a lookup takes no lock, does
 * no I/O and never fails for a reason of its own.
 *
 * Records are immutable; a change puts a new record in place of the old one, which is freed when no
 * reader can see it any more. Readers announce themselves for the length of a lookup with one store
 * before and one behind. Changes come from the ledger thread; any thread may make them.
 *
 * *Generation*: a number that grows with each change of a token that was there (revoked, rotated,
 * another expiry) and when a principal's sessions are ended. A principal carries the generation
 * that it was made under, so a sweep over running requests costs one comparison each while nothing
 * was changed, and one lookup each when something was. */
#ifndef AUTH_DIRECTORY_H
#define AUTH_DIRECTORY_H

#include "auth/principal.h"
#include "auth/token.h"
#include "store/store.h"

struct directory;
struct directory_view;

enum directory_answer {
    DIRECTORY_FOUND = 0,
    DIRECTORY_UNKNOWN,     /* no token has this id */
    DIRECTORY_WRONG,       /* the secret is not this token's */
    DIRECTORY_SUPERSEDED,  /* it was, until a rotation */
    DIRECTORY_OTHER_OWNER, /* Basic named a member who does not own the token */
    DIRECTORY_EXPIRED,
    DIRECTORY_REVOKED,
    DIRECTORY_SUSPENDED, /* the credential is good, and its owner is suspended */
    DIRECTORY_ENDED,     /* the principal's sessions were ended: directory_end_sessions */
};

/* "the token was revoked": for logs and for closing a running request. Outside, every failed
 * credential gets one and the same answer, but for DIRECTORY_SUSPENDED. */
const char *directory_answer_text(enum directory_answer answer);

struct directory *directory_create(void);
/* Every reader was destroyed, and the store no longer speaks to it: directory_detach. */
void directory_destroy(struct directory **directory);

/* Reads every token and every suspended member of the ledger and follows its changes from then on.
 * Blocks: at the start. The directory must outlive the store, or be detached before. */
MUST_USE bool directory_attach(struct directory *directory, struct store *store, struct error *err);
void directory_detach(struct directory *directory);

/* Any thread; they take a lock among writers. What directory_attach uses, and tests. */
void directory_put(struct directory *directory, const struct token_record *record);
void directory_remove(struct directory *directory, const char *id);

/* Running requests of this principal are cut at their next sweep, whatever their credential: a
 * member that is suspended or left the policy, a partner whose link was revoked. Any thread. */
void directory_end_sessions(struct directory *directory, enum principal_kind kind, struct slice id);

/* A suspended principal's tokens are answered DIRECTORY_SUSPENDED, and what it runs is cut. Any
 * thread. */
void directory_suspend(struct directory *directory, enum principal_kind kind, struct slice id);
void directory_resume(struct directory *directory, enum principal_kind kind, struct slice id);

/* Grows when something may have been taken away. Any thread. */
uint64_t directory_generation(const struct directory *directory);

/* One for each thread that looks up, used by that thread alone. At most 256 at a time. */
struct directory_view *directory_view_create(struct directory *directory);
void directory_view_destroy(struct directory_view **reader);

/* What a lookup found: a value, good for ever. */
struct directory_token {
    char id[TOKEN_ID_SIZE];
    enum owner_kind owner_kind;
    char owner[ID_SIZE];
    uint64_t expires_ms;
    uint64_t generation;
    bool has_old_secret; /* the credential was the secret before the last rotation */
    uint64_t pin_expire_ms;
    uint32_t pin_min_copies;
    char pin_group[ID_SIZE]; /* "": its owner's own pins */
    char pin_labels[PIN_LABELS_MAX + 1];
    bool is_narrowed;
    size_t role_count;
    struct slice roles[TOKEN_ROLES_MAX]; /* into role_text: do not copy the struct */
    char role_text[TOKEN_ROLES_SIZE];
};

/* The reader's thread. now_ms: since 1970. token is set if the answer is DIRECTORY_FOUND. */
enum directory_answer directory_authenticate(struct directory_view *reader,
                                             const struct credential *credential, uint64_t now_ms,
                                             struct directory_token *token);

/* Sets kind, id and what is known of the credential; they borrow from token. The
 * caller adds what the policy and the connection know. */
void directory_token_describe(const struct directory_token *token, struct principal *facts);

/* The reader's thread: may a request that began as principal go on? DIRECTORY_FOUND: yes. For
 * principals without a token, too. */
enum directory_answer directory_check(struct directory_view *reader,
                                      const struct principal *principal, uint64_t now_ms);

/* The reader's thread. For who is known without a token. */
bool directory_is_suspended(struct directory_view *reader, enum principal_kind kind,
                            struct slice id);

/* Tokens used since they were last collected, at most max, for TRANSACTION_TOKEN_USED; coarse: a
 * use within DIRECTORY_USE_MS of the last one leaves no trace. Any thread, but no loop that is in a
 * hurry: it looks at every token. */
enum { DIRECTORY_USE_MS = 60 * 1000 };
size_t directory_collect_uses(struct directory *directory, struct token_use *uses, size_t max);

struct directory_counters {
    uint64_t tokens;  /* all, revoked ones too */
    uint64_t bytes;   /* memory of tokens and tables */
    uint64_t retired; /* records that wait to be freed */
};

struct directory_counters directory_counters(struct directory *directory);

#endif
