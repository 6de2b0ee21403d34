// SPDX-License-Identifier: Apache-2.0
/* Multibase: bytes as text, the first character names the base.
 * Source: github.com/multiformats/multibase, the table multibase.csv. Pure.
 *
 * Read and written: f F (base16), b B c C v V t T (base32, hex, padded), k K (base36),
 * z (base58btc), m M u U (base64, URL, padded). Every other base of the table is refused by name.
 * Strict, so that bytes have one text in a base: padding exactly as the base says, unused bits
 * zero, no digit too many, no line breaks (Kubo lets the last four pass). But the letters of
 * base16, base32 and base36 are read in either case, as Kubo does. */
#ifndef IPFS_MULTIBASE_H
#define IPFS_MULTIBASE_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* base36 and base58btc cost time with the square of the length: longer data is refused. */
#define MULTIBASE_RADIX_MAX 1024

/* "base32upper" for 'B'. NULL for a prefix that is not read here. */
const char *multibase_name(char prefix);

/* The prefix for a name such as "base58btc". Bases that are not supported, and names that are none,
 * are refused with the names that would do. */
MUST_USE bool multibase_find(struct slice name, char *prefix, struct error *err);

/* Appends prefix and data in that base. prefix must be one that multibase_name knows; at most
 * MULTIBASE_RADIX_MAX bytes in base36 and base58btc. */
void multibase_encode(char prefix, const void *data, size_t size, struct text *out);

/* The same without the prefix in front: "Qm..." is base58btc so. */
void multibase_encode_bare(char prefix, const void *data, size_t size, struct text *out);

/* Decodes text, prefix included, into out; *size is how much that was. More than capacity bytes:
 * ERROR_LIMIT. Errors name the character and where it stands in text, counted from 1. */
MUST_USE bool multibase_decode(struct slice text, uint8_t *out, size_t capacity, size_t *size,
                               struct error *err);

/* The same for text without a prefix, in the base of prefix. */
MUST_USE bool multibase_decode_bare(char prefix, struct slice text, uint8_t *out, size_t capacity,
                                    size_t *size, struct error *err);

#endif
