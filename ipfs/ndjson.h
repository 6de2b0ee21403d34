// SPDX-License-Identifier: Apache-2.0
/* A view of a reply of JSON values, one a line, that passes by: gives each small line whole, and
 * only tells that a long one was there. It holds no more than one small line.
 *
 * One thread at a time. Pure. */
#ifndef IPFS_NDJSON_H
#define IPFS_NDJSON_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>

#define NDJSON_LINE_MAX 65536 /* a line with more bytes is long */

struct json_t; /* jansson */

enum ndjson_step {
    NDJSON_MORE, /* the input is used up */
    NDJSON_LINE, /* *line is one line, without its LF or CRLF; never empty */
    NDJSON_LONG, /* a line ended that was too long to be kept */
};

/* {0} is a view at the start of a stream. Private. */
struct ndjson {
    struct text line; /* the start of a line whose end is still to come */
    bool is_long;
};

void ndjson_dispose(struct ndjson *ndjson);

/* Takes what it can from the front of *input and tells one step. Call until NDJSON_MORE, then again
 * with the next input. *line is borrowed from the input or from ndjson, until the next call. Blank
 * lines are passed over. */
enum ndjson_step ndjson_next(struct ndjson *ndjson, struct slice *input, struct slice *line);

/* At the end of the input: the line that has no LF behind it, or NDJSON_MORE: there is none. */
enum ndjson_step ndjson_finish(struct ndjson *ndjson, struct slice *line);

/* Reads a line that is one JSON object; the caller owns it (json_decref). NULL: it is none, or
 * names a member twice. */
struct json_t *ndjson_object(struct slice line, struct error *err);

#endif
