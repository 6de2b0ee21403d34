// SPDX-License-Identifier: Apache-2.0
/* The storage behind, as one loop speaks to it. Two faces:
 *
 *   commands     upstream_relay: any command of the catalogue, for an exchange, streamed
 *   operations   what treatments, the tracker and federation need themselves
 *
 * What stands behind (a Kubo node, an embedded one) is a table of functions; nobody above this
 * folder knows which. Every operation starts or is refused: refused, false with err, never a call.
 * Accepted: on_done once, later, on this loop, and the operation is gone when it is called; nothing
 * after upstream_cancel. Loop thread only. */
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
    half_rewrite rewrite;      /* likewise, and so are the rest */
    void *rewrite_arg;
    struct view *view;
    bool holds_end, holds_head;
    void (*on_held)(struct exchange *exchange);
    /* Rewrite and holds are for a reply of status 200; any other passes as it is. */
    bool is_for_success;
    /* See struct relay: the storage's failure, before any of it has passed. Only for calls without
     * a file in the body, and without holds of a reply that fails. */
    bool (*on_failure)(struct exchange *exchange, int status, struct slice body);
    /* Blocks that are missing may come: a storage that can wait for one with what it has of the
     * reply does, and calls on_missing once, as long as *may_wait (of the loop, good until the
     * exchange ends) is so. Then it fails as ever. NULL: at once. on_missing decides nothing. */
    const bool *may_wait;
    void (*on_missing)(struct exchange *exchange);
    /* What is said, instead of the storage's own words, when a block is still missing behind that.
     * Good until the exchange ends; NULL or empty: those words. */
    const struct text *why_missing;
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

/* CIDv0 and CIDv1 of one block are two pins to a storage, and stand side by side (seen on Kubo 0.39
 * and 0.43). Ours are always of the v1 form: it is what upstream_look, _pin and _measure make of
 * any CID. Others pin what `ipfs add` printed, which is mostly v0; so upstream_look asks for both
 * forms, and a pin of the v0 form is foreign whatever its name. upstream_unpin takes the form it is
 * given: whoever takes a foreign v0 pin over pins the v1 form first (nothing is fetched), then
 * removes the other. Listings give each pin in its own form. */

struct operation_result {
    enum pin_mode ours, foreign; /* look: of the v1 form: a pin that bears our name, or another */
    enum pin_mode foreign_v0;    /* look: of the v0 form, whatever its name */
    bool has_bytes;       /* measure; pin: the storage told (Kubo from 0.40 on, if recursive) */
    uint64_t bytes;       /* distinct blocks of the object, with PIN_DIRECT the root's own */
    uint64_t blocks;      /* how many these were; pin: 0 if it is direct */
    struct slice path;    /* resolve: "/ipfs/<cid>/...". Borrowed */
    uint64_t used, total; /* capacity: bytes. total 0: not known */
    uint64_t count;       /* list_pins, gc: how many there were; contains */
};

typedef void (*operation_done)(void *arg, const struct operation_result *result,
                               const struct error *err);

/* What upstream holds of this object, in one look: never "indirect". name is ours. */
MUST_USE bool upstream_look(struct upstream *upstream, struct operation **operation,
                            const struct cid *cid, struct slice name, operation_done on_done,
                            void *arg, struct error *err);

/* Nodes and bytes found so far, those that were here before too; at least once a second, whether
 * anything moved or not. bytes stays 0 where the storage does not tell them (Kubo below 0.40). May
 * end it with upstream_cancel, as its last act. */
typedef void (*operation_progress)(void *arg, uint64_t nodes, uint64_t bytes);

/* Pins it under our name. May take as long as the network takes (the storage's own settings say
 * when one that gets nowhere fails with ERROR_TIMEOUT); a cancel, or any failure but
 * ERROR_NOT_FOUND, leaves no pin most of the time: look afterwards, it may have come too late.
 * Never called for what is pinned already: Kubo takes the old pin away before it begins, and puts
 * it back only if all goes well. on_progress NULL is fine. */
MUST_USE bool upstream_pin(struct upstream *upstream, struct operation **operation,
                           const struct cid *cid, enum pin_mode mode, struct slice name,
                           bool offline, operation_progress on_progress, operation_done on_done,
                           void *arg, struct error *err);
/* Removes the pin of that very form of the CID. PIN_DIRECT: fails with ERROR_UNSUPPORTED if it is
 * pinned recursively; PIN_RECURSIVE takes a direct one too. ERROR_NOT_FOUND: there was none. */
MUST_USE bool upstream_unpin(struct upstream *upstream, struct operation **operation,
                             const struct cid *cid, enum pin_mode mode, operation_done on_done,
                             void *arg, struct error *err);
/* Reads the object where it lies (never from the network) and adds its distinct blocks up; with
 * PIN_DIRECT the root's block alone. ERROR_NOT_FOUND: a block is missing. */
MUST_USE bool upstream_measure(struct upstream *upstream, struct operation **operation,
                               const struct cid *cid, enum pin_mode mode, operation_done on_done,
                               void *arg, struct error *err);

/* cid and name are borrowed. May end it with upstream_cancel, as its last act. */
typedef void (*operation_pin_found)(void *arg, const struct cid *cid, enum pin_mode mode,
                                    struct slice name);
/* All recursive and direct pins, ours and foreign: the recursive ones first. It is no snapshot:
 * what is pinned or unpinned meanwhile may be seen, or not. */
MUST_USE bool upstream_list_pins(struct upstream *upstream, struct operation **operation,
                                 operation_pin_found on_pin, operation_done on_done, void *arg,
                                 struct error *err);

/* Does wanted lie below root, somewhere? result->count: 1 or 0. Reads the whole object where it
 * lies. ERROR_NOT_FOUND: a block is missing. */
MUST_USE bool upstream_contains(struct upstream *upstream, struct operation **operation,
                                const struct cid *root, const struct cid *wanted,
                                operation_done on_done, void *arg, struct error *err);

/* Resolves "/ipns/name/sub/path" or "/ipfs/cid/sub/path" to its end; offline: with what the node
 * knows. */
MUST_USE bool upstream_resolve(struct upstream *upstream, struct operation **operation,
                               struct slice path, uint64_t timeout_ms, bool offline,
                               operation_done on_done, void *arg, struct error *err);

/* Removes every block that no pin reaches. Nobody may be writing. */
MUST_USE bool upstream_gc(struct upstream *upstream, struct operation **operation,
                          operation_done on_done, void *arg, struct error *err);

/* A piece of what the storage gives out. Borrowed. May call upstream_pause; and upstream_cancel, as
 * its last act. */
typedef void (*operation_content)(void *arg, struct slice content);
/* The object as it lies here, never from the network: a CARv1 with this root, its blocks in the
 * order of ipfs/walk.h, without the first `skip` of them. ERROR_NOT_FOUND: a block is missing;
 * ERROR_MISMATCH: it has not so many blocks. What came before a failure was right. */
MUST_USE bool upstream_export(struct upstream *upstream, struct operation **operation,
                              const struct cid *root, uint64_t skip, operation_content on_content,
                              operation_done on_done, void *arg, struct error *err);
/* No more content, soon after; and on with it, later. Also from inside on_content. */
void upstream_pause(struct operation *operation);
void upstream_resume(struct operation *operation);

/* Takes in the blocks of a CAR file of ours, which are known to be what their CIDs say, and pins
 * nothing. Durable once it is done. Who asks is inside the gate that keeps garbage from being
 * collected. */
MUST_USE bool upstream_import(struct upstream *upstream, struct operation **operation,
                              const char *path, operation_done on_done, void *arg,
                              struct error *err);

/* A block is damaged, in a sentence. Borrowed. May end it with upstream_cancel, as its last act. */
typedef void (*operation_damage_found)(void *arg, struct slice what);
/* Reads and hashes every block that is here; on_progress: how many so far, as nodes.
 * result->blocks: how many there were; count: damaged ones. Changes nothing. NULL callbacks but
 * on_done are fine. */
MUST_USE bool upstream_verify(struct upstream *upstream, struct operation **operation,
                              operation_progress on_progress, operation_damage_found on_damage,
                              operation_done on_done, void *arg, struct error *err);

MUST_USE bool upstream_capacity(struct upstream *upstream, struct operation **operation,
                                operation_done on_done, void *arg, struct error *err);

/* on_done will not be called. Clears *operation; NULL is fine. */
void upstream_cancel(struct operation **operation);

/* A larger block cannot be imported; 0: the storage says so itself. */
size_t upstream_block_max(const struct upstream *upstream);

/* Where it is, for messages: "127.0.0.1:5001", "embedded". */
const char *upstream_address(const struct upstream *upstream);

/* Every exchange that it served has ended; operations still under way are cancelled. NULL is fine.
 */
void upstream_destroy(struct upstream **upstream);

#endif
