// SPDX-License-Identifier: Apache-2.0
/* The wire format of protocol buffers, as far as dag-pb and UnixFS use it.
 * Source: protobuf.dev/programming-guides/encoding. Pure.
 *
 * A reader is a cursor over borrowed bytes. Errors begin "byte N: ", N counted from 0 from where
 * the reader began; callers put the name of the format before it. */
#ifndef IPFS_PROTOBUF_H
#define IPFS_PROTOBUF_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOBUF_VARINT_MAX 10 /* bytes of a 64-bit varint */

enum protobuf_wire {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2,
    PROTOBUF_FIXED32 = 5,
};

struct protobuf_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    bool minimal; /* refuse varints that have a shorter spelling */
};

static inline void protobuf_read(struct protobuf_reader *reader, const void *data, size_t size,
                                 bool minimal)
{
    reader->start = reader->at = data != NULL ? data : (const void *)""; /* NULL: no bytes */
    reader->end = reader->start + size;
    reader->minimal = minimal;
}

static inline size_t protobuf_offset(const struct protobuf_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

static inline bool protobuf_at_end(const struct protobuf_reader *reader)
{
    return reader->at == reader->end;
}

MUST_USE bool protobuf_long_varint(struct protobuf_reader *reader, uint64_t *value,
                                   struct error *err);

static inline bool protobuf_varint(struct protobuf_reader *reader, uint64_t *value,
                                   struct error *err)
{
    if (reader->at < reader->end && *reader->at < 0x80) { /* nearly all of them */
        *value = *reader->at++;
        return true;
    }
    return protobuf_long_varint(reader, value, err);
}

/* Field numbers 1 to 2^29 - 1; the groups of old are refused. */
MUST_USE bool protobuf_tag(struct protobuf_reader *reader, uint32_t *field,
                           enum protobuf_wire *wire, struct error *err);
/* A length and that many bytes, borrowed. */
MUST_USE bool protobuf_bytes(struct protobuf_reader *reader, struct slice *bytes,
                             struct error *err);
MUST_USE bool protobuf_fixed32(struct protobuf_reader *reader, uint32_t *value, struct error *err);
/* Passes over one value. */
MUST_USE bool protobuf_skip(struct protobuf_reader *reader, enum protobuf_wire wire,
                            struct error *err);

/* How many bytes value takes (1 to 10). */
size_t protobuf_varint_size(uint64_t value);
void protobuf_put_varint(struct text *out, uint64_t value);
/* Tag and number; field < 16. */
void protobuf_put_number(struct text *out, unsigned field, uint64_t value);
/* Tag, length, bytes; field < 16. */
void protobuf_put_bytes(struct text *out, unsigned field, struct slice bytes);

#endif
