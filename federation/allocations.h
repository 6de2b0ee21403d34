// SPDX-License-Identifier: Apache-2.0
/* All allocations of this gateway, at run time: the machine of each (allocation.h), the accounts of
 * their links, and what is to be done for them.
 *
 * One truth, on the control thread's loop. What a step changes is durable in the ledger before
 * anything that follows from it is begun or answered. Allocations at rest, those that are stuck
 * until their time comes, and those far behind in a queue are in the ledger alone; the others are
 * here, too, from the start of the process on. What it works through (links, bytes, storage) is a
 * table of functions, all of the control thread.
 *
 * Items come again after a crash, and are answered as before: the machine is idempotent by the
 * allocation's id, so the effect and the link's kept reply need not be one commit. */
#ifndef FEDERATION_ALLOCATIONS_H
#define FEDERATION_ALLOCATIONS_H

#include "conf/log.h"
#include "federation/allocation.h"
#include "federation/grants.h"
#include "federation/statement.h"
#include "http/loop.h"
#include "store/store.h"

#include <jansson.h>

struct allocations;

enum {
    ALLOCATIONS_SLOTS = 128,     /* that reserve or transfer at one partner at once */
    ALLOCATIONS_WITH_MAX = 4096, /* bytes of what an item says */
    ALLOCATIONS_WINDOW = 1000,   /* of each queue of a link, that are in memory; up to twice */
    ALLOCATIONS_RELEASES_BURST = 100,
    ALLOCATIONS_LEARNED_MAX = 10000, /* lost ones of a link, beyond which none is learned */
};

/* Releases of one link: a burst, then so many an hour, or a hundredth of what is placed there. */
#define ALLOCATIONS_RELEASES_HOUR UINT64_C(100)

/* The answer to an item of ours: status and with (JSON, may be empty), message from 400 on; err: it
 * will never be answered. */
typedef void (*allocations_answered)(void *arg, int status, struct slice with, const char *message,
                                     const struct error *err);
/* position blocks are durable there; complete: all. May lead to cancel: the last act of who calls.
 */
typedef void (*allocations_moved)(void *arg, uint64_t position, bool is_complete);
/* err NULL: done. status: of the holder's refusal, or 0. */
typedef void (*allocations_ended)(void *arg, unsigned status, const struct error *err);

/* The object as a CAR; empty: it is larger than asked for. */
typedef void (*allocations_read)(void *arg, struct slice car, const struct error *err);

/* Each starts or is refused: false with err, never a call. Accepted: on_... once, later, and
 * *operation is gone then; nothing after unask or cancel, which clear *operation. record is
 * borrowed for the call. */
struct allocations_ways {
    /* ---- items, with link_arg: allocations_links.h fills these */
    /* links_ask, and links_settle when the answer is durable. */
    bool (*ask)(void *link_arg, void **operation, const char *partner, const char *key,
                const char *action, struct slice with, allocations_answered on_done, void *done_arg,
                struct error *err);
    void (*unask)(void *link_arg, void **operation);
    void (*settle)(void *link_arg, const char *partner, const char *key);
    /* Appends a signed receipt as {"receipt":"m...","signature":"m..."}. */
    bool (*sign)(void *link_arg, const char *partner, const struct allocation_record *record,
                 struct text *with, struct error *err);
    /* A receipt that came: verified, and what it says filled into event (root, bytes, blocks,
     * key). */
    bool (*verify)(void *link_arg, const char *partner, const char *id, struct slice with,
                   struct allocation_event *event, struct error *err);
    void *link_arg;

    /* ---- bytes and storage, with arg */

    /* Blocks to the holder, from where it is on; ERROR_NOT_FOUND: blocks are missing here. */
    bool (*send)(void *arg, void **operation, const char *partner,
                 const struct allocation_record *record, allocations_moved on_moved,
                 allocations_ended on_done, void *done_arg, struct error *err);
    /* An object that goes with its reservation; ERROR_NOT_FOUND: blocks are missing here. */
    bool (*read)(void *arg, void **operation, const struct allocation_record *record, size_t max,
                 allocations_read on_read, void *done_arg, struct error *err);
    /* The spool into the storage, then claimed for the partner, then the spool goes.
     * ERROR_MISMATCH, ERROR_NOT_FOUND, ERROR_REFUSED: it never will be. carried: not empty: these
     * blocks (the sections of a CAR) came with the reservation, and there is no spool. */
    bool (*import)(void *arg, void **operation, const char *partner,
                   const struct allocation_record *record, struct slice carried,
                   allocations_ended on_done, void *done_arg, struct error *err);
    /* The claim and the spool; what is not there is fine. */
    bool (*remove)(void *arg, void **operation, const char *partner,
                   const struct allocation_record *record, allocations_ended on_done,
                   void *done_arg, struct error *err);
    void (*cancel)(void *arg, void **operation);
    void *arg;

    /* The copies of this object (binary CIDv1) have changed: place it anew. NULL: nobody does. */
    void (*replan)(void *replan_arg, struct slice object);
    void *replan_arg;
};

struct allocations_settings {
    struct loop *loop; /* the control thread's */
    struct store *store;
    struct log_writer *messages;
    uint64_t (*now_ms)(void);         /* wall clock, since 1970 */
    void (*random)(void *to, size_t); /* bytes; RAND_bytes */
    size_t window;                    /* 0: ALLOCATIONS_WINDOW */
    struct allocations_ways ways;
};

struct allocations *allocations_create(const struct allocations_settings *settings);
/* Gives up what is under way; the next start goes on with it. NULL is fine. */
void allocations_destroy(struct allocations **allocations);

/* ---- links and grants */

enum allocations_link_state {
    ALLOCATIONS_LINK_UP,   /* active: new allocations are asked for */
    ALLOCATIONS_LINK_DOWN, /* in force, and not active */
    ALLOCATIONS_LINK_OVER, /* revoked, expired, closed */
};

/* A link is there, or has changed: for each at the start, then at each change. What the ledger has
 * of it is loaded the first time. partner: our name for them. */
void allocations_link(struct allocations *allocations, const char *link, const char *partner,
                      enum allocations_link_state state);
/* What our policy grants, of a link that is known; what it was told already changes nothing. Until
 * the first time nothing is reserved, on either side: "nothing is granted" is not known yet. */
void allocations_grant(struct allocations *allocations, const char *partner, struct grant we_store,
                       struct grant they_store);

/* What they told of theirs: of what we place there (we_store), and of what they place here. What is
 * stuck since nothing or too little was granted is asked again. */
void allocations_told(struct allocations *allocations, const char *partner, struct grant we_store,
                      struct grant they_store);
/* The link is to end in good order, or not after all. While it is, nothing is reserved in either
 * direction, and everything is told (ALLOCATION_DRAIN), after a start and whenever this is called
 * again too; when it is not any more, once (ALLOCATION_STAY). */
void allocations_drain(struct allocations *allocations, const char *partner, bool drains);

/* ---- what is asked for here */

/* A copy at a partner. id: drawn for it; the answer is in the ledger when on_done comes (err: it is
 * not). */
typedef void (*allocations_done)(void *arg, const struct error *err);
MUST_USE bool allocations_place(struct allocations *allocations, const char *partner,
                                const struct cid *root, uint64_t bytes, uint64_t blocks,
                                int32_t priority, char id[ULID_SIZE], struct error *err);
/* Events of our own side: WANT, RELEASE, EVICT, DRAIN, STORAGE_LOST, RECEIVED, REJECTED. event->id
 * names it. False: no such link. on_done may be NULL. */
MUST_USE bool allocations_tell(struct allocations *allocations, const char *partner,
                               enum allocation_role role, const struct allocation_event *event,
                               allocations_done on_done, void *arg, struct error *err);

/* ---- what partners ask */

/* Once, later or at once, when the effect is durable. Borrowed. */
typedef void (*allocations_reply)(void *arg, int status, struct slice with, const char *message);
/* An item of a partner: "allocation.reserve", ... False: there is no such action. */
MUST_USE bool allocations_take(struct allocations *allocations, const char *partner,
                               const char *action, const char *key, struct slice with,
                               allocations_reply on_reply, void *arg);

/* ---- statements (statement.h): what is held on either side, as the ledger has it */

/* A key that every item of ours to them up to it was answered, durably: our side of a cut. The
 * ledger knows what is under way, so it is exact after a start, too. False: the link is not known,
 * or still being loaded. */
MUST_USE bool allocations_settled(struct allocations *allocations, const char *partner,
                                  char settled[ULID_SIZE], struct error *err);
/* Whether this is such a key. */
MUST_USE bool allocations_is_settled(struct allocations *allocations, const char *partner,
                                     const char *settled, struct error *err);

/* Adds what comes behind page->after, until it is full or the last. page was begun with us, org;
 * it is borrowed until on_done, which is called once, later or at once. */
void allocations_state(struct allocations *allocations, const char *partner, const char *org,
                       struct statement *page, allocations_done on_done, void *arg);

struct allocations_comparison {
    struct statement ours;   /* begun, without a cut; behind theirs.after */
    struct statement theirs; /* as it came */
    /* out, of the ids that both pages cover */
    uint64_t differing;   /* what we hold for them and they have wrong */
    char next[ULID_SIZE]; /* the last of these ids; "": both pages were the last */
};

/* What they hold for us is the truth from now on: each allocation of these ids is told what they
 * state of it, and what is not known here is learned: as a copy if our people have pinned it, else
 * as one that is noted and left alone. on_done: all of it is durable; err: it is not, or it is no
 * page to compare with. Borrowed until then. */
void allocations_compare(struct allocations *allocations, const char *partner, const char *org,
                         struct allocations_comparison *comparison, allocations_done on_done,
                         void *arg);

/* ---- questions */

/* False: the ledger is still to be read; nothing can be told of this partner's allocations yet. */
bool allocations_are_loaded(const struct allocations *allocations, const char *partner);
/* The record, if it is at work; NULL else: what rests, is stuck or waits far behind in a queue is
 * in the ledger alone. Borrowed until the next turn. */
const struct allocation_record *allocations_find(const struct allocations *allocations,
                                                 const char *partner, enum allocation_role role,
                                                 const char *id);
/* Our name for the partner of a link, as rows of the ledger have it; NULL: there is none. */
const char *allocations_partner(const struct allocations *allocations, const char *link);
/* How many there are in each state, those at rest too, and of those that wait, why (enum
 * allocation_reason). Any thread. */
struct allocations_counters {
    int64_t states[ALLOCATION_STATES], stuck[ALLOCATION_REASONS];
};
struct allocations_counters allocations_counters(const struct allocations *allocations);
/* NULL: there is no such link. */
const struct grant_account *allocations_account(const struct allocations *allocations,
                                                const char *partner, enum allocation_role role);

#endif
