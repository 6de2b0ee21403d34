// SPDX-License-Identifier: Apache-2.0
/* What the parts of the links' run time share. Control thread, but where it says else.
 *
 * A side is our side of one link. It does one thing at a time: each is a `struct work` that has its
 * turn, steps the machine, waits until what changed is durable (side_save), and only then answers
 * or sends. So what the cores of link.h want of who runs them holds by itself. */
#ifndef FEDERATION_LINKS_PRIVATE_H
#define FEDERATION_LINKS_PRIVATE_H

#include "auth/identity_keeper.h"
#include "auth/words.h"
#include "federation/breaker.h"
#include "federation/invitation.h"
#include "federation/line_budget.h"
#include "federation/link_codec.h"
#include "federation/links.h"
#include "federation/peer_client.h"
#include "federation/peers.h"
#include "federation/replies.h"
#include "federation/sequence.h"
#include "federation/share.h"
#include "federation/signature.h"

#include <stdatomic.h>

enum {
    LINKS_WORKS_MAX = 64, /* that wait for one link */
    LINKS_LINES_MAX = 30, /* a second, of what peers are refused */
    SIDE_SAVES = 32,      /* transactions of one commit */
    LINKS_ADDRESSES = INVITATION_ADDRESSES_MAX,
    LINKS_ADDRESS_SIZE = INVITATION_ADDRESS_SIZE,
};

struct side;

/* Must lead to side_done once. */
struct work {
    void (*run)(struct work *work);
    void (*drop)(struct work *work); /* it will never run: frees it */
    struct side *side;
    struct work *next;
};

enum call_kind {
    CALL_JOIN,
    CALL_HEARTBEAT,
    CALL_ROOTS,
    CALL_STATEMENT,
    CALL_END,
    CALL_BATCH,
    CALL_OWN_ROOTS, /* what they know of our roots that we do not */
    CALL_CUT,       /* a page of their statement at a cut */
    CALLS,
};

struct call;
struct cut_inbound;
struct asked;
struct note;

struct side {
    struct links *links;
    struct link link;

    /* durable beside the record */
    char org[ORG_SIZE];
    char our_address[LINK_KEPT_ADDRESS_MAX + 1];
    char addresses[LINKS_ADDRESSES][LINKS_ADDRESS_SIZE];
    size_t address_count;
    char words[WORDS_SIZE];
    uint8_t invitation_key[INVITATION_KEY_SIZE]; /* ours, or of the one that we join by */
    struct link_limits limits;
    struct roots roots; /* theirs; sequence 0: not known */
    uint64_t ended_epoch;
    struct sequence_sender sender;
    struct sequence_receiver receiver;
    struct replies replies;
    struct breaker breaker;

    /* flags of all that follows, in one place */
    bool has_invitation, is_view_changed, has_save_failed, is_tick_queued;
    bool is_renumbered; /* a number was refused, and no request answered since */
    bool again[CALLS];  /* once more when this one is over */
    /* to be made durable by the next side_save */
    bool is_changed, is_sent_changed, is_taken_changed, is_settled_changed;
    bool is_new; /* nothing of it is in the ledger */
    struct note *notes, **notes_end;
    /* to be done behind it */
    struct link_actions due;

    struct link_grants grants_here, grants_there;
    bool has_grants_here, has_grants_there, is_draining_there;
    uint64_t drain_epoch, drain_since_ms; /* durable: of LINKS_DRAIN */

    struct credit credit;
    uint64_t statement_sequence; /* of theirs, the last one taken */
    uint64_t joined_ms;          /* monotonic: when they joined by our invitation; 0: long ago */
    uint64_t roots_told;         /* number of our document that they took last, by their answer */
    uint64_t own_roots_asked_ms; /* monotonic; 0: never */
    int reaches_us;              /* what they said of our address: 1, -1, 0 nothing */
    char last_failure[LINK_TEXT_SIZE]; /* of a request of ours; "": the last one was answered */

    const struct peer *peer; /* in the view; NULL: none */
    uint64_t generation;
    struct peer_client *client;
    struct call *calls[CALLS];

    struct work *works, **works_end, *work; /* work: has its turn */
    size_t work_count;
    void (*then)(struct work *work); /* of side_save */
    size_t saving;                   /* transactions that are not answered */
    struct transaction *saves[SIDE_SAVES];
    struct timer save_again, tick, pump;
    struct later next_turn;
    struct share share; /* of the control thread */
    struct timer rest;
    struct work tick_work;

    struct {
        char after[ULID_SIZE]; /* where the next page begins */
        uint64_t differing;
    } said, heard; /* a comparison that we began, and one that they did */
    struct {
        struct link_cut cut;
        link_cut_cb on_done; /* NULL: nothing is asked */
        void *arg;
    } cutting;
    struct cut_inbound *cut_inbound; /* of theirs, being made; NULL: none */
    struct asked *asked;             /* by key, rising: items of ours that are not settled */
    char settled[ULID_SIZE];
    struct batch *batches; /* of theirs, being done */
    size_t batch_count;
    struct join_waiter *waiters;
};

struct links {
    struct links_settings settings;
    char advertise[LINKS_ADDRESS_SIZE];
    struct side **sides;
    size_t count, room;
    SSL_CTX *server_tls, *client_tls;
    const struct identity_view *identity;
    uint64_t view_number, generations;
    struct later publish;
    struct ulid_source ulids;
    const struct link_action **actions;
    size_t action_count;
    const struct link_holdings *holdings;
    const struct link_cutter *cutter;
    const struct links_watch *watch;
    struct line_budget lines;
    bool is_closing;
    atomic_size_t call_count; /* of link workers, and one: who holds the memory */
    atomic_uint_fast64_t states[LINK_STATES];
    atomic_uint_fast64_t sent, answered, failed, untrusted, taken, refused;
    atomic_uint_fast64_t items_sent, items_taken, items_repeated, items_refused;
};

static inline void links_count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- links.c */

void links_drop(struct links *links); /* one of call_count */
struct link_now links_now(const struct links *links);
uint64_t links_random(void); /* above 0, below 2^64 */
struct side *links_by_partner(const struct links *links, const char *partner);
struct side *links_by_id(const struct links *links, const char *id);
/* A link with this organization that is not over, but for one (or NULL). NULL: none. */
const struct side *links_by_org(const struct links *links, const char *org, const struct side *but);
/* With nothing in it yet; it is in the list. */
struct side *links_add_side(struct links *links);
void links_tell_roots(struct side *side);
void links_publish_soon(struct links *links);
void links_tell_watch(const struct side *side);
void links_draw_ulid(struct links *links, char ulid[ULID_SIZE]);

/* ---- links_side.c: turns, steps, what is durable */

void side_do(struct side *side, struct work *work); /* asserts nothing of how many wait */
bool side_is_full(const struct side *side);
/* The current work's turn is over. */
void side_done(struct side *side);
void side_step(struct side *side, const struct link_event *event, struct link_actions *actions);
/* In its turn. then is called when everything that changed is durable and what steps asked for has
 * begun; at once, if nothing changed. */
void side_save(struct side *side, void (*then)(struct work *work));
void side_tick_soon(struct side *side);
/* A line for the history, with the next save. */
void side_note(struct side *side, const char *actor, const char *event, enum link_state from,
               const char *said);
uint64_t side_draw_number(struct side *side);
/* In breaker's words; keeps what must be kept. */
struct breaker_verdict side_breaker(struct side *side, enum breaker_event event, uint64_t pause_ms);
void side_set_address(struct side *side, const char *address);
/* Copies their document. False: it is not well formed. */
bool side_set_roots(struct side *side, struct slice bytes, struct error *err);
const char *side_our_address(const struct side *side); /* "": we cannot be dialled */
struct wire_credit side_credit(const struct side *side);
void side_put_heartbeat(struct side *side, struct wire_heartbeat *heartbeat);
/* links_levels.c: what is in a heartbeat beside the machine's levels; heard of the newest alone. */
void levels_put(const struct side *side, struct wire_heartbeat *heartbeat);
void levels_hear(struct side *side, const struct wire_heartbeat *heartbeat, uint64_t sequence);
bool side_is_draining(const struct side *side);
struct link_levels side_levels_of(const struct wire_heartbeat *heartbeat, uint64_t sequence);
void side_dispose(struct side *side);

/* ---- links_store.c: the ledger */

/* Whichever of the peer's gateways speaks, its numbers and keys are one row for the link, and are
 * kept under this name: it makes nodes as it likes, and a row for each would be its to multiply. */
#define LINKS_THEIR_NODE "peer"

struct transaction *side_link_put(const struct side *side);
struct transaction *side_claim(const struct side *side, bool is_ours);
struct transaction *side_settle(const struct side *side);
MUST_USE bool links_load(struct links *links, struct error *err);

/* ---- links_send.c: requests of ours */

void side_send(struct side *side, enum call_kind kind);
void side_renew_client(struct side *side);
void side_cut_calls(struct side *side);
void side_drop_calls(struct side *side); /* at the end: all that is under way */

/* ---- links_join.c */

/* One of our operators who waits for what becomes of a join. */
struct join_waiter {
    void (*on_done)(void *arg, const struct links_answer *answer);
    void *arg;
    struct join_waiter *next;
};

void join_answer_waiters(struct side *side, int status, const char *said);

/* ---- links_items.c, links_ask.c, links_statement.c */

void side_drop_items(struct side *side); /* and batches */
void items_settle(struct side *side, const char *settled);
void side_drop_batches(struct side *side);
void side_pump(struct side *side);       /* sends what may be sent */
void side_fail_asked(struct side *side); /* the link is over */

/* Of an item: it was done or refused. Else (429, 5xx) nothing has happened, and it is asked again;
 * "no room" is a refusal like any other. */
static inline bool links_is_answer(unsigned status)
{
    return (status < 500 && status != 429) || status == 507;
}

#endif
