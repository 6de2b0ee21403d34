// SPDX-License-Identifier: Apache-2.0
/* A view of a multipart/form-data stream that passes by: where its parts begin and end, what their
 * heads say. It holds no more than one head.
 *
 * Strict, so that nobody behind it can see other parts: whatever is accepted here is cut up in the
 * same way by Go's mime/multipart and Kubo's file reader. Refused: text before the first delimiter
 * but one CRLF, lines that end in LF alone, blanks behind a delimiter, folded and repeated
 * headers, transfer encodings, a head without a readable Content-Disposition. What follows the
 * last delimiter is ignored, as Go does.
 * Source: RFC 2046 section 5.1, RFC 7578; Kubo 0.43.1 (boxo files/multipartfile.go).
 *
 * One thread at a time. Pure. */
#ifndef IPFS_MULTIPART_H
#define IPFS_MULTIPART_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MULTIPART_BOUNDARY_MAX 70    /* RFC 2046 */
#define MULTIPART_HEAD_MAX     16384 /* bytes of one part's head */

/* Whether that Content-Type is multipart/form-data at all. */
bool multipart_is(struct slice content_type);

/* Puts the boundary into out. Refuses what is no multipart/form-data, and a boundary that is
 * missing, too long or of other characters than RFC 2046 allows. */
MUST_USE bool multipart_boundary(struct slice content_type, struct text *out, struct error *err);

enum multipart_kind { MULTIPART_FILE, MULTIPART_DIRECTORY, MULTIPART_SYMLINK };

/* One part. Valid from MULTIPART_PART until the next head arrives. */
struct multipart_part {
    uint64_t index; /* from 0 */
    enum multipart_kind kind;
    struct slice name;     /* of the form field; "" unless the disposition is form-data */
    struct slice filename; /* as Kubo names it: unescaped, clean, absolute: "/dir/file", "/" */
    struct slice type;     /* media type, lower case, without parameters; "" if not given */
    bool has_abspath;      /* a path on the client's machine, which some options read on ours */
    bool has_mode, has_mtime;
    uint32_t mode;
    int64_t mtime_seconds;
    uint32_t mtime_nanoseconds;
};

enum multipart_step {
    MULTIPART_MORE,     /* the input is used up */
    MULTIPART_PART,     /* a part begins: multipart->part */
    MULTIPART_DATA,     /* *data is the next bytes of its body */
    MULTIPART_PART_END, /* its body is complete */
    MULTIPART_END,      /* the last delimiter: no part follows */
    MULTIPART_BAD,      /* refused, err says why; stays so */
};

/* All but `part` is private. */
struct multipart {
    struct multipart_part part;
    int state;
    bool in_part;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 2]; /* CRLF -- boundary, and a dash behind it */
    size_t delimiter_size;                          /* without that dash */
    size_t matched; /* bytes of the delimiter seen at the end of the input so far */
    size_t held;    /* of which those before this one never were in the input */
    struct text head;
    size_t line; /* where in head the line begins that is not complete */
    struct text filename, name, type;
    uint64_t parts, parts_max;
    struct error error;
};

/* boundary as multipart_boundary gives it; parts_max: more parts than that are refused, 0: no
 * limit. */
void multipart_init(struct multipart *multipart, struct slice boundary, uint64_t parts_max);
void multipart_dispose(struct multipart *multipart);

/* Takes what it can from the front of *input and tells one step. Call until MULTIPART_MORE, then
 * again with the next input. *data is borrowed from the input or from multipart, until the next
 * call. */
enum multipart_step multipart_next(struct multipart *multipart, struct slice *input,
                                   struct slice *data, struct error *err);

/* At the end of the input: whether the body was complete. */
MUST_USE bool multipart_finish(const struct multipart *multipart, struct error *err);

#endif
