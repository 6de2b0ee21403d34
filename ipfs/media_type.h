// SPDX-License-Identifier: Apache-2.0
/* Content-Type and Content-Disposition: a type and its parameters (RFC 2045, RFC 2183, and of RFC
 * 2231 only `name*=UTF-8''..`). Strict: whatever is accepted here, Go's mime.ParseMediaType reads
 * the same way; continuations (`name*0=`), a parameter twice and control bytes are refused. Pure.
 */
#ifndef IPFS_MEDIA_TYPE_H
#define IPFS_MEDIA_TYPE_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>

/* Borrowed from the header's value. */
struct media_type {
    struct slice type;       /* "multipart/form-data", "form-data": as written, any case */
    struct slice parameters; /* from the first `;` on */
};

/* Reads and checks the whole value. */
MUST_USE bool media_type_parse(struct media_type *media, struct slice value, struct error *err);

/* Puts the value of that parameter (lower-case name) into out, which is cleared first; false: it is
 * not there. `name*` wins over `name`. Only after media_type_parse. */
bool media_type_parameter(const struct media_type *media, const char *name, struct text *out);

#endif
