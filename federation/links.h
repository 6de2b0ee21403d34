// SPDX-License-Identifier: Apache-2.0
/* All links of this gateway, at run time: the machine of each (link.h), its numbers, kept replies,
 * breaker and credit, what it asks of the peer and what the peer asks of it.
 *
 * One truth, on the control thread's loop. What a step changes is durable in the ledger before
 * anything that follows from it is done or answered: a link does one thing at a time, and waits for
 * the ledger meanwhile; what comes for it waits behind. Link workers have an immutable view
 * (peers.h), published anew whenever a link's state, epoch, roots or limits change.
 *
 * Who calls from where stands at each function. Nothing here waits. */
#ifndef FEDERATION_LINKS_H
#define FEDERATION_LINKS_H

#include "auth/peer.h"
#include "conf/log.h"
#include "federation/grants.h"
#include "federation/link.h"
#include "federation/link_limits.h"
#include "federation/wire.h"
#include "federation/wire_signed.h"
#include "http/jobs.h"
#include "http/loop.h"
#include "store/store.h"

#include <jansson.h>
#include <sys/socket.h>

/* RFC 8446, section 7.5; 32 bytes, no context. Of the connection that carried a join. */
#define LINKS_EXPORTER_LABEL "EXPORTER-causeway-link-1"

struct block_store;
struct identity_keeper;
struct links;
struct peers;
struct pipe_store;
struct transaction;

/* Borrowed, until links_close returns. */
struct links_settings {
    struct loop *loop; /* the control thread's */
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct store *store;
    struct jobs *jobs;
    struct log_writer *messages;
    struct identity_keeper *keeper;
    struct gateway_id id;     /* us */
    const char *advertise;    /* HOST:PORT that partners dial; "": we cannot be dialled */
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
    /* A new view; one reference goes with it. Called from links_open too. */
    void (*publish)(void *arg, const struct peers *peers);
    void *arg;
};

/* Reads the ledger: BLOCKS, for the start. */
MUST_USE bool links_open(struct links **links, const struct links_settings *settings,
                         struct error *err);
/* Gives up what is under way; nothing is called back any more but link_call's of link workers that
 * were answered already. Link workers must have ended before. NULL is fine. Control thread. */
void links_close(struct links **links);

/* Our identity has changed (identity_keeper_set_user): new leaf, roots document or signing key.
 * Control thread. */
void links_renewed(struct links *links);
/* Has every partner that is not gone said that it knows our newest roots document? Control thread.
 */
bool links_know_our_roots(const struct links *links);

/* ---- what peers ask */

/* Borrowed. The port has checked the certificate, the signature and the date. */
struct link_inbound {
    const char *method; /* "POST" */
    const char *path;   /* "/link/v1/batch" */
    enum wire_message kind;
    struct slice body;
    char link[ULID_SIZE];     /* "" of a join: it is in the body */
    struct peer_identity who; /* a join: not filled in. Roots: root is zero if it was not known */
    bool has_signed;          /* not of a join */
    struct wire_signed is;
    uint8_t exporter[32];    /* of a join */
    X509 *leaf;              /* of a join: references are taken */
    STACK_OF(X509) * others; /* of a join; may be NULL */
    struct sockaddr_storage from;
};

/* Good until on_done returns. */
struct link_outcome {
    int status;
    struct slice body;    /* JSON */
    struct slice headers; /* "Causeway-Signed: ...\r\n", "Retry-After: ...\r\n"; may be empty */
};

struct link_call;
typedef void (*link_done_cb)(void *arg, const struct link_outcome *outcome);

/* From a link worker's loop. Copies. Refused (too many wait): false with err, never a call.
 * Accepted: on_done once, later, on that loop. */
MUST_USE bool links_take(struct links *links, struct loop *loop, struct link_call **call,
                         const struct link_inbound *inbound, link_done_cb on_done, void *arg,
                         struct error *err);
/* From its loop: on_done will not be called; what was asked may take effect all the same. Clears
 * *call; NULL is fine. */
void links_take_cancel(struct link_call **call);

/* A message was refused at the port for its date, or its certificate was of no root that is known.
 * Any thread; copies. */
void links_tell_skew(struct links *links, const char link[ULID_SIZE], int64_t skew_ms);

/* ---- what our operators ask. Control thread */

enum links_what {
    LINKS_INVITE, /* partner, org, address, ttl_ms. Of a link that is there: refused */
    LINKS_JOIN, /* text: the invitation; partner: what we call them, NULL: of their org; address */
    LINKS_CONFIRM, /* partner, text: the words, or is_yes */
    LINKS_CANCEL,
    LINKS_SUSPEND,
    LINKS_RESUME,
    LINKS_REVOKE,
    LINKS_REPIN, /* partner, ttl_ms: answers with an invitation */
    LINKS_LIMIT, /* limits: kept and shown; enforced where bytes go */
    LINKS_DRAIN, /* notes that it is to end in good order: drains.h does it. LINKS_CANCEL and
                    LINKS_REVOKE end that */
};

/* Borrowed. */
struct links_command {
    enum links_what what;
    const char *actor;   /* who asks, for the history */
    const char *partner; /* our name for them; NULL: see above */
    const char *text;
    const char *org;     /* that may join, or NULL: any */
    const char *address; /* HOST:PORT where we can be dialled for this link; NULL: as configured;
                            "none": nowhere */
    uint64_t ttl_ms;     /* of an invitation; 0: 24 h */
    bool is_yes;
    struct link_limits limits;
};

/* Good until on_done returns, but for output. */
struct links_answer {
    int status;        /* 200; 400 and more: refused, and said is why */
    struct slice said; /* one or more sentences: what was done, what the other side must do next */
    json_t *output;    /* the receiver's; NULL with a refusal. May have: invitation, words, expires,
                          state, dials {here, there, why} */
};

/* Copies. False with err: never a call. True: on_done once, later, or at once. */
MUST_USE bool links_command(struct links *links, const struct links_command *command,
                            void (*on_done)(void *arg, const struct links_answer *answer),
                            void *arg, struct error *err);

/* The truth about one link, with the age of each evidence; partner NULL: an array of all, shorter.
 * NULL: there is none. */
json_t *links_describe(const struct links *links, const char *partner);

/* One link as it is now, for who works over it. Borrowed until the loop turns. Control thread. */
struct links_peer {
    const char *link, *org;
    enum link_state state;
    uint64_t epoch;
    const struct roots *roots;           /* their newest document; sequence 0: none */
    const char *settled;                 /* of theirs: the key that they said last; "": none */
    bool is_draining, is_draining_there; /* one side is about to end it in good order */
};

/* False: there is no such link. */
bool links_peer(const struct links *links, const char *partner, struct links_peer *peer);

/* What the policy of one side grants: of what the other places with it, and of its own there. */
struct link_grants {
    struct grant we_store, they_store;
};

/* Ours, told the partner in heartbeats; a change at once. */
void links_tell_grants(struct links *links, const char *partner, const struct link_grants *ours);

/* The links that are being drained. Must not change anything. */
void links_each_draining(const struct links *links, void (*on_link)(void *arg, const char *partner),
                         void *arg);

/* Told of each link when it is set, then whenever a state has changed, once that is durable.
 * Borrowed; NULL: nobody watches. Control thread. */
struct links_watch {
    void (*on_link)(void *arg, const char *partner, const char *link, enum link_state state);
    /* What they say in heartbeats that they grant, at first and at each change. */
    void (*on_grants)(void *arg, const char *partner, const struct link_grants *theirs);
    void *arg;
};

void links_set_watch(struct links *links, const struct links_watch *watch);

struct links_counters {
    uint64_t states[LINK_STATES];
    uint64_t sent, answered, failed, untrusted; /* requests of ours; of these, in the end */
    uint64_t taken, refused;                    /* requests of peers */
    uint64_t items_sent, items_taken, items_repeated, items_refused;
};

/* Any thread. */
struct links_counters links_counters(const struct links *links);

/* ---- items: what allocations ask of a peer, and are asked. Control thread */

/* One that a peer asks; until link_item_answer. */
struct link_item;

struct link_action {
    const char *name; /* "allocation.reserve"; an id (conf/id.h) */
    /* Must lead to exactly one link_item_answer, at once or later. */
    void (*take)(void *arg, struct link_item *item);
    void *arg;
};

/* Serves an action from now on; action is borrowed for good. An item of an action that nobody
 * serves is answered 404. */
void links_serve(struct links *links, const struct link_action *action);

const char *link_item_partner(const struct link_item *item);
const char *link_item_link(const struct link_item *item);
const char *link_item_key(const struct link_item *item);
struct slice link_item_with(const struct link_item *item); /* JSON; empty: none */

/* Not after links_close: who serves actions ends before. effects (taken over; such as the ledger
 * refuses only when it fails) and the kept reply are one commit; then the answer goes. If the
 * ledger fails nothing has happened, and the peer asks again. message: one line, from 400 on; else
 * NULL. with_json: an object, or empty. 507 is kept as those below 500 are; 429 and others from
 * 500 on are not: the peer asks again. */
void link_item_answer(struct link_item *item, int status, struct slice with_json,
                      const char *message, struct transaction *const *effects, size_t count);

struct link_ask;
/* result is what the peer answered; or NULL, and err says why it never will be: the link ended, or
 * the two sides agreed that it was lost; or (ERROR_TIMEOUT) that the peer has put it off for half a
 * minute: the caller may ask again, under the same key. */
typedef void (*link_ask_cb)(void *arg, const struct wire_result *result, const struct error *err);

/* Asks until it is answered: waits for the link's state, its breaker and its credit; batched with
 * others. key: a ULID that the caller has journaled, above all that it asked of this partner
 * before; the same one again after a restart. on_done once, later; when it returns the answer
 * counts as settled only after links_settle. False with err: there is no such link. */
MUST_USE bool links_ask(struct links *links, struct link_ask **ask, const char *partner,
                        const char *key, const char *action, struct slice with_json,
                        link_ask_cb on_done, void *arg, struct error *err);
void links_ask_cancel(struct link_ask **ask);
/* The answer to this key is durable with the caller: it will never be asked again. */
void links_settle(struct links *links, const char *partner, const char *key);

/* What both sides compare before an isolated link goes on: pages (statement.h) of what each holds
 * to be true of what either holds for the other. */
enum link_page_verdict {
    LINK_PAGE_AGREES,  /* they have right what we hold for them */
    LINK_PAGE_DIFFERS, /* count entries of what we hold for them are wrong there; they learn */
    LINK_PAGE_FAILED,  /* it could not be read, or not be made durable: asked again */
};

/* page: empty if nothing is held; NULL: it could not be made, and is asked for again. */
typedef void (*link_made_cb)(void *arg, const struct slice *page);
/* next: the last of the ids that both pages cover, behind which the next ones begin; "": both were
 * the last. */
typedef void (*link_page_cb)(void *arg, enum link_page_verdict verdict, uint64_t count,
                             const char *next);

/* Both lead to exactly one on_done, at once or later, before links_close. */
struct link_holdings {
    /* The page of what comes behind this id ("": the first). */
    void (*put_page)(void *arg, const char *partner, const char *after, link_made_cb on_done,
                     void *done_arg);
    /* A page of theirs that begins behind this id; empty: they hold nothing. What they hold for us
     * is the truth about it from now on: what we believed and is not there is lost. on_done when
     * that is durable. */
    void (*take_page)(void *arg, const char *partner, const char *after, struct slice page,
                      link_page_cb on_done, void *done_arg);
    void *arg;
};

/* ---- statements at a cut (statement.h): each side makes the same ones of its own ledger */

struct link_cut {
    char ours[ULID_SIZE];   /* settled, of us */
    char theirs[ULID_SIZE]; /* "": where they are now */
    char after[ULID_SIZE];  /* a page of what comes behind this id */
};

/* Borrowed for the call. */
struct link_cut_page {
    const struct link_cut *cut;   /* with both sides */
    struct slice page, signature; /* signature: of the last page; else empty */
};

/* page NULL: err says why not; ERROR_LIMIT: not now. */
typedef void (*link_cut_cb)(void *arg, const struct link_cut_page *page, const struct error *err);

/* Asks the peer for a page of its own. One at a time of a link: else false with err, never a call.
 * on_done once, later. */
MUST_USE bool links_ask_cut(struct links *links, const char *partner, const struct link_cut *cut,
                            link_cut_cb on_done, void *arg, struct error *err);

/* Makes those that a peer asks for: on_done once, at once or later, before links_close. */
struct link_cutter {
    void (*make)(void *arg, const char *partner, const struct link_cut *cut, link_cut_cb on_done,
                 void *done_arg);
    void *arg;
};

/* NULL (as at first): they are refused. Borrowed for good. */
void links_set_cutter(struct links *links, const struct link_cutter *cutter);

/* NULL (as at first): nobody holds anything. Borrowed for good. */
void links_set_holdings(struct links *links, const struct link_holdings *holdings);

#endif
