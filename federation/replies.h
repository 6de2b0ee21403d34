// SPDX-License-Identifier: Apache-2.0
/* Replies kept by key, so that an item that comes again is answered as it was and does nothing.
 *
 * Pure; any thread, one at a time per link and sending node. A key is a ULID that the sender draws
 * when it journals the intent; keys of one sender and incarnation go up. With each batch the sender
 * says `settled`: of that key and all before it, it has durably seen the answers (or will not ask
 * again). Those replies are forgotten, and such a key is never taken again. So what is kept is
 * bounded by what the sender may have unsettled: REPLIES_MAX, which is the credit it is given.
 *
 * A reply is durable in the same transaction as what it answers for; after a crash the replies that
 * are there are put back, and nothing else is. */
#ifndef FEDERATION_REPLIES_H
#define FEDERATION_REPLIES_H

#include "conf/error.h"
#include "conf/text.h"
#include "conf/ulid.h"

enum {
    REPLIES_MAX = 256,
    REPLIES_DIGEST_SIZE = 32,
    REPLIES_BYTES_MAX = 64 * 1024, /* of one reply */
};

struct kept_reply {
    char key[ULID_SIZE];
    uint8_t digest[REPLIES_DIGEST_SIZE]; /* SHA-256 of what was asked */
    bool is_answered;                    /* else it is being done */
    struct text body;                    /* the answer, any bytes */
};

/* {0} is empty and has settled nothing. */
struct replies {
    struct kept_reply *kept; /* sorted by key */
    size_t count;
    char settled[ULID_SIZE]; /* "": nothing */
};

enum replies_verdict {
    REPLIES_NEW,       /* do it; replies_answer or replies_drop follows */
    REPLIES_UNDER_WAY, /* the same is being done: 503, ask again */
    REPLIES_ANSWERED,  /* *reply is what was answered */
    REPLIES_DIFFERENT, /* 410: the key was used for other content; another one may say it */
    REPLIES_SETTLED,   /* 410: the sender said that it is done with this key */
    REPLIES_FULL,      /* 429: more unsettled than there is credit for */
};

/* reply (borrowed until the next call) is set for REPLIES_ANSWERED alone. */
enum replies_verdict replies_begin(struct replies *replies, const char *key,
                                   const uint8_t digest[REPLIES_DIGEST_SIZE], struct slice *reply);
/* The body is copied. */
void replies_answer(struct replies *replies, const char *key, struct slice body);
/* It was not done and may be asked again: it failed before it took effect. */
void replies_drop(struct replies *replies, const char *key);
/* False: settled went back, or beyond something that is being done; nothing changes. */
MUST_USE bool replies_settle(struct replies *replies, const char *settled);
/* After a crash, from the journal. */
void replies_load(struct replies *replies, const char *key,
                  const uint8_t digest[REPLIES_DIGEST_SIZE], struct slice body);

/* How many more keys may be begun. */
static inline uint32_t replies_room(const struct replies *replies)
{
    return (uint32_t)(REPLIES_MAX - replies->count);
}

void replies_dispose(struct replies *replies);

#endif
