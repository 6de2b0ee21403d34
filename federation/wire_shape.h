// SPDX-License-Identifier: Apache-2.0
/* Messages as tables: a shape says which members a JSON object has, of what kind, within what
 * bounds, and where they go in a struct. One reader and one writer serve all messages.
 *
 * Pure; any thread. Reading is strict: one object and nothing behind it, UTF-8, no member twice,
 * nothing nested deeper than WIRE_DEPTH_MAX, at most WIRE_VALUES_MAX values, whole numbers only,
 * every member of the shape present and of its kind; errors name the member ("batch: items: item 3:
 * key: ..."). Members that no shape has are left out and counted, so that a later version may add
 * some. Writing has one form: the members in the shape's order, no white space, optional ones only
 * if they are not empty. */
#ifndef FEDERATION_WIRE_SHAPE_H
#define FEDERATION_WIRE_SHAPE_H

#include "conf/error.h"
#include "conf/text.h"

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_DEPTH_MAX = 8,
    WIRE_VALUES_MAX =
        10000, /* of a message: each costs the control thread far more than its bytes */
    WIRE_DIGEST_SIZE = 32,
    WIRE_ORG_SIZE = 254,
};

enum wire_kind {
    WIRE_VERSION,     /* uint64_t; outside min..max it is ERROR_UNSUPPORTED */
    WIRE_BOOL,        /* bool */
    WIRE_NUMBER,      /* uint64_t within min..max; optional: 0 is none */
    WIRE_TEXT,        /* char[max + 1]: min to max bytes without control characters */
    WIRE_ID,          /* char[ID_SIZE] */
    WIRE_ORG,         /* char[WIRE_ORG_SIZE]: a DNS name in lower case */
    WIRE_ULID,        /* char[ULID_SIZE] */
    WIRE_INCARNATION, /* uint64_t above 0, as 16 hex digits; optional: 0 is none */
    WIRE_DIGEST,      /* uint8_t[WIRE_DIGEST_SIZE], in hex */
    WIRE_DATE,        /* uint64_t: ms since 1970, as RFC 3339 in UTC */
    WIRE_NAME,        /* uint64_t: the place in names, NULL-terminated */
    WIRE_BYTES,       /* struct text of at most max bytes, in multibase base64 */
    WIRE_JSON,        /* struct text: any JSON object of at most max bytes, rewritten without white
                         space and with sorted members */
    WIRE_OBJECT,      /* a struct of `shape` */
    WIRE_LIST,        /* struct wire_list of min..max structs of `shape` */
    WIRE_IDS,         /* struct wire_list of at most max char[ID_SIZE] */
};

struct wire_shape;

struct wire_field {
    const char *name;
    size_t offset;
    uint64_t min, max;
    const char *const *names;
    const struct wire_shape *shape;
    enum wire_kind kind;
    bool is_optional;
};

struct wire_shape {
    const char *name;
    size_t size; /* of the struct */
    const struct wire_field *fields;
    size_t count;
};

struct wire_list {
    void *items; /* owned */
    size_t count;
};

/* message: shape->size bytes; to be disposed of also after a failure. *unknown: how many members
 * were left out. body_max: ERROR_LIMIT above it, before anything is parsed. */
MUST_USE bool wire_read(const struct wire_shape *shape, struct slice body, size_t body_max,
                        void *message, unsigned *unknown, struct error *err);

/* Appends. What is written must be within the shape's bounds: asserted, for it is ours. */
void wire_put(const struct wire_shape *shape, const void *message, struct text *out);

/* Frees what the message owns; all of it is zero then. */
void wire_dispose(const struct wire_shape *shape, void *message);

#endif
