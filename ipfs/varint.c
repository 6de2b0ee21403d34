// SPDX-License-Identifier: Apache-2.0
#include "ipfs/varint.h"

#include <assert.h>

enum varint_status varint_read(const void *data, size_t size, uint64_t *value, size_t *used)
{
    const uint8_t *bytes = data;
    uint64_t result = 0;

    for (size_t i = 0; i < size && i < VARINT_SIZE_MAX; i++) {
        result |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (bytes[i] >= 0x80)
            continue;
        if (bytes[i] == 0 && i > 0)
            return VARINT_NOT_MINIMAL;
        *value = result;
        *used = i + 1;
        return VARINT_DONE;
    }
    return size >= VARINT_SIZE_MAX ? VARINT_TOO_LONG : VARINT_MORE;
}

const char *varint_status_text(enum varint_status status)
{
    switch (status) {
    case VARINT_DONE:
        return "is whole";
    case VARINT_MORE:
        return "is cut short";
    case VARINT_TOO_LONG:
        return "is longer than 9 bytes";
    case VARINT_NOT_MINIMAL:
        return "is not written in its shortest form";
    }
    assert(!"an enum varint_status");
    return "";
}

size_t varint_size(uint64_t value)
{
    size_t size = 1;

    assert(value <= VARINT_MAX);
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

size_t varint_write(uint8_t *out, uint64_t value)
{
    size_t size = 0;

    assert(value <= VARINT_MAX);
    while (value >= 0x80) {
        out[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (uint8_t)value;
    return size;
}
