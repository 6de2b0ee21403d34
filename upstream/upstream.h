// SPDX-License-Identifier: Apache-2.0
/* The storage behind, as one loop speaks to it. Two faces:
 *
 *   commands     upstream_relay: any command of the catalogue, for an exchange, streamed
 *   operations   what treatments, the tracker and federation need themselves
 *
 * What stands behind (a Kubo node, an embedded one) is a table of functions; nobody above this
 * folder knows which. Every operation starts or is refused: refused, false with err, never a call.
 * Accepted: on_done once, later, on this loop; nothing after upstream_cancel. Loop thread only. */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "http/exchange.h"
#include "ipfs/call.h"
#include "ipfs/cid.h"
#include "store/record.h"

struct upstream;
struct operation; /* one that is under way */

/* ---- commands */

struct upstream_request {
    const struct call *call; /* as it was checked; printed here. Borrowed until the exchange ends */
    struct slice content_type; /* of the client's body; {NULL, 0}: none */
    struct slice headers;      /* further lines for the upstream, each with CR LF */
    bool is_retryable;         /* see struct relay */
    bool may_be_silent;        /* such as pin/add: no limit on the reply's silence */
    bool is_endless;           /* such as pubsub/sub: ends when the client does */
    struct slice break_line;   /* see struct relay */
    half_rewrite rewrite;      /* likewise */
    void *rewrite_arg;
};

/* The exchange's body goes to the command (or the call's own arguments, if they stood in the body),
 * its reply to the client, with the headers that Kubo's clients heed. */
void upstream_relay(struct upstream *upstream, struct exchange *exchange,
                    const struct upstream_request *request);

/* ---- operations
 *
 * err of on_done is NULL, or says what went wrong: ERROR_NOT_FOUND: the blocks are not there (or
 * not here, offline), or the pin; ERROR_UNSUPPORTED: the storage said no, in its own words;
 * ERROR_TIMEOUT: it said nothing; ERROR_MISMATCH: what it said makes no sense; others: it cannot be
 * reached. */

struct operation_result {
    enum pin_mode ours, foreign; /* look: pins that bear our name, and others */
    bool has_bytes;              /* pin, measure */
    uint64_t bytes;       /* distinct blocks below the root, the root's own with PIN_DIRECT */
    uint64_t blocks;      /* measure, of these; else 0 */
    struct slice path;    /* resolve: "/ipfs/<cid>/...". Borrowed */
    uint64_t used, total; /* capacity: bytes. total 0: not known */
    uint64_t count;       /* list_pins, gc: how many there were */
};

typedef void (*operation_done)(void *arg, const struct operation_result *result,
                               const struct error *err);

/* What upstream holds of this object, in one look: never "indirect". name is ours. */
MUST_USE bool upstream_look(struct upstream *upstream, struct operation **operation,
                            const struct cid *cid, struct slice name, operation_done on_done,
                            void *arg, struct error *err);

/* Nodes and bytes found so far; at least once a second while something moves. May end it with
 * upstream_cancel, as its last act. */
typedef void (*operation_progress)(void *arg, uint64_t nodes, uint64_t bytes);

/* Pins it under our name. May take as long as the network takes; a cancel leaves no pin (but look
 * afterwards: it may have come too late). Never called for what is pinned already. */
MUST_USE bool upstream_pin(struct upstream *upstream, struct operation **operation,
                           const struct cid *cid, enum pin_mode mode, struct slice name,
                           bool offline, operation_progress on_progress, operation_done on_done,
                           void *arg, struct error *err);
/* Removes the pin of that mode. ERROR_NOT_FOUND: there was none. */
MUST_USE bool upstream_unpin(struct upstream *upstream, struct operation **operation,
                             const struct cid *cid, enum pin_mode mode, operation_done on_done,
                             void *arg, struct error *err);
/* Reads the object where it lies (never from the network) and adds its distinct blocks up; with
 * PIN_DIRECT the root's block alone. ERROR_NOT_FOUND: a block is missing. */
MUST_USE bool upstream_measure(struct upstream *upstream, struct operation **operation,
                               const struct cid *cid, enum pin_mode mode, operation_done on_done,
                               void *arg, struct error *err);

/* cid and name are borrowed. */
typedef void (*operation_pin_found)(void *arg, const struct cid *cid, enum pin_mode mode,
                                    struct slice name);
/* All recursive and direct pins, ours and foreign. */
MUST_USE bool upstream_list_pins(struct upstream *upstream, struct operation **operation,
                                 operation_pin_found on_pin, operation_done on_done, void *arg,
                                 struct error *err);

/* Resolves "/ipns/name/sub/path" or "/ipfs/cid/sub/path" to its end; offline: with what the node
 * knows. */
MUST_USE bool upstream_resolve(struct upstream *upstream, struct operation **operation,
                               struct slice path, uint64_t timeout_ms, bool offline,
                               operation_done on_done, void *arg, struct error *err);

/* Removes every block that no pin reaches. Nobody may be writing. */
MUST_USE bool upstream_gc(struct upstream *upstream, struct operation **operation,
                          operation_done on_done, void *arg, struct error *err);
MUST_USE bool upstream_capacity(struct upstream *upstream, struct operation **operation,
                                operation_done on_done, void *arg, struct error *err);

/* on_done will not be called. Clears *operation; NULL is fine. */
void upstream_cancel(struct operation **operation);

/* Where it is, for messages: "127.0.0.1:5001", "embedded". */
const char *upstream_address(const struct upstream *upstream);

/* Every exchange that it served has ended; operations still under way are cancelled. NULL is fine.
 */
void upstream_destroy(struct upstream **upstream);

#endif
