// SPDX-License-Identifier: Apache-2.0
/* The numbers of a link's messages: per link and sending node, from 1, each used once.
 *
 * Pure; any thread, one at a time per link and node. A message says its epoch, the incarnation it
 * is from and the one it is for; a restored gateway takes nothing that was meant for the one
 * before. Numbers guard against replay and reordering of signed messages. What a message asks for
 * is kept from taking effect twice by its items' keys (replies.h), whose replies are durable with
 * the effect.
 *
 * Neither side writes for each message: SEQUENCE_STEP numbers are claimed at a time, and after a
 * crash all that were claimed count as used. Who is refused for that is told the floor, and goes on
 * above it. */
#ifndef FEDERATION_SEQUENCE_H
#define FEDERATION_SEQUENCE_H

#include "conf/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_WINDOW    1024u /* how far messages may overtake each other */
#define SEQUENCE_STEP      4096u
#define SEQUENCE_MAX       ((UINT64_C(1) << 53) - 1) /* what any JSON reader keeps exact */
/* How far a receiver that follows the rules can be ahead of what was sent to it. */
#define SEQUENCE_RAISE_MAX (2 * (uint64_t)SEQUENCE_STEP)

/* {0} begins at 1. Keep `claimed`; after a crash, {.next = claimed + 1, .claimed = claimed}. */
struct sequence_sender {
    uint64_t next;
    uint64_t claimed;
};

/* The next number. *must_keep: `claimed` went up, and is durable before the message is sent. 0: all
 * are used up, which only a new epoch mends. */
uint64_t sequence_draw(struct sequence_sender *sender, bool *must_keep);
/* The receiver takes nothing below: says its refusal. Too far ahead is ignored. */
void sequence_raise(struct sequence_sender *sender, uint64_t floor);
struct sequence_sender sequence_sender_load(uint64_t claimed);

/* {0} has taken nothing. Keep `claimed`. */
struct sequence_receiver {
    uint64_t highest; /* taken */
    uint64_t floor;   /* this and all below count as taken */
    uint64_t claimed;
    uint64_t taken[SEQUENCE_WINDOW / 64]; /* bit n % SEQUENCE_WINDOW, of those within the window */
};

struct sequence_receiver sequence_receiver_load(uint64_t claimed);

enum sequence_verdict {
    SEQUENCE_TAKEN,    /* new; it is noted */
    SEQUENCE_REPEATED, /* taken before */
    SEQUENCE_BELOW,    /* at or below the floor: too old, or from before a crash */
    SEQUENCE_BEYOND,   /* 0, or above SEQUENCE_MAX */
};

/* *must_keep: `claimed` went up, and is durable before the message takes effect. */
enum sequence_verdict sequence_take(struct sequence_receiver *receiver, uint64_t number,
                                    bool *must_keep);
/* The least that may be new: what a refusal tells. */
uint64_t sequence_floor(const struct sequence_receiver *receiver);

/* Whom a message is from and for. */
struct sequence_pair {
    uint64_t from, to; /* incarnations */
};

enum sequence_party {
    SEQUENCE_KNOWN,
    SEQUENCE_FROM_UNKNOWN, /* an incarnation we have not heard of: a heartbeat must come first */
    SEQUENCE_FOR_ANOTHER,  /* for us as we were before a restore, or for nobody */
};

/* here: our incarnation; there: the peer's, as far as we know. */
enum sequence_party sequence_party(struct sequence_pair pair, uint64_t here, uint64_t there);

/* How much may be under way at once, as the receiver said last. A level: what is lost or late is
 * mended by the next. {0} allows nothing. */
struct credit {
    uint32_t items, items_used;
    uint64_t bytes, bytes_used;
};

/* An item larger than all the bytes there are goes when nothing else is under way. */
MUST_USE bool credit_take(struct credit *credit, uint64_t bytes);
void credit_give(struct credit *credit, uint64_t bytes);
/* May be less than what is used: then nothing is taken until enough was given back. */
void credit_set(struct credit *credit, uint32_t items, uint64_t bytes);

#endif
