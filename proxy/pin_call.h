// SPDX-License-Identifier: Apache-2.0
/* What the pin commands share: whose pins, which CIDs the arguments stand for, one step after the
 * other, and the answer in Kubo's shape. Loop thread only. */
#ifndef PROXY_PIN_CALL_H
#define PROXY_PIN_CALL_H

#include "proxy/rpc_call.h"
#include "upstream/tracker.h"

/* A walk over the owner's recursive pins: pins_indirect.h. */
struct indirect {
    struct cid *roots; /* a page of them */
    size_t count, index;
    char after[ULID_SIZE];
    bool has_more;
};

/* The work of a call (struct rpc). At most one of resolving, waiting and reading is under way. */
struct pin_call {
    struct rpc *rpc;
    struct owner owner;
    struct cid *cids; /* what the arguments stand for */
    size_t count;     /* of those that are known */
    size_t index;     /* of the one that is being seen to */
    struct operation *resolving;
    struct tracker_call *waiting;
    struct transaction *reading;
    struct operation *measuring;
    struct timer deadline; /* the caller's `timeout`, of the whole call as in Kubo */
    struct copies_wait *copies;
    uint64_t begun_ms;                      /* of the loop */
    void (*proceed)(struct pin_call *pins); /* all CIDs are known; all copies are there */

    /* A reply of lines that has begun. */
    bool is_producing;
    struct text lines; /* to be written */
    bool has_ended;    /* behind lines */
    /* All lines are written: what comes next? False: it cannot be had. NULL: nothing is asked. */
    bool (*on_room)(struct pin_call *pins);

    /* pin/update, pin/ls, pin/verify: their own. */
    struct text name, labels;
    uint64_t expires_ms;   /* of the pin that is moved; 0: never */
    uint64_t nodes, bytes; /* of pin/add: as told last */
    uint32_t min_copies;   /* of the pin that is moved */
    unsigned modes;        /* 1 << enum pin_mode: what is listed */
    char after[ULID_SIZE];
    bool has_more, has_entries, shows_names, is_whole;
    struct slice filter; /* of names; empty: none */
    bool shows_indirect;
    struct indirect indirect;
    void (*on_indirect)(struct pin_call *pins, const struct cid *root);
};

/* Begins the work: finds the owner, then makes CIDs of all arguments, then proceeds. Refuses the
 * call if that fails. */
void pin_call_start(struct rpc *rpc, void (*proceed)(struct pin_call *pins));

/* Starts a call of the tracker about cids[index]; on_done as tracker_start. Refuses if it cannot.
 */
void pin_call_track(struct pin_call *pins, const struct tracker_request *request,
                    tracker_progress on_progress, tracker_done on_done);

/* Starts a transaction, which is the ledger's or gone afterwards; on_done gets the pin_call. False:
 * the ledger cannot take it. */
MUST_USE bool pin_call_try_read(struct pin_call *pins, struct transaction *transaction,
                                store_done_cb on_done, struct error *err);
/* The same; refuses the call if it cannot. */
void pin_call_read(struct pin_call *pins, struct transaction *transaction, store_done_cb on_done);

/* Appends the CID as this call wants CIDs written: cid-base, upgrade-cidv0-in-output. */
void pin_call_put_cid(const struct pin_call *pins, const struct cid *cid, struct text *out);

/* Appends nodes and bytes to the lines as Kubo writes them: what is zero is left out. */
void pin_call_put_progress(struct pin_call *pins);

/* Ends the call with an answer of the tracker that is not DONE, or any other failure: a status if
 * no line went out, else a last line. */
void pin_call_fail(struct pin_call *pins, const struct tracker_answer *answer);
void pin_call_refuse(struct pin_call *pins, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Then waits until there are so many copies of each of these, or as many as the policy wants;
 * then proceeds, or refuses. The caller's `timeout` goes on. */
void pin_call_wait_copies(struct pin_call *pins, const struct cid *cids, size_t count,
                          uint32_t copies, void (*proceed)(struct pin_call *pins));

/* {"Pins":["cid",...]}, the end of most. */
void pin_call_answer_pins(struct pin_call *pins);

/* More lines are there, or (has_ended) the end. Begins the reply with the first call. */
void pin_call_produce(struct pin_call *pins);

/* The CID of a pin as it was typed. False: the ledger is damaged there. */
bool pin_call_read_cid(const struct pin_record *record, struct cid *cid);

/* May this call reach beyond what is here? */
bool pin_call_is_offline(const struct rpc *rpc);

#endif
