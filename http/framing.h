// SPDX-License-Identifier: Apache-2.0
/* Bodies: a decoder that finds the content and the end of a body in raw bytes, and what an encoder
 * must put around content to send it on. Strict (RFC 9112 section 7.1): bare LF, signs, blanks and
 * oversized numbers in chunk framing are errors; extensions are read over and dropped; trailers are
 * parsed as headers are.
 *
 * A body is always taken out of its framing and put into a new one: no byte of the sender's framing
 * reaches the receiver, and a million one-byte chunks leave as few large ones. Pure. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "conf/text.h"
#include "http/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct framing_limits {
    uint32_t trailer_size;   /* bytes of all trailer lines of a body */
    uint32_t extension_size; /* bytes of one chunk's extensions */
};

struct decoder {
    enum body_framing kind;
    uint8_t step;       /* where in the chunk framing; framing.c */
    uint8_t digits;     /* of the chunk size read so far */
    bool is_done;       /* the body ended */
    uint32_t extension; /* bytes of this chunk's extensions */
    uint32_t trailer;   /* bytes of all trailer lines so far */
    uint64_t left;      /* content bytes that must still come (FRAMING_LENGTH), or of this chunk */
    const char *fault;  /* set with DECODE_BAD: a static sentence */
    struct text trailers; /* "name: value\r\n"..., allowed fields only */
    /* May a trailer of that name pass? NULL: all that may be trailers at all. To be set after
     * decoder_init. */
    bool (*passes_trailer)(struct slice name);
    struct text line; /* a trailer line that is not complete */
    struct framing_limits limits;
};

void decoder_init(struct decoder *decoder, enum body_framing kind, uint64_t length,
                  const struct framing_limits *limits);
void decoder_dispose(struct decoder *decoder);

enum decode_result { DECODE_MORE, DECODE_DONE, DECODE_BAD };

/* Reads raw bytes from data, which it may move together: *used is how many it has dealt with, and
 * content[0..*count) are the content bytes found in them, standing in data. Stops when the body
 * ends (DECODE_DONE), when content is full, or when all is used (DECODE_MORE). *count comes in as
 * the room of content. */
enum decode_result decoder_read(struct decoder *decoder, char *data, size_t size, size_t *used,
                                struct iovec *content, int *count);

/* The sender closed. true: that is how this body ends (FRAMING_UNTIL_CLOSE). */
bool decoder_finish(struct decoder *decoder);

/* FRAMING_LENGTH: content that went past the decoder (spliced by the kernel). */
void decoder_skip(struct decoder *decoder, uint64_t size);

/* "1a2b\r\n" into line, which has room for FRAMING_CHUNK_LINE; its length. size > 0. */
enum { FRAMING_CHUNK_LINE = 18 };
size_t framing_chunk_line(char *line, uint64_t size);

#endif
