// SPDX-License-Identifier: Apache-2.0
/* Structs as maps of deterministic dag-cbor, by a table: what is journaled, and what is signed.
 *
 * Pure; any thread. One struct has one spelling, and only that is read: keys in their order, none
 * missing, none unknown, numbers that fit. Errors name the key. */
#ifndef FEDERATION_DOCUMENT_H
#define FEDERATION_DOCUMENT_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_cbor.h"

#include <stddef.h>

enum document_kind {
    DOCUMENT_NUMBER, /* uint64_t below 2^63 */
    DOCUMENT_SIGNED, /* int32_t */
    DOCUMENT_SMALL,  /* an enum, at most `limit` */
    DOCUMENT_TRUTH,  /* bool */
    DOCUMENT_TEXT,   /* char[limit], with a NUL; UTF-8 */
    DOCUMENT_ULID,   /* char[ULID_SIZE], "" too unless limit is 1 */
    DOCUMENT_DIGEST, /* uint8_t[limit] */
    DOCUMENT_CID,    /* struct cid, as a link */
};

struct document_field {
    const char *key;
    enum document_kind kind;
    size_t offset, limit;
};

/* In the order of dag-cbor: shorter keys first, then by bytes. */
struct document_shape {
    const struct document_field *fields;
    size_t count;
};

/* Appends the map's head and its entries. */
void document_put(const struct document_shape *shape, const void *from, struct text *out);

/* Reads the map at index. to: zeroed by the caller. */
MUST_USE bool document_read_node(const struct document_shape *shape, const struct dag_node *node,
                                 uint32_t index, void *to, struct error *err);

bool document_equal(const struct document_shape *shape, const void *a, const void *b);

/* For maps that have more than fields: one entry, key and value. */
void document_put_field(const struct document_field *field, const void *from, struct text *out);
void document_put_key(const char *key, struct text *out);
MUST_USE bool document_read_field(const struct document_field *field, const struct dag_node *node,
                                  uint32_t map, void *to, struct error *err);

#endif
