// SPDX-License-Identifier: Apache-2.0
/* The bytes of allocations, over links: what partners send here and read back from here (the port
 * asks, port_data.c), and what is sent to and fetched from them. docs/link-protocol.md, "Data".
 *
 * All bytes move on the link worker's loop, over connections of their own (never a heartbeat's);
 * files are written and blocks hashed in the job pool. Control says who may, and asks for what is
 * to be done; it never touches a byte. Memory does not grow with an object: SINK_ROOM and the
 * receiver's own batch for what comes, SOURCE_ROOM for what goes.
 *
 * A transfer ends by itself, by transfers_cancel, or when its link changes (generation): what has
 * come stays in the inbox, and the next one goes on behind it. */
#ifndef FEDERATION_TRANSFERS_H
#define FEDERATION_TRANSFERS_H

#include "conf/log.h"
#include "federation/peers.h"
#include "http/jobs.h"
#include "http/server.h"
#include "ipfs/cid.h"
#include "upstream/upstream.h"

enum {
    TRANSFERS_OF_LINK = 2, /* in each direction; more wait, or are told 429 */
    TRANSFERS_AT_ONCE = 8, /* likewise, of all links */
    TRANSFERS_SAID_SIZE = 240,
};

#define TRANSFERS_STALL_MS UINT64_C(30000) /* without a byte */
#define TRANSFERS_ANSWER_MS                                                                        \
    UINT64_C(120000) /* from the last byte to the answer: it is verified                           \
                      */

/* What came of a read-back that was given up or failed: whoever reads it again until then goes on
 * with it. It goes at once if it was not what was promised. */
#define TRANSFERS_KEPT_MS UINT64_C(600000)

struct transfers;

/* ---- what control is asked, on its thread */

enum transfers_want {
    TRANSFERS_RECEIVE, /* the link's partner sends it here: it is the owner, and has room */
    TRANSFERS_GIVE,    /* ... reads it back: it is the owner, and it is pinned here */
    TRANSFERS_ASK,     /* ... asks how far it is: it is the owner */
};

struct transfers_permit {
    unsigned status; /* 200; 404: not of this link, or nothing to be told; 410: over; 507; 503 */
    char said[TRANSFERS_SAID_SIZE]; /* a sentence; but with 404, which never says more */
    struct cid root;
    uint64_t bytes_max;  /* that were reserved */
    uint64_t blocks_max; /* 0: see receive_create */
    uint64_t position;   /* what the record says */
    bool is_whole;       /* ... all of it: nothing need be sent */
};

struct transfers_question;

struct transfers_control {
    /* Leads to one transfers_permit_answer, at once or later. */
    void (*permit)(void *arg, struct transfers_question *question, const char *link,
                   const char *partner, const char *id, enum transfers_want want);
    /* So many blocks are durable in the inbox; is_whole: all, and what they were. */
    void (*received)(void *arg, const char *partner, const char *id, uint64_t position,
                     bool is_whole, uint64_t bytes, uint64_t blocks);
    /* What came is not what was promised: nothing more of it will be taken. */
    void (*rejected)(void *arg, const char *partner, const char *id, const char *said);
    void *arg;
};

/* Control thread. */
void transfers_permit_answer(struct transfers_question *question,
                             const struct transfers_permit *permit);

/* ---- its life */

/* Borrowed for its life, but for what is copied. */
struct transfers_settings {
    struct loop *control; /* the control thread's */
    struct transfers_control asks;
    struct jobs *jobs;
    const char *inbox;        /* the folder; made by inbox_prepare */
    struct log_writer *log;   /* the link worker's; NULL: none */
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
    uint64_t keep_ms;         /* 0: TRANSFERS_KEPT_MS */
    /* The storage, as the link worker's loop speaks to it; called on its thread, once for each
     * source: the first one, and those of transfers_renew. It sees to the source's end. */
    struct upstream *(*open)(void *arg, void *source, struct loop *loop, struct block_store *blocks,
                             struct pipe_store *pipes);
    void *source;
    void *arg;
};

/* Does nothing before the first transfers_view. */
struct transfers *transfers_create(const struct transfers_settings *settings);
/* Behind worker_stop and worker_settle, and before worker_destroy; whoever asked has canceled
 * before worker_settle. NULL is fine. */
void transfers_destroy(struct transfers **transfers);

/* The link worker's loop (the first call: before it turns): this view holds from now on. Transfers
 * of a link that changed end. */
void transfers_view(struct transfers *transfers, struct server *server, const struct peers *peers);

/* The storage has changed: what begins from now on uses what open makes of this. Control thread,
 * until worker_settle. */
void transfers_renew(struct transfers *transfers, void *source);

/* How fast a partner's blocks may come here, whatever its link may carry: its grant's rate. */
struct transfers_rate {
    char partner[ID_SIZE];
    uint64_t rate; /* bytes a second, above 0 */
};

/* In force from now on, for what is under way too; whoever is not named is not limited. Copies.
 * Control thread, until worker_settle. */
void transfers_use_rates(struct transfers *transfers, const struct transfers_rate *rates,
                         size_t count);

/* ---- what control asks for; control thread, after the first transfers_view
 *
 * Each starts or is refused: false with err, never a call. Accepted: on_done once, later, and the
 * transfer is gone then; nothing after transfers_cancel. */

struct transfer;

struct transfers_order {
    const char *partner; /* our name for it */
    const char *id;      /* of the allocation */
    const char *link;    /* import: that it came over */
    const struct cid *root;
    uint64_t bytes_max, blocks_max; /* fetch, import: see receive_create */
    int32_t priority;               /* of those that wait; then the smaller first */
    uint64_t bytes;
};

/* So many blocks are durable there (send) or here (fetch, which also tells of bytes that have come
 * and are not yet). May cancel, as its last act. */
typedef void (*transfers_moved)(void *arg, uint64_t position, bool is_whole);
/* err NULL: done. status: of the partner's refusal, or 0. */
typedef void (*transfers_ended)(void *arg, unsigned status, const struct error *err);

/* Asks the holder how far it is and sends from there. ERROR_NOT_FOUND with status 0: a block is
 * missing here. */
MUST_USE bool transfers_send(struct transfers *transfers, struct transfer **transfer,
                             const struct transfers_order *order, transfers_moved on_moved,
                             transfers_ended on_done, void *arg, struct error *err);
/* Reads an object of ours back, verifies it, and takes it into the storage; nothing is pinned. */
MUST_USE bool transfers_fetch(struct transfers *transfers, struct transfer **transfer,
                              const struct transfers_order *order, transfers_moved on_moved,
                              transfers_ended on_done, void *arg, struct error *err);
/* Takes a spool that is whole into the storage; it stays. ERROR_NOT_FOUND: it is not whole. */
MUST_USE bool transfers_import(struct transfers *transfers, struct transfer **transfer,
                               const struct transfers_order *order, transfers_ended on_done,
                               void *arg, struct error *err);
/* The spool goes; none there is fine. */
MUST_USE bool transfers_remove(struct transfers *transfers, struct transfer **transfer,
                               const char *link, const char *id, transfers_ended on_done, void *arg,
                               struct error *err);
/* Clears *transfer; NULL is fine. */
void transfers_cancel(struct transfer **transfer);

/* ---- counters; any thread */

enum transfers_end {
    TRANSFERS_DONE,
    TRANSFERS_REFUSED, /* by control, or for a limit */
    TRANSFERS_BEYOND,  /* more than was reserved */
    TRANSFERS_BAD,     /* not the blocks that were promised */
    TRANSFERS_STALLED,
    TRANSFERS_CHANGED, /* the link did */
    TRANSFERS_BROKEN,  /* the connection, or who asked left */
    TRANSFERS_FAILED,  /* storage or files here */
    TRANSFERS_ENDS,
};
const char *transfers_end_name(enum transfers_end end);

struct transfers_counters {
    uint64_t bytes_in, bytes_out;
    uint64_t received[TRANSFERS_ENDS], given[TRANSFERS_ENDS]; /* what partners asked for */
    uint64_t sent[TRANSFERS_ENDS], fetched[TRANSFERS_ENDS];   /* what we did */
    uint64_t imported, removed;
};
struct transfers_counters transfers_counters(const struct transfers *transfers);

#endif
