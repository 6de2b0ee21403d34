// SPDX-License-Identifier: Apache-2.0
#include "ipfs/protobuf.h"

#include <assert.h>

#define FIELD_MAX (((uint64_t)1 << 29) - 1)

static bool fail(const struct protobuf_reader *reader, const uint8_t *at, struct error *err,
                 const char *what)
{
    return error_set(err, ERROR_SYNTAX, "byte %zu: %s", (size_t)(at - reader->start), what);
}

bool protobuf_long_varint(struct protobuf_reader *reader, uint64_t *value, struct error *err)
{
    const uint8_t *at = reader->at;
    uint64_t sum = 0;

    for (unsigned i = 0; i < PROTOBUF_VARINT_MAX; i++, at++) {
        if (at == reader->end)
            return fail(reader, reader->at, err, "the number is cut off");
        if (i == PROTOBUF_VARINT_MAX - 1 && *at > 1)
            return fail(reader, reader->at, err, "the number is larger than 64 bits");
        sum |= (uint64_t)(*at & 0x7f) << (7 * i);
        if (*at < 0x80) {
            if (*at == 0 && i > 0 && reader->minimal)
                return fail(reader, reader->at, err, "the number is not in its shortest form");
            reader->at = at + 1;
            *value = sum;
            return true;
        }
    }
    return fail(reader, reader->at, err, "the number is longer than 10 bytes");
}

bool protobuf_tag(struct protobuf_reader *reader, uint32_t *field, enum protobuf_wire *wire,
                  struct error *err)
{
    const uint8_t *at = reader->at;
    uint64_t tag = 0;

    if (!protobuf_varint(reader, &tag, err))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
        return fail(reader, at, err, "the field number is out of range");
    switch (tag & 7) {
    case PROTOBUF_VARINT:
    case PROTOBUF_FIXED64:
    case PROTOBUF_BYTES:
    case PROTOBUF_FIXED32:
        break;
    default:
        return fail(reader, at, err, "the wire type is none of 0, 1, 2 and 5");
    }
    *field = (uint32_t)(tag >> 3);
    *wire = (enum protobuf_wire)(tag & 7);
    return true;
}

bool protobuf_bytes(struct protobuf_reader *reader, struct slice *bytes, struct error *err)
{
    const uint8_t *at = reader->at;
    uint64_t size = 0;

    if (!protobuf_varint(reader, &size, err))
        return false;
    if (size > (uint64_t)(reader->end - reader->at))
        return error_set(err, ERROR_SYNTAX, "byte %zu: %llu bytes are announced, %zu are there",
                         (size_t)(at - reader->start), (unsigned long long)size,
                         (size_t)(reader->end - reader->at));
    *bytes = (struct slice){(const char *)reader->at, (size_t)size};
    reader->at += size;
    return true;
}

bool protobuf_fixed32(struct protobuf_reader *reader, uint32_t *value, struct error *err)
{
    const uint8_t *at = reader->at;

    if (reader->end - at < 4)
        return fail(reader, at, err, "the 32-bit number is cut off");
    *value = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    reader->at += 4;
    return true;
}

bool protobuf_skip(struct protobuf_reader *reader, enum protobuf_wire wire, struct error *err)
{
    struct slice bytes;
    uint64_t number;
    uint32_t fixed;

    switch (wire) {
    case PROTOBUF_VARINT:
        return protobuf_varint(reader, &number, err);
    case PROTOBUF_BYTES:
        return protobuf_bytes(reader, &bytes, err);
    case PROTOBUF_FIXED64: /* two of the other */
        if (!protobuf_fixed32(reader, &fixed, err))
            return false;
        break;
    case PROTOBUF_FIXED32:
        break;
    }
    return protobuf_fixed32(reader, &fixed, err);
}

size_t protobuf_varint_size(uint64_t value)
{
    size_t size = 1;

    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

void protobuf_put_varint(struct text *out, uint64_t value)
{
    char bytes[PROTOBUF_VARINT_MAX];
    size_t size = 0;

    while (value >= 0x80) {
        bytes[size++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (char)value;
    text_put(out, bytes, size);
}

void protobuf_put_number(struct text *out, unsigned field, uint64_t value)
{
    assert(field > 0 && field < 16);
    text_put_char(out, (char)(field << 3 | PROTOBUF_VARINT));
    protobuf_put_varint(out, value);
}

void protobuf_put_bytes(struct text *out, unsigned field, struct slice bytes)
{
    assert(field > 0 && field < 16);
    text_put_char(out, (char)(field << 3 | PROTOBUF_BYTES));
    protobuf_put_varint(out, bytes.size);
    text_put_slice(out, bytes);
}
