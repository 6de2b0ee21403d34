// SPDX-License-Identifier: Apache-2.0
/* Compresses a stream into a gzip file (RFC 1952), piece by piece. One thread at a time. */
#ifndef UPSTREAM_EMBEDDED_GZIP_H
#define UPSTREAM_EMBEDDED_GZIP_H

#include "conf/error.h"
#include "conf/text.h"

#define GZIP_LEVEL_USUAL (-1)

struct gzip;

struct gzip *gzip_create(int level);   /* 1 to 9, or GZIP_LEVEL_USUAL */
void gzip_destroy(struct gzip **gzip); /* NULL is fine */

/* Appends what comes out, which may be nothing yet. */
MUST_USE bool gzip_put(struct gzip *gzip, struct slice bytes, struct text *out, struct error *err);
/* Appends the rest. After that, only destroy. */
MUST_USE bool gzip_end(struct gzip *gzip, struct text *out, struct error *err);

#endif
