// SPDX-License-Identifier: Apache-2.0
/* The pin tracker: carries out upstream what owners claim, one operation per object at a time.
 *
 * Many calls, of many owners, on many loops; one tracker, on the control thread's loop. For each
 * object that anything happens to it holds a struct ownership (store/ownership.h), whose steps say
 * what is to be done. What changes is written to the ledger before anybody is told: an intent
 * before the operation begins, a confirmation before a call is answered. Objects at rest are in the
 * ledger alone.
 *
 * Quotas on what is stored are taken when a size is known and before a claim is confirmed; a claim
 * that does not fit comes to nothing, and leaves no pin and no charge.
 *
 * A call is started from any loop, by a message; its callbacks run on that loop. */
#ifndef UPSTREAM_TRACKER_H
#define UPSTREAM_TRACKER_H

#include "http/loop.h"
#include "policy/quota.h"
#include "store/store.h"
#include "upstream/upstream.h"

struct tracker;
struct tracker_call; /* one that waits */

enum { TRACKER_LIMITS_MAX = 64 };

/* What is charged is counted here, limited or not. */
struct tracker_quotas {
    /* Fills limits (at most TRACKER_LIMITS_MAX) for stored bytes or (is_pins) for pins, with
     * UINT64_MAX where nothing limits; returns how many. owner NULL: the organization's own; else
     * all but those: the organization is charged once per object, however many own it. What it
     * points to is good until the next call, the counters for ever. Control thread. */
    size_t (*limits)(void *arg, const struct owner *owner, bool is_pins,
                     struct quota_limit *limits);
    void *arg;
};

struct tracker_settings {
    struct loop *loop;
    struct store *store;
    struct upstream *upstream; /* of that loop */
    struct log_writer *messages;
    struct tracker_quotas quotas; /* limits NULL: there are none */
    /* True: nobody may claim it; the reason is appended. NULL: nothing is denied. Control thread.
     */
    bool (*is_denied)(void *arg, const struct cid *cid, struct text *reason);
    void *denied_arg;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
    /* Behind the end of a pin that upstream gave no answer to, until it is looked at once more. A
     * node that was about to write the pin when the connection was cut writes it, and no look
     * before that finds it. */
    uint64_t late_ms;
};

/* Starts with recovery: intents that the journal has open are looked at and ended. Until then calls
 * wait. */
struct tracker *tracker_create(const struct tracker_settings *settings);
/* What begins from now on goes to this upstream; what is under way fails if it is another one's
 * than before, and is seen to by recovery. Control thread. */
void tracker_use(struct tracker *tracker, struct upstream *upstream);
/* Ends: what is under way upstream is left to the next recovery. No call waits any more. Control
 * thread. */
void tracker_destroy(struct tracker **tracker);

enum tracker_action {
    TRACKER_CLAIM,    /* pins; waits until it is pinned */
    TRACKER_RELEASE,  /* unpins; waits until it is gone */
    TRACKER_ADOPT,    /* takes over what is pinned upstream by others */
    TRACKER_TRANSFER, /* the pin `id` goes to owner, whatever its quotas say */
    TRACKER_ABANDON,  /* owner left the policy: its pins of this object are kept, ownerless */
    TRACKER_RETURN,   /* and came back */
    TRACKER_REPAIR, /* looks again, and pins what is held and missing, if its blocks are here; waits
                       until that is done. DONE: what is held is pinned */
};

struct tracker_request {
    enum tracker_action action;
    struct owner owner;
    struct cid cid;     /* as named; any version */
    enum pin_mode mode; /* RELEASE: PIN_DIRECT refuses a recursive one */
    struct slice typed; /* CLAIM: the CID as it is to be shown; empty: in its own usual form */
    bool has_name;      /* CLAIM: name replaces the one it has */
    struct slice name;
    struct slice labels; /* CLAIM: replace those that it has; empty: they stay */
    uint32_t min_copies; /* CLAIM: replaces how many it asks for; 0: that stays */
    uint64_t expires_ms; /* CLAIM: 0: never */
    /* CLAIM: a pin that is there already ends at expires_ms, too. Else it may be made to last for
     * ever, and never to end sooner. */
    bool shortens;
    bool offline;       /* CLAIM: nothing is fetched: the blocks are here, or it fails */
    char id[ULID_SIZE]; /* RELEASE, TRANSFER: that pin; RELEASE of "": the owner's in slot 0 */
    bool wants_progress;
};

enum tracker_outcome {
    TRACKER_DONE,
    TRACKER_NOT_PINNED,
    TRACKER_PINNED_RECURSIVELY,
    TRACKER_FOREIGN,  /* pinned upstream by somebody else in a way that stands against it */
    TRACKER_CANCELED, /* the owner took it back by another call meanwhile */
    TRACKER_QUOTA,    /* text names the limit */
    TRACKER_DENIED,   /* by settings.is_denied */
    TRACKER_MISSING,  /* offline, and blocks are not here */
    TRACKER_FAILED,   /* upstream or the ledger failed: text */
};

struct tracker_answer {
    enum tracker_outcome outcome;
    struct slice text;  /* not DONE: one sentence for the caller */
    char id[ULID_SIZE]; /* of the pin */
    uint64_t bytes;     /* DONE of CLAIM, ADOPT: of the object in this mode */
};

typedef void (*tracker_done)(void *arg, const struct tracker_answer *answer);
/* Nodes and bytes that are there so far; at most twice a second. */
typedef void (*tracker_progress)(void *arg, uint64_t nodes, uint64_t bytes);

/* Any thread that runs loop. Copies the request. Refused (the tracker is full or ends): false with
 * err, never a call. Accepted: on_done once, later, on loop. */
MUST_USE bool tracker_start(struct tracker *tracker, struct loop *loop, struct tracker_call **call,
                            const struct tracker_request *request, tracker_progress on_progress,
                            tracker_done on_done, void *arg, struct error *err);

/* Nothing is under way, and nobody waits. Control thread. */
bool tracker_is_idle(const struct tracker *tracker);

/* From its loop: nothing is called any more. A claim that nobody waits for is given up, unless it
 * was confirmed meanwhile. Clears *call; NULL is fine. */
void tracker_cancel(struct tracker_call **call);

#endif
