// SPDX-License-Identifier: Apache-2.0
/* Objects of the ledger that are missing here, brought back from partners that hold them: found,
 * fetched, verified and imported, and pinned again.
 *
 *     QUEUED -> FINDING who holds it -> FETCHING from one after the other -> PINNING -> done
 *
 * Holders that were cut off, or had no time, are asked in up to three rounds, seconds apart.
 * One retrieval for an object, however many wait for it; they wait as long as something moves. It
 * goes on when nobody waits any more: what is missing is missing for the next one, too. One truth,
 * on the control thread's loop; calls come from any loop.
 *
 * Who finds holders, moves bytes and pins is a table of functions (struct retrieval_source), all of
 * the control thread. */
#ifndef FEDERATION_RETRIEVAL_H
#define FEDERATION_RETRIEVAL_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/log.h"
#include "conf/ulid.h"
#include "http/loop.h"
#include "ipfs/cid.h"

enum {
    RETRIEVAL_HOLDERS_MAX = 8, /* that are asked of one object */
    RETRIEVALS_AT_ONCE = 8,
    RETRIEVALS_MAX = 1000, /* those that wait for their turn, too */
};

#define RETRIEVAL_SILENCE_MS UINT64_C(30000) /* nothing moved: who waits is told so */

struct retrieval_holder {
    char partner[ID_SIZE];
    char allocation[ULID_SIZE];
    uint64_t bytes, blocks; /* that its receipt says: no more is taken. blocks 0: not known */
};

/* err NULL: they are who holds it, the best first (none: nobody does). Borrowed. */
typedef void (*retrieval_found)(void *arg, const struct retrieval_holder *holders, size_t count,
                                const struct error *err);
/* Bytes have come. */
typedef void (*retrieval_moved)(void *arg);
/* err NULL: the whole object is in the storage; or is pinned there. */
typedef void (*retrieval_ended)(void *arg, const struct error *err);

/* All start or are refused: false with err, never a call. Accepted: called back once, later, and
 * *operation is gone then; nothing after cancel, which clears *operation. */
struct retrieval_source {
    bool (*find)(void *arg, void **operation, const struct cid *object, retrieval_found on_found,
                 void *found_arg, struct error *err);
    bool (*fetch)(void *arg, void **operation, const struct retrieval_holder *holder,
                  const struct cid *object, retrieval_moved on_moved, retrieval_ended on_fetched,
                  void *fetched_arg, struct error *err);
    /* Whatever claims there are on it hold again: its blocks are here. */
    bool (*pin)(void *arg, void **operation, const struct cid *object, retrieval_ended on_pinned,
                void *pinned_arg, struct error *err);
    void (*cancel)(void *arg, void **operation);
    void *arg;
};

struct retrievals_settings {
    struct loop *loop; /* the control thread's */
    struct log_writer *messages;
    struct retrieval_source source;
};

struct retrievals;

struct retrievals *retrievals_create(const struct retrievals_settings *settings);
/* Gives up what is under way. No call waits any more. */
void retrievals_destroy(struct retrievals **retrievals);

enum retrieval_outcome {
    RETRIEVAL_DONE,
    RETRIEVAL_NOBODY, /* no partner holds it: it is no object of ours, or has no other copy */
    RETRIEVAL_SILENT, /* nothing moved for RETRIEVAL_SILENCE_MS; it goes on */
    RETRIEVAL_FAILED, /* every holder was asked */
};

struct retrieval_call;

/* why: not DONE: one sentence; borrowed. */
typedef void (*retrieval_done)(void *arg, enum retrieval_outcome outcome, struct slice why);

/* Any thread that runs loop. Refused: false with err, never a call. Accepted: on_done once, later,
 * on loop. */
MUST_USE bool retrieval_start(struct retrievals *retrievals, struct loop *loop,
                              struct retrieval_call **call, const struct cid *object,
                              retrieval_done on_done, void *arg, struct error *err);
/* From its loop: on_done will not be called. Clears *call; NULL is fine. */
void retrieval_cancel(struct retrieval_call **call);

/* Since the start; any thread. */
struct retrieval_counters {
    uint64_t begun, done, failed, under_way;
};
struct retrieval_counters retrieval_counters(const struct retrievals *retrievals);

#endif
