// SPDX-License-Identifier: Apache-2.0
/* Unsigned varints: seven bits a byte, least significant first, the top bit says "more follows".
 * Source: github.com/multiformats/unsigned-varint: at most 9 bytes (63 bits), and only the shortest
 * spelling of a number. (Protocol buffers allow more of both: dag-pb reads its own.) Pure. */
#ifndef IPFS_VARINT_H
#define IPFS_VARINT_H

#include "conf/error.h"

#include <stddef.h>
#include <stdint.h>

#define VARINT_SIZE_MAX 9
#define VARINT_MAX      (((uint64_t)1 << 63) - 1)

enum varint_status {
    VARINT_DONE,
    VARINT_MORE,        /* the bytes end inside the varint: more may complete it */
    VARINT_TOO_LONG,    /* nine bytes and still no end */
    VARINT_NOT_MINIMAL, /* the last byte is zero: a shorter spelling exists */
};

/* Reads one varint from the start of data. *value and *used (its length) are set with VARINT_DONE
 * only. */
MUST_USE enum varint_status varint_read(const void *data, size_t size, uint64_t *value,
                                        size_t *used);

/* What a status other than VARINT_DONE means, for a message: "is longer than 9 bytes". */
const char *varint_status_text(enum varint_status status);

/* How many bytes value takes (1 to 9). value <= VARINT_MAX. */
size_t varint_size(uint64_t value);

/* Writes value to out, which has room for VARINT_SIZE_MAX bytes; returns the length. */
size_t varint_write(uint8_t *out, uint64_t value);

#endif
