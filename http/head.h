// SPDX-License-Identifier: Apache-2.0
/* Heads of HTTP/1.x requests and replies: parsed by picohttpparser (in libh2o), then held to the
 * strict reading of RFC 9112: what two parsers could read in two ways is refused, never repaired.
 *
 * Pure. A head borrows the bytes that it was parsed from. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_HEADERS_MAX = 100 };

struct header {
    struct slice name, value; /* the value without blanks around it */
};

/* How a body is delimited (RFC 9112 section 6.3). */
enum body_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_UNTIL_CLOSE };

struct head {
    size_t size; /* bytes of the head, with its empty line */
    int minor;   /* HTTP/1.minor: 0 or 1 */
    struct slice method, target;
    int status; /* of a reply */
    enum body_framing body;
    uint64_t content_length; /* with FRAMING_LENGTH */
    bool keeps_alive;        /* by version and Connection */
    bool expects_continue;
    struct slice host; /* of a request */
    size_t header_count;
    struct header headers[HEAD_HEADERS_MAX];
};

/* Why a request was not understood. status is the answer's: 400, 417, 431, 501 or 505. */
struct head_fault {
    int status;
    const char *text; /* a sentence for the person behind the client */
};

enum head_result { HEAD_DONE, HEAD_MORE, HEAD_BAD };

/* data starts at the request line (empty lines before it are refused). seen: bytes that an earlier
 * call found to be an incomplete head; 0 at first. */
enum head_result head_parse_request(struct head *head, const char *data, size_t size, size_t seen,
                                    struct head_fault *fault);

/* As strict. reply_to_head: the request was HEAD, so that no body follows whatever the headers say.
 * A 1xx reply is a head of its own with FRAMING_NONE. */
enum head_result head_parse_reply(struct head *head, const char *data, size_t size, size_t seen,
                                  bool reply_to_head, struct head_fault *fault);

/* The first header of that name (lower case), or NULL. */
const struct header *head_find(const struct head *head, const char *name);

/* Is name (lower case) a connection option of this head: one of the fields that end at this hop, or
 * listed in Connection? Those are never passed on. */
bool head_is_hop_by_hop(const struct head *head, struct slice name);

/* A method or a field name (RFC 9110 section 5.6.2). */
bool head_is_token(struct slice s);

/* Fields that must not arrive in a trailer (RFC 9110 section 6.5.1): framing, routing, identity. */
bool head_is_forbidden_trailer(struct slice name);

#endif
