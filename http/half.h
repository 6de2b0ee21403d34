// SPDX-License-Identifier: Apache-2.0
/* One direction of an exchange: takes a message from where it comes (a connection, memory, or a
 * function that makes it), out of its framing, into a new one, to the connection where it goes. An
 * exchange is two of them, which run and end independently.
 *
 * A half reads only when all that it read before was written: that is the back-pressure, and the
 * bound on its memory. It watches its descriptors itself; their owner calls half_run when one is
 * ready. Loop thread only. */
#ifndef HTTP_HALF_H
#define HTTP_HALF_H

#include "http/connection.h"
#include "http/framing.h"
#include "http/meter.h"
#include "http/splice.h"
#include "http/view.h"

enum { HALF_CONTENT_VECTORS = 24, HALF_VECTORS = HALF_CONTENT_VECTORS + 8 };

enum half_result {
    HALF_WAITS_READ,   /* for its source */
    HALF_WAITS_WRITE,  /* for its destination; the source is not read meanwhile */
    HALF_DONE,         /* the whole message was written */
    HALF_HELD,         /* all but what half_release lets go was written */
    HALF_REFUSED,      /* its meter or its view said no; half->refusal says why */
    HALF_SOURCE_ENDED, /* before the message did: a truncation */
    HALF_SOURCE_FAILED,
    HALF_SOURCE_BROKE_FRAMING, /* decoder.fault says how */
    HALF_DESTINATION_FAILED,
};

/* Changes content on its way: appends what shall stand in its place to out, at once or later. At
 * the end of the message it is called once more, with is_last and no content. */
typedef void (*half_rewrite)(void *arg, struct slice content, bool is_last, struct text *out);

enum produce_result {
    PRODUCE_MORE,  /* at least a byte was appended */
    PRODUCE_WAIT,  /* for something that is not there yet: run again then */
    PRODUCE_END,   /* the message is whole */
    PRODUCE_BREAK, /* it never will be: the result is HALF_SOURCE_ENDED */
};

/* Makes content: appends the next piece to out (with any result), best 4 to 64 KiB. Called only
 * when all that was made before is written. */
typedef enum produce_result (*half_produce)(void *arg, struct text *out);

struct half {
    struct connection *from; /* NULL: the message stands in memory, or is made by produce */
    struct connection *to;
    struct decoder decoder;
    enum body_framing
        encoding; /* FRAMING_LENGTH passes content as it is; so does FRAMING_UNTIL_CLOSE */
    bool is_end_queued;
    bool distrusts_end;    /* the end of the stream is none of a message that ends so */
    bool is_filled;        /* content is queued: its block must not be read into */
    char last_content;     /* the last byte of content that was queued */
    uint64_t content_size; /* content bytes taken from the source */
    uint64_t written_size; /* bytes written, framing too */
    uint64_t begun_at;     /* written_size when the message began; UINT64_MAX: within other bytes */
    enum half_result last;
    struct pipe_store *pipes;
    struct splice splice;
    struct meter *meter; /* NULL: content is not metered */
    struct view *view;   /* sees content that comes from a connection; NULL: nobody does */
    const struct meter_refusal *refusal; /* with HALF_REFUSED */
    half_produce produce;                /* makes the content; NULL: nothing does */
    void *produce_arg;
    enum produce_result produced; /* what it said last */
    bool is_more_there;           /* half_produce_more was called since */
    bool holds_end;               /* wait for half_release before the end */
    half_rewrite rewrite; /* NULL: content passes as it is. Needs FRAMING_CHUNKED or _UNTIL_CLOSE.
                           * Of what is made: set before half_run, and never called for nothing */
    void *rewrite_arg;
    bool is_rewritten; /* to the end */
    struct text made;  /* content, by rewrite or produce */
    /* Leaves with the first content, or when the end is released. {NULL, 0}: it has left. */
    struct slice waiting_head;
    int first, count; /* of out: what is to be written */
    struct iovec out[HALF_VECTORS];
    char chunk_line[FRAMING_CHUNK_LINE];
};

/* from: where content will come from; to may be set later. decoder_init follows for a message with
 * a body. */
void half_init(struct half *half, struct connection *from, struct connection *to,
               struct pipe_store *pipes);

/* Starts a message: its head (borrowed until it is written), then what the decoder finds, framed as
 * encoding says. */
void half_begin(struct half *half, struct slice head, enum body_framing encoding);

/* Starts a message whose content produce makes: of that length with FRAMING_LENGTH, none with
 * FRAMING_NONE. Trailers may be put into decoder.trailers. */
void half_begin_produced(struct half *half, struct slice head, enum body_framing encoding,
                         uint64_t length, half_produce produce, void *arg);

/* What produce waited for is there. Then half_run; not from inside produce. */
void half_produce_more(struct half *half);

/* After half_begin, before half_run: the end of the message waits for half_release (HALF_HELD); the
 * head too, until content comes, if holds_head or if there will be none. With FRAMING_LENGTH, the
 * receiver would know the end by itself. */
void half_hold(struct half *half, struct slice head, bool holds_head);

/* After HALF_HELD, with nothing queued: queues content ahead of what is kept back, and the head if
 * that waited. Then half_run, which ends HALF_HELD once more. */
void half_hold_put(struct half *half, struct slice content);

/* After HALF_HELD, with nothing queued: queues what the rewrite kept back, tail, and the end. Then
 * half_run. */
void half_release(struct half *half, struct slice tail);

/* A message that stands in memory: head and body are borrowed until it is written. */
void half_begin_local(struct half *half, struct slice head, struct slice body);

/* Takes back what is queued: the message will begin anew, on another connection. Only before any of
 * its content was taken. */
void half_forget_output(struct half *half);

/* Takes the message back if nothing of it was written; another may begin in its place. false: some
 * was. */
bool half_take_back(struct half *half);

/* Goes on until something must be waited for or the message ended. */
enum half_result half_run(struct half *half);

/* Is anything queued that was not written? */
static inline bool half_has_output(const struct half *half)
{
    return half->first < half->count;
}

/* Queues bytes (borrowed) that are no part of the message, ahead of it: a 1xx reply. Only before
 * half_begin, and nothing else queued. */
void half_queue_interim(struct half *half, struct slice bytes);

/* The message will not be whole: writes line (borrowed until the half ends) as the last content, at
 * the start of a line, if that can be done at once and the message is chunked. It stays without its
 * end. */
void half_break_off(struct half *half, struct slice line);

/* Ends it: nothing more is read or written. */
void half_dispose(struct half *half);

#endif
